//! Columns for very many rows: the text of all cells is made once, in one piece, measured and
//! written. Where rows are few and cells are wrapped, [`grid`](super::grid) does it.

use std::io;

use super::Look;
use super::palette::Tone;
use super::text::width;
use crate::threads::side_by_side;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) title: &'static str,
    pub(crate) right: bool,
    /// It is at least this wide.
    pub(crate) least: usize,
    /// What stands between it and the next one.
    pub(crate) gap: &'static str,
}

impl Head {
    pub(crate) fn left(title: &'static str) -> Head {
        Head {
            title,
            right: false,
            least: 0,
            gap: " ",
        }
    }

    pub(crate) fn right(title: &'static str) -> Head {
        Head {
            right: true,
            ..Head::left(title)
        }
    }

    pub(crate) fn least(self, least: usize) -> Head {
        Head { least, ..self }
    }

    pub(crate) fn gap(self, gap: &'static str) -> Head {
        Head { gap, ..self }
    }
}

/// The cells of all rows, one behind the other.
#[derive(Default)]
pub(crate) struct Cells {
    text: String,
    cells: Vec<Cell>,
}

/// How long a cell's text is, how wide it is, how it is painted.
struct Cell {
    length: u32,
    width: u32,
    tone: Tone,
}

impl Cells {
    /// The next cell: `write` appends its text, which must be safe to print.
    pub(crate) fn add(&mut self, tone: Tone, write: impl FnOnce(&mut String)) {
        let begin = self.text.len();
        write(&mut self.text);
        let text = &self.text[begin..];
        let width = match text.is_ascii() {
            true => text.len(),
            false => width(text),
        };
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.cells.push(Cell {
            length: short(text.len()),
            width: short(width),
            tone,
        });
    }

    /// Of these rows, which have as many cells as there are heads, in the order of the rows.
    fn of<R: Sync>(heads: &[Head], rows: &[R], fill: impl Fn(&mut Cells, &R) + Sync) -> Vec<Cells> {
        let parts: Vec<&[R]> = rows.chunks(part_of(rows.len())).collect();
        side_by_side(parts, |rows| {
            let mut cells = Cells {
                text: String::new(),
                cells: Vec::with_capacity(heads.len() * rows.len()),
            };
            for row in rows {
                fill(&mut cells, row);
            }
            cells
        })
    }
}

/// Fewer rows than this are not worth another thread.
const PART: usize = 4096;
/// More threads than this are no quicker: what they make is written one after the other.
const THREADS: usize = 8;

/// Into how large parts so many rows are cut, so that there is a thread for each.
fn part_of(rows: usize) -> usize {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    rows.div_ceil(threads.min(THREADS)).max(PART)
}

/// The least room that the last column is wrapped in beside the others.
const BESIDE: usize = 24;
/// How far the last column is indented where it stands under its row.
const UNDER: usize = 6;

/// Writes a table; `fill` makes the cells of a row, one for each head. The last column is wrapped or
/// stands under its row where `limit` columns are too few; without a limit a row is a line. A
/// column with nothing in it is left out.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write<R: Sync>(
    out: &mut dyn io::Write,
    look: &Look,
    limit: Option<usize>,
    heads: &[Head],
    rows: &[R],
    fill: impl Fn(&mut Cells, &R) + Sync,
) -> io::Result<()> {
    let last = heads.len() - 1;
    let cells = Cells::of(heads, rows, fill);
    let columns = measured(heads, &cells);
    let before = width_before_last(&columns);
    let layout = match limit {
        Some(limit) if limit < before + columns[last].width => {
            let room = limit.saturating_sub(before);
            match room >= BESIDE {
                true => Layout::Beside(before, room),
                false => Layout::Under(limit.saturating_sub(UNDER).max(BESIDE)),
            }
        }
        _ => Layout::Line,
    };
    let mut head = String::new();
    for (index, column) in columns.iter().enumerate() {
        if index < last || !matches!(layout, Layout::Under(_)) {
            let title = column.head.title;
            column.put(&mut head, look, Tone::Faint, title, width(title));
        }
    }
    end_line(&mut head, 0);
    if let Layout::Under(_) = layout {
        let begin = head.len();
        head.push_str(&" ".repeat(UNDER));
        head.push_str(&look.paint(Tone::Faint, heads[last].title));
        end_line(&mut head, begin);
    }
    out.write_all(head.as_bytes())?;
    let parts = side_by_side(cells.iter().collect(), |cells| {
        lines(cells, &columns, &layout, look)
    });
    parts
        .iter()
        .try_for_each(|part| out.write_all(part.as_bytes()))
}

