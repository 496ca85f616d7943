//! The flags that several programs share.

use std::net::{IpAddr, SocketAddr};

use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use nix::sys::socket::sockopt;

use super::posix::{Failure, Socket, close, set_option, shutdown};
use crate::sys::sigchld::{self, Reap};
use crate::sys::signals;

/// What a server does about its ended children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sigchld {
    /// A handler with waitpid(-1, ..., WNOHANG) in a loop: right (UNP 5.10)
    Loop,
    /// A handler that calls wait() once: zombies stay when children end together (UNP 5.9)
    Once,
    /// No handler: every ended child stays a zombie (UNP 5.8)
    None,
    /// SIG_IGN: the kernel collects the children itself (sigaction(2))
    Ignore,
}

impl Sigchld {
    /// Sets the disposition; whether a handler tells of ended children from now on.
    pub(crate) fn install(self, restart: bool) -> Result<bool, Failure> {
        let done = match self {
            Sigchld::Loop => sigchld::install(Reap::Loop, restart),
            Sigchld::Once => sigchld::install(Reap::Once, restart),
            Sigchld::None => signals::set_default(Signal::SIGCHLD),
            Sigchld::Ignore => signals::set_ignored(Signal::SIGCHLD),
        };
        done.map_err(|errno| Failure {
            call: "sigaction",
            errno,
        })?;
        Ok(matches!(self, Sigchld::Loop | Sigchld::Once))
    }
}

/// What a write to a connection that was reset does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sigpipe {
    /// SIGPIPE ends the process (UNP 5.13)
    Default,
    /// SIGPIPE is ignored: the write fails with EPIPE (UNP 5.13)
    Ignore,
}

impl Sigpipe {
    /// Sets the disposition.
    pub(crate) fn install(self) -> Result<(), Failure> {
        let done = match self {
            Sigpipe::Default => signals::set_default(Signal::SIGPIPE),
            Sigpipe::Ignore => signals::set_ignored(Signal::SIGPIPE),
        };
        done.map_err(|errno| Failure {
            call: "signal",
            errno,
        })
    }
}

/// How an end leaves its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CloseHow {
    /// close(): the FIN leaves when the last copy of the descriptor is closed (UNP 4.9)
    Close,
    /// shutdown(SHUT_WR), then close(): the FIN leaves at once (UNP 6.6)
    Shutdown,
    /// SO_LINGER {1, 0}, then close(): an RST instead of a FIN, no TIME_WAIT (UNP 7.5)
    Linger0,
}

impl CloseHow {
    /// Ends the connection in this way.
    pub(crate) fn end(self, connection: Socket) -> Result<(), Failure> {
        match self {
            CloseHow::Close => {}
            CloseHow::Shutdown => shutdown(&connection, nix::sys::socket::Shutdown::Write)?,
            CloseHow::Linger0 => {
                let abort = libc::linger {
                    l_onoff: 1,
                    l_linger: 0,
                };
                set_option(&connection, sockopt::Linger, &abort, "SO_LINGER, {1, 0}")?;
            }
        }
        close(connection)
    }
}

/// Where a server listens.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listening {
    /// The port to listen on; 0 lets the kernel choose one
    pub(crate) port: u16,

    /// The address to listen on; by default every one: `::` with IPv4 as well, or 0.0.0.0 where
    /// there is no IPv6
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Option<IpAddr>,

    /// How many connections may wait for accept() (UNP 4.5)
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(i32).range(0..=4096))]
    pub(crate) backlog: i32,

    /// Set SO_REUSEADDR, so that a restart succeeds while TIME_WAIT lives (UNP 7.5); the default
    #[arg(long, overrides_with = "no_reuseaddr")]
    reuseaddr: bool,

    /// Do not set SO_REUSEADDR: bind() fails with EADDRINUSE while TIME_WAIT lives (UNP 7.5)
    #[arg(long, overrides_with = "reuseaddr")]
    no_reuseaddr: bool,

    /// Read a line from standard input before each accept(): connections wait in the listener's
    /// queue until then (UNP 4.5); at its end the server ends
    #[arg(long)]
    pub(crate) wait_before_accept: bool,
}

impl Listening {
    /// Whether to set SO_REUSEADDR.
    pub(crate) fn reuse_address(&self) -> bool {
        !self.no_reuseaddr
    }
}

/// Whom a client connects to.
#[derive(Clone, Debug, Args)]
pub(crate) struct Connecting {
    /// The server's address, IPv4 or IPv6
    pub(crate) ip: IpAddr,

    /// The server's port
    pub(crate) port: u16,

    /// The client's own address and port, fixed before connect(); by default the kernel chooses
    /// an ephemeral port at connect() (UNP 4.4)
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) bind: Option<SocketAddr>,
}

impl Connecting {
    /// The server's address.
    pub(crate) fn server(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}
