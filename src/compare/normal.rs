//! A run without what differs from one run to the next: times, pids, ephemeral ports, cookies and
//! inodes, and the order of what processes did at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{CallResult, Event, Kind};
use crate::model::{Evidence, ProcessName, SocketFacts};
use crate::run::{Run, Verdict};
use crate::timeline::Timeline;

/// The first port that stands for an ephemeral one.
const FIRST_PORT: u16 = 50001;
/// From this port on they are taken for ephemeral ones (`ip_local_port_range`, `ip(7)`).
const EPHEMERAL: u16 = 20000;
/// The first pid of a normal run.
const FIRST_PID: i32 = 101;

/// The calls whose value is a pid.
const RETURN_PIDS: [&str; 10] = [
    "fork", "vfork", "clone", "clone3", "wait", "wait3", "wait4", "waitpid", "getpid", "getppid",
];

/// The same run, every time: an event each millisecond, pids and ephemeral ports numbered in the
/// order of their appearance.
///
/// How a state is known is left out unless `evidence` says otherwise: on a busy machine a state can
/// be over before sockscope asks.
pub fn normal(run: &Run, evidence: bool) -> Run {
    let order = canonical_order(run.timeline.events());
    let mut moved = vec![0; order.len()];
    let mut clock = 0;
    let mut names = Names::default();
    for index in &order {
        names.meet(&run.timeline.events()[*index].kind);
    }
    let events: Vec<Event> = order
        .iter()
        .enumerate()
        .map(|(new, old)| {
            let mut event = run.timeline.events()[*old].clone();
            moved[*old] = new;
            clock += u64::from(shows(&event.kind));
            event.at = Duration::from_millis(clock);
            names.event(event, evidence)
        })
        .collect();
    let mut run = run.clone();
    run.took = Duration::from_millis(clock);
    run.timeline = Timeline::from(events);
    run.header.kernel = "6.0".into();
    for check in run.steps.iter_mut().flat_map(|step| &mut step.checks) {
        if let Verdict::Fail(mismatch) = &mut check.verdict {
            for event in &mut mismatch.events {
                *event = moved[*event];
            }
            mismatch.events.sort_unstable();
            if mismatch.observed.contains(" timer ") {
                // Which measurement was the last one is chance.
                mismatch.events.clear();
            }
            mismatch.observed = names.text(&mismatch.observed);
            for note in &mut mismatch.notes {
                *note = without_lapses(&names.text(note));
            }
        }
    }
    run
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

/// What stands for what.
#[derive(Default)]
struct Names {
    ports: BTreeMap<u16, u16>,
    pids: BTreeMap<i32, i32>,
}

impl Names {
    fn port(&mut self, port: u16) -> u16 {
        if port < EPHEMERAL {
            return port;
        }
        let next = FIRST_PORT.saturating_add(u16::try_from(self.ports.len()).unwrap_or(u16::MAX));
        *self.ports.entry(port).or_insert(next)
    }

    fn pid(&mut self, pid: i32) -> i32 {
        let next = FIRST_PID.saturating_add(i32::try_from(self.pids.len()).unwrap_or(i32::MAX));
        *self.pids.entry(pid).or_insert(next)
    }

    fn facts(&mut self, facts: &mut SocketFacts) {
        facts.cookie = 0;
        facts.inode = facts.inode.min(1);
        let (local, remote) = (facts.tuple.local.port(), facts.tuple.remote.port());
        facts.tuple.local.set_port(self.port(local));
        facts.tuple.remote.set_port(self.port(remote));
        facts.timer_ms = facts.timer_ms.min(1);
    }

    /// Every pid and port has its number before any text speaks of it.
    fn meet(&mut self, kind: &Kind) {
        match kind {
            Kind::Spawned { pid, .. } | Kind::Forked { pid, .. } => {
                self.pid(*pid);
            }
            Kind::Socket {
                facts: Some(SocketFacts { tuple, .. }),
                ..
            }
            | Kind::Datagram {
                facts: Some(SocketFacts { tuple, .. }),
                ..
            } => {
                self.port(tuple.local.port());
                self.port(tuple.remote.port());
            }
            Kind::Sent(packet) => {
                self.port(packet.src.port());
                self.port(packet.dst.port());
            }
            _ => {}
        }
    }

    fn event(&mut self, mut event: Event, evidence: bool) -> Event {
        match &mut event.kind {
            Kind::Spawned { pid, command, .. } => {
                *pid = self.pid(*pid);
                for word in command {
                    *word = self.text(word);
                }
            }
            Kind::Forked { pid, .. } => *pid = self.pid(*pid),
            Kind::Socket {
                facts,
                evidence: known,
                ..
            } => {
                if !evidence {
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
            Kind::Sent(packet) => {
                let (src, dst) = (packet.src.port(), packet.dst.port());
                packet.src.set_port(self.port(src));
                packet.dst.set_port(self.port(dst));
            }
            Kind::Called { call, .. } => {
                call.args = self.text(&call.args);
                if let CallResult::Value(value) = &mut call.result
                    && RETURN_PIDS.contains(&call.name.as_str())
                {
                    *value = self.value(*value);
                }
            }
            Kind::Output { text, .. } => *text = self.text(text),
            _ => {}
        }
        event
    }

    /// Text with its ports renumbered and its milliseconds left out.
    fn text(&mut self, text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        let redacted = words.iter().enumerate().map(|(at, word)| {
            let is_time = words.get(at + 1) == Some(&"ms")
                || at >= 2 && words[at - 2].ends_with("timer-ms") && words[at - 1] == "=";
            match is_time {
                true => "N".to_owned(),
                false => self.word(word),
            }
        });
        redacted.collect::<Vec<_>>().join(" ")
    }

    /// What a call returned, renumbered where it is a pid.
    fn value(&self, value: i64) -> i64 {
        let pid = i32::try_from(value).ok();
        let number = pid.and_then(|pid| self.pids.get(&pid));
        number.map_or(value, |number| i64::from(*number))
    }

    /// A word with the port behind its last colon renumbered, or the only number in it where that
    /// is a pid or a port.
    fn word(&mut self, word: &str) -> String {
        let bare = word.trim_matches(|c: char| !c.is_ascii_digit());
        if let Some(number) = bare.parse().ok().and_then(|pid| self.pids.get(&pid)) {
            return word.replacen(bare, &number.to_string(), 1);
        }
        if let Some(number) = bare.parse().ok().and_then(|port| self.ports.get(&port)) {
            return word.replacen(bare, &number.to_string(), 1);
        }
        let Some((address, rest)) = word.rsplit_once(':') else {
            return word.to_owned();
        };
        let digits = rest.trim_end_matches(|c: char| !c.is_ascii_digit());
        match digits.parse::<u16>() {
            Ok(port) => {
                let behind = &rest[digits.len()..];
                format!("{address}:{}{behind}", self.port(port))
            }
            Err(_) => word.to_owned(),
        }
    }
}
