//! What the kernel says of a socket, and who holds it.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{ProcessName, TcpState};

/// A (process, fd) that has a socket open. After `fork(2)` one socket has several.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub process: ProcessName,
    /// Its descriptor.
    pub fd: i32,
}

/// The timer that runs on a socket, as INET_DIAG answers it (`idiag_timer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimerKind {
    /// None runs.
    Off,
    /// Retransmission (RFC 6298), or loss probe.
    Retransmit,
    /// Keep-alive; also FIN_WAIT2's timeout of an orphan (UNP section 7.5).
    KeepAlive,
    /// TIME_WAIT's or FIN_WAIT2's mini-socket.
    TimeWait,
    /// Zero-window probe (persist timer).
    Probe,
    /// A number this version does not know.
    Unknown(u8),
}

impl TimerKind {
    /// From `idiag_timer`.
    pub fn from_kernel(number: u8) -> TimerKind {
        match number {
            0 => TimerKind::Off,
            1 => TimerKind::Retransmit,
            2 => TimerKind::KeepAlive,
            3 => TimerKind::TimeWait,
            4 => TimerKind::Probe,
            other => TimerKind::Unknown(other),
        }
    }

    /// The word that `ss -o` prints.
    pub fn word(self) -> &'static str {
        match self {
            TimerKind::Off => "off",
            TimerKind::Retransmit => "on",
            TimerKind::KeepAlive => "keepalive",
            TimerKind::TimeWait => "timewait",
            TimerKind::Probe => "persist",
            TimerKind::Unknown(_) => "unknown",
        }
    }
}

/// Local and remote address of a socket; the remote address of a listener and of an unconnected
/// UDP socket is all zeros, port 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tuple {
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

impl Tuple {
    /// The same connection seen from the other end.
    pub fn reversed(self) -> Tuple {
        Tuple {
            local: self.remote,
            remote: self.local,
        }
    }

    /// The tuple with IPv4-mapped IPv6 addresses written as IPv4, so that the two ends of a
    /// connection to a dual-stack server compare equal.
    pub fn canonical(self) -> Tuple {
        Tuple {
            local: canonical(self.local),
            remote: canonical(self.remote),
        }
    }
}

impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.local, self.remote)
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What INET_DIAG answers about one socket (`sock_diag(7)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketFacts {
    /// Addresses and ports.
    pub tuple: Tuple,
    /// The state; a UDP socket's is not one, see [`UdpState`](super::UdpState).
    pub state: TcpState,
    /// Bytes received and not yet read (of UDP, what the kernel keeps them in: more than the
    /// payload); for a listener, connections not yet accepted.
    pub recv_q: u32,
    /// Bytes sent and not yet acknowledged; for a listener, its backlog.
    pub send_q: u32,
    /// The timer that runs.
    pub timer: TimerKind,
    /// When it expires, from now, in milliseconds.
    pub timer_ms: u32,
    /// Retransmissions or probes sent without an answer.
    pub retransmits: u8,
    /// The socket's cookie: the same for as long as the kernel knows the socket.
    pub cookie: u64,
    /// The inode that `/proc/PID/fd` shows; 0 when no process can hold it.
    pub inode: u32,
    /// The owner's user id.
    pub uid: u32,
    /// `tcp_info`, where the kernel sent it: in a box, since most tables of sockets have none.
    pub info: Option<Box<TcpInfo>>,
}

impl SocketFacts {
    /// What is known of a socket that nobody has asked the kernel for: addresses and state. No
    /// socket has the cookie 0.
    pub fn unasked(tuple: Tuple, state: TcpState) -> SocketFacts {
        SocketFacts {
            tuple,
            state,
            recv_q: 0,
            send_q: 0,
            timer: TimerKind::Off,
            timer_ms: 0,
            retransmits: 0,
            cookie: 0,
            inode: 0,
            uid: 0,
            info: None,
        }
    }
}

/// The part of `struct tcp_info` (`tcp(7)`, `linux/tcp.h`) that sockscope uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpInfo {
    /// Retransmission timeout, in microseconds.
    pub rto_us: u32,
    /// Smoothed round-trip time, in microseconds.
    pub rtt_us: u32,
    /// Retransmissions over the connection's life.
    pub total_retrans: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Payload bytes acknowledged by the peer.
    pub bytes_acked: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Segments sent.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Milliseconds since data was last sent.
    pub last_data_sent_ms: u32,
    /// Milliseconds since data was last received.
    pub last_data_recv_ms: u32,
    /// Milliseconds since an acknowledgement last came, on whatever segment.
    #[serde(default)]
    pub last_ack_recv_ms: u32,
    /// The peer's receive window, in bytes, where the kernel is new enough to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snd_wnd: Option<u32>,
}
