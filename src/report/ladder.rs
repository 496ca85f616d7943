//! Rows as lines: time, two lanes with the wire between them, and what happened beside.

use std::time::Duration;

use super::arrow::{self, LabelDetail};
use super::drawing::Drawing;
use super::grid::{Cell, Column, Grid};
use super::lane::lane_text;
use super::palette::Tone;
use super::rows::{Class, Lanes, Row, RowKind, Side, StepHead};
use super::text::{cut, width};
use super::{Detail, Look, WireDetail};
use crate::event::Body;
use crate::model::millis;
use crate::run::{Place, Run};

/// From this width on, happenings stand in a column of their own beside the lanes.
const WIDE: usize = 96;

/// Columns that the column of happenings needs, and is content with where there is more to tell
/// of segments.
const HAPPENINGS: usize = 38;

/// Columns of the wire at least, lifelines not counted.
const WIRE: usize = 22;

/// Columns of the wire where the lanes leave no more.
const SHORTEST: usize = 14;

/// The widest lane, for labels like `conn20 ESTABLISHED`.
const LANE: usize = 30;

/// A happening stands beside the row before it when it came this soon after.
const SAME_MOMENT: Duration = Duration::from_millis(1);

/// How the rows of one run are laid out.
pub(super) struct Ladder<'a> {
    pub(super) look: &'a Look,
    titles: [String; 2],
    pub(super) time: usize,
    pub(super) lanes: [usize; 2],
    /// Columns between the lifelines; nothing: no wire.
    pub(super) wire: Option<usize>,
    pub(super) label: LabelDetail,
    /// Columns for happenings; nothing: they get lines of their own.
    pub(super) happenings: Option<usize>,
}

