//! The scenario file with its verdicts at their lines.

use std::ops::Range;

use maud::{Markup, html};

use super::verdicts::sign;
use crate::report::origin::boundary;
use crate::report::svg::measure::legible;
use crate::report::text::{escape, visible};
use crate::run::{Run, Verdict};

/// Something that is said of a part of the file.
struct Remark<'a> {
    span: Range<usize>,
    /// Sign, class and word.
    sign: [&'a str; 3],
    /// What is written below the line.
    text: Option<String>,
}

/// The file; nothing when its text is not known.
pub(super) fn section(run: &Run, id: &str) -> Option<Markup> {
    let text = run.header.text.as_str();
    let remarks = remarks(run);
    let mut start = 0;
    (!text.is_empty()).then(|| {
        html! {
            p class="faint" { (legible(&escape(&run.header.file))) }
            div class="wide" tabindex="0" role="group" aria-label="Scenario file, can be scrolled" {
                ol class="source" {
                    @for (at, line) in text.split_inclusive('\n').enumerate() {
                        @let span = start..start + line.len();
                        (draw(line, &span, &remarks, &format!("{id}-line-{}", at + 1)))
                        ({ start += line.len(); "" })
                    }
                }
            }
        }
    })
}

/// The number of the line in which a byte of `text` stands, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn remarks(run: &Run) -> Vec<Remark<'_>> {
    let mut remarks: Vec<Remark> = run
        .checks()
        .map(|(_, check)| Remark {
            span: check.span.clone(),
            sign: sign(&check.verdict),
            text: match &check.verdict {
                Verdict::Fail(mismatch) => Some(format!(
                    "expected {}; observed {}",
                    visible(&mismatch.expected),
                    visible(&mismatch.observed)
                )),
                Verdict::Inconclusive { why, .. } => Some(escape(why)),
                Verdict::Pass(_) | Verdict::Waived => None,
            },
        })
        .collect();
    if let Some(stopped) = &run.stopped {
        let more = stopped.more.iter().map(|more| (&more.span, &more.why));
        let all = std::iter::once((&stopped.span, &stopped.why)).chain(more);
        remarks.extend(all.filter_map(|(span, why)| {
            Some(Remark {
                span: span.clone()?,
                sign: ["✗", super::class(stopped.outcome), "stopped"],
                text: Some(escape(why)),
            })
        }));
    }
    remarks.sort_by_key(|remark| remark.span.start);
    remarks
}

/// One line of the file, its parts marked, and what is said of them below.
fn draw(line: &str, span: &Range<usize>, remarks: &[Remark], id: &str) -> Markup {
    let here: Vec<&Remark> = remarks
        .iter()
        .filter(|remark| span.contains(&remark.span.start))
        .collect();
    let worst = here
        .iter()
        .map(|remark| remark.sign)
        .max_by_key(|[_, class, _]| {
            ["faint", "good", "closing", "bad"]
                .iter()
                .position(|c| c == class)
        });
    let words = line.trim_end_matches(['\n', '\r']);
    let within = |at: usize| boundary(words, at.saturating_sub(span.start));
    let shown = |range: Range<usize>| legible(&visible(&words[range]));
    let mut at = 0;
    html! {
        li id=(id) class=[worst.map(|[_, class, _]| class)] {
            span class="sign" aria-hidden="true" { (worst.map_or("", |[sign, _, _]| sign)) }
            code {
                @for remark in &here {
                    @let from = within(remark.span.start).max(at);
                    @let to = within(remark.span.end).max(from);
                    (shown(at..from))
                    @if from < to {
                        mark class=(remark.sign[1]) title=(remark.sign[2]) { (shown(from..to)) }
                    }
                    ({ at = to; "" })
                }
                (shown(at..words.len()))
            }
            @for remark in &here {
                @if let Some(text) = &remark.text {
                    p class="remark" { (remark.sign[2]) ": " (legible(text)) }
                }
            }
        }
    }
}
