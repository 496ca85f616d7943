//! A run without what differs from one run to the next: times, pids, ephemeral ports, cookies and
//! inodes, and the order of what processes did at the same time.

use std::net::SocketAddr;
use std::time::Duration;

use super::arguments;
use super::names::Names;
use super::words::{Voice, Words};
use crate::event::{Event, Kind, SignalOrigin};
use crate::model::{Evidence, ProcessName, SocketFacts};
use crate::run::{Place, Run, Verdict};
use crate::timeline::Timeline;

/// The same run, every time: an event each millisecond, pids, threads, inodes and ephemeral ports
/// numbered in the order of their appearance, wherever a field holds one; what stands in free text
/// only where the text says what it is.
///
/// How a state is known is left out unless `evidence` says otherwise: on a busy machine a state can
/// be over before sockscope asks.
pub fn normal(run: &Run, evidence: bool) -> Run {
    normal_at(run, evidence, false)
}

/// The same run, every time. `anywhere`: also at another place, where hosts have other addresses
/// and servers other ports.
pub(super) fn normal_at(run: &Run, evidence: bool, anywhere: bool) -> Run {
    let order = canonical_order(run.timeline.events());
    let mut moved = vec![0; order.len()];
    let mut clock = 0;
    let mut plain = Plain {
        names: Names::of(run, &order, anywhere),
        words: Words::of(run, anywhere),
        bare: anywhere || run.header.place == Place::Host,
        evidence,
    };
    let events: Vec<Event> = order
        .iter()
        .enumerate()
        .map(|(new, old)| {
            let mut event = run.timeline.events()[*old].clone();
            moved[*old] = new;
            clock += u64::from(shows(&event.kind));
            event.at = Duration::from_millis(clock);
            plain.kind(&mut event.kind, *old);
            event
        })
        .collect();
    let mut run = run.clone();
    run.took = Duration::from_millis(clock);
    run.timeline = Timeline::from(events);
    run.header.kernel = "6.0".into();
    run.header.began = None;
    if let Some(stopped) = &mut run.stopped {
        stopped.why = plain.said(&stopped.why);
    }
    for check in run.steps.iter_mut().flat_map(|step| &mut step.checks) {
        match &mut check.verdict {
            Verdict::Fail(mismatch) => {
                for event in &mut mismatch.events {
                    *event = moved[*event];
                }
                mismatch.events.sort_unstable();
                if mismatch.observed.contains(" timer ") {
                    // Which measurement was the last one is chance.
                    mismatch.events.clear();
                }
                mismatch.expected = plain.said(&mismatch.expected);
                mismatch.observed = plain.said(&mismatch.observed);
                for note in &mut mismatch.notes {
                    *note = without_lapses(&plain.said(note));
                }
            }
            Verdict::Inconclusive { why, .. } => *why = plain.said(why),
            Verdict::Pass(_) | Verdict::Waived => {}
        }
    }
    run
}

/// What makes events the same every time.
struct Plain {
    names: Names,
    words: Words,
    /// Whether a command line's ports are other ones every time.
    bare: bool,
    evidence: bool,
}

impl Plain {
    /// `at`: the event's index in the run as it was.
    fn kind(&mut self, kind: &mut Kind, at: usize) {
        match kind {
            Kind::Spawned {
                pid,
                ns_pid,
                command,
                ..
            } => {
                self.pids(pid, ns_pid);
                self.command(command, at);
            }
            Kind::Forked { pid, ns_pid, .. } => self.pids(pid, ns_pid),
            Kind::Socket {
                facts,
                evidence: known,
                ..
            } => {
                if !self.evidence {
                    *known = Evidence::Seen;
                }
                if let Some(facts) = facts {
                    self.facts(facts);
                }
            }
            Kind::Datagram {
                facts: Some(facts), ..
            }
            | Kind::Gauges { facts, .. } => self.facts(facts),
            Kind::Sent(packet) => self.ends([&mut packet.src, &mut packet.dst]),
            Kind::Told { tuple, .. } => self.ends([&mut tuple.local, &mut tuple.remote]),
            Kind::Called { process, call } => {
                call.thread = call.thread.map(|tid| self.names.thread(process, tid));
                arguments::plain(call, at, &self.words, &mut self.names);
            }
            Kind::Signal {
                from: SignalOrigin::Stranger { pid },
                ..
            } => *pid = self.names.stranger(*pid),
            Kind::Executed { command, .. } => self.command(command, at),
            Kind::Output { text, .. } => {
                *text = self.words.plain(text, Voice::Program(at), &self.names);
            }
            Kind::Note { text } | Kind::Gap { why: text, .. } => *text = self.said(text),
            _ => {}
        }
    }

