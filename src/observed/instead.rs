//! What to expect in place of what failed: the same form, with what was observed in it.

use super::{holds, packets, path_through, states, status, until};
use crate::check::Sight;
use crate::event::{Call, CallResult, Kind, Reaper};
use crate::model::{ProcessName, TcpState};
use crate::scenario::{
    Bound, Collector, Comparison, Expectation, Gauge, Link, ProcessFact, StatePath,
};
use crate::timeline::{Process, Timeline};

/// The expectation in the form of `wanted` that held when `step` was over. Nothing where there is
/// none: an endpoint that never was has no path, an error that did not happen no number.
pub fn instead_of(
    wanted: &Expectation,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Option<Expectation> {
    let then = until(timeline, step);
    candidate(wanted, &then, step, sight).filter(|found| holds(found, &then, step, sight))
}

fn candidate(
    wanted: &Expectation,
    then: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Option<Expectation> {
    let exactly = |value: usize| Bound {
        op: Comparison::Equal,
        value: value as u64,
    };
    Some(match wanted {
        Expectation::Path { endpoint, path } => {
            let found = then.endpoint(endpoint)?;
            let seen = match path.is_settled_state() {
                true => vec![found.state()],
                false => states(found, step),
            };
            match has_gaps_only(path) {
                true => from_first_to_last(endpoint, &seen)?,
                false => path_through(endpoint, &seen, sight)?,
            }
        }
        Expectation::Datagram { endpoint, .. } => Expectation::Datagram {
            endpoint: endpoint.clone(),
            state: then.endpoint(endpoint)?.udp()?,
        },
        Expectation::HeldBy { endpoint, .. } => {
            let found = then.endpoint(endpoint)?;
            found.holders.as_ref()?;
            Expectation::HeldBy {
                endpoint: endpoint.clone(),
                holders: found.holding_processes(),
            }
        }
        Expectation::Gauge {
            endpoint,
            gauge,
            bound,
        } => {
            let found = then.endpoint(endpoint)?;
            let facts = found.facts.as_ref().filter(|_| found.is_open())?;
            Expectation::Gauge {
                endpoint: endpoint.clone(),
                gauge: *gauge,
                bound: match gauge {
                    Gauge::RecvQ => exactly(facts.recv_q as usize),
                    Gauge::SendQ => exactly(facts.send_q as usize),
                    Gauge::Retransmits => exactly(facts.retransmits as usize),
                    Gauge::TimerMs => around(*bound, facts.timer_ms.into()),
                },
            }
        }
        Expectation::Timer { endpoint, .. } => {
            let found = then.endpoint(endpoint)?;
            let facts = found.facts.as_ref().filter(|_| found.is_open())?;
            Expectation::Timer {
                endpoint: endpoint.clone(),
                timer: facts.timer,
            }
        }
        Expectation::Process { process, facts } => Expectation::Process {
            process: process.clone(),
            facts: life(then.process(process)?, facts)?,
        },
        Expectation::Zombies { of, .. } => {
            let zombies = then.processes().iter().filter(|p| p.is_zombie());
            let forked = zombies.filter(|p| p.parent.is_some());
            let meant = forked.filter(|p| of.as_ref().is_none_or(|of| p.name.program() == *of));
            Expectation::Zombies {
                of: of.clone(),
                bound: exactly(meant.count()),
            }
        }
        Expectation::Children { of, .. } => {
            let forked = then.processes().iter().filter(|p| p.parent.is_some());
            let meant = forked.filter(|p| p.reaped.is_none() && p.name.program() == *of);
            Expectation::Children {
                of: of.clone(),
                bound: exactly(meant.count()),
            }
        }
        Expectation::Failed { process, call, .. } => {
            let errno = calls(process, then, step)
                .filter(|made| call.as_ref().is_none_or(|call| made.name == *call))
                .filter_map(|made| match made.result {
                    CallResult::Errno(errno) => Some(errno),
                    _ => None,
                });
            Expectation::Failed {
                process: process.clone(),
                call: call.clone(),
                errno: errno.last()?,
            }
        }
        Expectation::Prints { process, .. } => {
            let lines = then
                .events_in(step)
                .filter_map(|(_, event)| match &event.kind {
                    Kind::Output {
                        process: writer,
                        text,
                        ..
                    } if writer.program() == process.program() => Some(text),
                    _ => None,
                });
            Expectation::Prints {
                process: process.clone(),
                text: lines.last()?.clone(),
            }
        }
        Expectation::Wire { what, .. } => Expectation::Wire {
            bound: Bound {
                op: Comparison::Equal,
                value: packets::count(what, then, step),
            },
            what: what.clone(),
        },
        Expectation::WireSequence(_) => packets::sequence(then, step),
        // They have no other value: what did not happen cannot be said so.
        Expectation::GotEof(_) | Expectation::Caught { .. } => return None,
    })
}

/// `A >> B`: whoever wrote it does not care for what is between.
fn has_gaps_only(path: &StatePath) -> bool {
    !path.is_settled_state() && path.rest.iter().all(|(link, _)| *link == Link::Eventually)
}

fn from_first_to_last(
    endpoint: &crate::model::EndpointName,
    seen: &[TcpState],
) -> Option<Expectation> {
    let (first, rest) = seen.split_first()?;
    let last = rest.last().map(|last| (Link::Eventually, *last));
    Some(Expectation::Path {
        endpoint: endpoint.clone(),
        path: StatePath {
            first: *first,
            rest: last.into_iter().collect(),
        },
    })
}

/// A timer never shows the same twice. So what is written leaves as much room as was observed: half
/// of it where a least value was wanted, twice as much otherwise.
fn around(wanted: Bound, milliseconds: u64) -> Bound {
    match wanted.op {
        Comparison::AtLeast | Comparison::More => Bound {
            op: Comparison::AtLeast,
            value: milliseconds / 2,
        },
        Comparison::Equal | Comparison::AtMost | Comparison::Less => Bound {
            op: Comparison::AtMost,
            value: milliseconds * 2,
        },
    }
}

/// The facts of a process that answer the questions which `wanted` asks.
fn life(process: &Process, wanted: &[ProcessFact]) -> Option<Vec<ProcessFact>> {
    if !process.ended {
        let stopped = process.state == crate::model::ProcState::Stopped;
        return Some(vec![match stopped {
            true => ProcessFact::Stopped,
            false => ProcessFact::Running,
        }]);
    }
    let asks = |question: fn(&ProcessFact) -> bool| wanted.iter().any(question);
    // That a process runs is answered by how it ended and what became of it.
    let alive = asks(|fact| matches!(fact, ProcessFact::Running | ProcessFact::Stopped));
    let how = asks(|fact| matches!(fact, ProcessFact::Exited(_) | ProcessFact::KilledBy(_)));
    let by_whom = asks(|fact| matches!(fact, ProcessFact::ReapedBy(_)));
    let collected = asks(|fact| matches!(fact, ProcessFact::Reaped | ProcessFact::Zombie));
    let mut facts = Vec::new();
    if how || alive {
        facts.push(status(process)?);
    }
    let collector = match &process.reaped {
        Some(Reaper::Process(_)) => Some(Collector::Parent),
        Some(Reaper::Init) => Some(Collector::Init),
        Some(Reaper::Kernel) => Some(Collector::Kernel),
        Some(Reaper::Unknown) | None => None,
    };
    match collector {
        _ if !(by_whom || collected || alive) => {}
        _ if process.is_zombie() => facts.push(ProcessFact::Zombie),
        Some(collector) if by_whom => facts.push(ProcessFact::ReapedBy(collector)),
        _ => facts.push(ProcessFact::Reaped),
    }
    if process.adopted.is_some() && asks(|fact| *fact == ProcessFact::Adopted) {
        facts.push(ProcessFact::Adopted);
    }
    (!facts.is_empty()).then_some(facts)
}

fn calls<'a>(
    of: &'a ProcessName,
    then: &'a Timeline,
    step: usize,
) -> impl Iterator<Item = &'a Call> {
    then.events_in(step)
        .filter_map(move |(_, event)| match &event.kind {
            Kind::Called { process, call } if process == of => Some(call),
            _ => None,
        })
}
