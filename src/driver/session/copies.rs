//! [`Copies`]: SYNs that the kernel sends again only because somebody looks at the first one for
//! longer than its timer. Data has a longer timer while somebody looks
//! ([`tolerance::RTO_WHILE_LOOKING`](crate::tolerance::RTO_WHILE_LOOKING)), SYNs have none that
//! can be set.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::event::{Body, Packet, TcpFlags};

/// Which SYNs were taken from the wire while somebody is asked about each packet.
#[derive(Debug, Default)]
pub(super) struct Copies {
    taken: HashMap<Way, Taken>,
}

/// From where to where, and whether it acknowledges.
type Way = (SocketAddr, SocketAddr, bool);

#[derive(Debug)]
struct Taken {
    at: Instant,
    /// How long had been looked in all by then.
    looked: Duration,
    lost: bool,
    told: bool,
}

/// What a SYN is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syn {
    /// It would have been sent without anybody looking.
    Itself,
    /// It would not; `first`: none was met before it on this way.
    Copy {
        /// Whether it is the first such copy.
        first: bool,
    },
}

impl Copies {
    /// Takes note of a packet that a host has sent; nothing for what is no SYN. `looked`: how long
    /// somebody has been looking in the whole run.
    pub(super) fn met(&mut self, packet: &Packet, now: Instant, looked: Duration) -> Option<Syn> {
        let way = way(packet)?;
        if let Some(before) = self.taken.get_mut(&way) {
            let since = now.saturating_duration_since(before.at);
            let meanwhile = looked.saturating_sub(before.looked);
            if !before.lost && meanwhile * 2 >= since {
                let first = !std::mem::replace(&mut before.told, true);
                return Some(Syn::Copy { first });
            }
        }
        let taken = Taken {
            at: now,
            looked,
            lost: false,
            told: false,
        };
        self.taken.insert(way, taken);
        Some(Syn::Itself)
    }

    /// A packet did not arrive: its sender is right to send it again.
    pub(super) fn lost(&mut self, packet: &Packet) {
        if let Some(taken) = way(packet).and_then(|way| self.taken.get_mut(&way)) {
            taken.lost = true;
        }
    }
}

fn way(packet: &Packet) -> Option<Way> {
    match &packet.body {
        Body::Tcp(segment) if segment.flags.has(TcpFlags::SYN) => {
            let acknowledges = segment.flags.has(TcpFlags::ACK);
            Some((packet.src, packet.dst, acknowledges))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{PacketId, Segment, SegmentRole};
    use crate::model::HostName;

    const SECOND: Duration = Duration::from_secs(1);

    fn syn() -> Packet {
        let segment = Segment {
            flags: TcpFlags::SYN,
            seq: 0,
            ack: 0,
            window: 65535,
            role: SegmentRole::Retransmission,
        };
        Packet {
            id: PacketId(1),
            from: HostName::from("client"),
            to: Some(HostName::from("server")),
            src: "192.0.2.1:40000".parse().expect("an address"),
            dst: "192.0.2.2:9190".parse().expect("an address"),
            len: 0,
            body: Body::Tcp(segment),
        }
    }

    #[test]
    fn a_syn_that_was_looked_at_for_seconds_has_copies() {
        let (mut copies, begun) = (Copies::default(), Instant::now());
        let met = |copies: &mut Copies, after: u32, looked: u32| {
            copies.met(&syn(), begun + SECOND * after, SECOND * looked)
        };
        assert_eq!(met(&mut copies, 0, 0), Some(Syn::Itself));
        assert_eq!(met(&mut copies, 8, 8), Some(Syn::Copy { first: true }));
        assert_eq!(met(&mut copies, 8, 8), Some(Syn::Copy { first: false }));
    }

    #[test]
    fn a_syn_that_nobody_answers_is_sent_again_by_itself() {
        let (mut copies, begun) = (Copies::default(), Instant::now());
        for after in 0..4 {
            let met = copies.met(&syn(), begun + SECOND * after, Duration::ZERO);
            assert_eq!(met, Some(Syn::Itself));
        }
    }

    #[test]
    fn after_a_lost_syn_the_next_one_is_itself() {
        let (mut copies, begun) = (Copies::default(), Instant::now());
        copies.met(&syn(), begun, Duration::ZERO);
        copies.lost(&syn());
        let next = || begun + SECOND * 5;
        assert_eq!(copies.met(&syn(), next(), SECOND * 5), Some(Syn::Itself));
        let more = copies.met(&syn(), next(), SECOND * 5);
        assert_eq!(more, Some(Syn::Copy { first: true }));
    }
}
