//! An echo server with a thread for each connection: no child, no zombie.

use std::thread;

use super::endpoints::{accept_next, tcp_listen};
use super::options::Listening;
use super::posix::{Failure, Socket, close, leave, read, write_all};

pub(crate) const NAME: &str = "threaded-echo-server";

/// An echo server with a thread for each connection: one process holds every connection, and
/// there is no child to become a zombie (UNP 26.4).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program threaded-echo-server", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listening: Listening,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, serve(options))
}

fn serve(options: &Options) -> Result<(), Failure> {
    // A client that resets its connection must not end the others' threads.
    super::options::Sigpipe::Ignore.install()?;
    let listener = tcp_listen(&options.listening)?;
    while let Some(connection) = accept_next(&listener, &options.listening)? {
        // Nobody joins the thread: as a detached one it leaves nothing behind when it ends.
        let spawned = thread::Builder::new().spawn(move || {
            leave(NAME, str_echo(connection));
        });
        if let Err(error) = spawned {
            super::posix::complain(NAME, &format_args!("pthread_create: {error}"));
        }
    }
    Ok(())
}

fn str_echo(connection: Socket) -> Result<(), Failure> {
    let echoed = echo_until_end(&connection);
    close(connection)?;
    echoed
}

fn echo_until_end(connection: &Socket) -> Result<(), Failure> {
    let mut buffer = [0_u8; 4096];
    loop {
        match read(connection, &mut buffer)? {
            0 => return Ok(()),
            length => write_all(connection, &buffer[..length])?,
        }
    }
}