/// The lines of some rows.
fn lines(cells: &Cells, columns: &[Measured], layout: &Layout, look: &Look) -> String {
    let last = columns.len() - 1;
    let rows = cells.cells.len() / columns.len();
    let padded: usize = columns.iter().map(|column| column.width + 1).sum();
    // The last column is as wide as its widest cell, which may be alone.
    let mut to = String::with_capacity(cells.text.len().max(rows * (padded - columns[last].width)));
    let mut rest = cells.text.as_str();
    for row in cells.cells.chunks(columns.len()) {
        let mut begin = to.len();
        for (index, (column, cell)) in columns.iter().zip(row).enumerate() {
            let (text, behind) = rest.split_at(cell.length as usize);
            rest = behind;
            if index < last || matches!(layout, Layout::Line) {
                column.put(&mut to, look, cell.tone, text, cell.width as usize);
            } else {
                begin = wrap(&mut to, begin, look, layout, cell.tone, text);
            }
        }
        end_line(&mut to, begin);
    }
    to
}

/// Whether the last column has room beside the others, on one line or wrapped.
pub(crate) fn fits<R: Sync>(
    limit: usize,
    heads: &[Head],
    rows: &[R],
    fill: impl Fn(&mut Cells, &R) + Sync,
) -> bool {
    let columns = measured(heads, &Cells::of(heads, rows, fill));
    let last = columns.last().map_or(0, |column| column.width);
    width_before_last(&columns) + last.min(BESIDE) <= limit
}

fn measured(heads: &[Head], cells: &[Cells]) -> Vec<Measured> {
    let mut filled = vec![0; heads.len()];
    let rows = cells.iter().flat_map(|part| part.cells.chunks(heads.len()));
    for row in rows {
        for (widest, cell) in filled.iter_mut().zip(row) {
            *widest = (cell.width as usize).max(*widest);
        }
    }
    let columns = heads.iter().zip(filled).enumerate();
    columns
        .map(|(index, (head, widest))| Measured {
            head: *head,
            width: head.least.max(width(head.title)).max(widest),
            shown: index + 1 == heads.len() || widest > 0,
        })
        .collect()
}

fn width_before_last(columns: &[Measured]) -> usize {
    let before = &columns[..columns.len().saturating_sub(1)];
    let shown = before.iter().filter(|column| column.shown);
    shown
        .map(|column| column.width + column.head.gap.len())
        .sum()
}

/// For columns of usual widths.
const BLANKS: &str = "                                                                ";

/// A column that was measured.
struct Measured {
    head: Head,
    width: usize,
    shown: bool,
}

impl Measured {
    fn put(&self, line: &mut String, look: &Look, tone: Tone, text: &str, width: usize) {
        if !self.shown {
            return;
        }
        let blanks = self.width.saturating_sub(width);
        let pad = |line: &mut String| {
            let mut left = blanks;
            while left > 0 {
                let some = left.min(BLANKS.len());
                line.push_str(&BLANKS[..some]);
                left -= some;
            }
        };
        if self.head.right {
            pad(line);
        }
        let unpainted = tone == Tone::Plain || !look.color;
        if unpainted && (look.unicode || text.is_ascii()) {
            line.push_str(text);
        } else {
            line.push_str(&look.paint(tone, text));
        }
        if !self.head.right {
            pad(line);
        }
        line.push_str(self.head.gap);
    }
}

