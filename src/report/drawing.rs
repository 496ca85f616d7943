//! Rows drawn into the columns of a ladder, line by line.

use super::Look;
use super::arrow;
use super::grid::{Cell, Column, Grid};
use super::ladder::Ladder;
use super::lane::fitted;
use super::palette::Tone;
use super::rows::{Arrow, Class, Happening, Row, RowKind, Rung, Side};
use super::text::width;
use crate::event::Body;
use crate::model::millis;

/// Lines on their way: rungs gather in a grid until a line without columns comes.
pub(super) struct Drawing<'a> {
    ladder: &'a Ladder<'a>,
    lines: Vec<String>,
    grid: Grid,
    /// The time that was printed last.
    time: String,
}

impl Drawing<'_> {
    /// Nothing drawn yet.
    pub(super) fn on<'a>(ladder: &'a Ladder<'a>) -> Drawing<'a> {
        Drawing {
            ladder,
            lines: Vec::new(),
            grid: Grid::new(ladder.columns()),
            time: String::new(),
        }
    }

    /// The lines, all rows being drawn.
    pub(super) fn finish(mut self) -> Vec<String> {
        self.flush();
        self.lines
    }

    fn flush(&mut self) {
        let full = std::mem::replace(&mut self.grid, Grid::new(self.ladder.columns()));
        self.lines.extend(full.lines(self.ladder.look));
    }

    /// Draws a row, and the happening that stands beside it.
    pub(super) fn draw(&mut self, row: &Row, beside: Option<&Row>, mark: bool) {
        let beside = beside.and_then(Row::happening);
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
        let right = happening.side == Some(Side::Right) && ladder.happenings.is_none();
        let lifelines = ladder.lifelines();
        if let (true, [left_line, _]) = (right, lifelines.as_slice()) {
            // Too long for one line, but it stays off the other side.
            let start = left_line + 2;
            let room = look.columns().saturating_sub(start);
            if columns > room {
                self.beside_left_line(mark_cell(mark), &time, start, &text, happening.tone);
                return;
            }
        }
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
        let start = match (right, lifelines.as_slice()) {
            // Where the states of that side stand, if there is room.
            (true, [_, line]) if line + 2 + columns <= look.columns() => line + 2,
            (true, _) => look.columns() - columns,
            (false, _) => ladder.indent(),
        };
        let mut pieces = vec![
            (0, if mark { ">" } else { "" }.to_owned(), Tone::Bad),
            (ladder.indent() - 2 - width(&time), time, Tone::Faint),
        ];
        let (before, behind): (Vec<usize>, Vec<usize>) = lifelines
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

impl Drawing<'_> {
    /// A text in several lines, right of the left life line.
    fn beside_left_line(&mut self, mark: Cell, time: &str, start: usize, text: &str, tone: Tone) {
        let ladder = self.ladder;
        let look = ladder.look;
        let lane = start - 2 - ladder.indent();
        let mut grid = Grid::new(vec![
            Column::of(1).gap(""),
            Column::of(ladder.time).right().gap("  "),
            Column::of(lane).gap(""),
            Column::of(1).below("│", Tone::Faint),
            Column::of(look.columns() - start),
        ]);
        grid.push(vec![
            mark,
            Cell::new(time, Tone::Faint),
            Cell::default(),
            Cell::new("│", Tone::Faint),
            Cell::new(text, tone),
        ]);
        self.lines.extend(grid.lines(look));
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

pub(super) fn arrow_tone(arrow: &Arrow) -> Tone {
    match &arrow.packet.body {
        Body::Tcp(_) if arrow.window.is_some() => Tone::Closing,
        Body::Tcp(segment) => Tone::of_segment(segment, arrow.packet.len),
        Body::Udp => Tone::Plain,
        Body::Icmp { .. } => Tone::Bad,
        Body::Other { .. } => Tone::Faint,
    }
}
