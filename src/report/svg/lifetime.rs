//! The lives of processes beside the notes of their side: a line from the start to the end, and
//! another one for as long as a zombie waits to be reaped. Each note about a process hangs on its
//! line.

use std::collections::HashMap;

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

/// The processes of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Lives {
    pub(super) all: Vec<Lived>,
    /// Which ones are called so, the last one last: a program that is started again has the same
    /// name.
    named: HashMap<ProcessName, Vec<usize>>,
}

impl Lives {
    /// Those of a run. One that was reaped leaves its line to the next one.
    pub(super) fn of(run: &Run) -> Lives {
        let lanes = Lanes::of(run);
        let mut lives = Lives::default();
        // Who has each line of each side, or had it last.
        let mut lines: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
        for (event, Event { kind, .. }) in run.timeline.events().iter().enumerate() {
            match kind {
                Kind::Spawned { process, .. } | Kind::Forked { process, .. } => {
                    let Some(side) = lanes.side_of_process(process) else {
                        continue;
                    };
                    let lines = &mut lines[side as usize];
                    let is_free = |life: &usize| lives.all[*life].reaped.is_some();
                    let line = lines.iter().position(is_free).unwrap_or(lines.len());
                    if line == MOST {
                        continue;
                    }
                    let life = lives.all.len();
                    match lines.get_mut(line) {
                        Some(last) => *last = life,
                        None => lines.push(life),
                    }
                    lives.named.entry(process.clone()).or_default().push(life);
                    lives.all.push(Lived {
                        name: process.clone(),
                        side,
                        line,
                        began: event,
                        ended: None,
                        reaped: None,
                    });
                }
                Kind::Exited { process, .. } => {
                    if let Some(life) = lives.last(process) {
                        life.ended = Some(event);
                    }
                }
                Kind::Reaped { process, .. } => {
                    if let Some(life) = lives.last(process) {
                        life.reaped = Some(event);
                    }
                }
                _ => {}
            }
        }
        lives
    }

    fn last(&mut self, name: &ProcessName) -> Option<&mut Lived> {
        let life = *self.named.get(name)?.last()?;
        self.all.get_mut(life)
    }

    /// The process that was called so when an event came.
    fn at(&self, name: &ProcessName, event: usize) -> Option<&Lived> {
        let lives = self.named.get(name)?.iter().rev();
        let mut lives = lives.filter_map(|life| self.all.get(*life));
        lives.find(|life| life.began <= event && life.reaped.is_none_or(|reaped| reaped >= event))
    }
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
        about(run, row)
            .into_iter()
            .filter_map(|name| Some(self.line_of(self.lived.at(name, *event)?)))
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
        self.columns.lived.all.iter().map(place).collect()
    }
}
