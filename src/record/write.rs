//! From runs to text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventLine;
use super::line::{EndLine, HeaderLine, Line, StepLine, VerdictLine};
use crate::run::Run;
use crate::suite::Case;

/// All tries, each with its index among those of its scenario.
fn tries(cases: &[Case]) -> impl Iterator<Item = (usize, &Run)> {
    cases.iter().flat_map(|case| case.attempts().enumerate())
}

/// The record of a run, line by line.
fn lines_of((attempt, run): (usize, &Run)) -> impl Iterator<Item = Line> {
    let header = std::iter::once(Line::Header(HeaderLine::of(&run.header, attempt)));
    let events = run.timeline.events().iter().enumerate();
    let events =
        events.map(|(index, event)| Line::Event(EventLine::of(index, event, &run.timeline)));
    let steps = run.steps.iter().enumerate().flat_map(|(index, step)| {
        let verdicts = step.checks.iter();
        std::iter::once(Line::Step(StepLine::of(index, step)))
            .chain(verdicts.map(move |check| Line::Verdict(VerdictLine::of(index, check))))
    });
    let end = std::iter::once_with(|| Line::End(EndLine::of(run)));
    header.chain(events).chain(steps).chain(end)
}

/// The records of all tries, one after the other, one object a line.
///
/// # Errors
/// None that these types can cause: they have no keys but strings.
pub fn lines(cases: &[Case]) -> serde_json::Result<String> {
    let mut text = String::new();
    for line in tries(cases).flat_map(lines_of) {
        push_ascii(&mut text, &serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// Adds JSON with all but ASCII's visible characters escaped. They stand in strings only, so the
/// value is the same; but what a program wrote cannot steer the terminal on which it is printed,
/// and the text is the same in every locale.
fn push_ascii(text: &mut String, json: &str) {
    for character in json.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

/// Runs as one JSON value: what their records hold, nested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// All tries of all scenarios, in their order.
    pub runs: Vec<RunValue>,
}

/// One run as a JSON value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunValue {
    /// What ran, where, and who watched.
    pub header: HeaderLine,
    /// What happened, in order.
    pub events: Vec<EventLine>,
    /// The steps that were begun.
    pub steps: Vec<StepValue>,
    /// What it came to.
    pub end: EndLine,
}

/// A step with its verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepValue {
    /// The step.
    #[serde(flatten)]
    pub step: StepLine,
    /// Its expectations, and what came of them.
    pub verdicts: Vec<VerdictLine>,
}

impl RunValue {
    fn of((attempt, run): (usize, &Run)) -> RunValue {
        let events = run.timeline.events().iter().enumerate();
        let steps = run.steps.iter().enumerate();
        RunValue {
            header: HeaderLine::of(&run.header, attempt),
            events: events
                .map(|(index, event)| EventLine::of(index, event, &run.timeline))
                .collect(),
            steps: steps
                .map(|(index, step)| StepValue {
                    step: StepLine::of(index, step),
                    verdicts: step
                        .checks
                        .iter()
                        .map(|check| VerdictLine::of(index, check))
                        .collect(),
                })
                .collect(),
            end: EndLine::of(run),
        }
    }
}

/// All tries as one JSON value, in one line.
///
/// # Errors
/// None that these types can cause: they have no keys but strings.
pub fn document(cases: &[Case]) -> serde_json::Result<String> {
    let document = Document {
        runs: tries(cases).map(RunValue::of).collect(),
    };
    let mut text = String::new();
    push_ascii(&mut text, &serde_json::to_string(&document)?);
    text.push('\n');
    Ok(text)
}
