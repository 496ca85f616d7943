//! Which events show that an expectation holds.

use super::process::is_noticed;
use crate::event::{CallResult, Kind};
use crate::model::signal_name;
use crate::observe::syscalls::decode::same_call;
use crate::scenario::Expectation;
use crate::timeline::Timeline;

/// The events, in order, by which a reader of the timeline sees that `expectation` holds. Empty
/// where it holds because something is absent.
pub(super) fn of(expectation: &Expectation, timeline: &Timeline, step: usize) -> Vec<usize> {
    let newest = |is_it: &dyn Fn(&Kind) -> bool| -> Vec<usize> {
        timeline
            .events()
            .iter()
            .rposition(|event| is_it(&event.kind))
            .into_iter()
            .collect()
    };
    let in_step = |is_it: &dyn Fn(&Kind) -> bool| -> Vec<usize> {
        timeline
            .events_in(step)
            .filter(|(_, event)| is_it(&event.kind))
            .map(|(index, _)| index)
            .collect()
    };
    match expectation {
        Expectation::Path { endpoint, path } => {
            let Some(endpoint) = timeline.endpoint(endpoint) else {
                return Vec::new();
            };
            let changes: Vec<usize> = endpoint.changes_in(step).map(|c| c.event).collect();
            match path.is_settled_state() || changes.is_empty() {
                true => endpoint
                    .history
                    .last()
                    .map(|c| c.event)
                    .into_iter()
                    .collect(),
                false => changes,
            }
        }
        Expectation::HeldBy { endpoint, .. } => {
            timeline.endpoint(endpoint).map_or_else(Vec::new, |of| {
                newest(&|kind| matches!(kind, Kind::Holders { key, .. } if *key == of.key))
            })
        }
        Expectation::Datagram { endpoint, .. } => {
            timeline.endpoint(endpoint).map_or_else(Vec::new, |of| {
                newest(&|kind| matches!(kind, Kind::Datagram { key, .. } if *key == of.key))
            })
        }
        Expectation::Gauge { endpoint, .. } | Expectation::Timer { endpoint, .. } => {
            timeline.endpoint(endpoint).map_or_else(Vec::new, |of| {
                newest(&|kind| {
                    matches!(kind, Kind::Gauges { key, .. } | Kind::Socket { key, .. }
                        | Kind::Datagram { key, .. } if *key == of.key)
                })
            })
        }
        Expectation::Process { process, .. } => newest(&|kind| {
            matches!(kind, Kind::Exited { process: of, .. } | Kind::Reaped { process: of, .. }
                | Kind::Spawned { process: of, .. } | Kind::Forked { process: of, .. }
                | Kind::Adopted { process: of, .. } if of == process)
        }),
        Expectation::Zombies { of, .. } => newest(&|kind| {
            matches!(kind, Kind::Exited { process, .. }
                if process.is_child() && of.as_ref().is_none_or(|of| process.program() == *of))
        }),
        Expectation::Children { of, .. } => newest(&|kind| {
            matches!(kind, Kind::Forked { process, .. } | Kind::Reaped { process, .. }
                if process.program() == *of)
        }),
        Expectation::Failed {
            process,
            call,
            errno,
        } => timeline
            .events_in(step)
            .filter(|(index, event)| {
                matches!(&event.kind, Kind::Called { process: of, call: made } if of == process
                    && made.result == CallResult::Errno(*errno)
                    && call.as_ref().is_none_or(|call| same_call(call, &made.name)))
                    && is_noticed(timeline, process, *index)
            })
            .map(|(index, _)| index)
            .collect(),
        Expectation::GotEof(process) => in_step(&|kind| {
            matches!(kind, Kind::Called { process: of, call } if of == process
                && call.result == CallResult::Eof)
        }),
        Expectation::Caught { process, signal } => in_step(&|kind| {
            matches!(kind, Kind::Called { process: of, call } if of == process
                && call.name == signal_name(*signal))
                || matches!(kind, Kind::Signal { process: of, signal: came, .. }
                    if of == process && came == signal)
        }),
        Expectation::Prints { process, text } => in_step(&|kind| {
            matches!(kind, Kind::Output { process: of, text: line, .. }
                if of.program() == process.program() && line.contains(text.as_str()))
        }),
        Expectation::Wire { what, .. } => {
            in_step(&|kind| matches!(kind, Kind::Sent(packet) if what.matches(packet)))
        }
        Expectation::WireSequence(_) => in_step(&|kind| matches!(kind, Kind::Sent(_))),
    }
}
