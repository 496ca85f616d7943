//! Runs for pull requests and issues: verdicts, failures and the ladder.

use super::{code, fenced, inline};
use crate::report::attempt::{Attempt, attempts};
use crate::report::lesson::Lesson;
use crate::report::replaced::replaced;
use crate::report::text::{escape, visible};
use crate::report::{Detail, Look, failure, table};
use crate::run::{Outcome, Polarity, Run, Verdict};
use crate::suite::Case;

/// All runs: a table of them where there are several, then each with its verdicts, its failures
/// and its ladder. What passed is folded away among several. Ends in a newline.
pub fn render(cases: &[Case], look: &Look, detail: &Detail) -> String {
    let plain = Look {
        color: false,
        ..*look
    };
    let all = attempts(cases);
    let mut text = String::new();
    if all.len() != 1 {
        text.push_str("| scenario | came to | |\n|---|---|---|\n");
        for attempt in &all {
            text.push_str(&format!(
                "| {} | {} | {} |\n",
                cell(&name(attempt)),
                table::word(attempt.run).0,
                cell(&table::tale(attempt.run))
            ));
        }
    }
    for attempt in &all {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one(attempt, all.len() > 1, &plain, detail));
    }
    text
}

fn name(attempt: &Attempt) -> String {
    let name = escape(&attempt.run.header.scenario);
    match &attempt.label {
        Some(label) => format!("{name}, {label}"),
        None => name,
    }
}

fn one(attempt: &Attempt, several: bool, look: &Look, detail: &Detail) -> String {
    let run = attempt.run;
    let (word, _) = table::word(run);
    let mut text = format!(
        "### {}: {word}\n\n{}\n\n{}, {}\n",
        inline(&name(attempt)),
        inline(&run.header.title),
        inline(&table::place(run)),
        inline(&table::tale(run))
    );
    let lesson = Lesson::of(run);
    for paragraph in lesson.about.iter().filter(|_| !several) {
        text.push_str(&format!("\n{}\n", inline(paragraph)));
    }
    let replaced = replaced(run);
    if !run.header.blind.is_empty() || !replaced.is_empty() {
        text.push('\n');
    }
    for program in replaced {
        text.push_str(&format!("- {}\n", inline(&program)));
    }
    for blind in &run.header.blind {
        text.push_str(&format!("- {}\n", inline(&table::unseen(blind))));
    }
    let failures = failure::render(run, look);
    if !failures.is_empty() {
        text.push_str(&format!("\n{}\n", fenced(&failures)));
    }
    let folded = several && run.outcome() == Outcome::Passed;
    if folded {
        text.push_str("\n<details><summary>Verdicts and ladder</summary>\n");
    }
    text.push_str(&verdicts(run));
    if !several {
        text.push_str(&told(run, &lesson));
    }
    text.push_str(&format!(
        "\n{}\n",
        fenced(&table::render(run, look, detail))
    ));
    if folded {
        text.push_str("\n</details>\n");
    }
    for (title, part) in lesson.after.iter().filter(|_| !several) {
        text.push_str(&format!("\n**{title}**: {}\n", inline(part)));
    }
    text
}

/// What each step shows, in the words of the scenario.
fn told(run: &Run, lesson: &Lesson) -> String {
    let mut text = String::new();
    for step in 0..run.steps.len() {
        if let Some(tells) = lesson.tells(step) {
            if text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("{}. {}\n", step + 1, inline(tells)));
        }
    }
    text
}

fn verdicts(run: &Run) -> String {
    if run.checks().next().is_none() {
        return String::new();
    }
    let mut text = "\n| step | expectation | verdict |\n|---|---|---|\n".to_owned();
    for (step, check) in run.checks() {
        let never = match check.polarity {
            Polarity::Expect => "",
            Polarity::Never => "never ",
        };
        let verdict = match &check.verdict {
            Verdict::Pass(evidence) => format!("passed, {evidence}"),
            Verdict::Fail(mismatch) => format!("**failed**: {}", cell(&mismatch.observed)),
            Verdict::Inconclusive { why, .. } => format!("inconclusive: {}", cell(why)),
            Verdict::Waived => "not judged".to_owned(),
        };
        text.push_str(&format!(
            "| {} | {never}{} | {verdict} |\n",
            step + 1,
            cell(&check.text)
        ));
    }
    text
}

/// A cell in which nothing is markup, nor calls anybody: a code span.
fn cell(text: &str) -> String {
    // A bar ends a cell even in code; an empty span would be its backticks.
    match visible(text).replace('|', "\\|") {
        empty if empty.trim().is_empty() => String::new(),
        text => code(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one() {
        assert_eq!(cell("a|b\n@c"), "`a\\|b\\n@c`");
        assert_eq!(cell("a `b`"), "`` a `b` ``");
        assert_eq!(cell(""), "");
    }
}
