//! What of a run is the same every time, in lanes: within a lane the order counts, between lanes
//! it does not, because processes run side by side.

use std::collections::BTreeMap;
use std::fmt;

use super::Scope;
use crate::event::{Body, CallResult, Kind, Reaper, Stream};
use crate::model::{EndpointName, Evidence, ProcessName, errno_name};
use crate::run::{Polarity, Run, Verdict};

/// One thing in a lane.
#[derive(Clone, Debug)]
pub struct Item {
    /// What, in words that are the same in every run.
    pub text: String,
    /// During which step: an index into the run's steps.
    pub step: usize,
    /// The event that shows it best: an index into the timeline.
    pub event: Option<usize>,
}

/// What a lane is of. In this order lanes are compared: what nobody can argue with comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Where the run was, and what could be seen there.
    Place,
    /// The states of an endpoint.
    States(EndpointName),
    /// The packets.
    Wire,
    /// The life of a process: its start, how it ended, who reaped it.
    Life(ProcessName),
    /// What a program wrote.
    Output(ProcessName, bool),
    /// The calls of a process and their results.
    Calls(ProcessName),
    /// Who holds an endpoint as a step ends.
    Holders(EndpointName),
    /// What came of the expectations.
    Verdicts,
    /// Why the run stopped.
    End,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lane::Place => f.write_str("place"),
            Lane::States(endpoint) => write!(f, "states of {endpoint}"),
            Lane::Wire => f.write_str("packets"),
            Lane::Life(process) => write!(f, "life of {process}"),
            Lane::Output(process, false) => write!(f, "standard output of {process}"),
            Lane::Output(process, true) => write!(f, "standard error of {process}"),
            Lane::Calls(process) => write!(f, "calls of {process}"),
            Lane::Holders(endpoint) => write!(f, "holders of {endpoint}"),
            Lane::Verdicts => f.write_str("verdicts"),
            Lane::End => f.write_str("end"),
        }
    }
}

/// Lanes of a kind: what `sockscope diff --ignore` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Where the run was, and what could be seen there.
    Place,
    /// The states of endpoints.
    States,
    /// The packets.
    Segments,
    /// The lives of processes.
    Processes,
    /// What programs wrote.
    Output,
    /// Calls and their results.
    Calls,
    /// Who holds endpoints.
    Holders,
    /// What came of the expectations, and why the run stopped.
    Verdicts,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 8] = [
        Part::Place,
        Part::States,
        Part::Segments,
        Part::Processes,
        Part::Output,
        Part::Calls,
        Part::Holders,
        Part::Verdicts,
    ];

    /// The word of `--ignore`.
    pub fn word(self) -> &'static str {
        match self {
            Part::Place => "place",
            Part::States => "states",
            Part::Segments => "segments",
            Part::Processes => "processes",
            Part::Output => "output",
            Part::Calls => "calls",
            Part::Holders => "holders",
            Part::Verdicts => "verdicts",
        }
    }
}

impl Lane {
    /// Of which kind it is.
    pub fn part(&self) -> Part {
        match self {
            Lane::Place => Part::Place,
            Lane::States(_) => Part::States,
            Lane::Wire => Part::Segments,
            Lane::Life(_) => Part::Processes,
            Lane::Output(..) => Part::Output,
            Lane::Calls(_) => Part::Calls,
            Lane::Holders(_) => Part::Holders,
            Lane::Verdicts | Lane::End => Part::Verdicts,
        }
    }
}

/// The lanes of a run, each with its items.
pub type Lanes = BTreeMap<Lane, Vec<Item>>;

/// The lanes of a run that is [normal](super::normal()); `evidence`: how states and passes are
/// known counts too.
pub fn lanes(run: &Run, evidence: bool) -> Lanes {
    let scope = Scope {
        evidence,
        ..Scope::default()
    };
    within(run, &scope)
}

/// The lanes that are compared, with what is compared of them.
pub(super) fn within(run: &Run, scope: &Scope) -> Lanes {
    let mut lanes = Lanes::new();
    place(run, &mut lanes);
    states(run, scope.evidence, &mut lanes);
    packets(run, &mut lanes);
    happenings(run, &mut lanes);
    holders(run, &mut lanes);
    verdicts(run, scope, &mut lanes);
    lanes.retain(|lane, _| scope.has(lane));
    if scope.settled {
        let states = lanes.iter_mut();
        let states = states.filter(|(lane, _)| lane.part() == Part::States);
        states.for_each(|(_, items)| settle(items));
    }
    lanes
}

/// Leaves the last item of each step.
fn settle(items: &mut Vec<Item>) {
    let next: Vec<Option<usize>> = items.iter().skip(1).map(|item| Some(item.step)).collect();
    let mut next = next.into_iter().chain([None]);
    items.retain(|item| next.next().flatten() != Some(item.step));
}

fn put(lanes: &mut Lanes, lane: Lane, text: String, step: usize, event: Option<usize>) {
    let item = Item { text, step, event };
    lanes.entry(lane).or_default().push(item);
}

/// How something is known, where that counts.
fn known(evidence: Evidence, counts: bool) -> String {
    match counts {
        true => format!(" ({evidence})"),
        false => String::new(),
    }
}

fn place(run: &Run, lanes: &mut Lanes) {
    let header = &run.header;
    put(lanes, Lane::Place, header.place.word().into(), 0, None);
    for blind in &header.blind {
        let text = format!("cannot see {}", blind.aspect.words());
        put(lanes, Lane::Place, text, 0, None);
    }
}

