//! [`Timeline`]: all events of a run in order, with the endpoints and processes they speak of.
//!
//! It names endpoints and fills in states that only one path allows ([`crate::graph`]); it does
//! no I/O. It is built one event at a time while the run goes on, and gives the same result when
//! it is built again from the recorded events.

mod datagram;

use std::time::Duration;

pub use datagram::DatagramChange;

use serde::{Deserialize, Serialize};

use crate::event::{Body, Cause, Event, Kind, Packet, PacketId, Reaper, SocketKey, Source};
use crate::graph;
use crate::model::{
    EndpointName, Evidence, ExitStatus, Holder, HostName, ProcState, ProcessName, ProgramName,
    Role, SocketFacts, TcpState, Tuple, UdpState,
};

mod learn;

/// All events of a run in order, and what they say of endpoints and processes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Event>", into = "Vec<Event>")]
pub struct Timeline {
    events: Vec<Event>,
    endpoints: Vec<Endpoint>,
    processes: Vec<Process>,
    packets: Vec<PacketFate>,
}

/// One end of one connection, a listener, or a UDP socket.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Its name.
    pub name: EndpointName,
    /// How events call it.
    pub key: SocketKey,
    /// What it is to its program.
    pub role: Role,
    /// Where it lives.
    pub host: HostName,
    /// Addresses and ports, once known.
    pub tuple: Option<Tuple>,
    /// Its states from the first sight on; a UDP socket has none.
    pub history: Vec<Change>,
    /// What it was from the first sight on, if it is a UDP socket.
    pub datagram: Vec<DatagramChange>,
    /// The newest answer of the kernel.
    pub facts: Option<SocketFacts>,
    /// Who has it open, sorted; nothing before the first look.
    pub holders: Option<Vec<Holder>>,
    /// Processes that may hold it too: their descriptors could not be read.
    pub unreadable: Vec<ProcessName>,
}

impl Endpoint {
    /// The newest state of a connection or listener. A UDP socket has none: CLOSE, no connection.
    pub fn state(&self) -> TcpState {
        self.history.last().map_or(TcpState::Close, |c| c.state)
    }

    /// Whether the kernel still knows the socket.
    pub fn is_open(&self) -> bool {
        match self.udp() {
            Some(udp) => udp != UdpState::Gone,
            None => self.state() != TcpState::Close,
        }
    }

    /// The state before the first event of `step`.
    pub fn state_before(&self, step: usize) -> Option<TcpState> {
        self.history
            .iter()
            .rev()
            .find(|change| change.step < step)
            .map(|change| change.state)
    }

    /// The changes during `step`.
    pub fn changes_in(&self, step: usize) -> impl Iterator<Item = &Change> {
        self.history
            .iter()
            .filter(move |change| change.step == step)
    }

    /// The processes that hold it, each once, sorted.
    pub fn holding_processes(&self) -> Vec<ProcessName> {
        let mut names: Vec<ProcessName> = self
            .holders
            .iter()
            .flatten()
            .map(|holder| holder.process.clone())
            .collect();
        names.dedup();
        names
    }
}

/// A change of an endpoint's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The event: an index into [`Timeline::events`].
    pub event: usize,
    /// When.
    pub at: Duration,
    /// During which step.
    pub step: usize,
    /// The state from then on.
    pub state: TcpState,
    /// How it is known.
    pub evidence: Evidence,
    /// What caused it.
    pub cause: Option<Cause>,
}

/// A process of the run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Process {
    /// Its name.
    pub name: ProcessName,
    /// Its pid as sockscope's own `/proc` shows it.
    pub pid: i32,
    /// Where it runs.
    pub host: HostName,
    /// Who forked it; nothing for a program's first process.
    pub parent: Option<ProcessName>,
    /// Its newest state letter.
    pub state: ProcState,
    /// Whether it ended.
    pub ended: bool,
    /// How it ended, where the kernel told.
    pub status: Option<ExitStatus>,
    /// Who collected its status.
    pub reaped: Option<Reaper>,
    /// Who adopted it.
    pub adopted: Option<Reaper>,
}

impl Process {
    /// Whether it ended and nobody collected its status yet.
    pub fn is_zombie(&self) -> bool {
        self.ended && self.reaped.is_none()
    }
}

/// A packet and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacketFate {
    /// The packet.
    pub packet: Packet,
    /// During which step it left.
    pub step: usize,
    /// The event of its leaving.
    pub sent: usize,
    /// The event of its arrival.
    pub delivered: Option<usize>,
    /// The event of its loss.
    pub dropped: Option<usize>,
}

