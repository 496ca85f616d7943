//! What sockscope and the lab's first process say to each other: one JSON value a message, with
//! descriptors beside it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{ExitStatus, HostName};
use crate::sys::fdpass;

/// From sockscope to the first process.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// First of all: make this.
    Setup(Setup),
    /// Start a program. Descriptors: stdin, stdout, stderr and, for a built-in one, its side
    /// channel.
    Spawn(Spawn),
    /// Replace a host's namespace by a fresh one with the same address; its processes are
    /// sockscope's to end first.
    Reboot {
        /// Which.
        host: usize,
    },
    /// Answer when everything before was told.
    Sync,
    /// Set a sysctl in a host's namespace.
    Sysctl {
        /// Where.
        host: usize,
        /// The dotted name.
        key: String,
        /// The value.
        value: String,
    },
}

/// What to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Whether in namespaces of its own; without, programs run on the machine's network.
    pub isolated: bool,
    /// Whether each host gets a TUN device.
    pub wire: bool,
    /// The only CPU that the lab's processes run on.
    pub cpu: Option<usize>,
    /// Whether programs stop for a tracer at the system calls that matter. The first process's own
    /// pidfd is then the last descriptor of [`Reply::Ready`].
    pub traced: bool,
    /// The hosts. One when programs share a network.
    pub hosts: Vec<HostSpec>,
}

/// One host to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    /// Its name.
    pub name: HostName,
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
    /// `net.*` sysctls by dotted name.
    pub sysctl: BTreeMap<String, String>,
    /// The least retransmission timeout, in milliseconds.
    pub rto_min_ms: u32,
    /// Whether ACKs are sent at once.
    pub quickack: bool,
}

/// One program to start.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spawn {
    /// In which host.
    pub host: usize,
    /// The command line; the first word is looked up in PATH.
    pub argv: Vec<String>,
    /// Environment on top of sockscope's own.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub dir: Option<PathBuf>,
    /// Whether in a session of its own, out of reach of the user's terminal.
    pub session: bool,
}

/// From the first process to sockscope.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The lab is there. Descriptors, host by host: sock_diag socket, then the TUN device of a
    /// wire. One sock_diag socket when not isolated.
    Ready {
        /// What is different from what was asked, in words.
        notes: Vec<String>,
    },
    /// The lab cannot be had.
    Refused(Refusal),
    /// The program runs. Descriptor: its pidfd.
    Spawned,
    /// The program does not run.
    SpawnFailed {
        /// The errno.
        errno: i32,
    },
    /// The host was replaced. Descriptors as in [`Reply::Ready`] for this host.
    Rebooted,
    /// A request failed.
    Failed {
        /// Why, in words.
        why: String,
    },
    /// A request was carried out.
    Done,
    /// The first process collected the status of a child or an orphan.
    Reaped {
        /// The pid inside the lab's pid namespace.
        pid: i32,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Why a lab cannot be had: which step failed with which errno.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which step.
    pub stage: Stage,
    /// Its errno.
    pub errno: i32,
}

/// The steps of making a lab that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Making the namespaces (`unshare(2)`).
    Namespaces,
    /// Mapping the user into the user namespace.
    UserMap,
    /// Forking the first process of the pid namespace.
    Fork,
    /// Opening /dev/net/tun.
    Tun,
    /// Addresses and routes.
    Addresses,
    /// A sysctl of the scenario.
    Sysctl,
    /// Opening the sock_diag socket.
    SockDiag,
}

impl Stage {
    /// What was tried, in words.
    pub fn words(self) -> &'static str {
        match self {
            Stage::Namespaces => "making namespaces (unshare)",
            Stage::UserMap => "mapping the user into the namespace",
            Stage::Fork => "forking the lab's first process",
            Stage::Tun => "opening /dev/net/tun",
            Stage::Addresses => "setting addresses and routes",
            Stage::Sysctl => "setting a sysctl",
            Stage::SockDiag => "opening a sock_diag socket",
        }
    }
}

/// The two sides could not talk.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The socket failed.
    #[error("the lab's socket: {0}")]
    Socket(#[from] nix::Error),
    /// The other side sent something else than a message.
    #[error("the lab's messages: {0}")]
    Message(#[from] serde_json::Error),
    /// The other side is gone.
    #[error("the lab's first process is gone")]
    Gone,
}

/// Sends one message.
pub fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    fds: &[RawFd],
) -> Result<(), TalkError> {
    let bytes = serde_json::to_vec(message)?;
    match fdpass::send(socket, &bytes, fds) {
        Err(nix::Error::EPIPE | nix::Error::ECONNRESET) => Err(TalkError::Gone),
        other => Ok(other?),
    }
}

/// Receives one message, waiting for it.
pub fn receive<M: DeserializeOwned>(socket: &impl AsFd) -> Result<(M, Vec<OwnedFd>), TalkError> {
    let (bytes, fds) = fdpass::recv(socket.as_fd())?.ok_or(TalkError::Gone)?;
    Ok((serde_json::from_slice(&bytes)?, fds))
}
