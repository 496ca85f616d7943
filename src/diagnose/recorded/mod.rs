//! What only a timeline tells: segments, last words, ends of processes. And the [`Picture`] of a
//! timeline, for the rules that serve programs that run already too.

use std::net::SocketAddr;

use super::picture::{Held, Picture, Process, Since, Socket};
use super::question::Question;
use crate::event::{CallResult, Kind, SegmentRole, SocketKey};
use crate::model::{EndpointName, Evidence, ProcState, ProcessName, ProgramName, Role, TcpState};
use crate::timeline::{Endpoint, Timeline};

pub(super) mod datagram;
pub(super) mod ended;
pub(super) mod refused;

/// What is to be explained.
pub(super) struct Subject<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) step: usize,
    pub(super) endpoint: Option<EndpointName>,
    pub(super) process: Option<ProcessName>,
    pub(super) program: Option<ProgramName>,
    /// Whether a close that did not come can be the reason.
    pub(super) about_close: bool,
    /// Whether it is about who holds a socket.
    pub(super) about_holders: bool,
    /// Whether a child that nobody collected can be the reason.
    pub(super) about_children: bool,
    /// Whether a process that a signal stopped can be the reason.
    pub(super) about_stops: bool,
}

impl Subject<'_> {
    /// The TCP sockets and processes of the timeline, as they are at its end.
    pub(super) fn picture(&self) -> Picture {
        let timeline = self.timeline;
        let processes = timeline.processes().iter().zip(0..);
        Picture {
            sockets: timeline
                .endpoints()
                .iter()
                .map(|endpoint| self.socket(endpoint))
                .collect(),
            processes: processes
                .map(|(process, key)| Process {
                    name: process.name.to_string(),
                    key,
                    pid: process.pid,
                    program: process.name.program().to_string(),
                    parent: process
                        .parent
                        .as_ref()
                        .and_then(|parent| self.process_index(parent)),
                    state: Some(match process.ended {
                        true => ProcState::Zombie,
                        false => process.state,
                    }),
                    zombie: process.is_zombie(),
                    signals: None,
                    waits_in: None,
                })
                .collect(),
        }
    }

    fn process_index(&self, name: &ProcessName) -> Option<usize> {
        let mut processes = self.timeline.processes().iter();
        processes.position(|process| process.name == *name)
    }

    fn socket_index(&self, key: SocketKey) -> Option<usize> {
        let mut endpoints = self.timeline.endpoints().iter();
        endpoints.position(|endpoint| endpoint.key == key)
    }

    fn socket(&self, endpoint: &Endpoint) -> Socket {
        let peer = self.timeline.peer(endpoint);
        let holders = endpoint.holders.as_ref().map(|holders| {
            let held = holders.iter().filter_map(|holder| {
                Some(Held {
                    process: self.process_index(&holder.process)?,
                    fd: holder.fd,
                    close_on_exec: None,
                })
            });
            held.collect()
        });
        Socket {
            name: endpoint.name.to_string(),
            key: endpoint.key.0.into(),
            place: Some(endpoint.host.to_string()),
            netns: None,
            tuple: endpoint.tuple,
            state: endpoint.state(),
            known: endpoint
                .history
                .last()
                .map_or(Evidence::Seen, |change| change.evidence),
            facts: endpoint
                .facts
                .clone()
                .filter(|facts| facts.state == endpoint.state()),
            holders,
            more_holders: !endpoint.unreadable.is_empty(),
            peer: peer.and_then(|peer| self.socket_index(peer.key)),
            since: endpoint
                .history
                .last()
                .map(|change| Since::Step(change.step)),
            let_go: Some(self.one_let_go(endpoint)),
            sent_again: self.sent_again(endpoint),
            overflows: None,
        }
    }

    fn sent_again(&self, endpoint: &Endpoint) -> usize {
        let Some(local) = endpoint.tuple.map(|tuple| tuple.local) else {
            return 0;
        };
        let mine = self.timeline.packets().iter().filter(|fate| {
            fate.packet.src == local
                && fate
                    .segment()
                    .is_some_and(|segment| segment.role == SegmentRole::Retransmission)
        });
        mine.count()
    }

    /// Whether a process closed its copy, or ended, in this step, and others kept theirs.
    fn one_let_go(&self, endpoint: &Endpoint) -> bool {
        let mut looks = self
            .timeline
            .events()
            .iter()
            .rev()
            .filter_map(|event| match &event.kind {
                Kind::Holders { key, holders, .. } if *key == endpoint.key => {
                    Some((event.step, holders))
                }
                _ => None,
            });
        match (looks.next(), looks.next()) {
            (Some((step, now)), Some((_, before))) => {
                step == self.step && before.iter().any(|holder| !now.contains(holder))
            }
            _ => false,
        }
    }

    /// What of the picture is asked about.
    pub(super) fn question(&self) -> Question {
        let name = self.endpoint.as_ref();
        let endpoint = name.and_then(|name| self.timeline.endpoint(name));
        let peer = endpoint.and_then(|endpoint| self.timeline.peer(endpoint));
        let mut beside: Vec<usize> = peer
            .and_then(|peer| self.socket_index(peer.key))
            .into_iter()
            .collect();
        if let Some(endpoint) = endpoint.filter(|end| end.state() == TcpState::SynSent) {
            beside.extend(self.listeners_for(endpoint));
        }
        let processes = self.timeline.processes().iter().zip(0..);
        let asked = |process: &crate::timeline::Process| match (&self.process, &self.program) {
            (Some(name), _) => process.name == *name,
            (None, Some(program)) => process.name.program() == *program,
            (None, None) => true,
        };
        Question {
            sockets: endpoint
                .and_then(|endpoint| self.socket_index(endpoint.key))
                .into_iter()
                .collect(),
            beside,
            processes: processes
                .filter(|(process, _)| asked(process))
                .map(|(_, index)| index)
                .collect(),
            ports: self.port_not_bound().into_iter().collect(),
            about_close: self.about_close,
            about_holders: self.about_holders,
            about_children: self.about_children,
            about_stops: self.about_stops,
        }
    }

    fn listeners_for(&self, endpoint: &Endpoint) -> Vec<usize> {
        let Some(remote) = endpoint.tuple.map(|tuple| tuple.canonical().remote) else {
            return Vec::new();
        };
        let endpoints = self.timeline.endpoints().iter().zip(0..);
        endpoints
            .filter(|(other, _)| {
                let bound = other.tuple.map(|tuple| tuple.canonical().local);
                other.role == Role::Listener
                    && other.is_open()
                    && bound.is_some_and(|bound| bound.port() == remote.port())
            })
            .map(|(_, index)| index)
            .collect()
    }

    /// The port that the program could not bind in this step, where it told.
    fn port_not_bound(&self) -> Option<u16> {
        let program = self.program.as_ref()?;
        self.timeline
            .events_in(self.step)
            .find_map(|(_, event)| match &event.kind {
                Kind::Called { process, call }
                    if process.program() == *program
                        && call.name == "bind"
                        && matches!(call.result, CallResult::Errno(nix::libc::EADDRINUSE)) =>
                {
                    let (_, address) = call.args.split_once(", ")?;
                    Some(address.trim().parse::<SocketAddr>().ok()?.port())
                }
                _ => None,
            })
    }
}
