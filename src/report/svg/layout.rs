//! Rows placed from top to bottom: time runs down, and on no side does anything stand above what
//! came before it there. What arrives comes lower than it left, and so does what it leads to.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::columns::{Columns, Strip};
use super::measure::{Face, advance, fold};
use super::scene::{Bar, Form, NotePlace, Placed, Point, Scene, Shape, Wait};
use super::shaft::SLANT;
use super::{HEADING, LABEL, NOTE, STATE};
use crate::event::PacketId;
use crate::model::{Role, TcpState, millis};
use crate::report::lane::lane_text;
use crate::report::palette::Tone;
use crate::report::rows::{Class, End, Happening, LaneCell, Row, RowKind, Rung, Side, StepHead};
use crate::run::{Run, Verdict};

/// Heights of a row with an arrow, and of one with states only.
const ARROW: f64 = 44.0;
const STATES: f64 = 28.0;

/// From a row's top to where its arrow begins.
const BEGIN: f64 = 14.0;

/// From a note's top to the middle of its first line.
const NOTE_MIDDLE: f64 = 9.0;

/// From one line of a note to the next.
pub(super) const LINE: f64 = 14.0;

/// From one time to the next at least.
const TICK: f64 = 15.0;

/// A happening stands beside the rung before it when it came this soon after.
const SAME_MOMENT: Duration = Duration::from_millis(1);

/// Lines of a note, of a heading, of a remark at most. The rest is in the tooltip.
const NOTE_LINES: usize = 4;
const STEP_LINES: usize = 3;

/// Places all rows from `top` on.
pub(super) fn place(run: &Run, rows: &[Row], columns: &Columns, top: f64) -> Scene {
    let failed = run.checks().filter_map(|(_, check)| match &check.verdict {
        Verdict::Fail(mismatch) => Some(&mismatch.events),
        _ => None,
    });
    let mut layout = Layout {
        run,
        columns,
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
const MIDDLE: usize = 1;
const RIGHT: usize = 2;

/// The column of a side's notes.
fn column(side: Side) -> usize {
    match side {
        Side::Left => LEFT,
        Side::Right => RIGHT,
    }
}

/// What was placed last.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Rung(Duration),
    Note,
    Other,
}

/// Rows on their way into a scene.
pub(super) struct Layout<'a> {
    run: &'a Run,
    pub(super) columns: &'a Columns,
    failed: BTreeSet<usize>,
    pub(super) scene: Scene,
    floors: [f64; 3],
    last: Last,
    last_top: f64,
    time: String,
    time_at: f64,
    /// The state of each life line's connection and since where.
    open: Vec<Option<Bar>>,
    /// The packets that wait, and where.
    pub(super) held: HashMap<PacketId, Point>,
}