impl<'a> Ladder<'a> {
    pub(super) fn fit(run: &Run, rows: &[Row], look: &'a Look, detail: &Detail) -> Ladder<'a> {
        let lanes = Lanes::of(run);
        let titles = [lanes.title(Side::Left), lanes.title(Side::Right)];
        let last = rows.last().map_or(Duration::ZERO, |row| row.at);
        let mut ladder = Ladder {
            look,
            lanes: [Side::Left, Side::Right].map(|side| {
                rows.iter()
                    .filter_map(|row| row.rung()?.cell(side))
                    .map(|cell| width(&lane_text(cell)))
                    .chain([width(&titles[side as usize]), 11])
                    .max()
                    .unwrap_or(11)
                    .min(LANE)
            }),
            titles,
            time: millis(last).len().max(6),
            wire: None,
            label: LabelDetail::Flags,
            happenings: None,
        };
        let has_wire = run.header.place == Place::Wire && detail.wire != WireDetail::Off;
        ladder.narrow_lanes(if has_wire { SHORTEST } else { 0 });
        let free = look.columns().saturating_sub(ladder.used());
        if has_wire {
            ladder.fit_wire(rows, detail, free);
        } else if free >= HAPPENINGS + 2 {
            ladder.happenings = Some(free - 2);
        }
        ladder
    }

    /// Columns of everything but the wire and the happenings.
    fn used(&self) -> usize {
        3 + self.time + self.lanes[0] + 5 + self.lanes[1]
    }

    /// Takes from the wider lane until there is room for the wire.
    fn narrow_lanes(&mut self, wire: usize) {
        while self.used() + wire > self.look.columns() {
            let [left, right] = self.lanes;
            let wider = usize::from(right > left);
            if self.lanes[wider] <= 11 {
                return;
            }
            self.lanes[wider] -= 1;
        }
    }

    /// Chooses the most telling labels that fit. Where they do not fit beside the happenings, those
    /// get lines of their own: no label is cut or shortened that a narrower terminal shows whole.
    fn fit_wire(&mut self, rows: &[Row], detail: &Detail, free: usize) {
        let widest = |label: LabelDetail| {
            rows.iter()
                .filter_map(|row| row.rung()?.arrow.as_ref())
                .filter(|arrow| matches!(arrow.packet.body, Body::Tcp(_)))
                .map(|arrow| arrow::columns(arrow, label))
                .max()
                .unwrap_or(0)
        };
        self.label = match detail.wire {
            WireDetail::Full => LabelDetail::ALL
                .into_iter()
                .find(|label| widest(*label) <= free)
                .unwrap_or(LabelDetail::Flags),
            WireDetail::Flags | WireDetail::Off => LabelDetail::Flags,
        };
        // What is no segment has one label only.
        let others = rows
            .iter()
            .filter_map(|row| row.rung()?.arrow.as_ref())
            .filter(|arrow| !matches!(arrow.packet.body, Body::Tcp(_)))
            .map(|arrow| arrow::columns(arrow, self.label))
            .max()
            .unwrap_or(0);
        let wire = widest(self.label).max(others).max(WIRE);
        let fits = |wire: usize| wire <= free.saturating_sub(2 + HAPPENINGS);
        // A label that is too long for a line of its own too does not decide.
        let decisive = if wire <= free {
            wire
        } else {
            widest(self.label).max(WIRE)
        };
        let beside = self.look.columns() >= WIDE && fits(decisive);
        let room = if beside { free - 2 - HAPPENINGS } else { free };
        let wire = wire.min(room.max(SHORTEST));
        self.wire = Some(wire);
        self.happenings = beside.then(|| free - 2 - wire);
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        let lifeline = match self.wire {
            Some(_) => Column::of(1).below("│", Tone::Faint),
            None => Column::of(1),
        };
        let mut columns = vec![
            Column::of(1).gap(""),
            Column::of(self.time).right().gap("  "),
            Column::of(self.lanes[0]),
            lifeline.gap(""),
        ];
        if let Some(wire) = self.wire {
            columns.push(Column::of(wire).gap(""));
        }
        columns.push(lifeline);
        columns.push(Column::of(self.lanes[1]).gap("  "));
        if let Some(happenings) = self.happenings {
            columns.push(Column::of(happenings));
        }
        columns
    }

    /// Where the left lane begins.
    pub(super) fn indent(&self) -> usize {
        3 + self.time
    }

    /// The columns of the lifelines, where the wire is shown.
    pub(super) fn lifelines(&self) -> Vec<usize> {
        let left = self.indent() + self.lanes[0] + 1;
        self.wire
            .map_or_else(Vec::new, |wire| vec![left, left + 1 + wire])
    }

    /// The headings of the lanes.
    pub(super) fn head(&self) -> Vec<String> {
        let mut grid = Grid::new(self.columns());
        let faint = |text: &str| Cell::new(text, Tone::Faint);
        let strong = |text: &str| Cell::new(text, Tone::Strong);
        let mut cells = vec![
            Cell::default(),
            faint("ms"),
            strong(&self.titles[0]),
            Cell::default(),
        ];
        if self.wire.is_some() {
            cells.push(Cell::default());
        }
        cells.push(Cell::default());
        cells.push(strong(&self.titles[1]));
        grid.push(cells);
        grid.lines(self.look)
    }

    /// The lines of `rows`. Those that `marked` chooses get a sign in front.
    pub(super) fn lines(&self, rows: &[Row], marked: &dyn Fn(&Row) -> bool) -> Vec<String> {
        let mut drawing = Drawing::on(self);
        let mut rows = rows.iter().peekable();
        while let Some(row) = rows.next() {
            let beside = match (&row.kind, rows.peek()) {
                (RowKind::Rung(_), Some(next)) if self.stands_beside(row, next) => rows.next(),
                _ => None,
            };
            let mark = marked(row) || beside.is_some_and(marked);
            drawing.draw(row, beside, mark);
        }
        drawing.finish()
    }

    fn stands_beside(&self, rung: &Row, next: &Row) -> bool {
        let RowKind::Happening(happening) = &next.kind else {
            return false;
        };
        self.happenings.is_some()
            && matches!(happening.class, Class::Event | Class::Output)
            && next.step == rung.step
            && next.at.saturating_sub(rung.at) < SAME_MOMENT
    }

    pub(super) fn step(&self, head: &StepHead) -> String {
        let look = self.look;
        let mut tally = Vec::new();
        for (number, sign, tone) in [
            (head.failed, "✗", Tone::Bad),
            (head.inconclusive, "?", Tone::Closing),
            (head.passed, "✓", Tone::Good),
        ] {
            if number > 0 {
                tally.push((look.glyphs(&format!("{sign} {number}")), tone));
            }
        }
        let taken: usize = tally.iter().map(|(text, _)| width(text) + 1).sum();
        let number = format!("{:>3}  ", head.number);
        let room = look.columns().saturating_sub(width(&number) + taken + 3);
        let text = cut(&look.glyphs(&head.text), room);
        let rule = "─".repeat(room.saturating_sub(width(&text)) + 1);
        let mut line = format!(
            "{}{} {}",
            look.paint(Tone::Faint, &number),
            look.paint(Tone::Strong, &text),
            look.paint(Tone::Faint, &rule)
        );
        for (text, tone) in tally {
            line.push(' ');
            line.push_str(&look.paint(tone, &text));
        }
        line
    }
}
