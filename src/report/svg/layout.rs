//! Rows placed from top to bottom: time runs down, and on no side does anything stand above what
//! came before it there. What arrives comes lower than it left, and so does what it leads to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::columns::{Columns, Strip};
use super::measure::{Face, advance, fold};
use super::scene::{Bar, Placed, Point, Scene, Shape, Wait};
use super::shaft::SLANT;
use super::{HEADING, LABEL, NOTE};
use crate::event::{Aspect, Kind, PacketId};
use crate::model::{HostName, millis};
use crate::report::lesson::Lesson;
use crate::report::palette::Tone;
use crate::report::rows::{Class, End, Row, RowKind, Rung, Side, StepHead};
use crate::report::text::visible;
use crate::run::{Run, Verdict};

/// Heights of a row with an arrow, and of one with states only.
const ARROW: f64 = 44.0;
const STATES: f64 = 28.0;

/// From a row's top to where its arrow begins.
const BEGIN: f64 = 14.0;

/// From a note's top to the middle of its first line.
pub(super) const NOTE_MIDDLE: f64 = 9.0;

/// From the middle of a note's first line down to its knot.
pub(super) const KNOT: f64 = 1.8;

/// From one line of a note to the next.
pub(super) const LINE: f64 = 14.0;

/// From one time to the next at least.
const TICK: f64 = 15.0;

/// A happening stands beside the rung before it when it came this soon after.
pub(super) const SAME_MOMENT: Duration = Duration::from_millis(1);

/// Lines of a note, of a heading, of a remark at most. The rest is in the tooltip.
pub(super) const NOTE_LINES: usize = 4;
const STEP_LINES: usize = 3;
const TELLS_LINES: usize = 6;

/// Places all rows from `top` on.
pub(super) fn place(run: &Run, rows: &[Row], columns: &Columns, top: f64) -> Scene {
    let failed = run.checks().filter_map(|(_, check)| match &check.verdict {
        Verdict::Fail(mismatch) => Some(&mismatch.events),
        _ => None,
    });
    let events = run.timeline.events();
    let indices = |wanted: fn(&Kind) -> bool| -> Vec<usize> {
        let found = events.iter().enumerate().filter(|(_, e)| wanted(&e.kind));
        found.map(|(index, _)| index).collect()
    };
    let mut layout = Layout {
        run,
        columns,
        lesson: Lesson::of(run),
        sampled: run.header.blind.iter().any(|b| b.aspect == Aspect::Paths),
        quiet: indices(|kind| matches!(kind, Kind::Quiet)),
        crashes: crashes(run),
        heights: BTreeMap::new(),
        failed: failed.flatten().copied().collect(),
        scene: Scene::default(),
        floors: [top; 3],
        last: Last::Other,
        last_top: top,
        time: String::new(),
        time_at: f64::MIN,
        open: columns.lives.iter().map(|_| None).collect(),
        held: HashMap::new(),
    };
    for row in rows {
        layout.row(row);
    }
    layout.finish()
}

/// The columns that things stand in: notes of the left, everything between, notes of the right.
const LEFT: usize = 0;
pub(super) const MIDDLE: usize = 1;
const RIGHT: usize = 2;

/// The hosts that a step took down, the first one last.
fn crashes(run: &Run) -> Vec<(usize, HostName)> {
    let events = run.timeline.events().iter().enumerate().rev();
    events
        .filter_map(|(index, event)| match &event.kind {
            Kind::Acted { text } => {
                let named = text.strip_prefix("crash ")?.trim();
                let host = run
                    .header
                    .hosts
                    .iter()
                    .find(|host| host.as_str() == named)?;
                Some((index, host.clone()))
            }
            _ => None,
        })
        .collect()
}

/// The column of a side's notes.
pub(super) fn column(side: Side) -> usize {
    match side {
        Side::Left => LEFT,
        Side::Right => RIGHT,
    }
}

/// What was placed last.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Last {
    Rung(Duration),
    Note,
    Other,
}

/// Rows on their way into a scene.
pub(super) struct Layout<'a> {
    pub(super) run: &'a Run,
    pub(super) columns: &'a Columns,
    lesson: Lesson,
    /// States were sampled only.
    pub(super) sampled: bool,
    /// The quiet points: indices of events.
    pub(super) quiet: Vec<usize>,
    /// Hosts that went down, the first one last.
    crashes: Vec<(usize, HostName)>,
    /// Which event stands where.
    heights: BTreeMap<usize, f64>,
    failed: BTreeSet<usize>,
    pub(super) scene: Scene,
    pub(super) floors: [f64; 3],
    pub(super) last: Last,
    pub(super) last_top: f64,
    pub(super) time: String,
    time_at: f64,
    /// The state of each life line's connection and since where.
    pub(super) open: Vec<Option<Bar>>,
    /// The packets that wait, and where.
    pub(super) held: HashMap<PacketId, Point>,
}

