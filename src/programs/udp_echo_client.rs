//! The UDP echo client of UNP sections 8.6 and 8.11.

use nix::sys::socket::{SockType, SockaddrStorage};

use super::endpoints::client_socket;
use super::options::Connecting;
use super::posix::{
    Failure, Lines, Socket, close, connect, leave, print, read, recv_from, send_to, stdin, write,
};

pub(crate) const NAME: &str = "udp-echo-client";

/// A UDP echo client: a line from standard input is a datagram, the answer is printed. Where
/// nobody answers it waits for ever (UNP 8.5, 8.8).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program udp-echo-client", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    connecting: Connecting,

    /// connect() the socket first: it fixes the peer and lets an ICMP error come back as
    /// ECONNREFUSED (UNP 8.9, 8.11)
    #[arg(long)]
    connected: bool,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, echo(options))
}

fn echo(options: &Options) -> Result<(), Failure> {
    let socket = client_socket(&options.connecting, SockType::Datagram)?;
    if options.connected {
        connect(&socket, options.connecting.server())?;
        dg_cli_connected(&socket)?;
    } else {
        dg_cli(&socket, &SockaddrStorage::from(options.connecting.server()))?;
    }
    close(socket)
}

/// UNP figure 8.8.
fn dg_cli(socket: &Socket, server: &SockaddrStorage) -> Result<(), Failure> {
    let mut typed = Lines::default();
    let mut buffer = vec![0_u8; 65_536];
    while let Some(line) = typed.next(stdin())? {
        send_to(socket, &line, server)?;
        let (length, _) = recv_from(socket, &mut buffer)?;
        print(&buffer[..length])?;
    }
    Ok(())
}

/// UNP figure 8.17.
fn dg_cli_connected(socket: &Socket) -> Result<(), Failure> {
    let mut typed = Lines::default();
    let mut buffer = vec![0_u8; 65_536];
    while let Some(line) = typed.next(stdin())? {
        write(socket, &line)?;
        let length = read(socket, &mut buffer)?;
        print(&buffer[..length])?;
    }
    Ok(())
}