impl Layout<'_> {
    fn row(&mut self, row: &Row) {
        let first = self.scene.rows.len();
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
        self.scene.bottom = bottom;
        self.scene
    }

    fn lowest(&self) -> f64 {
        self.floors.into_iter().fold(f64::MIN, f64::max)
    }

    fn clear(&mut self, floor: f64) {
        self.floors = [floor; 3];
        self.last = Last::Other;
    }

    fn push(&mut self, time: Option<(f64, String)>, shapes: Vec<Shape>) {
        self.scene.rows.push(Placed {
            time,
            mark: None,
            shapes,
        });
    }

    /// Where a row may begin whose time stands `below` its top, and the time where it is new.
    fn timed(&mut self, row: &Row, top: f64, below: f64) -> (f64, Option<(f64, String)>) {
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
        let top = self.lowest() + 12.0;
        let height = 12.0 + 16.0 * text.lines.len().max(1) as f64;
        self.push(
            None,
            vec![Shape::Step {
                top,
                height,
                number: head.number,
                text,
                tally,
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
            shapes.push(self.state(cell, side, start + below));
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

    /// What stands beside a life line; the line takes the colour of its connection's state.
    fn state(&mut self, cell: &LaneCell, side: Side, middle: f64) -> Shape {
        let life = self.columns.life_of_cell(self.run, cell, side);
        let form = match cell.state {
            Some((state, evidence)) => {
                self.bar(
                    life,
                    cell,
                    state,
                    evidence == crate::model::Evidence::Inferred,
                    middle,
                );
                Form::State(evidence)
            }
            None if cell.tone == Tone::Faint => Form::Label,
            None => Form::Socket,
        };
        let room = self.columns.lives[life].states.width() - 14.0;
        let text = lane_text(cell);
        let mut folded = fold(&text, room, STATE, Face::Mono, 1);
        if folded.whole.is_some() {
            // The label gives way, the state does not.
            let columns = (room / advance("0", STATE, Face::Mono)) as usize;
            let shorter = crate::report::lane::fitted(cell, columns);
            folded.lines = fold(&shorter, room, STATE, Face::Mono, 1).lines;
        }
        Shape::State {
            life,
            middle,
            text: folded,
            tone: cell.tone,
            form,
        }
    }

    fn bar(&mut self, life: usize, cell: &LaneCell, state: TcpState, inferred: bool, at: f64) {
        let endpoints = self.run.timeline.endpoints();
        let Some(endpoint) = endpoints.iter().find(|e| e.name == cell.endpoint) else {
            return;
        };
        // With several connections on a line, its colour would be anybody's.
        if endpoint.role != Role::Connection || !cell.label.is_empty() {
            return;
        }
        if let Some(mut bar) = self.open[life].take() {
            bar.to = at;
            self.scene.bars.push(bar);
        }
        if state != TcpState::Close {
            self.open[life] = Some(Bar {
                life,
                from: at,
                to: at,
                tone: cell.tone,
                inferred,
            });
        }
    }

    fn beside(&mut self, row: &Row, happening: &Happening, side: Side) -> f64 {
        let strip = self.columns.notes[side as usize];
        let column = column(side);
        let text = fold(
            &happening.text,
            strip.width() - 9.0,
            NOTE,
            Face::Mono,
            NOTE_LINES,
        );
        let floor = self.floors[column];
        let (top, time) = match self.last {
            Last::Rung(at) if row.at.saturating_sub(at) < SAME_MOMENT => {
                (floor, None)
            }
            Last::Rung(_) | Last::Other => self.timed(row, floor.max(self.floors[MIDDLE]), 11.0),
            Last::Note if millis(row.at) == self.time => (floor.max(self.last_top), None),
            Last::Note => self.timed(row, floor.max(self.last_top + LINE), 11.0),
        };
        self.floors[column] = top + LINE * text.lines.len() as f64 + 4.0;
        let shape = Shape::Note {
            top,
            place: NotePlace::Beside(side),
            text,
            tone: happening.tone,
        };
        self.push(time, vec![shape]);
        self.last = Last::Note;
        self.last_top = top;
        top
    }

    fn on_the_wire(&mut self, row: &Row, happening: &Happening) -> f64 {
        let room = self.columns.wire.width() - 24.0;
        let text = fold(&happening.text, room, NOTE, Face::Mono, NOTE_LINES);
        let order = match self.last {
            Last::Note => self.last_top + LINE,
            _ => self.last_top,
        };
        let top = self.floors[MIDDLE].max(order);
        let (top, time) = self.timed(row, top, 11.0);
        self.floors[MIDDLE] = top + LINE * text.lines.len() as f64 + 6.0;
        let shape = Shape::Note {
            top,
            place: NotePlace::Wire,
            text,
            tone: happening.tone,
        };
        self.push(time, vec![shape]);
        self.last = Last::Note;
        self.last_top = top;
        top
    }

    fn across(&mut self, row: &Row, class: Option<Class>, text: &str, tone: Tone) -> f64 {
        let room = self.columns.body().width() - 40.0;
        let text = match class {
            Some(Class::Note) => format!("note: {text}"),
            Some(Class::Gap) => format!("! {text}"),
            _ => text.to_owned(),
        };
        let text = fold(&text, room, NOTE, Face::Mono, NOTE_LINES);
        let (top, time) = self.timed(row, self.lowest() + 2.0, 15.0);
        let height = 8.0 + LINE * text.lines.len() as f64;
        self.push(
            time,
            vec![Shape::Across {
                top,
                height,
                class,
                text,
                tone,
            }],
        );
        let gap = match class {
            Some(Class::Action) => -4.0,
            _ => 4.0,
        };
        self.clear(top + height + gap);
        self.last_top = top;
        top
    }
}
