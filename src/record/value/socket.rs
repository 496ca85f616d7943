//! What the kernel says of a socket, and who holds it.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StateWord, TimerWord};
use crate::model::{Holder, ProcessName, SocketFacts, TcpInfo, Tuple};

/// A process that has a socket open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HolderValue {
    /// The process.
    pub process: String,
    /// Its descriptor.
    pub fd: i32,
}

impl From<Holder> for HolderValue {
    fn from(holder: Holder) -> HolderValue {
        HolderValue {
            process: holder.process.to_string(),
            fd: holder.fd,
        }
    }
}

impl From<HolderValue> for Holder {
    fn from(value: HolderValue) -> Holder {
        Holder {
            process: ProcessName::new(value.process),
            fd: value.fd,
        }
    }
}

/// What the kernel answers about a socket (`sock_diag(7)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactsValue {
    /// The socket's own address and port.
    #[schemars(with = "String")]
    pub local: SocketAddr,
    /// Its peer's; all zeros, port 0, where it has none.
    #[schemars(with = "String")]
    pub remote: SocketAddr,
    /// The state; a UDP socket's is not one.
    pub state: StateWord,
    /// Bytes received and not yet read; for a listener, connections not yet accepted.
    pub recv_q: u32,
    /// Bytes sent and not yet acknowledged; for a listener, its backlog.
    pub send_q: u32,
    /// The timer that runs.
    pub timer: TimerWord,
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
    /// A part of `tcp_info`, where the kernel sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<InfoValue>,
}

/// A part of `struct tcp_info` (`tcp(7)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InfoValue {
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

impl From<SocketFacts> for FactsValue {
    fn from(facts: SocketFacts) -> FactsValue {
        let SocketFacts {
            tuple: Tuple { local, remote },
            state,
            recv_q,
            send_q,
            timer,
            timer_ms,
            retransmits,
            cookie,
            inode,
            uid,
            info,
        } = facts;
        FactsValue {
            local,
            remote,
            state: StateWord(state),
            recv_q,
            send_q,
            timer: TimerWord(timer),
            timer_ms,
            retransmits,
            cookie,
            inode,
            uid,
            info: info.map(|info| InfoValue::from(*info)),
        }
    }
}

impl From<FactsValue> for SocketFacts {
    fn from(value: FactsValue) -> SocketFacts {
        SocketFacts {
            tuple: Tuple {
                local: value.local,
                remote: value.remote,
            },
            state: value.state.0,
            recv_q: value.recv_q,
            send_q: value.send_q,
            timer: value.timer.0,
            timer_ms: value.timer_ms,
            retransmits: value.retransmits,
            cookie: value.cookie,
            inode: value.inode,
            uid: value.uid,
            info: value.info.map(|info| Box::new(TcpInfo::from(info))),
        }
    }
}

macro_rules! same_fields {
    ($one:ident, $other:ident { $($field:ident),* $(,)? }) => {
        impl From<$one> for $other {
            fn from(value: $one) -> $other {
                let $one { $($field),* } = value;
                $other { $($field),* }
            }
        }

        impl From<$other> for $one {
            fn from(value: $other) -> $one {
                let $other { $($field),* } = value;
                $one { $($field),* }
            }
        }
    };
}

same_fields!(
    TcpInfo,
    InfoValue {
        rto_us,
        rtt_us,
        total_retrans,
        unacked,
        bytes_acked,
        bytes_received,
        segs_out,
        segs_in,
        last_data_sent_ms,
        last_data_recv_ms,
        last_ack_recv_ms,
        snd_wnd,
    }
);
