//! A chat server for one client at a time: after `accept` it forks; the parent writes what is
//! typed, the child reads what the client sends.
//!
//! How a conversation ends: the client's FIN lets the child read 0; the child closes its copy of
//! the connection and exits. SIGCHLD tells the parent, which leaves its write routine and closes
//! its own copy. Only now, with the last copy closed, the server's FIN leaves.

use std::os::fd::AsFd;

use nix::sys::signal::Signal;

use super::endpoints::{accept_next, tcp_listen};
use super::options::{Listening, Sigchld, Sigpipe};
use super::posix::{
    Failure, Fork, Socket, block, close, exit_now, fork, leave, print, read, restore, stdin,
    wait_with_mask, write_all,
};
use crate::sys::sigchld;

pub(crate) const NAME: &str = "chat-server";

/// A chat server for one client at a time, one process for each direction.
///
/// After accept() it forks: the parent writes its standard input to the connection, the child
/// writes what comes in to standard output (UNP 4.8, 5.9, 6.6).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program chat-server", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listening: Listening,

    /// What to do about the ended child (UNP 5.9, 5.10)
    #[arg(long, value_enum, default_value = "loop")]
    sigchld: Sigchld,

    /// Install the SIGCHLD handler with SA_RESTART, the classic bug: the parent's read of
    /// standard input is restarted, so that it never learns of its child's end (UNP 5.9)
    #[arg(long)]
    sa_restart: bool,

    /// The parent forgets to close its copy of the connection: CLOSE_WAIT here, FIN_WAIT2 at the
    /// client (UNP 4.8)
    #[arg(long)]
    forget_close: bool,

    /// What a write after the client's reset does (UNP 5.13)
    #[arg(long, value_enum, default_value = "default")]
    sigpipe: Sigpipe,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, serve(options))
}

fn serve(options: &Options) -> Result<(), Failure> {
    options.sigpipe.install()?;
    let listener = tcp_listen(&options.listening)?;
    let told_by_signal = options.sigchld.install(options.sa_restart)?;
    loop {
        let connection = match accept_next(&listener, &options.listening) {
            Ok(Some(connection)) => connection,
            Ok(None) => return Ok(()),
            Err(failure) if failure.is_interrupted() => continue,
            Err(failure) => return Err(failure),
        };
        sigchld::forget();
        match fork()? {
            Fork::Child => {
                let read_all = close(listener).and_then(|()| read_routine(connection));
                exit_now(leave(NAME, read_all));
            }
            Fork::Parent(_) => {
                let written = if told_by_signal && !options.sa_restart {
                    write_until_told(&connection)
                } else {
                    write_until_typed(&connection)
                };
                if let Err(failure) = written {
                    // This client is lost; the next one may come.
                    leave(NAME, Err(failure));
                }
                if told_by_signal {
                    // Standard input or the connection may have ended before the child did.
                    wait_for_sigchld(None)?;
                }
                if !options.forget_close {
                    close(connection)?;
                }
            }
        }
    }
}

/// The child: from the connection to standard output, until the client's FIN.
fn read_routine(connection: Socket) -> Result<(), Failure> {
    let mut buffer = [0_u8; 4096];
    loop {
        match read(&connection, &mut buffer)? {
            0 => break,
            length => print(&buffer[..length])?,
        }
    }
    close(connection)
}

/// The parent: from standard input to the connection, until SIGCHLD tells that the child is gone.
///
/// A plain `read` after a look at the flag would lose a SIGCHLD that comes between the two. So
/// SIGCHLD is blocked except inside `ppoll`, which unblocks it and waits in one step (UNP 20.5).
fn write_until_told(connection: &Socket) -> Result<(), Failure> {
    let mut buffer = [0_u8; 4096];
    while wait_for_sigchld(Some(&stdin()))? == Woken::Readable {
        match read(stdin(), &mut buffer)? {
            0 => break,
            length => write_all(connection, &buffer[..length])?,
        }
    }
    Ok(())
}

/// The parent as one writes it at first: it looks at the flag, and it reads. With SA_RESTART the
/// read goes on after the handler, so that the flag is seen only when somebody types.
fn write_until_typed(connection: &Socket) -> Result<(), Failure> {
    let mut buffer = [0_u8; 4096];
    while !sigchld::caught() {
        match read(stdin(), &mut buffer)? {
            0 => break,
            length => write_all(connection, &buffer[..length])?,
        }
    }
    Ok(())
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// The handler ran: the child is gone.
    Told,
    /// The descriptor can be read.
    Readable,
}

/// Waits for SIGCHLD, or until `input` can be read.
fn wait_for_sigchld(input: Option<&std::io::Stdin>) -> Result<Woken, Failure> {
    let outside = block(Signal::SIGCHLD)?;
    let woken = loop {
        if sigchld::caught() {
            break Ok(Woken::Told);
        }
        match wait_with_mask(input.map(AsFd::as_fd), outside) {
            Ok(()) => break Ok(Woken::Readable),
            Err(failure) if failure.is_interrupted() => {}
            Err(failure) => break Err(failure),
        }
    };
    restore(outside)?;
    woken
}
