//! An echo server in one process: `epoll` and non-blocking sockets.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::endpoints::tcp_listen;
use super::options::{Listening, Sigpipe};
use super::posix::{
    Failure, Socket, accept, close, leave, read, read_gate, set_nonblocking, write,
};

pub(crate) const NAME: &str = "event-echo-server";

/// As many bytes as wait for a client that does not read; then the server stops reading from it.
const WAITING_MAX: usize = 64 * 1024;

/// An echo server for many clients in one process, with epoll and non-blocking sockets; when one
/// client leaves or resets, the others go on (UNP 6.8, 16.2).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program event-echo-server", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listening: Listening,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, serve(options))
}

struct Client {
    connection: Socket,
    waiting: Vec<u8>,
    ended: bool,
}

impl Client {
    /// What to wait for: input while there is room for it, room while there is output.
    fn interest(&self) -> EpollFlags {
        let mut flags = EpollFlags::empty();
        flags.set(
            EpollFlags::EPOLLIN,
            !self.ended && self.waiting.len() < WAITING_MAX,
        );
        flags.set(EpollFlags::EPOLLOUT, !self.waiting.is_empty());
        flags
    }

    /// Reads and writes what is possible now; whether the connection goes on.
    fn serve(&mut self, happened: EpollFlags) -> Result<bool, Failure> {
        let readable = EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR;
        if happened.intersects(readable) && !self.ended {
            let mut buffer = [0_u8; 4096];
            match would_block(read(&self.connection, &mut buffer))? {
                Some(0) => self.ended = true,
                Some(length) => self.waiting.extend_from_slice(&buffer[..length]),
                None => {}
            }
        }
        if !self.waiting.is_empty()
            && let Some(taken) = would_block(write(&self.connection, &self.waiting))?
        {
            self.waiting.drain(..taken);
        }
        Ok(!self.ended || !self.waiting.is_empty())
    }
}

fn serve(options: &Options) -> Result<(), Failure> {
    // A client that resets its connection must not end the server.
    Sigpipe::Ignore.install()?;
    let listener = tcp_listen(&options.listening)?;
    set_nonblocking(&listener, true)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(epoll_failed)?;
    watch(&epoll, &listener, EpollFlags::EPOLLIN)?;
    let mut clients = BTreeMap::new();
    let mut events = [EpollEvent::empty(); 16];
    loop {
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(epoll_failed(errno)),
        };
        for event in &events[..count] {
            if event.data() == listener.number() as u64 {
                if options.listening.wait_before_accept && read_gate()?.is_none() {
                    return Ok(());
                }
                if let Some(client) = accepted(&listener)? {
                    watch(&epoll, &client.connection, client.interest())?;
                    clients.insert(client.connection.number() as u64, client);
                }
            } else if let Some(mut client) = clients.remove(&event.data()) {
                let goes_on = client.serve(event.events());
                if goes_on == Ok(true) {
                    let mut wanted = EpollEvent::new(client.interest(), event.data());
                    epoll
                        .modify(client.connection.as_fd(), &mut wanted)
                        .map_err(epoll_failed)?;
                    clients.insert(event.data(), client);
                } else {
                    // A failure is this client's alone; closing also ends the watch.
                    leave(NAME, goes_on.map(drop));
                    close(client.connection)?;
                }
            }
        }
    }
}

fn accepted(listener: &Socket) -> Result<Option<Client>, Failure> {
    // The client may be gone again: then there is nothing to accept (UNP 16.6).
    let Some(connection) = would_block(accept(listener))? else {
        return Ok(None);
    };
    set_nonblocking(&connection, true)?;
    Ok(Some(Client {
        connection,
        waiting: Vec::new(),
        ended: false,
    }))
}

fn watch(epoll: &Epoll, socket: &Socket, flags: EpollFlags) -> Result<(), Failure> {
    let event = EpollEvent::new(flags, socket.number() as u64);
    epoll.add(socket.as_fd(), event).map_err(epoll_failed)
}

/// Nothing where a blocking call would wait.
fn would_block<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.errno == Errno::EAGAIN || failure.is_interrupted() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn epoll_failed(errno: Errno) -> Failure {
    Failure {
        call: "epoll",
        errno,
    }
}
