//! UDP sockets on the timeline. They have no states and no paths: nothing is inferred of them.

use super::{Endpoint, Timeline};
use crate::event::{Body, Event, Kind, Packet};
use crate::model::{HostName, Role, Tuple, UdpState};

/// A UDP socket appeared, got another peer, or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramChange {
    /// The event: an index into [`Timeline::events`].
    pub event: usize,
    /// What it is from then on.
    pub state: UdpState,
    /// Its addresses from then on; nothing when it is gone.
    pub tuple: Option<Tuple>,
}

impl Endpoint {
    /// What it is now, if it is a UDP socket.
    pub fn udp(&self) -> Option<UdpState> {
        self.datagram.last().map(|change| change.state)
    }

    /// The addresses of an open UDP socket at the event of this index.
    fn datagram_tuple_at(&self, event: usize) -> Option<Tuple> {
        let mut so_far = self.datagram.iter().rev();
        let change = so_far.find(|change| change.event <= event)?;
        Some(change.tuple?.canonical())
    }
}

impl Timeline {
    /// The ends of a packet, its sender's and its receiver's, judged by its addresses: a segment's
    /// as they are at this moment, a datagram's as they were when it left and arrived.
    pub fn ends(&self, packet: &Packet) -> [Option<&Endpoint>; 2] {
        let sent = Tuple {
            local: packet.src,
            remote: packet.dst,
        };
        let to = packet.to.as_ref();
        if packet.body == Body::Udp {
            let fate = self.packet(packet.id);
            let left = fate.map_or(self.events.len(), |fate| fate.sent);
            let arrived = fate.and_then(|fate| fate.delivered);
            let arrived = arrived.unwrap_or(self.events.len());
            return [
                self.datagram_of_tuple(&packet.from, sent, left),
                to.and_then(|to| self.datagram_of_tuple(to, sent.reversed(), arrived)),
            ];
        }
        [
            self.endpoint_of_tuple(&packet.from, sent),
            to.and_then(|to| self.endpoint_of_tuple(to, sent.reversed())),
        ]
    }

    /// The UDP socket that sends or takes datagrams with these addresses at the event of this
    /// index: the one connected to that peer, else the unconnected one on the port, as the kernel
    /// chooses.
    fn datagram_of_tuple(&self, host: &HostName, tuple: Tuple, at: usize) -> Option<&Endpoint> {
        let wanted = tuple.canonical();
        let mut on_port = self.endpoints.iter().rev().filter_map(|endpoint| {
            let found = endpoint.datagram_tuple_at(at)?;
            let fits = endpoint.host == *host && found.local.port() == wanted.local.port();
            fits.then_some((endpoint, found))
        });
        let connected = on_port.clone().find(|(_, found)| *found == wanted);
        connected
            .or_else(|| on_port.find(|(_, found)| UdpState::of(*found) == UdpState::Unconnected))
            .map(|(endpoint, _)| endpoint)
    }

    pub(super) fn learn_datagram(&mut self, index: usize, event: &Event) {
        let Kind::Datagram {
            key,
            host,
            state,
            facts,
            owner,
        } = &event.kind
        else {
            return;
        };
        self.meet(*key, Role::Datagram, host, owner.as_ref());
        self.with_endpoint(*key, |e| {
            e.datagram.push(DatagramChange {
                event: index,
                state: *state,
                tuple: facts.as_ref().map(|facts| facts.tuple),
            });
            if let Some(facts) = facts {
                e.tuple = Some(facts.tuple);
                e.facts = Some(facts.clone());
            }
        });
    }
}
