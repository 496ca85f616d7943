//! Packets on the wire, and the segments in them.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PacketId;
use crate::model::HostName;

/// A packet on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Its number.
    pub id: PacketId,
    /// The host that sent it; [`WIRE`](super::WIRE) for a message that the wire itself sent.
    pub from: HostName,
    /// The host it is for.
    pub to: Option<HostName>,
    /// Source address and port (port 0 where there are none).
    pub src: SocketAddr,
    /// Destination address and port.
    pub dst: SocketAddr,
    /// Payload bytes above the transport header.
    pub len: u32,
    /// What it carries.
    pub body: Body,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// A TCP segment.
    Tcp(Segment),
    /// A UDP datagram.
    Udp,
    /// An ICMP or ICMPv6 message.
    Icmp {
        /// In words: `port unreachable`.
        text: String,
    },
    /// Anything else: a fragment, another protocol.
    Other {
        /// In words: `fragment of TCP`, `protocol 132`.
        text: String,
    },
}

/// A TCP segment (RFC 9293 section 3.1). Sequence numbers count from the initial one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The flags.
    pub flags: TcpFlags,
    /// Relative sequence number.
    pub seq: u32,
    /// Relative acknowledgement number; meaningful with ACK.
    pub ack: u32,
    /// The window in bytes, scaled.
    pub window: u32,
    /// What it is apart from its flags.
    pub role: SegmentRole,
}

/// What a segment is apart from its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SegmentRole {
    /// Sent for the first time.
    First,
    /// Sent before (RFC 6298).
    Retransmission,
    /// A keep-alive probe (RFC 9293 section 3.8.4).
    KeepAlive,
    /// A zero-window probe (RFC 9293 section 3.8.6.1).
    WindowProbe,
}

/// The flags of a TCP header, as the header's byte has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: TcpFlags = TcpFlags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: TcpFlags = TcpFlags(0x02);
    /// Reset the connection.
    pub const RST: TcpFlags = TcpFlags(0x04);
    /// Push: hand the data to the program.
    pub const PSH: TcpFlags = TcpFlags(0x08);
    /// The acknowledgement number is meaningful.
    pub const ACK: TcpFlags = TcpFlags(0x10);
    /// The urgent pointer is meaningful.
    pub const URG: TcpFlags = TcpFlags(0x20);

    /// Flag and name, in the order in which they are written.
    pub const NAMED: [(TcpFlags, &'static str); 6] = [
        (TcpFlags::SYN, "SYN"),
        (TcpFlags::FIN, "FIN"),
        (TcpFlags::RST, "RST"),
        (TcpFlags::PSH, "PSH"),
        (TcpFlags::ACK, "ACK"),
        (TcpFlags::URG, "URG"),
    ];

    /// Whether all of `other`'s flags are set.
    pub fn has(self, other: TcpFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub const fn with(self, other: TcpFlags) -> TcpFlags {
        TcpFlags(self.0 | other.0)
    }

    /// The flag of this name, case ignored.
    pub fn named(name: &str) -> Option<TcpFlags> {
        TcpFlags::NAMED
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(flag, _)| *flag)
    }
}

impl std::fmt::Display for TcpFlags {
    /// `SYN,ACK`; `none` when no flag is set.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = TcpFlags::NAMED
            .iter()
            .filter(|(flag, _)| self.has(*flag))
            .map(|(_, name)| *name)
            .collect();
        if names.is_empty() {
            f.pad("none")
        } else {
            f.pad(&names.join(","))
        }
    }
}
