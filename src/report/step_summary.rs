//! The summary of a job's step, as GitHub Actions shows it: a Markdown table.

use super::markdown::inline;
use super::problem::{in_brief, problems};
use super::table::counts;
use super::{Look, summary};
use crate::run::Outcome;
use crate::suite::Case;

/// A row for each scenario that was no plain pass, after the counts of all. Ends in a newline.
pub fn render(cases: &[Case]) -> String {
    const PLAIN: Look = Look {
        width: Look::NARROWEST,
        color: false,
        unicode: true,
    };
    let mut text = format!("### sockscope:{}\n", summary::total(cases, &PLAIN));
    let wanting = |case: &&Case| case.outcome() != Outcome::Passed || case.is_flaky();
    if !cases.iter().any(|case| wanting(&case)) {
        return text;
    }
    text.push_str("\n| | scenario | |\n|---|---|---|\n");
    for case in cases.iter().filter(wanting) {
        let run = case.run();
        let mut told = match case.outcome() {
            Outcome::Passed => counts(run),
            _ => in_brief(&problems(run)),
        };
        if case.tries() > 1 {
            told = format!("{told}; {}", summary::tries(case));
        }
        let (word, _) = summary::headline(case);
        text.push_str(&format!(
            "| {word} | {} | {} |\n",
            inline(&run.header.scenario),
            inline(&told)
        ));
    }
    text
}
