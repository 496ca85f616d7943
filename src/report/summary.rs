//! Several runs: one line each, the ones that did not pass in full at the end.

use super::grid::{Cell, Column, Grid};
use super::palette::Tone;
use super::table::{counts, headline};
use super::text::{count, escape};
use super::{Detail, Look, failure, table};
use crate::run::{Outcome, Run};

/// One line for each run, then every failed one whole, then the total. Ends in a newline.
pub fn render(runs: &[Run], look: &Look, detail: &Detail) -> String {
    let longest = runs
        .iter()
        .map(|run| name_width(&run.header.scenario, look));
    let longest = longest.max().unwrap_or(0);
    let mut text: String = runs.iter().map(|run| line(run, longest, look)).collect();
    text.push_str(&closing(runs, look, detail));
    text
}

/// How many columns a scenario's name takes in a line.
pub fn name_width(scenario: &str, look: &Look) -> usize {
    super::text::width(&look.glyphs(&escape(scenario)))
}

/// The line of one run, its name padded to `name` columns. Ends in a newline.
pub fn line(run: &Run, name: usize, look: &Look) -> String {
    const WORD: usize = "INCONCLUSIVE".len();
    let name = name.min(look.columns() / 3);
    let rest = look.columns().saturating_sub(WORD + name + 5).max(20);
    let mut grid = Grid::new(vec![
        Column::of(1).gap(""),
        Column::of(WORD).gap("  "),
        Column::of(name).gap("  "),
        Column::of(rest),
    ]);
    let (word, tone) = headline(run.outcome());
    grid.push(vec![
        Cell::default(),
        Cell::new(word, tone),
        Cell::new(escape(&run.header.scenario), Tone::Plain),
        Cell::new(tale(run), Tone::Faint),
    ]);
    let mut lines = grid.lines(look);
    lines.push(String::new());
    lines.join("\n")
}

/// Every failed run whole, then the total. Ends in a newline.
pub fn closing(runs: &[Run], look: &Look, detail: &Detail) -> String {
    let mut lines = Vec::new();
    for run in runs.iter().filter(|run| in_full(run)) {
        lines.push(String::new());
        lines.push(look.paint(Tone::Faint, &look.glyphs(&"─".repeat(look.columns()))));
        lines.extend(table::render(run, look, detail).lines().map(str::to_owned));
        let text = failure::render(run, look);
        if !text.is_empty() {
            lines.push(String::new());
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines.push(String::new());
    lines.push(total(runs, look));
    lines.push(String::new());
    lines.join("\n")
}

/// Whether a run is shown whole: it failed or could not go on. One that was merely blind is
/// explained by its line.
fn in_full(run: &Run) -> bool {
    run.stopped.is_some() || run.outcome() == Outcome::Failed
}

/// The counts of a run, and the first reason why it is no pass.
fn tale(run: &Run) -> String {
    if let Some(stopped) = &run.stopped {
        return escape(&stopped.why);
    }
    let mut text = counts(run);
    let why = run.checks().find_map(|(_, check)| match &check.verdict {
        crate::run::Verdict::Inconclusive { why, remedy } => Some((why, remedy)),
        _ => None,
    });
    if let Some((why, remedy)) = why {
        text.push_str(": ");
        text.push_str(&escape(why));
        if let Some(remedy) = remedy {
            text.push_str("; remedy: ");
            text.push_str(&escape(remedy));
        }
    }
    text
}

/// `15 passed, 1 failed, 0 inconclusive`
fn total(runs: &[Run], look: &Look) -> String {
    let of = |outcome: Outcome| runs.iter().filter(|r| r.outcome() == outcome).count();
    let mut parts = Vec::new();
    for outcome in [
        Outcome::Passed,
        Outcome::Failed,
        Outcome::Inconclusive,
        Outcome::Usage,
        Outcome::NothingMatched,
        Outcome::Interrupted,
    ] {
        let number = of(outcome);
        let always = matches!(
            outcome,
            Outcome::Passed | Outcome::Failed | Outcome::Inconclusive
        );
        if number == 0 && !always {
            continue;
        }
        let text = match outcome {
            Outcome::Usage => count(number, outcome.word()),
            _ => format!("{number} {}", outcome.word()),
        };
        let tone = match (number, headline(outcome).1) {
            (0, _) => Tone::Plain,
            (_, tone) => tone,
        };
        parts.push(look.paint(tone, &text));
    }
    format!(" {}", parts.join(", "))
}