impl From<Vec<Event>> for Timeline {
    fn from(events: Vec<Event>) -> Timeline {
        let mut timeline = Timeline::default();
        for event in events {
            timeline.append(event);
        }
        timeline
    }
}

impl From<Timeline> for Vec<Event> {
    fn from(timeline: Timeline) -> Vec<Event> {
        timeline.events
    }
}

impl Timeline {
    /// All events in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// All endpoints in the order of their first sight.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// All processes in the order of their first sight.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// All packets in the order of their leaving.
    pub fn packets(&self) -> &[PacketFate] {
        &self.packets
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, name: &EndpointName) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.name == *name)
    }

    /// The endpoint that events call so.
    pub fn endpoint_by_key(&self, key: SocketKey) -> Option<&Endpoint> {
        self.endpoints.iter().find(|e| e.key == key)
    }

    /// The process of this name.
    pub fn process(&self, name: &ProcessName) -> Option<&Process> {
        self.processes.iter().find(|p| p.name == *name)
    }

    /// The command line with which a program was last started.
    pub fn command_of(&self, program: &ProgramName) -> Option<&[String]> {
        self.events
            .iter()
            .rev()
            .find_map(|event| match &event.kind {
                Kind::Spawned {
                    process, command, ..
                } if process.program() == *program => Some(command.as_slice()),
                _ => None,
            })
    }

    /// A packet by its number.
    pub fn packet(&self, id: PacketId) -> Option<&PacketFate> {
        self.packets.iter().find(|p| p.packet.id == id)
    }

    /// The other end of `endpoint`'s connection, where it is in the run too.
    pub fn peer(&self, endpoint: &Endpoint) -> Option<&Endpoint> {
        let wanted = endpoint.tuple?.reversed().canonical();
        self.endpoints.iter().rev().find(|other| {
            other.key != endpoint.key
                && other.udp().is_some() == endpoint.udp().is_some()
                && other.tuple.is_some_and(|t| t.canonical() == wanted)
        })
    }

    /// The end of a connection with these addresses.
    fn endpoint_of_tuple(&self, host: &HostName, tuple: Tuple) -> Option<&Endpoint> {
        let wanted = tuple.canonical();
        self.endpoints.iter().rev().find(|e| {
            e.host == *host && e.udp().is_none() && e.tuple.is_some_and(|t| t.canonical() == wanted)
        })
    }

    /// The events of one step, with their indices.
    pub fn events_in(&self, step: usize) -> impl Iterator<Item = (usize, &Event)> {
        self.events
            .iter()
            .enumerate()
            .filter(move |(_, event)| event.step == step)
    }

    /// Adds an event. A state that only one path explains is added before it as inferred; a
    /// change that no path explains is followed by a [`Kind::Gap`].
    pub fn push(&mut self, event: Event) {
        let Kind::Socket {
            key,
            state,
            ref host,
            ref owner,
            cause,
            ..
        } = event.kind
        else {
            self.append(event);
            return;
        };
        let Some(endpoint) = self.endpoint_by_key(key) else {
            self.append(event);
            return;
        };
        let before = endpoint.state();
        let by_one_segment = matches!(cause, Some(Cause::Received(_)));
        match graph::between(before, state, by_one_segment) {
            graph::Between::Direct | graph::Between::Ambiguous => self.append(event),
            graph::Between::Through(states) => {
                for inferred in states {
                    self.append(Event {
                        at: event.at,
                        step: event.step,
                        source: event.source,
                        kind: Kind::Socket {
                            key,
                            host: host.clone(),
                            state: inferred,
                            evidence: Evidence::Inferred,
                            facts: None,
                            owner: owner.clone(),
                            cause,
                        },
                    });
                }
                self.append(event);
            }
            graph::Between::Impossible => {
                let why = format!(
                    "{} went from {before} to {state}: RFC 9293 knows no such path",
                    endpoint.name
                );
                let (at, step) = (event.at, event.step);
                self.append(event);
                self.append(Event {
                    at,
                    step,
                    source: Source::Driver,
                    kind: Kind::Gap {
                        aspect: crate::event::Aspect::Paths,
                        why,
                    },
                });
            }
        }
    }

    /// Adds an event that is already on another timeline, as it is: what was inferred there is
    /// among its events.
    pub fn replay(&mut self, event: Event) {
        self.append(event);
    }

    /// Adds an event as it is.
    fn append(&mut self, event: Event) {
        let index = self.events.len();
        self.learn(index, &event);
        self.events.push(event);
    }
}

impl PacketFate {
    /// The TCP segment, where it is one.
    pub fn segment(&self) -> Option<&crate::event::Segment> {
        match &self.packet.body {
            Body::Tcp(segment) => Some(segment),
            _ => None,
        }
    }
}
