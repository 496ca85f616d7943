//! `--bless`: what was observed, written into the scenario file as what is expected from now on.
//!
//! - An `expect` line that failed is replaced by what was observed in the same form
//!   ([`observed::instead_of`]). Where nothing has that form (an error that did not happen), the
//!   line is removed.
//! - A `never` line that failed is removed: it did hold.
//! - A step without an `expect` line gets what it did ([`observed::of_step`]).
//! - Everything else stays to the letter, comments and formatting too. What is inconclusive is never
//!   taken for true.
//!
//! Pure: text and run in, text out.

mod edit;

use std::fmt;

use crate::check::Sight;
use crate::observed;
use crate::run::{Checked, Polarity, Run, Verdict};
use crate::scenario::{Paths, Scenario};
use edit::Document;

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It failed, and this was observed instead.
    Replaced {
        /// The old line.
        from: String,
        /// The new one.
        to: String,
    },
    /// It failed, and nothing of its form was observed.
    Removed(String),
    /// The step had no expectation; this was observed.
    Added(String),
}

/// A line that is not passed and stays as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The index of its step.
    pub step: usize,
    /// The line.
    pub line: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}: {}", self.step + 1, self.line, self.why)
    }
}

/// A scenario file with what was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blessed {
    /// The new text.
    pub text: String,
    /// What is different, in the order of the file.
    pub changes: Vec<Change>,
    /// What could not be blessed.
    pub kept: Vec<Kept>,
}

/// Why nothing is blessed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotBless {
    /// The run did not come to its end.
    #[error("the run did not come to its end ({0}): nothing is blessed")]
    Stopped(String),
    /// The file could not be changed.
    #[error("the file cannot be edited: {0}")]
    Text(String),
}

/// Writes what `run` observed into the text of `scenario`. The run must have gone past failures
/// ([`driver::observe`](crate::driver::observe)).
///
/// # Errors
/// When the run broke off: what was not run cannot be blessed.
pub fn bless(scenario: &Scenario, run: &Run) -> Result<Blessed, CannotBless> {
    if let Some(stopped) = &run.stopped {
        return Err(CannotBless::Stopped(stopped.why.clone()));
    }
    if run.steps.len() != scenario.steps.len() {
        return Err(CannotBless::Stopped("a step was left out".into()));
    }
    let telling = observed::telling(run);
    let sight = Sight {
        place: run.header.place,
        blind: &run.header.blind,
        // Whoever is content with less while running does not want it written down as a fact.
        paths: Paths::Complete,
        telling: &telling,
    };
    let mut document = Document::parse(&scenario.text.text)?;
    let (mut changes, mut kept) = (Vec::new(), Vec::new());
    for (index, step) in scenario.steps.iter().enumerate() {
        let checks = &run.steps[index].checks;
        let (expect, rest) = checks.split_at(step.expect.len().min(checks.len()));
        let (never, orders) = rest.split_at(step.never.len().min(rest.len()));
        let mut left = step.expect.len();
        // From the last one on, so that the places of the others stay what they are.
        let mut of_step = Vec::new();
        for (at, (check, line)) in expect.iter().zip(&step.expect).enumerate().rev() {
            if !matches!(check.verdict, Verdict::Fail(_)) {
                continue;
            }
            let old = line.value.to_string();
            match observed::instead_of(&line.value, &run.timeline, index, &sight) {
                Some(found) => {
                    let to = found.to_string();
                    document.replace(index, at, &to)?;
                    of_step.push(Change::Replaced { from: old, to });
                }
                None => {
                    document.remove(index, Polarity::Expect, at)?;
                    left -= 1;
                    of_step.push(Change::Removed(old));
                }
            }
        }
        of_step.reverse();
        let mut of_never = Vec::new();
        for (at, check) in never.iter().enumerate().rev() {
            if matches!(check.verdict, Verdict::Fail(_)) {
                document.remove(index, Polarity::Never, at)?;
                of_never.push(Change::Removed(format!("never: {}", check.text)));
            }
        }
        if left == 0 {
            let lines: Vec<String> = observed::of_step(&run.timeline, index, &sight)
                .iter()
                .map(ToString::to_string)
                .collect();
            if !lines.is_empty() {
                document.add(index, &lines)?;
            }
            of_step.extend(lines.into_iter().map(Change::Added));
        }
        of_step.extend(of_never.into_iter().rev());
        changes.extend(of_step);
        kept.extend(checks.iter().filter_map(|check| inconclusive(index, check)));
        kept.extend(orders.iter().filter_map(|check| unused(index, check)));
    }
    let text = match changes.is_empty() {
        true => scenario.text.text.clone(),
        false => document.text(),
    };
    Ok(Blessed {
        text,
        changes,
        kept,
    })
}

fn inconclusive(step: usize, check: &Checked) -> Option<Kept> {
    let why = match &check.verdict {
        Verdict::Inconclusive { why, .. } => format!("inconclusive, {why}"),
        Verdict::Waived => "not judged".to_owned(),
        Verdict::Pass(_) | Verdict::Fail(_) => return None,
    };
    let line = check.text.clone();
    Some(Kept { step, line, why })
}

/// An order to the wire that no packet fitted: an action, and so not for blessing.
fn unused(step: usize, check: &Checked) -> Option<Kept> {
    let Verdict::Fail(mismatch) = &check.verdict else {
        return None;
    };
    Some(Kept {
        step,
        line: check.text.clone(),
        why: format!("no packet fitted ({})", mismatch.observed),
    })
}
