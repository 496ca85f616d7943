//! Reading IP packets: what a TUN device gave, as [`Packet`]s with relative sequence numbers and
//! the role that each segment plays.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use etherparse::{
    IpNumber, Ipv4HeaderSlice, NetSlice, SlicedPacket, TcpOptionElement, TcpSlice, TransportSlice,
};

use crate::event::{Body, Packet, PacketId, Segment, SegmentRole, TcpFlags};
use crate::model::HostName;

/// One direction of one connection, as its segments showed it so far.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// The initial sequence number; the first one seen where the SYN was not.
    first: u32,
    /// The highest sequence number sent, plus one, relative to `first`.
    next: u32,
    /// The shift of the window field (RFC 7323), from the SYN's option.
    shift: Option<u8>,
    /// The newest window that arrived at the other end, in bytes: what that end goes by.
    window: Option<u32>,
    /// Whether a SYN,ACK was seen.
    answered: bool,
}

/// Follows all connections on a wire.
#[derive(Debug, Default)]
pub struct Reader {
    flows: HashMap<(SocketAddr, SocketAddr), Flow>,
    last_id: u32,
}

/// What a packet is to the timeline.
#[derive(Debug)]
pub enum Read {
    /// It belongs there.
    Shown(Packet),
    /// It is the hosts' own housekeeping (multicast: neighbours, routers, groups): it is passed on
    /// where it has an addressee and not listed.
    Housekeeping,
}

impl Reader {
    /// Reads a packet that left `from`. `to` is the host that has the destination address.
    pub fn read(&mut self, bytes: &[u8], from: &HostName, to: Option<&HostName>) -> Read {
        let Ok(sliced) = SlicedPacket::from_ip(bytes) else {
            return self.shown(from, to, unknown_addresses(), 0, other("malformed packet"));
        };
        let Some((src, dst, protocol, fragment)) = addresses(sliced.net.as_ref()) else {
            return self.shown(from, to, unknown_addresses(), 0, other("not IP"));
        };
        if dst.is_multicast() || src.is_unspecified() {
            return Read::Housekeeping;
        }
        let with_ports = |sport, dport| (SocketAddr::new(src, sport), SocketAddr::new(dst, dport));
        match sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let ends = with_ports(tcp.source_port(), tcp.destination_port());
                let len = tcp.payload().len() as u32;
                let segment = self.segment(&tcp, ends, len);
                self.shown(from, to, ends, len, Body::Tcp(segment))
            }
            Some(TransportSlice::Udp(udp)) => {
                let ends = with_ports(udp.source_port(), udp.destination_port());
                let len = udp.payload().len() as u32;
                self.shown(from, to, ends, len, Body::Udp)
            }
            Some(TransportSlice::Icmpv4(icmp)) => {
                let text = icmp_text(&format!("{:?}", icmp.icmp_type()));
                self.shown(from, to, with_ports(0, 0), 0, Body::Icmp { text })
            }
            Some(TransportSlice::Icmpv6(icmp)) => {
                let text = icmp_text(&format!("{:?}", icmp.icmp_type()));
                self.shown(from, to, with_ports(0, 0), 0, Body::Icmp { text })
            }
            Some(TransportSlice::Igmp(_)) | None => {
                let name = protocol
                    .keyword_str()
                    .map_or_else(|| format!("protocol {}", protocol.0), str::to_owned);
                let text = if fragment {
                    format!("fragment of {name}")
                } else {
                    name
                };
                self.shown(from, to, with_ports(0, 0), 0, Body::Other { text })
            }
        }
    }

    /// Takes note that a packet that was read has arrived: a window that is lost on the way changes
    /// nothing for the end that it was meant for.
    pub fn arrived(&mut self, packet: &Packet) {
        if let Body::Tcp(segment) = &packet.body
            && segment.flags.has(TcpFlags::ACK)
            && let Some(flow) = self.flows.get_mut(&(packet.src, packet.dst))
        {
            flow.window = Some(segment.window);
        }
    }

    fn shown(
        &mut self,
        from: &HostName,
        to: Option<&HostName>,
        (src, dst): (SocketAddr, SocketAddr),
        len: u32,
        body: Body,
    ) -> Read {
        self.last_id += 1;
        Read::Shown(Packet {
            id: PacketId(self.last_id),
            from: from.clone(),
            to: to.cloned(),
            src,
            dst,
            len,
            body,
        })
    }

    fn segment(
        &mut self,
        tcp: &TcpSlice<'_>,
        (src, dst): (SocketAddr, SocketAddr),
        len: u32,
    ) -> Segment {
        let flags = flags(tcp);
        let back = self.flows.get(&(dst, src)).copied();
        let new_connection = flags.has(TcpFlags::SYN)
            && self
                .flows
                .get(&(src, dst))
                .is_none_or(|flow| flow.first != tcp.sequence_number());
        if new_connection || !self.flows.contains_key(&(src, dst)) {
            self.flows.insert(
                (src, dst),
                Flow {
                    first: tcp.sequence_number(),
                    shift: window_shift(tcp),
                    ..Flow::default()
                },
            );
        }
        let seq_of = |flow: &Flow| tcp.sequence_number().wrapping_sub(flow.first);
        let ack = match back {
            Some(back) if flags.has(TcpFlags::ACK) => {
                tcp.acknowledgment_number().wrapping_sub(back.first)
            }
            _ => 0,
        };
        let Some(flow) = self.flows.get_mut(&(src, dst)) else {
            return Segment {
                flags,
                seq: 0,
                ack,
                window: u32::from(tcp.window_size()),
                role: SegmentRole::First,
            };
        };
        let seq = seq_of(flow);
        let takes = len + u32::from(flags.has(TcpFlags::SYN)) + u32::from(flags.has(TcpFlags::FIN));
        let end = seq.wrapping_add(takes);
        let reset = flags.has(TcpFlags::RST);
        // In a simultaneous open the SYN,ACK takes the number of the SYN before it (RFC 9293,
        // section 3.5), and is no repetition of it.
        let first_answer = flags.has(TcpFlags::SYN)
            && flags.has(TcpFlags::ACK)
            && !std::mem::replace(&mut flow.answered, true);
        let role = if reset || flow.next == 0 || first_answer {
            SegmentRole::First
        } else if takes > 0 && is_before(seq, flow.next) && !is_before(flow.next, end) {
            SegmentRole::Retransmission
        } else if takes == 0 && seq.wrapping_add(1) == flow.next {
            match back {
                Some(back) if back.window == Some(0) => SegmentRole::WindowProbe,
                _ => SegmentRole::KeepAlive,
            }
        } else {
            SegmentRole::First
        };
        if !reset && is_before(flow.next, end) {
            flow.next = end;
        }
        // RFC 7323 section 2.2: the window of a SYN is never scaled, and scaling needs both ends.
        let shift = match (flow.shift, back.and_then(|back| back.shift)) {
            (Some(shift), Some(_)) if !flags.has(TcpFlags::SYN) => shift,
            _ => 0,
        };
        Segment {
            flags,
            seq,
            ack,
            window: u32::from(tcp.window_size()) << shift,
            role,
        }
    }
}

