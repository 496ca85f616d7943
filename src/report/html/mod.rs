//! A page of its own for a browser: what ran, what came of it, the picture, the state diagram,
//! every event, the scenario file.
//!
//! One file that asks for nothing: no network, no fonts, no images. A policy in its head
//! (`Content-Security-Policy`) forbids all but its own style and script, by their hashes. The
//! script only filters and chooses: without it everything is there to read.

mod diagram;
mod events;
mod head;
mod map;
mod moves;
mod route;
mod source;
mod verdicts;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::attempt::{Attempt, attempts};
use super::lesson::Lesson;
use super::svg;
use super::svg::measure::legible;
use super::text::{count, escape, visible};
use super::{Detail, table};
use crate::run::Outcome;
use crate::suite::Case;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What the page may do. A test keeps the hashes true.
const POLICY: &str = concat!(
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src ",
    "'sha256-5zASZZGS3NGQOW95fgJe2XZ3oplw/mK8OpVanoyL5gE=' ",
    "'sha256-69U4AUu0aBxjJx/lRzt8IVzhs+qLs7uKLSkW2TdFiv4='; script-src ",
    "'sha256-AdH8aold+2+042TwlBvFph+AzB3fMdczTUeU6lm9J/Y='"
);

/// A page about all runs. Ends in a newline.
pub fn render(cases: &[Case], detail: &Detail) -> String {
    let runs = attempts(cases);
    let title = match runs.as_slice() {
        [only] => legible(&format!(
            "{}: {}",
            escape(&only.run.header.scenario),
            table::word(only.run).0.to_lowercase()
        )),
        many => format!("sockscope: {}", count(many.len(), "run")),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("sockscope ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(STYLE)) }
                style { (PreEscaped(svg::STYLE)) }
            }
            body {
                a class="skip" href="#main" { "To the content" }
                @if runs.len() > 1 { (overview(&runs)) }
                main id="main" {
                    @for (number, attempt) in runs.iter().enumerate() {
                        (article(attempt, detail, number, runs.len() > 1))
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    format!("{}\n", page.into_string())
}

/// The class of an outcome in the style sheet.
fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "good",
        Outcome::Failed | Outcome::Usage => "bad",
        Outcome::Inconclusive | Outcome::NothingMatched | Outcome::Interrupted => "closing",
    }
}

/// Several runs: what came of each.
fn overview(runs: &[Attempt]) -> Markup {
    html! {
        nav class="overview" aria-label="Runs" {
            h1 { (count(runs.len(), "run")) }
            ol {
                @for (number, attempt) in runs.iter().enumerate() {
                    li {
                        span class=(format!("badge {}", class(attempt.run.outcome()))) {
                            (table::word(attempt.run).0)
                        }
                        " "
                        a href=(format!("#run-{number}")) { (name(attempt)) }
                        " " span class="faint" { (legible(&visible(&attempt.run.header.title))) }
                    }
                }
            }
        }
    }
}

/// The scenario's name, and which try it was.
fn name(attempt: &Attempt) -> String {
    let name = legible(&escape(&attempt.run.header.scenario));
    match &attempt.label {
        Some(label) => format!("{name}, {label}"),
        None => name,
    }
}

fn article(attempt: &Attempt, detail: &Detail, number: usize, several: bool) -> Markup {
    let name = match several {
        true => format!("{}. {}", number + 1, name(attempt)),
        false => name(attempt),
    };
    let run = attempt.run;
    let id = format!("run-{number}");
    let mut parts = [
        ("picture", "Picture", picture(attempt, detail, &id)),
        ("verdicts", "Verdicts", verdicts::section(run, &id)),
        ("states", "State diagram", diagram::section(run, &id)),
        ("events", "Events", events::section(run, &id, &name)),
        ("scenario", "Scenario", source::section(run, &id)),
    ];
    // Where something is wrong, that comes first.
    if run.outcome() != Outcome::Passed {
        parts.swap(0, 1);
    }
    html! {
        article id=(id) aria-labelledby=(format!("{id}-name")) {
            (head::header(attempt, &id, &name))
            nav aria-label=(format!("Parts of {name}")) {
                ul {
                    @for (part, title, body) in &parts {
                        @if body.is_some() {
                            li { a href=(format!("#{id}-{part}")) { (title) } }
                        }
                    }
                }
            }
            @for (part, title, body) in &parts {
                @if let Some(body) = body {
                    section id=(format!("{id}-{part}")) aria-labelledby=(format!("{id}-{part}-title {id}-name")) {
                        h2 id=(format!("{id}-{part}-title")) { (title) }
                        (body)
                    }
                    "\n"
                }
            }
        }
    }
}

fn picture(attempt: &Attempt, detail: &Detail, id: &str) -> Option<Markup> {
    (!attempt.run.timeline.events().is_empty()).then(|| {
        let element = svg::element(attempt, detail, &format!("{id}-ladder"));
        let cut = element.sheets.is_some();
        html! {
            figure {
                p class="hint" hidden="" { "⟷ scrolls sideways" }
                div class={ "wide" @if cut { " cut" } } tabindex="0" role="group"
                    aria-label="Picture, can be scrolled"
                    data-middle=(format!("{:.3}", element.middle)) {
                    (element.whole)
                }
                @if let Some(sheets) = element.sheets {
                    div class="sheets" { (sheets) }
                }
                figcaption {
                    "Time runs down. States stand at their life lines, segments are arrows. "
                    "A segment's time is when it was taken from its sender. "
                    "The same is in " a href=(format!("#{id}-events")) { "the table of events" } "."
                }
            }
            @for (title, text) in Lesson::of(attempt.run).after {
                h3 { (title) }
                p class="story" { (legible(&visible(&text))) }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_exactly_what_is_there() {
        use base64::Engine;
        use sha2::Digest;

        let hash = |text: &str| {
            let digest = sha2::Sha256::digest(text.as_bytes());
            let encoded = base64::engine::general_purpose::STANDARD.encode(digest);
            format!("'sha256-{encoded}'")
        };
        let [style, ladder, script] = [STYLE, svg::STYLE, SCRIPT].map(hash);
        let wanted = format!(
            "default-src 'none'; base-uri 'none'; form-action 'none'; \
             style-src {style} {ladder}; script-src {script}"
        );
        assert_eq!(POLICY, wanted);
    }

    #[test]
    fn nothing_ends_the_style_or_the_script_early() {
        for text in [STYLE, SCRIPT, svg::STYLE] {
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
    }
}
