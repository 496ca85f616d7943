//! A socket of the machine and what is known of its holders.

use std::sync::Arc;

use crate::model::{ProcState, SocketFacts, TcpState, Tuple, UdpState};
use crate::observe::inet_diag::{Binding, Protocol};

/// A network namespace, by the inode of its `/proc/PID/ns/net`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Netns(pub u64);

/// A socket as the kernel's table had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSocket {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its network namespace; nothing: the only one that was looked at.
    pub netns: Option<Netns>,
    /// What it is bound to besides its address.
    pub binding: Binding,
    /// What the kernel says of it.
    pub facts: SocketFacts,
}

impl LiveSocket {
    /// Of a UDP socket, whether it has a peer; nothing for TCP.
    pub fn udp(&self) -> Option<UdpState> {
        (self.protocol == Protocol::Udp).then(|| UdpState::of(self.facts.tuple))
    }

    /// Whether it is a TCP listener.
    pub fn is_listener(&self) -> bool {
        self.protocol == Protocol::Tcp && self.facts.state == TcpState::Listen
    }

    /// Whether a listener on `listener` takes connections to this socket's local address.
    pub fn came_by(&self, listener: &Tuple) -> bool {
        let (bound, local) = (listener.local, self.facts.tuple.local);
        // [::] takes IPv4 too, unless IPV6_V6ONLY is set; its connections are IPv6 sockets.
        bound.port() == local.port()
            && bound.is_ipv4() == local.is_ipv4()
            && (bound.ip().is_unspecified() || bound.ip() == local.ip())
    }
}

/// A process that holds sockets. With the start time its pid names it for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProcess {
    /// Its pid in this `/proc`.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Its name, as it gave it: escape codes may be in it.
    pub name: String,
    /// The user that it runs as (its effective user id).
    pub uid: u32,
    /// Its parent's pid.
    pub ppid: i32,
    /// Its state.
    pub state: ProcState,
}

/// A process and its descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveHolder {
    /// The process.
    pub process: Arc<LiveProcess>,
    /// Its descriptor.
    pub fd: i32,
}

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Nobody asked.
    NotAsked,
    /// These, by pid and descriptor.
    Held {
        /// At least one.
        holders: Vec<LiveHolder>,
        /// Whether every process could be looked at: otherwise there may be more.
        complete: bool,
    },
    /// No process: the kernel keeps it.
    Nobody(Nobody),
    /// Not known.
    Unknown(UnknownOwner),
}

impl Owners {
    /// The holders that are known.
    pub fn holders(&self) -> &[LiveHolder] {
        match self {
            Owners::Held { holders, .. } => holders,
            _ => &[],
        }
    }

    /// Whether there is no holder that is not known.
    pub fn is_complete(&self) -> bool {
        match self {
            Owners::Held { complete, .. } => *complete,
            Owners::Nobody(_) => true,
            Owners::NotAsked | Owners::Unknown(_) => false,
        }
    }
}

/// Why no process holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nobody {
    /// Both ends have closed; the kernel keeps the addresses for a while.
    TimeWait,
    /// A handshake that the listener's program never sees.
    Handshake,
    /// Made, and in the queue of a listener that has not called `accept(2)` for it yet.
    NotAccepted,
    /// Its process closed it or ended; the kernel finishes the connection.
    Orphan,
    /// The kernel's own.
    Kernel,
}

impl Nobody {
    /// Why nobody holds a socket whose inode is 0. `listens`: whether a listener is there that it
    /// may have come by.
    pub fn of(socket: &LiveSocket, listens: bool) -> Nobody {
        if socket.protocol == Protocol::Udp {
            return Nobody::Kernel;
        }
        match socket.facts.state {
            TcpState::TimeWait => Nobody::TimeWait,
            TcpState::SynRecv => Nobody::Handshake,
            TcpState::Established | TcpState::CloseWait if listens => Nobody::NotAccepted,
            TcpState::Established | TcpState::SynSent | TcpState::Listen => Nobody::Kernel,
            _ => Nobody::Orphan,
        }
    }

    /// In a few words.
    pub fn word(self) -> &'static str {
        match self {
            Nobody::TimeWait => "the kernel waits",
            Nobody::Handshake => "in a handshake",
            Nobody::NotAccepted => "not accepted yet",
            Nobody::Orphan => "closed, the kernel finishes it",
            Nobody::Kernel => "the kernel's own",
        }
    }

    /// The key in machine-readable output.
    pub fn key(self) -> &'static str {
        match self {
            Nobody::TimeWait => "time_wait",
            Nobody::Handshake => "handshake",
            Nobody::NotAccepted => "not_accepted",
            Nobody::Orphan => "orphan",
            Nobody::Kernel => "kernel",
        }
    }
}

/// Why the holder of a socket is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownOwner {
    /// Some processes may not be looked at: any of them may hold it.
    NotPermitted,
    /// No process that this `/proc` shows holds it: one in another pid namespace does, the kernel,
    /// or a descriptor that is on its way through a Unix socket.
    NotHere,
}

impl UnknownOwner {
    /// In a few words.
    pub fn word(self) -> &'static str {
        match self {
            UnknownOwner::NotPermitted => "owner unknown: no permission",
            UnknownOwner::NotHere => "owner unknown: none in this /proc",
        }
    }

    /// The key in machine-readable output.
    pub fn key(self) -> &'static str {
        match self {
            UnknownOwner::NotPermitted => "no_permission",
            UnknownOwner::NotHere => "not_in_this_proc",
        }
    }
}

/// A child that ended and was not waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zombie {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub ppid: i32,
    /// Its name, as it gave it.
    pub name: String,
}
