//! Which packets a scenario's words mean. Both the wire (hold, drop) and the checks (`wire RST`)
//! ask here.

use crate::event::{Body, Packet, SegmentRole, TcpFlags};
use crate::scenario::{Matcher, PacketClass};

impl PacketClass {
    /// Whether the packet is of this class.
    pub fn matches(self, packet: &Packet) -> bool {
        match (self, &packet.body) {
            (PacketClass::Any, _) | (PacketClass::Udp, Body::Udp) => true,
            (PacketClass::Icmp, Body::Icmp { .. }) => true,
            (PacketClass::Flags(wanted), Body::Tcp(segment)) => {
                if wanted == TcpFlags::SYN {
                    segment.flags.has(wanted) && !segment.flags.has(TcpFlags::ACK)
                } else if wanted == TcpFlags::ACK {
                    segment.flags == TcpFlags::ACK
                        && packet.len == 0
                        && !matches!(
                            segment.role,
                            SegmentRole::KeepAlive | SegmentRole::WindowProbe
                        )
                } else {
                    segment.flags.has(wanted)
                }
            }
            (PacketClass::Data, Body::Tcp(_)) => packet.len > 0,
            (PacketClass::Retransmission, Body::Tcp(segment)) => {
                segment.role == SegmentRole::Retransmission
            }
            (PacketClass::KeepAlive, Body::Tcp(segment)) => segment.role == SegmentRole::KeepAlive,
            (PacketClass::WindowProbe, Body::Tcp(segment)) => {
                segment.role == SegmentRole::WindowProbe
            }
            _ => false,
        }
    }
}

impl Matcher {
    /// Whether the packet is one of those meant, its count aside.
    pub fn matches(&self, packet: &Packet) -> bool {
        self.from.as_ref().is_none_or(|from| packet.from == *from) && self.what.matches(packet)
    }
}