    /// Both have the same number: that of the process.
    fn pids(&mut self, pid: &mut i32, ns_pid: &mut Option<i32>) {
        *pid = self.names.pid(*pid);
        *ns_pid = ns_pid.map(|_| *pid);
    }

    /// A command line. A word that is the number of a port is one, where `{port}` stands for
    /// another one every time.
    fn command(&self, command: &mut [String], at: usize) {
        for word in command {
            let port = word.parse().ok().filter(|_| self.bare);
            *word = match port.and_then(|port| self.names.known_port(port)) {
                Some(port) => port.to_string(),
                None => self.words.plain(word, Voice::Program(at), &self.names),
            };
        }
    }

    fn facts(&mut self, facts: &mut SocketFacts) {
        facts.cookie = 0;
        facts.inode = self.names.inode(facts.inode);
        self.ends([&mut facts.tuple.local, &mut facts.tuple.remote]);
        facts.timer_ms = facts.timer_ms.min(1);
    }

    fn ends(&mut self, ends: [&mut SocketAddr; 2]) {
        for end in ends {
            end.set_port(self.names.port(end.port()));
        }
    }

    /// sockscope's own words, without its milliseconds.
    fn said(&self, text: &str) -> String {
        let text = self.words.plain(text, Voice::Sockscope, &self.names);
        let words: Vec<&str> = text.split(' ').collect();
        let redacted = words.iter().enumerate().map(|(at, word)| {
            let is_time = words.get(at + 1) == Some(&"ms")
                || at >= 2 && words[at - 2].ends_with("timer-ms") && words[at - 1] == "=";
            match is_time {
                true => "N",
                false => word,
            }
        });
        redacted.collect::<Vec<_>>().join(" ")
    }
}

/// A note without what timers have left: `0.4 s`, `12 s`, `3 min 20 s`.
fn without_lapses(note: &str) -> String {
    let words: Vec<&str> = note.split(' ').collect();
    let is_unit = |word: &&str| matches!(word.trim_end_matches([',', ';', ')']), "s" | "min" | "h");
    let redacted = words.iter().zip(1..).map(|(word, next)| {
        let is_number = word.parse::<f64>().is_ok();
        match is_number && words.get(next).is_some_and(is_unit) {
            true => "N",
            false => word,
        }
    });
    redacted.collect::<Vec<_>>().join(" ")
}

/// Whether an event is more than a measurement: those come as often as sockscope looks.
fn shows(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Gauges { .. } | Kind::ProcessState { .. } | Kind::Quiet
    )
}

/// What processes did between two things that sockscope did or saw on the wire is put in the
/// order of their names: they run side by side.
fn canonical_order(events: &[Event]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    let mut from = 0;
    for at in 0..=events.len() {
        let barrier = events
            .get(at)
            .is_none_or(|event| side(&event.kind).is_none());
        if barrier {
            order[from..at].sort_by_key(|index| side(&events[*index].kind));
            from = at + 1;
        }
    }
    order
}

/// Where an event stands among others of the same moment: by its process, then a life's order.
fn side(kind: &Kind) -> Option<(u8, ProcessName, u8)> {
    let of = |process: &ProcessName, rank| Some((0, process.clone(), rank));
    match kind {
        Kind::Spawned { process, .. } | Kind::Forked { process, .. } => of(process, 0),
        Kind::Called { process, .. } => of(process, 1),
        Kind::Output { process, .. } => of(process, 2),
        Kind::ProcessState { process, .. } => of(process, 3),
        Kind::Exited { process, .. } => of(process, 4),
        Kind::Adopted { process, .. } => of(process, 5),
        Kind::Reaped { process, .. } => of(process, 6),
        Kind::Holders { key, .. } => Some((1, ProcessName::new(format!("{:05}", key.0)), 0)),
        _ => None,
    }
}
