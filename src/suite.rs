//! [`Case`]: a scenario and every run of it. Reports of several runs are written from cases.

use crate::run::{Outcome, Run};

/// One scenario and its runs: the first, and those that were made because it did not pass.
#[derive(Clone, Debug)]
pub struct Case {
    earlier: Vec<Run>,
    last: Run,
}

impl From<Run> for Case {
    fn from(run: Run) -> Case {
        Case {
            earlier: Vec::new(),
            last: run,
        }
    }
}

impl Case {
    /// Adds the next try, which decides from now on.
    pub fn again(&mut self, run: Run) {
        self.earlier.push(std::mem::replace(&mut self.last, run));
    }

    /// The run that decides: the last one.
    pub fn run(&self) -> &Run {
        &self.last
    }

    /// The tries before the last one, none of which passed.
    pub fn earlier(&self) -> &[Run] {
        &self.earlier
    }

    /// All tries in order; the last one decides.
    pub fn attempts(&self) -> impl Iterator<Item = &Run> {
        self.earlier.iter().chain([&self.last])
    }

    /// How many tries there were, from 1.
    pub fn tries(&self) -> usize {
        self.earlier.len() + 1
    }

    /// What the last try came to.
    pub fn outcome(&self) -> Outcome {
        self.last.outcome()
    }

    /// Whether it passed, but not at the first try.
    pub fn is_flaky(&self) -> bool {
        !self.earlier.is_empty() && self.outcome() == Outcome::Passed
    }
}

/// Runs a scenario until it passes, at most `retries` times more than once. Only what failed or
/// was inconclusive is tried again.
pub fn attempt(retries: usize, mut run: impl FnMut() -> Run) -> Case {
    let mut case = Case::from(run());
    for _ in 0..retries {
        if !matches!(case.outcome(), Outcome::Failed | Outcome::Inconclusive) {
            break;
        }
        case.again(run());
    }
    case
}

/// What several cases come to: interrupted before failed before wrong before inconclusive before
/// passed.
pub fn outcome(cases: &[Case]) -> Outcome {
    const ORDER: [Outcome; 5] = [
        Outcome::Interrupted,
        Outcome::Failed,
        Outcome::Usage,
        Outcome::NothingMatched,
        Outcome::Inconclusive,
    ];
    ORDER
        .into_iter()
        .find(|bad| cases.iter().any(|case| case.outcome() == *bad))
        .unwrap_or(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Header, Place, Stopped};
    use crate::timeline::Timeline;

    fn ended(outcome: Outcome) -> Run {
        Run {
            header: Header {
                sockscope: String::new(),
                scenario: "x".into(),
                title: String::new(),
                file: String::new(),
                text: String::new(),
                place: Place::Host,
                hosts: Vec::new(),
                kernel: String::new(),
                machine: None,
                began: None,
                asked: None,
                observers: Vec::new(),
                blind: Vec::new(),
                settings: Vec::new(),
            },
            timeline: Timeline::default(),
            steps: Vec::new(),
            stopped: (outcome != Outcome::Passed).then(|| Stopped {
                why: String::new(),
                span: None,
                help: None,
                outcome,
                more: Vec::new(),
            }),
            took: std::time::Duration::ZERO,
        }
    }

    fn case(retries: usize, outcomes: &[Outcome]) -> Case {
        let mut next = outcomes.iter();
        attempt(retries, || ended(*next.next().expect("one try more")))
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        use Outcome::{Failed, Inconclusive, Interrupted, Passed, Usage};
        for (retries, outcomes, tries, outcome, flaky) in [
            (3, &[Passed][..], 1, Passed, false),
            (0, &[Failed], 1, Failed, false),
            (2, &[Failed, Failed, Failed], 3, Failed, false),
            (2, &[Failed, Passed], 2, Passed, true),
            (2, &[Inconclusive, Failed, Passed], 3, Passed, true),
            (2, &[Failed, Interrupted], 2, Interrupted, false),
            (2, &[Usage], 1, Usage, false),
        ] {
            let case = case(retries, outcomes);
            assert_eq!(case.tries(), tries, "{outcomes:?}");
            assert_eq!(case.attempts().count(), tries, "{outcomes:?}");
            assert_eq!(case.outcome(), outcome, "{outcomes:?}");
            assert_eq!(case.is_flaky(), flaky, "{outcomes:?}");
        }
    }

    #[test]
    fn the_worst_decides_for_all() {
        use Outcome::{Failed, Inconclusive, Interrupted, NothingMatched, Passed, Usage};
        for (outcomes, expected) in [
            (&[Inconclusive, NothingMatched][..], NothingMatched),
            (&[NothingMatched, Usage], Usage),
            (&[], Passed),
            (&[Passed, Inconclusive], Inconclusive),
            (&[Inconclusive, Failed, Passed], Failed),
            (&[Failed, Interrupted], Interrupted),
        ] {
            let cases: Vec<Case> = outcomes.iter().map(|o| ended(*o).into()).collect();
            assert_eq!(outcome(&cases), expected);
        }
    }
}
