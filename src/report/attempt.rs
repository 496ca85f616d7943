//! Every try of every scenario, in order: what the pictures show one after the other.

use crate::run::Run;
use crate::suite::Case;

/// One run, and which try it was.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    pub(super) run: &'a Run,
    /// `try 1 of 2`; nothing for an only one.
    pub(super) label: Option<String>,
}

/// All tries of all cases.
pub(super) fn attempts(cases: &[Case]) -> Vec<Attempt<'_>> {
    cases.iter().flat_map(tries).collect()
}

fn tries(case: &Case) -> impl Iterator<Item = Attempt<'_>> {
    let tries = case.tries();
    case.attempts().enumerate().map(move |(index, run)| {
        let flaky = match case.is_flaky() && index + 1 == tries {
            true => ": flaky",
            false => "",
        };
        Attempt {
            run,
            label: (tries > 1).then(|| format!("try {} of {tries}{flaky}", index + 1)),
        }
    })
}
