//! Several scenarios: one line each, the ones that did not pass in full at the end. And one
//! scenario, whole.

use super::grid::{Cell, Column, Grid, wrap};
use super::palette::Tone;
use super::table::counts;
use super::text::{count, escape, width};
use super::{Detail, Look, failure, table};
use crate::run::{Outcome, Run};
use crate::suite::Case;

/// One scenario whole; of several a line for each, then every failed one whole, then the total.
/// Ends in a newline.
pub fn render(cases: &[Case], look: &Look, detail: &Detail) -> String {
    if let [case] = cases {
        return single(case, look, detail);
    }
    let longest = name_width(cases.iter().map(name), look);
    let mut text: String = cases
        .iter()
        .filter(|case| case.outcome() != Outcome::Interrupted)
        .map(|case| line(case, longest, look))
        .collect();
    text.push_str(&closing(cases, look, detail));
    text
}

/// One scenario: the table and the failures of the run that decided, after those of the tries
/// before it. Ends in a newline.
pub fn single(case: &Case, look: &Look, detail: &Detail) -> String {
    let mut lines = Vec::new();
    for (index, run) in case.attempts().enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        if case.tries() > 1 {
            lines.push(look.paint(
                Tone::Strong,
                &format!("try {} of {}", index + 1, case.tries()),
            ));
        }
        lines.extend(whole(run, look, detail));
    }
    if case.tries() > 1 {
        lines.push(String::new());
        let (word, tone) = headline(case);
        let indent = format!(" {word}  ");
        let mut told = wrap(look, &indent, &tries(case), Tone::Plain);
        if let Some(first) = told.first_mut() {
            *first = first.replacen(word, &look.paint(tone, word), 1);
        }
        lines.extend(told);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How many columns the longest of the scenarios' names takes in a line.
pub fn name_width<'a>(scenarios: impl IntoIterator<Item = &'a str>, look: &Look) -> usize {
    let widths = scenarios
        .into_iter()
        .map(|name| width(&look.glyphs(&escape(name))));
    widths.max().unwrap_or(0)
}

/// The line of one scenario, its name padded to `columns`. Ends in a newline.
pub fn line(case: &Case, columns: usize, look: &Look) -> String {
    const WORD: usize = "INCONCLUSIVE".len();
    let columns = columns.min(look.columns() / 3);
    let rest = look.columns().saturating_sub(WORD + columns + 5).max(20);
    let mut grid = Grid::new(vec![
        Column::of(1).gap(""),
        Column::of(WORD).gap("  "),
        Column::of(columns).gap("  "),
        Column::of(rest),
    ]);
    let (word, tone) = headline(case);
    let mut tale = tale(case.run());
    if case.tries() > 1 {
        tale = format!("{tale}; {}", tries(case));
    }
    grid.push(vec![
        Cell::default(),
        Cell::new(word, tone),
        Cell::new(escape(name(case)), Tone::Plain),
        Cell::new(tale, Tone::Faint),
    ]);
    let mut lines = grid.lines(look);
    lines.push(String::new());
    lines.join("\n")
}

/// One line for all that were interrupted, every failed run whole, then the total. Ends in a
/// newline.
pub fn closing(cases: &[Case], look: &Look, detail: &Detail) -> String {
    let mut lines = interrupted(cases, look);
    for case in cases {
        if let Some((index, run)) = shown(case) {
            lines.push(String::new());
            lines.push(look.paint(Tone::Faint, &look.glyphs(&"─".repeat(look.columns()))));
            if case.tries() > 1 {
                let text = format!("try {} of {}", index + 1, case.tries());
                lines.push(look.paint(Tone::Strong, &text));
            }
            lines.extend(whole(run, look, detail));
        }
    }
    lines.push(String::new());
    lines.push(total(cases, look));
    lines.push(String::new());
    lines.join("\n")
}

/// ` INTERRUPTED   normal-close, half-close, … 3 more`, as far as a line goes.
fn interrupted(cases: &[Case], look: &Look) -> Vec<String> {
    let (word, tone) = table::headline(Outcome::Interrupted);
    let those = cases.iter().filter(|c| c.outcome() == Outcome::Interrupted);
    let names: Vec<String> = those.map(|case| look.glyphs(&escape(name(case)))).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let room = look.columns().saturating_sub(width(word) + 4);
    let told = |kept: usize| match names.len() - kept {
        0 => names.join(", "),
        _ if kept == 0 => count(names.len(), "scenario"),
        more => format!("{} and {more} more", names[..kept].join(", ")),
    };
    let kept = (0..=names.len())
        .rev()
        .find(|kept| width(&told(*kept)) <= room);
    vec![format!(
        " {}   {}",
        look.paint(tone, word),
        look.paint(Tone::Faint, &told(kept.unwrap_or(0)))
    )]
}

/// The scenario's name.
fn name(case: &Case) -> &str {
    &case.run().header.scenario
}

/// The runs of a case that are shown whole, with their index: the one that decided, if it is no
/// pass; of a flaky case the first, which is why it is one.
fn shown(case: &Case) -> Option<(usize, &Run)> {
    match case.is_flaky() {
        true => case.attempts().enumerate().find(|(_, run)| in_full(run)),
        false => Some((case.tries() - 1, case.run())).filter(|(_, run)| in_full(run)),
    }
}

/// The table of a run and its failures.
fn whole(run: &Run, look: &Look, detail: &Detail) -> Vec<String> {
    let mut text = table::render(run, look, detail);
    let failure = failure::render(run, look);
    if !failure.is_empty() {
        text.push('\n');
        text.push_str(&failure);
    }
    text.lines().map(str::to_owned).collect()
}

/// The word of a case: loud unless all is well.
pub(super) fn headline(case: &Case) -> (&'static str, Tone) {
    match case.is_flaky() {
        true => ("FLAKY", Tone::Closing),
        false => table::headline(case.outcome()),
    }
}

/// `passed at try 2; try 1 failed`; `the last of 3 tries; try 1 failed, try 2 inconclusive`
pub(super) fn tries(case: &Case) -> String {
    let earlier = case.earlier().iter().enumerate();
    let earlier: Vec<String> = earlier
        .map(|(index, run)| format!("try {} {}", index + 1, run.outcome().word()))
        .collect();
    let last = match case.is_flaky() {
        true => format!("passed at try {}", case.tries()),
        false => format!("the last of {} tries", case.tries()),
    };
    format!("{last}; {}", earlier.join(", "))
}

/// Whether a run is shown whole: it failed or could not go on. One that was merely blind, or was
/// interrupted, is explained by its line.
fn in_full(run: &Run) -> bool {
    match run.outcome() {
        Outcome::Passed | Outcome::Interrupted => false,
        outcome => run.stopped.is_some() || outcome == Outcome::Failed,
    }
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

/// `15 passed, 1 failed, 0 inconclusive`; with a flaky one `15 passed (1 flaky), …`
pub(super) fn total(cases: &[Case], look: &Look) -> String {
    let of = |outcome: Outcome| cases.iter().filter(|c| c.outcome() == outcome).count();
    let flaky = cases.iter().filter(|case| case.is_flaky()).count();
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
        let tone = match (number, table::headline(outcome).1) {
            (0, _) => Tone::Plain,
            (_, tone) => tone,
        };
        let mut part = look.paint(tone, &text);
        if outcome == Outcome::Passed && flaky > 0 {
            part = format!(
                "{part} ({})",
                look.paint(Tone::Closing, &format!("{flaky} flaky"))
            );
        }
        parts.push(part);
    }
    format!(" {}", parts.join(", "))
}
