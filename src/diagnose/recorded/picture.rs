//! The [`Picture`] of a timeline: its TCP sockets and processes as they are at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnose::picture::{Held, Picture, Process, Since, Socket};
use crate::event::{Kind, SegmentRole, SocketKey};
use crate::model::{Evidence, Holder, ProcState, ProcessName, SocketFacts};
use crate::observe::process::SignalMasks;
use crate::timeline::{Endpoint, Timeline};

/// What a picture is made from.
pub(super) struct Painter<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) step: usize,
    /// The time since the run began.
    pub(super) now: Duration,
    /// What processes do with signals.
    pub(super) signals: &'a BTreeMap<ProcessName, SignalMasks>,
    /// Whether a copy that was closed counts only where it was one of several when the step began:
    /// a parent closes its copy of what its child shall have.
    pub(super) only_old_copies: bool,
}

impl Painter<'_> {
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
                    signals: self.signals.get(&process.name).copied(),
                    waits_in: None,
                    executes: None,
                })
                .collect(),
            ..Picture::default()
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
            facts: self.facts(endpoint),
            holders,
            more_holders: !endpoint.unreadable.is_empty(),
            peer: peer.and_then(|peer| self.socket_index(peer.key)),
            since: endpoint
                .history
                .last()
                .map(|change| Since::Step(change.step)),
            let_go: Some(match self.only_old_copies {
                true => self.old_copy_let_go(endpoint),
                false => self.one_let_go(endpoint),
            }),
            sent_again: self.sent_again(endpoint),
            overflows: None,
            earlier: None,
        }
    }

    /// What the kernel said of it, its timer less by the time since it was asked: an answer in
    /// which nothing else is new is no event.
    fn facts(&self, endpoint: &Endpoint) -> Option<SocketFacts> {
        let facts = endpoint.facts.as_ref()?;
        if facts.state != endpoint.state() {
            return None;
        }
        let events = self.timeline.events().iter().rev();
        let asked = events
            .filter(|event| match &event.kind {
                Kind::Gauges { key, .. } => *key == endpoint.key,
                Kind::Socket { key, facts, .. } => *key == endpoint.key && facts.is_some(),
                _ => false,
            })
            .map(|event| event.at)
            .next()?;
        let since = self.now.saturating_sub(asked).as_millis();
        Some(SocketFacts {
            timer_ms: facts
                .timer_ms
                .saturating_sub(u32::try_from(since).unwrap_or(u32::MAX)),
            ..facts.clone()
        })
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
        let mut looks = self.looks(endpoint).rev();
        match (looks.next(), looks.next()) {
            (Some((step, now)), Some((_, before))) => {
                step == self.step && before.iter().any(|holder| !now.contains(holder))
            }
            _ => false,
        }
    }

    /// Whether of several processes that held it when the step began one does no more, and another
    /// one does.
    fn old_copy_let_go(&self, endpoint: &Endpoint) -> bool {
        let before = self
            .looks(endpoint)
            .rev()
            .find(|(step, _)| *step < self.step);
        let Some((_, before)) = before else {
            return false;
        };
        let holds = |holder: &Holder| {
            let mut now = endpoint.holders.iter().flatten();
            now.any(|held| held.process == holder.process)
        };
        before.iter().any(holds) && !before.iter().all(holds)
    }

    /// Who held it, look by look, with the step of each.
    fn looks<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> impl DoubleEndedIterator<Item = (usize, &'a Vec<Holder>)> {
        let events = self.timeline.events().iter();
        events.filter_map(|event| match &event.kind {
            Kind::Holders { key, holders, .. } if *key == endpoint.key => {
                Some((event.step, holders))
            }
            _ => None,
        })
    }
}
