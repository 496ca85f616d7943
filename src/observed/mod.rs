//! From what was observed to expectations that say it: what `--bless` writes into a scenario.
//!
//! Pure, and honest by construction: whatever is given here was judged by [`check`] on
//! the same timeline and passed. What nobody could see is not among it.

mod instead;
mod packets;
mod scenario;
mod traced;

pub use instead::instead_of;
pub use scenario::scenario;

use crate::check::{self, Sight};
use crate::event::{Kind, Source};
use crate::graph::{self, Between};
use crate::model::{EndpointName, ExitStatus, ProcessName, ProgramName, TcpState};
use crate::programs;
use crate::run::{Run, Verdict};
use crate::scenario::{Expectation, Link, ProcessFact, StatePath};
use crate::timeline::{Endpoint, Process, Timeline};

/// What a step did, as expectations: the path of each endpoint that changed (where paths cannot be
/// seen, where it settled), what UDP sockets became, and how processes ended.
pub fn of_step(timeline: &Timeline, step: usize, sight: &Sight<'_>) -> Vec<Expectation> {
    let then = until(timeline, step);
    let mut found = Vec::new();
    for endpoint in then.endpoints() {
        let candidates = [
            path(endpoint, step, sight),
            settled(endpoint, &then, step, sight),
        ];
        let mut candidates = candidates.into_iter().flatten();
        found.extend(candidates.find(|candidate| holds(candidate, &then, step, sight)));
    }
    let ends = then.processes().iter().filter_map(|p| end(p, &then, step));
    found.extend(ends.filter(|candidate| holds(candidate, &then, step, sight)));
    found
}

/// The timeline as it was when a step was over: levels are judged then.
pub fn until(timeline: &Timeline, step: usize) -> Timeline {
    let mut then = Timeline::default();
    for event in timeline.events().iter().filter(|event| event.step <= step) {
        then.replay(event.clone());
    }
    then
}

/// The programs of a run that tell of their system calls: all where they were traced, else those
/// that are built in.
pub fn telling(run: &Run) -> Vec<ProgramName> {
    let traced = run.header.observers.contains(&Source::Syscalls);
    let mut found: Vec<ProgramName> = run
        .timeline
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Spawned {
                process, command, ..
            } => Some((process.program(), command.first()?)),
            _ => None,
        })
        .filter(|(_, word)| traced || programs::find(word).is_some())
        .map(|(program, _)| program)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether an expectation passes on a timeline that ends with `step`, and can be written down.
fn holds(candidate: &Expectation, then: &Timeline, step: usize, sight: &Sight<'_>) -> bool {
    let passes = matches!(
        check::expect(candidate, then, step, sight),
        Verdict::Pass(_)
    );
    passes && Expectation::parse(&candidate.to_string()).is_ok_and(|read| read == *candidate)
}

/// The states of an endpoint in a step: the one before it, then every change.
fn states(endpoint: &Endpoint, step: usize) -> Vec<TcpState> {
    let mut states: Vec<TcpState> = endpoint.state_before(step).into_iter().collect();
    states.extend(endpoint.changes_in(step).map(|change| change.state));
    states.dedup();
    states
}

/// A path through these states; nothing when there are none, or no scenario may say so. It is
/// complete where every state could be seen and the diagram has no two ways.
fn path_through(
    endpoint: &EndpointName,
    states: &[TcpState],
    sight: &Sight<'_>,
) -> Option<Expectation> {
    let first = *states.first()?;
    let steps = states.windows(2).map(|pair| {
        let link = match graph::between(pair[0], pair[1], false) {
            Between::Direct if check::is_sampled(sight) => Link::Eventually,
            Between::Direct => Link::Direct,
            Between::Through(_) | Between::Ambiguous => Link::Eventually,
            Between::Impossible => return None,
        };
        Some((link, pair[1]))
    });
    Some(Expectation::Path {
        endpoint: endpoint.clone(),
        path: StatePath {
            first,
            rest: steps.collect::<Option<_>>()?,
        },
    })
}

fn path(endpoint: &Endpoint, step: usize, sight: &Sight<'_>) -> Option<Expectation> {
    endpoint.changes_in(step).next()?;
    path_through(&endpoint.name, &states(endpoint, step), sight)
}

/// Where an endpoint that changed in the step ended up.
fn settled(
    endpoint: &Endpoint,
    then: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Option<Expectation> {
    match endpoint.udp() {
        Some(state) => {
            let newest = then.events().get(endpoint.datagram.last()?.event)?;
            (newest.step == step).then(|| Expectation::Datagram {
                endpoint: endpoint.name.clone(),
                state,
            })
        }
        None => {
            endpoint.changes_in(step).next()?;
            path_through(&endpoint.name, &[endpoint.state()], sight)
        }
    }
}

/// How a process ended in the step, or that it was reaped then.
fn end(process: &Process, then: &Timeline, step: usize) -> Option<Expectation> {
    let mut facts = Vec::new();
    let name = &process.name;
    let exited = then
        .events_in(step)
        .any(|(_, event)| matches!(&event.kind, Kind::Exited { process, .. } if process == name));
    let reaped = then
        .events_in(step)
        .any(|(_, event)| matches!(&event.kind, Kind::Reaped { process, .. } if process == name));
    if exited {
        facts.extend(status(process));
    }
    match process.is_zombie() {
        true if exited => facts.push(ProcessFact::Zombie),
        false if reaped => facts.push(ProcessFact::Reaped),
        _ => {}
    }
    life(name, facts)
}

/// How a process ended, where that is known.
fn status(process: &Process) -> Option<ProcessFact> {
    process.status.map(|status| match status {
        ExitStatus::Exited(status) => ProcessFact::Exited(status),
        ExitStatus::Signaled { signal, .. } => ProcessFact::KilledBy(signal),
    })
}

fn life(process: &ProcessName, facts: Vec<ProcessFact>) -> Option<Expectation> {
    let process = process.clone();
    (!facts.is_empty()).then_some(Expectation::Process { process, facts })
}
