//! The chat server's client: after `connect` it forks; the parent reads what the server sends,
//! the child writes what is typed.
//!
//! The child ends the conversation at `q`. A mere `close` would send nothing, because the parent
//! has the same socket open; `shutdown(SHUT_WR)` sends the FIN whoever holds the socket.

use std::os::fd::AsFd;

use nix::sys::signal::{SigSet, Signal};

use super::endpoints::tcp_connect;
use super::options::{CloseHow, Connecting, Sigpipe};
use super::posix::{
    Failure, Fork, Lines, Socket, block, close, exit_now, fork, kill_child, leave, print, read,
    restore, stdin, wait_for, wait_with_mask, write_all,
};

pub(crate) const NAME: &str = "chat-client";

/// The chat server's client, one process for each direction.
///
/// After connect() it forks: the parent writes what comes in to standard output, the child writes
/// its standard input to the connection. A line `q` or `Q`, or the end of standard input, ends the
/// conversation (UNP 4.8, 6.6).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program chat-client", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    connecting: Connecting,

    /// How the child ends the conversation; with `close` no FIN leaves, since the parent still
    /// has the socket open (UNP 4.8, 6.6)
    #[arg(long, value_enum, default_value = "shutdown")]
    close: CloseHow,

    /// What a write after the server's reset does (UNP 5.13)
    #[arg(long, value_enum, default_value = "default")]
    sigpipe: Sigpipe,

    /// When the server ends the conversation, leave the child waiting for a line; by default the
    /// parent ends it with SIGTERM and collects it
    #[arg(long)]
    leave_writer: bool,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, talk(options))
}

fn talk(options: &Options) -> Result<(), Failure> {
    options.sigpipe.install()?;
    let connection = tcp_connect(&options.connecting)?;
    // Blocked before the fork: the child shall not die before it has begun.
    let outside = block(Signal::SIGTERM)?;
    match fork()? {
        Fork::Child => {
            let written = write_routine(connection, options.close, outside);
            exit_now(leave(NAME, written));
        }
        Fork::Parent(child) => {
            restore(outside)?;
            let read_all = read_routine(&connection);
            close(connection)?;
            if !options.leave_writer {
                kill_child(child)?;
                wait_for(child)?;
            }
            read_all
        }
    }
}

/// The parent: from the connection to standard output, until the server's FIN.
fn read_routine(connection: &Socket) -> Result<(), Failure> {
    let mut buffer = [0_u8; 4096];
    loop {
        match read(connection, &mut buffer)? {
            0 => return Ok(()),
            length => print(&buffer[..length])?,
        }
    }
}

/// The child: from standard input to the connection, until `q` or the end.
///
/// SIGTERM is blocked but for `waiting`, the mask while it waits for a line: there the parent's
/// SIGTERM may end it. One that has read `q` closes
/// and exits 0, also when the server's FIN is faster than its exit.
fn write_routine(connection: Socket, how: CloseHow, waiting: SigSet) -> Result<(), Failure> {
    let mut lines = Lines::default();
    loop {
        while !lines.has_next() {
            match wait_with_mask(Some(stdin().as_fd()), waiting) {
                Ok(()) => lines.fill(stdin())?,
                Err(failure) if failure.is_interrupted() => {}
                Err(failure) => return Err(failure),
            }
        }
        match lines.take() {
            Some(line) if !matches!(line.trim_ascii_end(), b"q" | b"Q") => {
                write_all(&connection, &line)?;
            }
            _ => return how.end(connection),
        }
    }
}