fn states(run: &Run, evidence: bool, lanes: &mut Lanes) {
    for endpoint in run.timeline.endpoints() {
        for change in &endpoint.history {
            let text = format!("{}{}", change.state, known(change.evidence, evidence));
            let lane = Lane::States(endpoint.name.clone());
            put(lanes, lane, text, change.step, Some(change.event));
        }
        for change in &endpoint.datagram {
            let step = run.timeline.events()[change.event].step;
            let lane = Lane::States(endpoint.name.clone());
            put(
                lanes,
                lane,
                change.state.to_string(),
                step,
                Some(change.event),
            );
        }
    }
}

fn packets(run: &Run, lanes: &mut Lanes) {
    for fate in run.timeline.packets() {
        let packet = &fate.packet;
        let what = match &packet.body {
            Body::Tcp(segment) => format!(
                "{} seq {} ack {} {:?}",
                segment.flags, segment.seq, segment.ack, segment.role
            ),
            Body::Udp => "UDP".to_owned(),
            Body::Icmp { text } => format!("ICMP {text}"),
            Body::Other { text } => text.clone(),
        };
        let end = match (fate.delivered, fate.dropped) {
            (Some(_), _) => "delivered",
            (None, Some(_)) => "dropped",
            (None, None) => "on the wire",
        };
        let text = format!("{} {what} len {}, {end}", packet.from, packet.len);
        put(lanes, Lane::Wire, text, fate.step, Some(fate.sent));
    }
}

fn happenings(run: &Run, lanes: &mut Lanes) {
    for (index, event) in run.timeline.events().iter().enumerate() {
        let (lane, text) = match &event.kind {
            Kind::Spawned { process, .. } => (Lane::Life(process.clone()), "started".to_owned()),
            Kind::Forked {
                process, parent, ..
            } => (Lane::Life(process.clone()), format!("forked by {parent}")),
            Kind::Exited { process, status } => {
                let status = status.map_or_else(|| "ended".to_owned(), |s| s.to_string());
                (Lane::Life(process.clone()), status)
            }
            Kind::Reaped { process, by } => (
                Lane::Life(process.clone()),
                format!("reaped by {}", parent(by)),
            ),
            Kind::Adopted { process, by } => (
                Lane::Life(process.clone()),
                format!("adopted by {}", parent(by)),
            ),
            Kind::Output {
                process,
                stream,
                text,
            } => {
                let lane = Lane::Output(process.clone(), *stream == Stream::Stderr);
                (lane, text.clone())
            }
            Kind::Called { process, call } => {
                let result = match call.result {
                    CallResult::Value(value) => format!(" → {value}"),
                    CallResult::Eof => " → EOF".to_owned(),
                    CallResult::Errno(number) => format!(" → {}", errno_name(number)),
                    CallResult::Nothing => String::new(),
                    CallResult::Restarted(_) => " → begun anew".to_owned(),
                    CallResult::Never => " → never".to_owned(),
                };
                let text = format!("{}({}){result}", call.name, call.args);
                (Lane::Calls(process.clone()), text)
            }
            _ => continue,
        };
        put(lanes, lane, text, event.step, Some(index));
    }
}

fn parent(reaper: &Reaper) -> String {
    match reaper {
        Reaper::Process(process) => process.to_string(),
        Reaper::Init => "init".to_owned(),
        Reaper::Kernel => "the kernel".to_owned(),
        Reaper::Unknown => "nobody knows whom".to_owned(),
    }
}

/// Who holds each endpoint as each step ends, where that differs from the step before.
fn holders(run: &Run, lanes: &mut Lanes) {
    let mut last: BTreeMap<&EndpointName, (usize, usize, String)> = BTreeMap::new();
    for (index, event) in run.timeline.events().iter().enumerate() {
        let Kind::Holders { key, holders, .. } = &event.kind else {
            continue;
        };
        let Some(endpoint) = run.timeline.endpoint_by_key(*key) else {
            continue;
        };
        let mut names: Vec<String> = holders
            .iter()
            .map(|holder| format!("{} fd {}", holder.process, holder.fd))
            .collect();
        if names.is_empty() {
            names.push("nobody".to_owned());
        }
        let now = (event.step, index, names.join(", "));
        if let Some((step, index, text)) = last.insert(&endpoint.name, now)
            && step < event.step
        {
            let lane = Lane::Holders(endpoint.name.clone());
            put(lanes, lane, text, step, Some(index));
        }
    }
    for (name, (step, index, text)) in last {
        put(lanes, Lane::Holders(name.clone()), text, step, Some(index));
    }
}

fn verdicts(run: &Run, scope: &Scope, lanes: &mut Lanes) {
    for (step, check) in run.checks() {
        if scope.undecided.contains(&(step, check.text.clone())) {
            continue;
        }
        let polarity = match check.polarity {
            Polarity::Expect => "expect",
            Polarity::Never => "never",
        };
        let (verdict, event) = match &check.verdict {
            Verdict::Pass(how) => (format!("passed{}", known(*how, scope.evidence)), None),
            Verdict::Fail(mismatch) => {
                let text = format!("failed: {}", mismatch.observed);
                (text, mismatch.events.last().copied())
            }
            Verdict::Inconclusive { why, .. } => (format!("inconclusive: {why}"), None),
            Verdict::Waived => ("waived".to_owned(), None),
        };
        let text = format!("{polarity} {}: {verdict}", check.text);
        put(lanes, Lane::Verdicts, text, step, event);
    }
    let last = run.steps.len().saturating_sub(1);
    if let Some(stopped) = &run.stopped {
        let text = format!("{}: {}", stopped.outcome.word(), stopped.why);
        put(lanes, Lane::End, text, last, None);
    }
}
