//! A made-up suite with every kind of outcome, for the formats that CI reads.

use sockscope::run::{Run, Verdict};
use sockscope::suite::Case;

use crate::runs;

/// Passed, failed, inconclusive, flaky, hostile, stopped, refused, interrupted, failed twice.
pub(crate) fn suite() -> Vec<Case> {
    let mut flaky = Case::from(runs::inconclusive());
    flaky.again(runs::failed());
    flaky.again(runs::normal_close());
    let mut twice = Case::from(runs::failed());
    twice.again(runs::failed());
    let mut cases: Vec<Case> = [
        runs::normal_close(),
        runs::failed(),
        runs::inconclusive(),
        hostile(),
        runs::stopped(),
        runs::refused(),
        runs::interrupted(),
    ]
    .map(Case::from)
    .into();
    cases.insert(3, flaky);
    cases.push(twice);
    cases
}

/// A failure whose every text bites.
pub(crate) fn hostile() -> Run {
    const BITES: &str =
        "\u{1b}[31m]]><b a=\"'&amp;\u{0}\u{ffff}\u{202e}\r\n::error::x%0A#  \\ ```|";
    failing_with(BITES)
}

/// A failure with a text from outside wherever there can be one.
pub(crate) fn failing_with(text: &str) -> Run {
    let mut run = runs::failed();
    run.header.scenario = format!("odd {text}");
    run.header.title = text.to_owned();
    run.header.file = format!("./o:d,d/100%/{text}.toml");
    run.header.kernel = text.to_owned();
    for check in run.steps.iter_mut().flat_map(|step| &mut step.checks) {
        if let Verdict::Fail(mismatch) = &mut check.verdict {
            check.text = text.to_owned();
            mismatch.expected = text.to_owned();
            mismatch.observed = text.to_owned();
            mismatch.notes = vec![text.to_owned()];
        }
    }
    run
}
