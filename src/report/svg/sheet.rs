//! A picture cut into sheets of paper, between its steps where that can be.

use super::page::Page;

/// How high a sheet is for its width: A4 within margins of 1.5 cm, and a little less.
const SHEET: f64 = 1.42;
/// A sheet that ends with a step is at least so full.
const FULL: f64 = 0.5;

/// A piece of a picture, from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sheet {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Sheet {
    pub(super) fn height(self) -> f64 {
        self.to - self.from
    }
}

/// The sheets of a page.
pub(super) fn sheets(page: &Page) -> Vec<Sheet> {
    let (steps, rows) = page.breaks();
    cut(page.height, page.width * SHEET, &steps, &rows)
}

/// Cuts `height` into pieces of at most `most`: before a step, else before a row, else where the
/// sheet ends.
fn cut(height: f64, most: f64, steps: &[f64], rows: &[f64]) -> Vec<Sheet> {
    let mut sheets = Vec::new();
    let mut from = 0.0;
    while height - from > most {
        let last = |places: &[f64], least: f64| {
            let fits = |place: &f64| *place > from + least && *place <= from + most;
            places.iter().copied().filter(fits).reduce(f64::max)
        };
        let to = last(steps, most * FULL)
            .or_else(|| last(rows, 0.0))
            .unwrap_or(from + most);
        sheets.push(Sheet { from, to });
        from = to;
    }
    sheets.push(Sheet { from, to: height });
    sheets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(height: f64, steps: &[f64], rows: &[f64]) -> Vec<f64> {
        let sheets = cut(height, 100.0, steps, rows);
        assert!(sheets.iter().all(|sheet| sheet.height() <= 100.0));
        assert!(sheets.windows(2).all(|two| two[0].to == two[1].from));
        sheets.iter().map(|sheet| sheet.to).collect()
    }

    #[test]
    fn a_sheet_ends_before_a_step() {
        assert_eq!(ends(90.0, &[50.0], &[]), [90.0]);
        assert_eq!(ends(150.0, &[20.0, 80.0], &[90.0]), [80.0, 150.0]);
    }

    #[test]
    fn in_a_long_step_it_ends_before_a_row_and_else_somewhere() {
        assert_eq!(ends(150.0, &[20.0], &[30.0, 90.0]), [90.0, 150.0]);
        assert_eq!(ends(250.0, &[], &[]), [100.0, 200.0, 250.0]);
    }
}
