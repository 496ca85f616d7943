//! Columns laid out by comfy-table, painted afterwards.
//!
//! comfy-table wraps and aligns plain text. Colour is put on its finished lines, because its own
//! styling asks the environment (`NO_COLOR`) and a report must not. So that the cells can be told
//! apart again, its vertical line is ASCII's unit separator and its horizontal one the record
//! separator; neither can occur in a cell, since control characters are escaped.

use comfy_table::{
    Cell as TableCell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle,
    LineStyle, Table, TableStyle, Width,
};

use super::Look;
use super::palette::Tone;

const UNIT: char = '\x1f';
const RECORD: char = '\x1e';

const SEPARATED: TableStyle = TableStyle::new()
    .content_lines(ContentLineStyle::none().junction(UNIT))
    .row_separator(LineStyle::none().fill(RECORD).junction(RECORD));

/// A column of a [`Grid`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Columns of the terminal; nothing: as wide as its content.
    width: Option<u16>,
    right: bool,
    /// What stands between it and the next column.
    gap: &'static str,
    /// What stands in it on the further lines of a wrapped row.
    below: Option<(&'static str, Tone)>,
}

impl Column {
    /// A column of this width; longer text is wrapped.
    pub(crate) fn of(width: usize) -> Column {
        Column {
            width: u16::try_from(width).ok(),
            right: false,
            gap: " ",
            below: None,
        }
    }

    /// A column as wide as its content.
    pub(crate) fn fitting() -> Column {
        Column {
            width: None,
            right: false,
            gap: " ",
            below: None,
        }
    }

    /// The same, its text at the right.
    pub(crate) fn right(self) -> Column {
        Column {
            right: true,
            ..self
        }
    }

    /// The same, with this between it and the next column.
    pub(crate) fn gap(self, gap: &'static str) -> Column {
        Column { gap, ..self }
    }

    /// The same, with this on the further lines of a wrapped row.
    pub(crate) fn below(self, text: &'static str, tone: Tone) -> Column {
        Column {
            below: Some((text, tone)),
            ..self
        }
    }
}

/// The text of a cell and its tone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Cell {
        Cell {
            text: text.into(),
            tone,
        }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Cell {
        Cell::new(text, Tone::Plain)
    }
}

/// Rows of cells under each other.
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    pub(crate) fn new(columns: Vec<Column>) -> Grid {
        Grid {
            columns,
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The finished lines, without blanks at their ends.
    pub(crate) fn lines(&self, look: &Look) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let mut table = Table::new();
        table
            .load_style(SEPARATED)
            .force_no_tty()
            .set_content_arrangement(ContentArrangement::Disabled);
        for row in &self.rows {
            // An empty row would leave no line at all.
            table.add_row(
                row.iter()
                    .map(|cell| TableCell::new(look.glyphs(&cell.text))),
            );
        }
        for (index, column) in self.columns.iter().enumerate() {
            let Some(target) = table.column_mut(index) else {
                continue;
            };
            target.set_padding((0, 0));
            if column.right {
                target.set_cell_alignment(CellAlignment::Right);
            }
            if let Some(width) = column.width {
                target.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        let mut painted = Vec::new();
        let mut row = 0;
        let mut further = false;
        for line in table.lines() {
            if line.starts_with(RECORD) {
                row += 1;
                further = false;
                continue;
            }
            painted.push(self.paint(look, row, further, &line));
            further = true;
        }
        painted
    }

    fn paint(&self, look: &Look, row: usize, further: bool, line: &str) -> String {
        let mut text = String::new();
        for (index, piece) in line.split(UNIT).enumerate() {
            let tone = self
                .rows
                .get(row)
                .and_then(|cells| cells.get(index))
                .map_or(Tone::Plain, |cell| cell.tone);
            match self.columns.get(index).and_then(|column| column.below) {
                Some((below, tone)) if further => text.push_str(&look.paint(tone, below)),
                _ => text.push_str(&look.paint(tone, piece)),
            }
            text.push_str(self.columns.get(index).map_or("", |column| column.gap));
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// `text` wrapped to the width of the look, the lines after the first under `indent`, which
/// stands before the first.
pub(crate) fn wrap(look: &Look, indent: &str, text: &str, tone: Tone) -> Vec<String> {
    let used = super::text::width(indent);
    let mut grid = Grid::new(vec![
        Column::of(used).gap(""),
        Column::of(look.columns().saturating_sub(used).max(20)),
    ]);
    grid.push(vec![Cell::new(indent, tone), Cell::new(text, tone)]);
    grid.lines(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        width: 60,
        color: false,
        unicode: true,
    };

    #[test]
    fn cells_are_wrapped_and_aligned() {
        let mut grid = Grid::new(vec![Column::of(4).right(), Column::of(10)]);
        grid.push(vec![Cell::plain("1.0"), Cell::plain("one two three")]);
        grid.push(vec![Cell::plain("22.0"), Cell::plain("漢字")]);
        assert_eq!(
            grid.lines(&LOOK),
            [" 1.0 one two", "     three", "22.0 漢字"]
        );
    }

    #[test]
    fn a_wrapped_cell_is_painted_on_each_line() {
        let look = Look {
            color: true,
            ..LOOK
        };
        let mut grid = Grid::new(vec![Column::of(3), Column::of(3)]);
        grid.push(vec![Cell::new("a b c d", Tone::Bad), Cell::plain("x")]);
        let lines = grid.lines(&look);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.contains("\x1b[1m\x1b[31m")));
    }

    #[test]
    fn long_text_hangs_under_its_start() {
        let text = "word ".repeat(30);
        let lines = wrap(&LOOK, "note: ", text.trim(), Tone::Plain);
        assert!(lines[0].starts_with("note: word"));
        assert!(lines[1].starts_with("      word"));
        assert!(lines.iter().all(|line| line.len() <= 60));
    }
}
