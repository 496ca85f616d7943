//! What came of each expectation, step by step.

use maud::{Markup, html};

use super::source::line_of;
use crate::model::millis;
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
                        (list(run, id, step.checks.iter().filter(|check| !passed(check))))
                        @let number = step.checks.iter().filter(|check| passed(check)).count();
                        @if number > 0 {
                            details {
                                summary class="good" {
                                    span class="sign" aria-hidden="true" { "✓" }
                                    " " (number) " passed"
                                }
                                (list(run, id, step.checks.iter().filter(|check| passed(check))))
                            }
                        }
                    }
                }
            }
        }
    })
}

fn passed(check: &Checked) -> bool {
    matches!(check.verdict, Verdict::Pass(_))
}

fn list<'a>(run: &Run, id: &str, checks: impl Iterator<Item = &'a Checked>) -> Markup {
    let checks: Vec<&Checked> = checks.collect();
    html! {
        @if !checks.is_empty() {
            ul class="checks" {
                @for check in checks { (checked(run, check, id)) }
            }
        }
    }
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
                (why(run, &check.verdict, id))
            }
        }
    }
}

/// As many events are linked from a failure.
const SHOWN: usize = 6;

fn why(run: &Run, verdict: &Verdict, id: &str) -> Markup {
    match verdict {
        Verdict::Fail(mismatch) => html! {
            dl {
                div { dt { "expected" } dd { (legible(&visible(&mismatch.expected))) } }
                div { dt { "observed" } dd { (legible(&visible(&mismatch.observed))) } }
                @if !mismatch.events.is_empty() {
                    div {
                        dt { "shown by" }
                        dd {
                            @for (at, event) in mismatch.events.iter().take(SHOWN).enumerate() {
                                @if at > 0 { ", " }
                                a href=(format!("#{id}-event-{event}")) { (moment(run, *event)) }
                            }
                            @if mismatch.events.len() > SHOWN {
                                " and " (mismatch.events.len() - SHOWN) " more"
                            }
                        }
                    }
                }
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

/// When an event was: `at 16.9 ms`.
fn moment(run: &Run, event: usize) -> String {
    let event = run.timeline.events().get(event);
    event.map_or_else(String::new, |event| format!("at {} ms", millis(event.at)))
}