/// Sequence number comparison modulo 2^32 (RFC 9293 section 3.4).
fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn flags(tcp: &TcpSlice<'_>) -> TcpFlags {
    [
        (tcp.fin(), TcpFlags::FIN),
        (tcp.syn(), TcpFlags::SYN),
        (tcp.rst(), TcpFlags::RST),
        (tcp.psh(), TcpFlags::PSH),
        (tcp.ack(), TcpFlags::ACK),
        (tcp.urg(), TcpFlags::URG),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(TcpFlags::default(), |all, (_, flag)| all.with(flag))
}

fn window_shift(tcp: &TcpSlice<'_>) -> Option<u8> {
    tcp.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::WindowScale(shift)) => Some(shift.min(14)),
        _ => None,
    })
}

fn addresses(net: Option<&NetSlice<'_>>) -> Option<(IpAddr, IpAddr, IpNumber, bool)> {
    match net? {
        NetSlice::Ipv4(ip) => Some((
            IpAddr::V4(ip.header().source_addr()),
            IpAddr::V4(ip.header().destination_addr()),
            ip.payload_ip_number(),
            ip.is_payload_fragmented(),
        )),
        NetSlice::Ipv6(ip) => Some((
            IpAddr::V6(ip.header().source_addr()),
            IpAddr::V6(ip.header().destination_addr()),
            ip.payload().ip_number,
            ip.is_payload_fragmented(),
        )),
        NetSlice::Arp(_) => None,
    }
}

/// The destination address of an IP packet, for passing it on.
pub fn destination(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.first()? >> 4 {
        4 => Ipv4HeaderSlice::from_slice(bytes)
            .ok()
            .map(|header| IpAddr::V4(header.destination_addr())),
        6 => {
            let octets: [u8; 16] = bytes.get(24..40)?.try_into().ok()?;
            Some(IpAddr::V6(octets.into()))
        }
        _ => None,
    }
}

fn other(text: &str) -> Body {
    Body::Other {
        text: text.to_owned(),
    }
}

fn unknown_addresses() -> (SocketAddr, SocketAddr) {
    let none = SocketAddr::from(([0, 0, 0, 0], 0));
    (none, none)
}