impl Layout<'_> {
    fn row(&mut self, row: &Row) {
        let first = self.scene.rows.len();
        let event = row.events.iter().min().copied().unwrap_or_default();
        while let Some((_, host)) = self.crashes.pop_if(|(at, _)| *at < event) {
            self.crash(&host);
        }
        let top = match &row.kind {
            RowKind::Step(head) => self.step(head),
            RowKind::Rung(rung) => self.rung(row, rung),
            RowKind::Happening(happening) => match (happening.class, happening.side) {
                (Class::Event | Class::Output, Some(side)) => self.beside(row, happening, side),
                (Class::Event | Class::Output, None) => self.on_the_wire(row, happening),
                _ => self.across(row, Some(happening.class), &happening.text, happening.tone),
            },
            RowKind::Skipped(text) => self.across(row, None, text, Tone::Faint),
        };
        let middle = match row.kind {
            RowKind::Rung(_) => top + BEGIN,
            _ => top + NOTE_MIDDLE - KNOT,
        };
        self.heights
            .extend(row.events.iter().map(|event| (*event, middle)));
        let points_here = row.events.iter().any(|event| self.failed.contains(event));
        let step = matches!(row.kind, RowKind::Step(_));
        if points_here && !step {
            let end = self.floors.into_iter().fold(f64::MIN, f64::max);
            let end = end.clamp(top + 18.0, top + 34.0);
            let mark = Strip {
                start: top + 2.0,
                end,
            };
            if let Some(placed) = self.scene.rows.get_mut(first) {
                placed.mark = Some(mark);
            }
        }
    }

    fn finish(mut self) -> Scene {
        let bottom = self.lowest() + 10.0;
        for open in &mut self.open {
            if let Some(mut bar) = open.take() {
                bar.to = bottom;
                self.scene.bars.push(bar);
            }
        }
        let waits = self.held.values().map(|from| Wait {
            x: from.x,
            from: from.y,
            to: bottom,
        });
        let mut waits: Vec<Wait> = waits.collect();
        waits.sort_by(|a, b| a.from.total_cmp(&b.from));
        self.scene.waits.extend(waits);
        self.scene.lifetimes = self.lifetimes(bottom);
        self.scene.bottom = bottom;
        self.scene
    }

    pub(super) fn lowest(&self) -> f64 {
        self.floors.into_iter().fold(f64::MIN, f64::max)
    }

    pub(super) fn clear(&mut self, floor: f64) {
        self.floors = [floor; 3];
        self.last = Last::Other;
    }

    pub(super) fn push(&mut self, time: Option<(f64, String)>, shapes: Vec<Shape>) {
        self.scene.rows.push(Placed {
            time,
            mark: None,
            shapes,
        });
    }

    /// Where an event stands, or the last row before it that shows one.
    pub(super) fn height_of(&self, event: usize) -> f64 {
        let mut shown = self.heights.range(..=event);
        shown.next_back().map_or(0.0, |(_, y)| *y)
    }

    /// Where a row may begin whose time stands `below` its top, and the time where it is new.
    pub(super) fn timed(
        &mut self,
        row: &Row,
        top: f64,
        below: f64,
    ) -> (f64, Option<(f64, String)>) {
        let time = millis(row.at);
        if time == self.time {
            return (top, None);
        }
        let top = top.max(self.time_at + TICK - below);
        self.time.clone_from(&time);
        self.time_at = top + below;
        (top, Some((self.time_at, time)))
    }

    fn step(&mut self, head: &StepHead) -> f64 {
        let mut tally = Vec::new();
        for (number, sign, tone) in [
            (head.failed, "✗", Tone::Bad),
            (head.inconclusive, "?", Tone::Closing),
            (head.passed, "✓", Tone::Good),
        ] {
            if number > 0 {
                tally.push((format!("{sign} {number}"), tone));
            }
        }
        let taken: f64 = tally
            .iter()
            .map(|(text, _)| advance(text, LABEL, Face::Mono) + 12.0)
            .sum();
        let room = self.columns.width - 2.0 * super::columns::MARGIN - 60.0 - taken;
        let text = fold(&head.text, room, HEADING, Face::Heading, STEP_LINES);
        let tells = self.lesson.tells(head.number - 1).unwrap_or_default();
        let room = self.columns.width - 2.0 * super::columns::MARGIN - 48.0;
        let tells = fold(&visible(tells), room, NOTE, Face::Mono, TELLS_LINES);
        let top = self.lowest() + 12.0;
        let more = text.lines.len().saturating_sub(1) as f64;
        let height = 28.0 + super::HEADING_LINE * more + LINE * tells.lines.len() as f64;
        self.push(
            None,
            vec![Shape::Step {
                top,
                height,
                number: head.number,
                text,
                tally,
                tells,
            }],
        );
        self.clear(top + height + 8.0);
        self.last_top = top + height;
        self.time.clear();
        self.time_at = f64::MIN;
        top
    }

    fn rung(&mut self, row: &Row, rung: &Rung) -> f64 {
        let order = match self.last {
            Last::Note => self.last_top + LINE,
            _ => self.last_top,
        };
        let (begin, height) = match rung.arrow {
            Some(_) => (BEGIN, ARROW),
            None => (STATES / 2.0, STATES),
        };
        let top = self.floors[MIDDLE].max(order);
        let (top, time) = self.timed(row, top, begin + 4.0);
        let mut shapes = Vec::new();
        let start = top + begin;
        if let Some(arrow) = &rung.arrow {
            shapes.push(Shape::Arrow(self.shaft(arrow, start)));
        }
        for side in [Side::Left, Side::Right] {
            let Some(cell) = rung.cell(side) else {
                continue;
            };
            let below = match &rung.arrow {
                Some(arrow) if arrow.toward == side => SLANT,
                _ => 0.0,
            };
            shapes.push(self.state(row, cell, side, start + below));
        }
        self.push(time, shapes);
        for side in [Side::Left, Side::Right] {
            // What an arriving packet leads to does not stand above its arrival.
            let at = match &rung.arrow {
                Some(arrow) if arrow.toward == side && arrow.end == End::Delivered => start + SLANT,
                _ => start,
            };
            let floor = &mut self.floors[column(side)];
            *floor = floor.max(at - NOTE_MIDDLE);
        }
        self.floors[MIDDLE] = top + height;
        self.last = Last::Rung(row.at);
        self.last_top = top;
        top
    }
}
