//! What keeps a run from being a pass, each as a sentence and a place in the scenario.

use std::ops::Range;

use super::text::visible;
use crate::run::{Outcome, Polarity, Run, Verdict};

/// One thing that keeps a run from being a pass. Its texts are visible, in one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// What it makes of the run.
    pub(super) outcome: Outcome,
    /// In which step, from 1; nothing: before the first.
    pub(super) step: Option<usize>,
    /// `expectation failed`
    pub(super) title: String,
    /// The line of the scenario that it is about; empty when it is about none.
    pub(super) line: String,
    /// What there is to say, each with its kind: `expected`, `observed`, `why`, `note` …
    pub(super) remarks: Vec<(&'static str, String)>,
    /// Where in the scenario file.
    pub(super) span: Option<Range<usize>>,
}

impl Problem {
    /// The whole in one line: `expectation failed: server running; observed: server exited 1`
    pub(super) fn sentence(&self) -> String {
        let mut text = self.title.clone();
        if !self.line.is_empty() {
            text.push_str(&format!(": {}", self.line));
        }
        let told = self
            .remarks
            .iter()
            .filter(|(kind, _)| ["observed", "why"].contains(kind));
        for (kind, remark) in told {
            text.push_str(&format!("; {kind}: {remark}"));
        }
        text
    }
}

/// The problems of a run, failures before what is inconclusive. None of a run that passed.
pub(super) fn problems(run: &Run) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(stopped) = &run.stopped {
        let title = match stopped.outcome {
            Outcome::Interrupted => "interrupted".to_owned(),
            _ => visible(&stopped.why),
        };
        found.push(Problem {
            outcome: stopped.outcome,
            step: Some(run.steps.len()).filter(|step| *step > 0),
            title,
            line: String::new(),
            remarks: remark("help", stopped.help.as_deref()),
            span: stopped.span.clone(),
        });
        found.extend(stopped.more.iter().map(|mistake| Problem {
            outcome: stopped.outcome,
            step: None,
            title: visible(&mistake.why),
            line: String::new(),
            remarks: remark("help", mistake.help.as_deref()),
            span: mistake.span.clone(),
        }));
    }
    for (index, check) in run.checks() {
        let (outcome, title, mut remarks) = match &check.verdict {
            Verdict::Pass(_) | Verdict::Waived => continue,
            Verdict::Fail(mismatch) => (
                Outcome::Failed,
                match check.polarity {
                    Polarity::Expect => "expectation failed",
                    Polarity::Never => "this must never hold, but it did",
                },
                vec![
                    ("expected", &mismatch.expected),
                    ("observed", &mismatch.observed),
                ]
                .into_iter()
                .chain(mismatch.notes.iter().map(|note| ("note", note)))
                .collect::<Vec<_>>(),
            ),
            // The step in which a run stopped is undecided as a whole: that is told once.
            Verdict::Inconclusive { .. }
                if run.stopped.is_some() && index + 1 == run.steps.len() =>
            {
                continue;
            }
            Verdict::Inconclusive { why, remedy } => (
                Outcome::Inconclusive,
                "inconclusive",
                [("why", why)]
                    .into_iter()
                    .chain(remedy.iter().map(|remedy| ("remedy", remedy)))
                    .collect(),
            ),
        };
        let remarks = remarks.drain(..);
        found.push(Problem {
            outcome,
            step: Some(index + 1),
            title: title.to_owned(),
            line: visible(&check.text),
            remarks: remarks.map(|(kind, text)| (kind, visible(text))).collect(),
            span: Some(check.span.clone()),
        });
    }
    found.sort_by_key(|problem| match problem.outcome {
        Outcome::Failed => 0,
        Outcome::Inconclusive if !problem.line.is_empty() => 2,
        _ => 1,
    });
    found
}

/// A remark, where there is one.
fn remark(kind: &'static str, text: Option<&str>) -> Vec<(&'static str, String)> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| (kind, visible(text))).into_iter().collect()
}

/// The first problem in a line, with how many more there are. Empty of a run that passed.
pub(super) fn in_brief(problems: &[Problem]) -> String {
    match problems {
        [] => String::new(),
        [only] => only.sentence(),
        [first, rest @ ..] => format!("{} (and {} more)", first.sentence(), rest.len()),
    }
}