/// `DestinationUnreachable(Port)` as words: `destination unreachable: port`.
fn icmp_text(debug: &str) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for c in debug.chars() {
        match c {
            '(' => text.push_str(": "),
            ')' => {}
            c if c.is_ascii_uppercase() && after_word => {
                text.push(' ');
                text.push(c.to_ascii_lowercase());
            }
            c => text.push(c.to_ascii_lowercase()),
        }
        after_word = c.is_ascii_lowercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    struct Sender {
        reader: Reader,
    }

    impl Sender {
        fn send(&mut self, back: bool, seq: u32, flags: &str, ack: u32, payload: &[u8]) -> Packet {
            self.send_with_window(1000, back, seq, flags, ack, payload)
        }

        fn send_with_window(
            &mut self,
            window: u16,
            back: bool,
            seq: u32,
            flags: &str,
            ack: u32,
            payload: &[u8],
        ) -> Packet {
            let (a, b) = ([192, 0, 2, 1], [192, 0, 2, 2]);
            let (src, dst, sport, dport) = if back {
                (b, a, 9190, 4000)
            } else {
                (a, b, 4000, 9190)
            };
            let mut builder = PacketBuilder::ipv4(src, dst, 64).tcp(sport, dport, seq, window);
            for flag in flags.split(',') {
                builder = match flag {
                    "SYN" => builder.syn(),
                    "FIN" => builder.fin(),
                    "ACK" => builder.ack(ack),
                    _ => panic!("{flag}"),
                };
            }
            let mut bytes = Vec::new();
            builder
                .write(&mut bytes, payload)
                .expect("a vector takes it");
            let (from, to) = (HostName::from("a"), HostName::from("b"));
            match self.reader.read(&bytes, &from, Some(&to)) {
                Read::Shown(packet) => packet,
                Read::Housekeeping => panic!("not housekeeping"),
            }
        }
    }

    fn segment(packet: &Packet) -> Segment {
        match &packet.body {
            Body::Tcp(segment) => *segment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_relative_and_wrap() {
        let mut s = Sender {
            reader: Reader::default(),
        };
        let isn = u32::MAX;
        assert_eq!(segment(&s.send(false, isn, "SYN", 0, b"")).seq, 0);
        let back = segment(&s.send(true, 77, "SYN,ACK", 0, b""));
        assert_eq!((back.seq, back.ack), (0, 1));
        let data = segment(&s.send(false, 0, "ACK", 78, b"hello"));
        assert_eq!((data.seq, data.ack), (1, 1));
        assert_eq!(data.role, SegmentRole::First);
    }

    #[test]
    fn what_was_sent_before_is_a_retransmission() {
        let mut s = Sender {
            reader: Reader::default(),
        };
        s.send(false, 10, "SYN", 0, b"");
        let again = s.send(false, 10, "SYN", 0, b"");
        assert_eq!(segment(&again).role, SegmentRole::Retransmission);
        s.send(true, 20, "SYN,ACK", 11, b"");
        s.send(false, 11, "ACK", 21, b"hello");
        let probe = s.send(false, 15, "ACK", 21, b"");
        assert_eq!(segment(&probe).role, SegmentRole::KeepAlive);
        let bare = s.send(false, 16, "ACK", 21, b"");
        assert_eq!(segment(&bare).role, SegmentRole::First);
        s.send(false, 16, "FIN,ACK", 21, b"");
        let again = s.send(false, 16, "FIN,ACK", 21, b"");
        assert_eq!(segment(&again).role, SegmentRole::Retransmission);
    }

    #[test]
    fn a_probe_goes_by_the_window_that_arrived() {
        let mut s = Sender {
            reader: Reader::default(),
        };
        s.send(false, 10, "SYN", 0, b"");
        s.send(true, 20, "SYN,ACK", 11, b"");
        s.send(false, 11, "ACK", 21, b"hello");
        let shut = s.send_with_window(0, true, 21, "ACK", 16, b"");
        let probe = s.send(false, 15, "ACK", 21, b"");
        assert_eq!(segment(&probe).role, SegmentRole::KeepAlive);
        s.reader.arrived(&shut);
        let open = s.send(true, 21, "ACK", 16, b"");
        let probe = s.send(false, 15, "ACK", 21, b"");
        assert_eq!(segment(&probe).role, SegmentRole::WindowProbe);
        s.reader.arrived(&open);
        let probe = s.send(false, 15, "ACK", 21, b"");
        assert_eq!(segment(&probe).role, SegmentRole::KeepAlive);
    }

    #[test]
    fn a_syn_ack_after_a_syn_is_no_retransmission() {
        let mut s = Sender {
            reader: Reader::default(),
        };
        s.send(false, 10, "SYN", 0, b"");
        s.send(true, 20, "SYN", 0, b"");
        for back in [false, true] {
            let (seq, ack) = if back { (20, 11) } else { (10, 21) };
            let answer = s.send(back, seq, "SYN,ACK", ack, b"");
            assert_eq!(segment(&answer).role, SegmentRole::First);
            let again = s.send(back, seq, "SYN,ACK", ack, b"");
            assert_eq!(segment(&again).role, SegmentRole::Retransmission);
        }
    }

    #[test]
    fn rubbish_is_shown_as_such() {
        let mut reader = Reader::default();
        let from = HostName::from("a");
        for bytes in [&b""[..], b"\x45", b"\xff\xff\xff", &[0x60; 39]] {
            match reader.read(bytes, &from, None) {
                Read::Shown(packet) => assert!(matches!(packet.body, Body::Other { .. })),
                Read::Housekeeping => panic!("not housekeeping"),
            }
            assert!(destination(bytes).is_none() || bytes.len() > 19);
        }
    }

    #[test]
    fn icmp_in_words() {
        assert_eq!(
            icmp_text("DestinationUnreachable(Port)"),
            "destination unreachable: port"
        );
    }
}
