//! The echo client of UNP chapters 5 and 6: `str_cli` and its variants.

use std::os::fd::AsFd;

use nix::poll::PollFlags;
use nix::sys::socket::{Shutdown, sockopt};

use super::endpoints::tcp_connect;
use super::options::{CloseHow, Connecting, Sigpipe};
use super::posix::{
    Failure, Lines, Socket, at_end, complain, leave, poll, print, read, set_option, shutdown,
    stdin, write_all,
};

pub(crate) const NAME: &str = "echo-client";

/// The times of SO_KEEPALIVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeepAlive {
    idle: u32,
    interval: u32,
    count: u32,
}

/// An echo client: sends a line, waits for a line, prints it (UNP 5.4, figure 5.5).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program echo-client", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    connecting: Connecting,

    /// Write each line in two parts, the second when the first has had its effect: the write
    /// after an RST (UNP 5.13)
    #[arg(long)]
    two_writes: bool,

    /// What a write after the server's reset does (UNP 5.13)
    #[arg(long, value_enum, default_value = "default")]
    sigpipe: Sigpipe,

    /// Wait for standard input and the connection at once, so that the server's FIN is noticed
    /// at once; at the end of standard input the FIN leaves and reading goes on (UNP 6.4, 6.7)
    #[arg(long, conflicts_with_all = ["two_writes", "keep_reading"])]
    poll: bool,

    /// Open N connections and use the first; at the end the kernel closes all of them, and N
    /// children of the server end together (UNP 5.10)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,

    /// How to end a single connection (UNP 4.9, 6.6, 7.5)
    #[arg(long, value_enum, default_value = "close")]
    close: CloseHow,

    /// Set TCP_NODELAY: small writes leave at once (UNP 7.9)
    #[arg(long)]
    nodelay: bool,

    /// Set SO_KEEPALIVE with these times: idle and interval in seconds, number of probes (UNP 7.5)
    #[arg(long, value_name = "IDLE,INTVL,CNT", value_parser = keep_alive)]
    keepalive: Option<KeepAlive>,

    /// At the end of standard input send the FIN with shutdown(SHUT_WR), and read on until the
    /// server's FIN (UNP 6.6)
    #[arg(long)]
    keep_reading: bool,
}

/// Why the client ends other than well.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("str_cli: server terminated prematurely")]
    Prematurely,
}

pub(crate) fn run(options: &Options) -> i32 {
    match echo(options) {
        Ok(()) => 0,
        Err(Ended::Failure(failure)) => leave(NAME, Err(failure)),
        Err(ended @ Ended::Prematurely) => {
            complain(NAME, &ended);
            1
        }
    }
}

fn echo(options: &Options) -> Result<(), Ended> {
    options.sigpipe.install()?;
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(opened(options)?);
    }
    let connection = connections.swap_remove(0);
    if options.poll {
        str_cli_poll(&connection)?;
    } else {
        str_cli(&connection, options)?;
    }
    if connections.is_empty() {
        options.close.end(connection)?;
    }
    Ok(())
}

fn opened(options: &Options) -> Result<Socket, Failure> {
    let connection = tcp_connect(&options.connecting)?;
    if options.nodelay {
        set_option(&connection, sockopt::TcpNoDelay, &true, "TCP_NODELAY, 1")?;
    }
    if let Some(KeepAlive {
        idle,
        interval,
        count,
    }) = options.keepalive
    {
        set_option(
            &connection,
            sockopt::TcpKeepIdle,
            &idle,
            &format!("TCP_KEEPIDLE, {idle}"),
        )?;
        set_option(
            &connection,
            sockopt::TcpKeepInterval,
            &interval,
            &format!("TCP_KEEPINTVL, {interval}"),
        )?;
        set_option(
            &connection,
            sockopt::TcpKeepCount,
            &count,
            &format!("TCP_KEEPCNT, {count}"),
        )?;
        set_option(&connection, sockopt::KeepAlive, &true, "SO_KEEPALIVE, 1")?;
    }
    Ok(connection)
}

/// A line from standard input, write, read a line, print (UNP figure 5.5).
fn str_cli(connection: &Socket, options: &Options) -> Result<(), Ended> {
    let mut typed = Lines::default();
    let mut echoed = Lines::default();
    while let Some(line) = typed.next(stdin())? {
        if options.two_writes {
            let (first, rest) = line.split_at(1);
            write_all(connection, first)?;
            wait_for_effect(connection)?;
            write_all(connection, rest)?;
        } else {
            write_all(connection, &line)?;
        }
        match echoed.next(connection)? {
            Some(line) => print(&line)?,
            None => return Err(Ended::Prematurely),
        }
    }
    if options.keep_reading {
        shutdown(connection, Shutdown::Write)?;
        while let Some(line) = echoed.next(connection)? {
            print(&line)?;
        }
    }
    Ok(())
}

/// Waits until the bytes just written had their effect: the echo, the server's FIN, or, where the
/// FIN is here already, the RST. (The book sleeps a second.)
fn wait_for_effect(connection: &Socket) -> Result<(), Failure> {
    if at_end(connection) {
        // POLLERR and POLLHUP come unasked.
        poll([(connection.as_fd(), PollFlags::empty())])?;
    } else {
        poll([(connection.as_fd(), PollFlags::POLLIN)])?;
    }
    Ok(())
}

/// Waits for both inputs at once (UNP figure 6.13, with `poll`).
fn str_cli_poll(connection: &Socket) -> Result<(), Ended> {
    let mut buffer = [0_u8; 4096];
    let mut typing = true;
    loop {
        let input = stdin();
        let [socket, keyboard] = if typing {
            poll([
                (connection.as_fd(), PollFlags::POLLIN),
                (input.as_fd(), PollFlags::POLLIN),
            ])?
        } else {
            let [socket] = poll([(connection.as_fd(), PollFlags::POLLIN)])?;
            [socket, PollFlags::empty()]
        };
        if !socket.is_empty() {
            match read(connection, &mut buffer)? {
                0 if typing => return Err(Ended::Prematurely),
                0 => return Ok(()),
                length => print(&buffer[..length])?,
            }
        }
        if !keyboard.is_empty() {
            match read(&input, &mut buffer)? {
                0 => {
                    typing = false;
                    shutdown(connection, Shutdown::Write)?;
                }
                length => write_all(connection, &buffer[..length])?,
            }
        }
    }
}

fn keep_alive(text: &str) -> Result<KeepAlive, String> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[idle, interval, count]) => Ok(KeepAlive {
            idle,
            interval,
            count,
        }),
        _ => Err("three numbers are needed, as in 1,1,3".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keepalive_takes_three_numbers() {
        let expected = KeepAlive {
            idle: 7,
            interval: 2,
            count: 3,
        };
        assert_eq!(keep_alive("7,2,3"), Ok(expected));
        for bad in ["", "7", "7,2", "7,2,3,4", "7,x,3", "-1,2,3"] {
            assert!(keep_alive(bad).is_err(), "{bad}");
        }
    }
}
