//! The echo server of UNP chapter 5: a child for each connection.

use nix::sys::socket::sockopt;

use super::endpoints::{accept_next, tcp_listen};
use super::options::{CloseHow, Listening, Sigchld};
use super::posix::{
    Failure, Fork, Socket, close, exit_now, fork, leave, read, read_gate, set_option, write_all,
};

pub(crate) const NAME: &str = "echo-server";

/// What to do when a signal interrupts accept().
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Eintr {
    /// Call it again (UNP figure 5.12)
    Retry,
    /// Give up, as a server without that check does (UNP 5.9)
    Fail,
}

/// An echo server that forks a child for each connection (UNP 5.2, figure 5.12).
#[derive(Debug, clap::Parser)]
#[command(name = "sockscope program echo-server", no_binary_name = true)]
pub(crate) struct Options {
    #[command(flatten)]
    listening: Listening,

    /// What to do about ended children (UNP 5.8 to 5.10)
    #[arg(long, value_enum, default_value = "loop")]
    sigchld: Sigchld,

    /// What to do when SIGCHLD interrupts accept() (UNP 5.9)
    #[arg(long, value_enum, default_value = "retry")]
    eintr: Eintr,

    /// Install the SIGCHLD handler with SA_RESTART: the kernel restarts accept() itself (UNP 5.9)
    #[arg(long)]
    sa_restart: bool,

    /// The parent forgets to close its copy of each connection: no FIN leaves when the child
    /// does, and CLOSE_WAIT stays (UNP 4.8)
    #[arg(long)]
    keep_conn: bool,

    /// How the child ends its connection (UNP 4.9, 6.6, 7.5)
    #[arg(long, value_enum, default_value = "close")]
    close: CloseHow,

    /// Set TCP_NODELAY: small writes leave at once (UNP 7.9)
    #[arg(long)]
    nodelay: bool,

    /// The child reads nothing until a line comes on standard input: the receive queue fills, the
    /// window closes (UNP 2.11, 5.1)
    #[arg(long)]
    no_read: bool,

    /// The child closes after N lines: the server closes first and gets TIME_WAIT (UNP 2.7)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    close_after: Option<u64>,

    /// After the client's FIN the child sends one more line, taken from standard input, and only
    /// then closes: data flows in CLOSE_WAIT (UNP 6.6)
    #[arg(long)]
    half_close: bool,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, serve(options))
}

fn serve(options: &Options) -> Result<(), Failure> {
    let listener = tcp_listen(&options.listening)?;
    options.sigchld.install(options.sa_restart)?;
    loop {
        let connection = match accept_next(&listener, &options.listening) {
            Ok(Some(connection)) => connection,
            Ok(None) => return Ok(()),
            Err(failure) if failure.is_interrupted() && options.eintr == Eintr::Retry => continue,
            Err(failure) => return Err(failure),
        };
        match fork()? {
            Fork::Child => {
                let served = close(listener).and_then(|()| serve_one(connection, options));
                exit_now(leave(NAME, served));
            }
            Fork::Parent(_) => {
                if !options.keep_conn {
                    close(connection)?;
                }
            }
        }
    }
}

fn serve_one(connection: Socket, options: &Options) -> Result<(), Failure> {
    if options.nodelay {
        set_option(&connection, sockopt::TcpNoDelay, &true, "TCP_NODELAY, 1")?;
    }
    if options.no_read {
        read_gate()?;
    }
    let client_ended = str_echo(&connection, options.close_after)?;
    if client_ended
        && options.half_close
        && let Some(line) = read_gate()?
    {
        write_all(&connection, &line)?;
    }
    options.close.end(connection)
}

/// Sends back what comes, until the client's FIN (then true) or for `most` lines.
fn str_echo(connection: &Socket, most: Option<u64>) -> Result<bool, Failure> {
    let mut left = most;
    let mut buffer = [0_u8; 4096];
    loop {
        let length = match read(connection, &mut buffer) {
            Ok(0) => return Ok(true),
            Ok(length) => length,
            Err(failure) if failure.is_interrupted() => continue,
            Err(failure) => return Err(failure),
        };
        write_all(connection, &buffer[..length])?;
        if let Some(left) = &mut left {
            let lines = buffer[..length].iter().filter(|&&b| b == b'\n').count();
            *left = left.saturating_sub(lines as u64);
            if *left == 0 {
                return Ok(false);
            }
        }
    }
}
