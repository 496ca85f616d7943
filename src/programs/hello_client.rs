//! The smallest client: connect, read, print.

use super::endpoints::tcp_connect;
use super::options::Connecting;
use super::posix::{Failure, close, leave, print, read};

pub(crate) const NAME: &str = "hello-client";

/// Connects and prints what the server sends, until its FIN (UNP figure 1.5).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program hello-client", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    connecting: Connecting,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, listen_to(options))
}

fn listen_to(options: &Options) -> Result<(), Failure> {
    let connection = tcp_connect(&options.connecting)?;
    let mut buffer = [0_u8; 4096];
    loop {
        match read(&connection, &mut buffer)? {
            0 => break,
            length => print(&buffer[..length])?,
        }
    }
    close(connection)
}