/// The last column, which does not fit into one line that begins at `begin`; where the last line
/// of it begins.
fn wrap(
    to: &mut String,
    mut begin: usize,
    look: &Look,
    layout: &Layout,
    tone: Tone,
    text: &str,
) -> usize {
    let (indent, room) = match layout {
        Layout::Beside(indent, room) => (*indent, *room),
        Layout::Under(room) => {
            begin = end_line(to, begin);
            to.push_str(&" ".repeat(UNDER));
            (UNDER, *room)
        }
        Layout::Line => (0, usize::MAX),
    };
    for (index, piece) in pieces(text, room).into_iter().enumerate() {
        if index > 0 {
            begin = end_line(to, begin);
            to.push_str(&" ".repeat(indent));
        }
        to.push_str(&look.paint(tone, piece));
    }
    begin
}

enum Layout {
    /// A row is a line.
    Line,
    /// The last column is wrapped: where it begins, and how wide it is.
    Beside(usize, usize),
    /// The last column stands under its row: how wide it is.
    Under(usize),
}

/// Ends the line that begins at `begin`, without blanks at its end; an empty one is none. Where the
/// next one begins.
fn end_line(to: &mut String, begin: usize) -> usize {
    let filled = to[begin..].trim_end().len();
    to.truncate(begin + filled);
    if filled > 0 {
        to.push('\n');
    }
    to.len()
}

/// The text cut behind commas, or where it must be.
fn pieces(text: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while width(rest) > room {
        let mut fits = 0;
        let mut columns = 0;
        for (at, c) in rest.char_indices() {
            columns += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
            if columns > room {
                break;
            }
            fits = at + c.len_utf8();
        }
        let cut = rest[..fits]
            .rfind(", ")
            .map(|at| at + 2)
            .or_else(|| rest[..fits].rfind(' ').map(|at| at + 1))
            .filter(|cut| *cut > 0)
            .unwrap_or(fits.max(1));
        if !rest.is_char_boundary(cut) {
            break;
        }
        pieces.push(rest[..cut].trim_end());
        rest = &rest[cut..];
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        width: 80,
        color: false,
        unicode: true,
    };

    fn printed(limit: Option<usize>) -> String {
        let heads = [
            Head::left("A"),
            Head::right("NUMBER"),
            Head::left("EMPTY"),
            Head::left("LAST"),
        ];
        let rows = [("漢字", "one, two, three, four, five, six"), ("x", "")];
        let mut out = Vec::new();
        write(&mut out, &LOOK, limit, &heads, &rows, |cells, (a, last)| {
            cells.add(Tone::Plain, |to| to.push_str(a));
            cells.add(Tone::Plain, |to| to.push('7'));
            cells.add(Tone::Plain, |_| {});
            cells.add(Tone::Plain, |to| to.push_str(last));
        })
        .expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_row_is_a_line_where_nothing_limits_it() {
        assert_eq!(
            printed(None),
            "A    NUMBER LAST\n漢字      7 one, two, three, four, five, six\nx         7\n"
        );
    }

    #[test]
    fn the_last_column_is_wrapped_behind_commas() {
        assert_eq!(
            printed(Some(38)),
            "A    NUMBER LAST\n漢字      7 one, two, three, four,\n            five, six\nx         7\n"
        );
    }

    #[test]
    fn it_stands_under_its_row_where_there_is_no_room_beside() {
        assert_eq!(
            printed(Some(32)),
            "A    NUMBER\n      LAST\n漢字      7\n      one, two, three, four,\n      five, six\nx         7\n"
        );
    }

    #[test]
    fn a_word_without_an_end_is_cut() {
        assert_eq!(pieces(&"漢".repeat(5), 4), ["漢漢", "漢漢", "漢"]);
    }
}
