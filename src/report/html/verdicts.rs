//! What came of each expectation, step by step.

use maud::{Markup, html};

use super::source::line_of;
use crate::report::svg::measure::legible;
use crate::report::text::{escape, visible};
use crate::run::{Checked, Polarity, Run, Verdict};

/// Every step with its expectations; nothing when no step began.
pub(super) fn section(run: &Run, id: &str) -> Option<Markup> {
    (!run.steps.is_empty()).then(|| {
        html! {
            ol class="steps" {
                @for step in &run.steps {
                    li {
                        h3 { (name(&step.text)) }
                        @if step.checks.is_empty() { p class="faint" { "no expectations" } }
                        ul class="checks" {
                            @for check in &step.checks { (checked(run, check, id)) }
                        }
                    }
                }
            }
        }
    })
}

fn name(text: &str) -> String {
    match text {
        "" => "wait".to_owned(),
        text => legible(&visible(text)),
    }
}

/// The sign, the class and the word of a verdict.
pub(super) fn sign(verdict: &Verdict) -> [&'static str; 3] {
    match verdict {
        Verdict::Pass(_) => ["✓", "good", "passed"],
        Verdict::Fail(_) => ["✗", "bad", "failed"],
        Verdict::Inconclusive { .. } => ["?", "closing", "inconclusive"],
        Verdict::Waived => ["–", "faint", "not judged"],
    }
}

fn checked(run: &Run, check: &Checked, id: &str) -> Markup {
    let [sign, class, word] = sign(&check.verdict);
    let line = line_of(&run.header.text, check.span.start);
    html! {
        li class=(class) {
            span class="sign" aria-hidden="true" { (sign) }
            div {
                p {
                    @if check.polarity == Polarity::Never { b { "never " } }
                    code { (legible(&visible(&check.text))) }
                    " " span class="verdict" { (word) }
                    @if let Verdict::Pass(evidence) = &check.verdict {
                        span class="faint" { ", " (evidence) }
                    }
                    " " a class="where" href=(format!("#{id}-line-{line}")) { "line " (line) }
                }
                (why(&check.verdict))
            }
        }
    }
}

fn why(verdict: &Verdict) -> Markup {
    match verdict {
        Verdict::Fail(mismatch) => html! {
            dl {
                div { dt { "expected" } dd { (legible(&visible(&mismatch.expected))) } }
                div { dt { "observed" } dd { (legible(&visible(&mismatch.observed))) } }
                @for note in &mismatch.notes {
                    div { dt { "note" } dd { (legible(&visible(note))) } }
                }
            }
        },
        Verdict::Inconclusive { why, remedy } => html! {
            dl {
                div { dt { "why" } dd { (legible(&escape(why))) } }
                @if let Some(remedy) = remedy {
                    div { dt { "remedy" } dd { (legible(&escape(remedy))) } }
                }
            }
        },
        Verdict::Pass(_) | Verdict::Waived => html! {},
    }
}
