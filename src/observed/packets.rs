//! Packets of a step as a sequence that says them.

use crate::event::{Body, Packet, SegmentRole, TcpFlags, WIRE};
use crate::scenario::{Bound, Comparison, Expectation, Matcher, PacketClass};
use crate::timeline::Timeline;

/// All packets that hosts sent in the step, in their order.
pub(super) fn sequence(then: &Timeline, step: usize) -> Expectation {
    let packets: Vec<_> = then
        .packets()
        .iter()
        .filter(|fate| fate.step == step && fate.packet.from.as_str() != WIRE)
        .map(|fate| (fate.packet.from.clone(), class(&fate.packet)))
        .collect();
    match packets.is_empty() {
        true => none(),
        false => Expectation::WireSequence(packets),
    }
}

/// `wire no packets`
fn none() -> Expectation {
    Expectation::Wire {
        bound: Bound {
            op: Comparison::Equal,
            value: 0,
        },
        what: Matcher {
            skip: 0,
            count: None,
            what: PacketClass::Any,
            from: None,
        },
    }
}

/// How many packets of the step match.
pub(super) fn count(what: &Matcher, then: &Timeline, step: usize) -> u64 {
    let sent = then.packets().iter().filter(|fate| fate.step == step);
    sent.filter(|fate| what.matches(&fate.packet)).count() as u64
}

/// What one would call a packet: by what is rare in it.
fn class(packet: &Packet) -> PacketClass {
    let segment = match &packet.body {
        Body::Tcp(segment) => segment,
        Body::Udp => return PacketClass::Udp,
        Body::Icmp { .. } => return PacketClass::Icmp,
        Body::Other { .. } => return PacketClass::Any,
    };
    match segment.role {
        SegmentRole::Retransmission => return PacketClass::Retransmission,
        SegmentRole::KeepAlive => return PacketClass::KeepAlive,
        SegmentRole::WindowProbe => return PacketClass::WindowProbe,
        SegmentRole::First => {}
    }
    let answer = TcpFlags::SYN.with(TcpFlags::ACK);
    let telling = [TcpFlags::RST, answer, TcpFlags::SYN, TcpFlags::FIN];
    match telling.into_iter().find(|flags| segment.flags.has(*flags)) {
        Some(flags) => PacketClass::Flags(flags),
        None if packet.len > 0 => PacketClass::Data,
        None => PacketClass::Flags(TcpFlags::ACK),
    }
}
