//! The lives of processes beside the notes of their side: a line from the start to the end, and
//! another one for as long as a zombie waits to be reaped. Each note about a process hangs on its
//! line.

use super::columns::Columns;
use super::layout::Layout;
use super::scene::{Fate, Lifetime};
use crate::event::{Event, Kind};
use crate::model::ProcessName;
use crate::report::rows::{Lanes, Row, Side};
use crate::report::text::escape;
use crate::run::Run;

/// Lines beside each other at most. Processes beyond have none.
const MOST: usize = 8;

/// From one line to the next.
const PITCH: f64 = 10.0;

/// A process and the line that it has.
#[derive(Clone, Debug)]
pub(super) struct Lived {
    name: ProcessName,
    side: Side,
    line: usize,
    /// Indices of events.
    began: usize,
    ended: Option<usize>,
    reaped: Option<usize>,
}

impl Lived {
    fn is_over(&self, event: usize) -> bool {
        self.reaped.is_some_and(|reaped| reaped < event)
    }
}

/// The processes of a run. One that was reaped leaves its line to the next one.
pub(super) fn lived(run: &Run) -> Vec<Lived> {
    let lanes = Lanes::of(run);
    let mut all: Vec<Lived> = Vec::new();
    for (event, Event { kind, .. }) in run.timeline.events().iter().enumerate() {
        match kind {
            Kind::Spawned { process, .. } | Kind::Forked { process, .. } => {
                let Some(side) = lanes.side_of_process(process) else {
                    continue;
                };
                let taken = |line: &usize| {
                    all.iter().any(|other| {
                        other.side == side && other.line == *line && !other.is_over(event)
                    })
                };
                if let Some(line) = (0..MOST).find(|line| !taken(line)) {
                    all.push(Lived {
                        name: process.clone(),
                        side,
                        line,
                        began: event,
                        ended: None,
                        reaped: None,
                    });
                }
            }
            Kind::Exited { process, .. } => {
                if let Some(life) = latest(&mut all, process) {
                    life.ended = Some(event);
                }
            }
            Kind::Reaped { process, .. } => {
                if let Some(life) = latest(&mut all, process) {
                    life.reaped = Some(event);
                }
            }
            _ => {}
        }
    }
    all
}

fn latest<'a>(all: &'a mut [Lived], process: &ProcessName) -> Option<&'a mut Lived> {
    all.iter_mut().rev().find(|life| life.name == *process)
}

/// The room that the lines of a side take.
pub(super) fn room(lived: &[Lived], side: Side) -> f64 {
    let lines = lived.iter().filter(|life| life.side == side);
    lines
        .map(|life| PITCH * (life.line + 1) as f64)
        .fold(0.0, f64::max)
}

/// The processes that a row is about: who did it first, then whom it made.
fn about<'a>(run: &'a Run, row: &Row) -> Vec<&'a ProcessName> {
    let event = row
        .events
        .first()
        .and_then(|at| run.timeline.events().get(*at));
    match event.map(|event| &event.kind) {
        Some(Kind::Forked {
            process, parent, ..
        }) => vec![parent, process],
        Some(
            Kind::Spawned { process, .. }
            | Kind::ProcessState { process, .. }
            | Kind::Exited { process, .. }
            | Kind::Reaped { process, .. }
            | Kind::Adopted { process, .. }
            | Kind::Renamed { process, .. }
            | Kind::Executed { process, .. }
            | Kind::Output { process, .. }
            | Kind::Called { process, .. }
            | Kind::Signal { process, .. },
        ) => vec![process],
        _ => Vec::new(),
    }
}

impl Columns {
    fn line_of(&self, life: &Lived) -> f64 {
        let strip = self.processes[life.side as usize];
        let along = PITCH * (life.line as f64 + 0.5);
        match life.side {
            Side::Left => strip.start + along,
            Side::Right => strip.end - along,
        }
    }

    /// The lines on which the note of a row hangs.
    pub(super) fn knots(&self, run: &Run, row: &Row) -> Vec<f64> {
        let Some(event) = row.events.first() else {
            return Vec::new();
        };
        let alive = |name: &ProcessName| {
            self.lived.iter().rev().find(|life| {
                life.name == *name
                    && life.began <= *event
                    && life.reaped.is_none_or(|reaped| reaped >= *event)
            })
        };
        about(run, row)
            .into_iter()
            .filter_map(|name| alive(name).map(|life| self.line_of(life)))
            .collect()
    }
}

impl Layout<'_> {
    /// Whether everything was at rest at some moment between two events.
    fn rests_between(&self, from: usize, to: usize) -> bool {
        let next = self.quiet.partition_point(|quiet| *quiet < from);
        self.quiet.get(next).is_some_and(|quiet| *quiet < to)
    }

    /// The processes, all rows being placed.
    pub(super) fn lifetimes(&self, bottom: f64) -> Vec<Lifetime> {
        let place = |life: &Lived| {
            let from = self.height_of(life.began);
            let at = |event: Option<usize>| event.map_or(bottom, |at| self.height_of(at).max(from));
            let ended = at(life.ended);
            Lifetime {
                name: escape(life.name.as_str()),
                x: self.columns.line_of(life),
                from,
                ended,
                to: at(life.reaped).max(ended),
                reaped: life.reaped.is_some(),
                fate: match (life.ended, life.reaped) {
                    (Some(ended), Some(reaped)) if self.rests_between(ended, reaped) => {
                        Fate::Zombie
                    }
                    (_, Some(_)) => Fate::Reaped,
                    (Some(_), None) => Fate::Zombie,
                    (None, None) => Fate::Runs,
                },
            }
        };
        self.columns.lived.iter().map(place).collect()
    }
}
