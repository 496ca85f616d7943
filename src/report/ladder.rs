//! Rows as lines: time, two lanes with the wire between them, and what happened beside.

use std::time::Duration;

use super::arrow::{self, LabelDetail};
use super::grid::{Cell, Column, Grid, wrap};
use super::palette::Tone;
use super::rows::{Class, Happening, LaneCell, Lanes, Row, RowKind, Rung, Side, StepHead};
use super::text::{cut, width};
use super::{Detail, Look, WireDetail};
use crate::event::Body;
use crate::model::{Evidence, millis};
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
    look: &'a Look,
    titles: [String; 2],
    time: usize,
    lanes: [usize; 2],
    /// Columns between the lifelines; nothing: no wire.
    wire: Option<usize>,
    label: LabelDetail,
    /// Columns for happenings; nothing: they get lines of their own.
    happenings: Option<usize>,
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
                    .filter_map(|row| rung_of(row)?.cell(side))
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

    /// Chooses the most telling labels that fit beside the happenings.
    fn fit_wire(&mut self, rows: &[Row], detail: &Detail, free: usize) {
        let beside = self.look.columns() >= WIDE && free >= WIRE + 2 + HAPPENINGS;
        let room = if beside { free - 2 - HAPPENINGS } else { free };
        let widest = |label: LabelDetail| {
            rows.iter()
                .filter_map(|row| rung_of(row)?.arrow.as_ref())
                .filter(|arrow| matches!(arrow.packet.body, Body::Tcp(_)))
                .map(|arrow| arrow::columns(arrow, label))
                .max()
                .unwrap_or(0)
        };
        self.label = match detail.wire {
            WireDetail::Full => LabelDetail::ALL
                .into_iter()
                .find(|label| widest(*label) <= room)
                .unwrap_or(LabelDetail::Flags),
            WireDetail::Flags | WireDetail::Off => LabelDetail::Flags,
        };
        // What is no segment has one label only.
        let others = rows
            .iter()
            .filter_map(|row| rung_of(row)?.arrow.as_ref())
            .filter(|arrow| !matches!(arrow.packet.body, Body::Tcp(_)))
            .map(|arrow| arrow::columns(arrow, self.label))
            .max()
            .unwrap_or(0);
        let wire = widest(self.label).max(others).max(WIRE);
        let wire = wire.min(room.max(SHORTEST));
        self.wire = Some(wire);
        self.happenings = beside.then(|| free - 2 - wire);
    }

    fn columns(&self) -> Vec<Column> {
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
    fn lifelines(&self) -> Vec<usize> {
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
        let mut drawing = Drawing {
            ladder: self,
            lines: Vec::new(),
            grid: Grid::new(self.columns()),
            time: String::new(),
        };
        let mut rows = rows.iter().peekable();
        while let Some(row) = rows.next() {
            let beside = match (&row.kind, rows.peek()) {
                (RowKind::Rung(_), Some(next)) if self.stands_beside(row, next) => rows.next(),
                _ => None,
            };
            let mark = marked(row) || beside.is_some_and(marked);
            drawing.draw(row, beside, mark);
        }
        drawing.flush();
        drawing.lines
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

    fn step(&self, head: &StepHead) -> String {
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

/// Lines on their way: rungs gather in a grid until a line without columns comes.
struct Drawing<'a> {
    ladder: &'a Ladder<'a>,
    lines: Vec<String>,
    grid: Grid,
    /// The time that was printed last.
    time: String,
}

impl Drawing<'_> {
    fn flush(&mut self) {
        let full = std::mem::replace(&mut self.grid, Grid::new(self.ladder.columns()));
        self.lines.extend(full.lines(self.ladder.look));
    }

    fn draw(&mut self, row: &Row, beside: Option<&Row>, mark: bool) {
        let beside = beside.and_then(happening_of);
        match &row.kind {
            RowKind::Step(head) => {
                self.flush();
                self.time.clear();
                self.lines.push(self.ladder.step(head));
            }
            RowKind::Rung(rung) => self.columns(row, Some(rung), beside, mark),
            RowKind::Happening(happening) => match happening.class {
                Class::Event | Class::Output if self.ladder.happenings.is_some() => {
                    self.columns(row, None, Some(happening), mark);
                }
                _ => self.line(row, happening, mark),
            },
            RowKind::Skipped(text) => {
                let skipped = Happening {
                    text: text.clone(),
                    tone: Tone::Faint,
                    side: None,
                    class: Class::Event,
                };
                self.line(row, &skipped, mark);
            }
        }
    }

    /// The time, where it differs from the line before.
    fn time(&mut self, row: &Row) -> String {
        let time = millis(row.at);
        if time == self.time {
            return String::new();
        }
        self.time.clone_from(&time);
        time
    }

    fn columns(
        &mut self,
        row: &Row,
        rung: Option<&Rung>,
        happening: Option<&Happening>,
        mark: bool,
    ) {
        let ladder = self.ladder;
        // A row that is pointed at does not step back.
        let told = |tone: Tone| match tone {
            Tone::Faint if mark => Tone::Plain,
            tone => tone,
        };
        let lane = |side: Side| match rung.and_then(|rung| rung.cell(side)) {
            Some(cell) => Cell::new(fitted(cell, ladder.lanes[side as usize]), cell.tone),
            None => Cell::default(),
        };
        let mut cells = vec![
            mark_cell(mark),
            Cell::new(self.time(row), Tone::Faint),
            lane(Side::Left),
        ];
        if let Some(columns) = ladder.wire {
            let life = |text: String| Cell::new(text, Tone::Faint);
            match rung.and_then(|rung| rung.arrow.as_ref()) {
                Some(packet) => {
                    let label = arrow::label(packet, ladder.label);
                    let label = ladder.look.glyphs(&label);
                    let [left, body, right] = arrow::draw(packet, &label, columns);
                    cells.push(life(left));
                    cells.push(Cell::new(body, arrow_tone(packet)));
                    cells.push(life(right));
                }
                None => {
                    cells.push(life("│".to_owned()));
                    cells.push(Cell::default());
                    cells.push(life("│".to_owned()));
                }
            }
        } else {
            cells.push(Cell::default());
            cells.push(Cell::default());
        }
        cells.push(lane(Side::Right));
        if ladder.happenings.is_some() {
            cells.push(happening.map_or_else(Cell::default, |happening| {
                Cell::new(happening.text.clone(), told(happening.tone))
            }));
        }
        self.grid.push(cells);
    }

    /// A happening that is not in a column: on its own line, toward the side where it happened.
    fn line(&mut self, row: &Row, happening: &Happening, mark: bool) {
        self.flush();
        let ladder = self.ladder;
        let look = ladder.look;
        let text = match happening.class {
            Class::Note => format!("note: {}", happening.text),
            Class::Gap => format!("! {}", happening.text),
            Class::Event | Class::Output | Class::Action => happening.text.clone(),
        };
        let time = self.time(row);
        let room = look.columns().saturating_sub(ladder.indent());
        let text = look.glyphs(&text);
        let columns = width(&text);
        if columns > room {
            let mut grid = Grid::new(vec![
                Column::of(1).gap(""),
                Column::of(ladder.time).right().gap("  "),
                Column::of(room),
            ]);
            grid.push(vec![
                mark_cell(mark),
                Cell::new(time, Tone::Faint),
                Cell::new(text, happening.tone),
            ]);
            self.lines.extend(grid.lines(look));
            return;
        }
        let right = happening.side == Some(Side::Right) && ladder.happenings.is_none();
        let start = if right {
            look.columns() - columns
        } else {
            ladder.indent()
        };
        let mut pieces = vec![
            (0, if mark { ">" } else { "" }.to_owned(), Tone::Bad),
            (ladder.indent() - 2 - width(&time), time, Tone::Faint),
        ];
        let (before, behind): (Vec<usize>, Vec<usize>) = ladder
            .lifelines()
            .into_iter()
            .filter(|at| at + 1 < start || *at > start + columns)
            .partition(|at| *at < start);
        let lifeline = |at: usize| (at, look.glyphs("│"), Tone::Faint);
        pieces.extend(before.into_iter().map(lifeline));
        pieces.push((start, text, happening.tone));
        pieces.extend(behind.into_iter().map(lifeline));
        self.lines.push(place(look, &pieces));
    }
}

/// Puts texts at their columns, from left to right.
fn place(look: &Look, pieces: &[(usize, String, Tone)]) -> String {
    let mut line = String::new();
    let mut at = 0;
    for (start, text, tone) in pieces.iter().filter(|(_, text, _)| !text.is_empty()) {
        line.push_str(&" ".repeat(start.saturating_sub(at)));
        line.push_str(&look.paint(*tone, text));
        at = start + width(text);
    }
    line
}

fn mark_cell(mark: bool) -> Cell {
    Cell::new(if mark { ">" } else { "" }, Tone::Bad)
}

fn arrow_tone(arrow: &super::rows::Arrow) -> Tone {
    match &arrow.packet.body {
        Body::Tcp(segment) => Tone::of_segment(segment, arrow.packet.len),
        Body::Udp => Tone::Plain,
        Body::Icmp { .. } => Tone::Bad,
        Body::Other { .. } => Tone::Faint,
    }
}

/// `conn2 FIN_WAIT1~`
fn lane_text(cell: &LaneCell) -> String {
    let Some((state, evidence)) = &cell.state else {
        return cell.label.clone();
    };
    let gap = if cell.label.is_empty() { "" } else { " " };
    format!("{}{gap}{state}{}", cell.label, sign(*evidence))
}

/// The same in `columns`: the label gives way, the state does not.
fn fitted(cell: &LaneCell, columns: usize) -> String {
    let text = lane_text(cell);
    let label = width(&cell.label);
    let over = width(&text).saturating_sub(columns);
    if over == 0 || label <= over + 1 {
        return cut(&text, columns);
    }
    let shorter = LaneCell {
        label: cut(&cell.label, label - over),
        ..cell.clone()
    };
    lane_text(&shorter)
}

/// What stands behind a state that was not seen.
fn sign(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Seen => "",
        Evidence::Traced => "^",
        Evidence::Inferred => "~",
    }
}

/// What the signs behind states mean, those that occur.
pub(super) fn legend(rows: &[Row], look: &Look) -> Vec<String> {
    let occurs = |wanted: Evidence| {
        rows.iter().filter_map(rung_of).any(|rung| {
            [Side::Left, Side::Right]
                .into_iter()
                .filter_map(|side| rung.cell(side)?.state)
                .any(|(_, evidence)| evidence == wanted)
        })
    };
    let mut parts = Vec::new();
    if occurs(Evidence::Inferred) {
        parts.push("~ inferred: the only way between two states that were seen");
    }
    if occurs(Evidence::Traced) {
        parts.push("^ traced: a kernel event said so");
    }
    if parts.is_empty() {
        return Vec::new();
    }
    wrap(look, " ", &parts.join(" · "), Tone::Faint)
}

fn rung_of(row: &Row) -> Option<&Rung> {
    match &row.kind {
        RowKind::Rung(rung) => Some(rung),
        _ => None,
    }
}

fn happening_of(row: &Row) -> Option<&Happening> {
    match &row.kind {
        RowKind::Happening(happening) => Some(happening),
        _ => None,
    }
}
