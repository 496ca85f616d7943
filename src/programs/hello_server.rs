//! The smallest server: accept, write, close.

use super::endpoints::{accept_next, tcp_listen};
use super::options::Listening;
use super::posix::{Failure, close, leave, write_all};

pub(crate) const NAME: &str = "hello-server";

/// Accepts one client, writes "Hello World!" and closes: the server closes first (UNP 1.5, 4.2).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program hello-server", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listening: Listening,

    /// Accept the next client after that, again and again (UNP figure 1.9)
    #[arg(long)]
    forever: bool,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, serve(options))
}

fn serve(options: &Options) -> Result<(), Failure> {
    let listener = tcp_listen(&options.listening)?;
    while let Some(connection) = accept_next(&listener, &options.listening)? {
        write_all(&connection, b"Hello World!")?;
        close(connection)?;
        if !options.forever {
            break;
        }
    }
    close(listener)
}
