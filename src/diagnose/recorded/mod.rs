//! A failed expectation of a run, explained from its timeline.
//!
//! | file | what it is for |
//! |---|---|
//! | [`concern`] | what an expectation speaks of |
//! | [`lack`] | what connections did not bring, where it names none |
//! | [`ends`] | the connections by which it would have come |
//! | [`picture`] | the timeline as a [`Picture`], for the rules that serve live programs too |
//! | `datagram`, `ended`, `refused`, `reset` | what only a timeline tells |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::connect::{QUEUE_FULL, UNANSWERED_SYN};
use super::picture::Picture;
use super::question::Question;
use super::{Finding, RULES, Source};
use crate::event::{CallResult, Kind, SocketKey};
use crate::model::ProcessName;
use crate::observe::process::SignalMasks;
use crate::run::Polarity;
use crate::scenario::Expectation;
use crate::timeline::{Process, Timeline};

mod concern;
pub(super) mod datagram;
pub(super) mod ended;
mod ends;
mod lack;
mod picture;
pub(super) mod refused;
pub(super) mod reset;

use concern::Concern;
use ends::{Ends, listeners_for};
use picture::Painter;

/// An expectation that failed, and what tells why.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// What failed.
    pub expectation: &'a Expectation,
    /// Whether it had to hold, or must never hold.
    pub polarity: Polarity,
    /// The run so far.
    pub timeline: &'a Timeline,
    /// The step, which is the last.
    pub step: usize,
    /// The time since the run began.
    pub now: Duration,
    /// What the living processes do with signals, where somebody looked.
    pub signals: &'a BTreeMap<ProcessName, SignalMasks>,
}

/// What is to be explained.
pub(super) struct Subject<'a> {
    timeline: &'a Timeline,
    step: usize,
    now: Duration,
    signals: &'a BTreeMap<ProcessName, SignalMasks>,
    concern: Concern,
    /// Of an expectation that names no endpoint.
    ends: Option<Ends>,
}

/// Explanations, with their fixes, that fit a failed expectation.
pub fn explain(failure: &Failure<'_>) -> Vec<String> {
    let subject = Subject::of(failure);
    let (picture, question) = (subject.picture(), subject.question());
    let mut queue_full = false;
    let mut notes = Vec::new();
    for source in &RULES {
        let note = match source {
            Source::Picture(rule) => {
                let mut found = rule(&picture, &question);
                found.retain(|finding| {
                    // The full queue is why the SYN was not answered.
                    let told = queue_full && finding.diagnosis == &UNANSWERED_SYN;
                    !told && subject.admits(finding)
                });
                // One answer of each rule: an expectation is about one thing.
                found.first().map(|first| {
                    queue_full |= first.diagnosis == &QUEUE_FULL;
                    first.note(found.len() - 1)
                })
            }
            Source::Timeline(rule) => rule(&subject),
        };
        notes.extend(note);
    }
    notes
}

impl<'a> Subject<'a> {
    fn of(failure: &Failure<'a>) -> Subject<'a> {
        let timeline = failure.timeline;
        let concern = Concern::of(
            failure.expectation,
            failure.polarity,
            timeline,
            failure.step,
        );
        Subject {
            timeline,
            step: failure.step,
            now: failure.now,
            signals: failure.signals,
            ends: concern.lack.as_ref().map(|lack| Ends::of(lack, timeline)),
            concern,
        }
    }

    fn admits(&self, finding: &Finding) -> bool {
        let ends = self.ends.as_ref();
        ends.is_none_or(|ends| ends.admit(finding, self.timeline))
    }

    fn picture(&self) -> Picture {
        let painter = Painter {
            timeline: self.timeline,
            step: self.step,
            now: self.now,
            signals: self.signals,
            only_old_copies: self.ends.is_some(),
        };
        painter.picture()
    }

    fn index_of(&self, key: SocketKey) -> Option<usize> {
        let mut endpoints = self.timeline.endpoints().iter();
        endpoints.position(|endpoint| endpoint.key == key)
    }

    /// What of the picture is asked about.
    fn question(&self) -> Question {
        let (sockets, mut beside) = match &self.ends {
            Some(ends) => (ends.all(), Vec::new()),
            None => self.named_sockets(),
        };
        let endpoints = self.timeline.endpoints();
        for asked in sockets.iter().filter_map(|index| endpoints.get(*index)) {
            beside.extend(listeners_for(self.timeline, asked).map(|(index, _)| index));
        }
        beside.dedup();
        Question {
            processes: self.processes(&sockets),
            sockets,
            beside,
            ports: self.port_not_bound().into_iter().collect(),
            about_close: self.concern.about_close || self.ends.is_some(),
            about_holders: self.concern.about_holders,
            about_children: self.concern.about_children,
            about_stops: self.concern.about_stops,
            about_progress: false,
        }
    }

    /// The endpoint that the expectation names, and its peer.
    fn named_sockets(&self) -> (Vec<usize>, Vec<usize>) {
        let name = self.concern.endpoint.as_ref();
        let endpoint = name.and_then(|name| self.timeline.endpoint(name));
        let peer = endpoint.and_then(|endpoint| self.timeline.peer(endpoint));
        let index = |of: Option<&crate::timeline::Endpoint>| -> Vec<usize> {
            of.and_then(|of| self.index_of(of.key))
                .into_iter()
                .collect()
        };
        (index(endpoint), index(peer))
    }

    /// The processes that the expectation speaks of, and those at the connections that it can have
    /// failed for.
    fn processes(&self, sockets: &[usize]) -> Vec<usize> {
        let concern = &self.concern;
        let is_named = |process: &Process| match (&concern.process, &concern.program) {
            (Some(name), _) => process.name == *name,
            (None, Some(program)) => process.name.program() == *program,
            (None, None) => concern.about_children,
        };
        let endpoints = self.timeline.endpoints();
        let at = sockets.iter().filter_map(|index| endpoints.get(*index));
        let holders: Vec<&ProcessName> = match self.ends {
            Some(_) => at
                .flat_map(|end| end.holders.iter().flatten())
                .map(|holder| &holder.process)
                .collect(),
            None => Vec::new(),
        };
        let processes = self.timeline.processes().iter().zip(0..);
        processes
            .filter(|(process, _)| is_named(process) || holders.contains(&&process.name))
            .map(|(_, index)| index)
            .collect()
    }

    /// The port that the program could not bind in this step, where it told.
    fn port_not_bound(&self) -> Option<u16> {
        let program = self.concern.program.as_ref()?;
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
