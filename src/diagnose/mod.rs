//! Rules that explain why something is as it is, each with its evidence and its fix. No I/O.
//!
//! A rule looks at what an expectation speaks of and at the timeline, and says nothing when it
//! does not fit.

use crate::model::{EndpointName, ProcessName, ProgramName};
use crate::scenario::Expectation;
use crate::timeline::Timeline;

mod close;
mod connect;
mod process;

/// A rule: looks at a subject, says what it found.
type Rule = fn(&Subject<'_>) -> Option<String>;

/// All rules, in the order in which their answers are shown.
const RULES: [Rule; 8] = [
    process::program_ended,
    connect::nobody_listens,
    connect::unanswered_syn,
    connect::not_accepted,
    close::other_holder,
    close::owes_the_close,
    process::zombies,
    process::killed_by_sigpipe,
];

/// What is to be explained.
struct Subject<'a> {
    timeline: &'a Timeline,
    step: usize,
    endpoint: Option<EndpointName>,
    process: Option<ProcessName>,
    program: Option<ProgramName>,
}

/// Explanations, with their fixes, that fit a failed expectation.
pub fn explain(expectation: &Expectation, timeline: &Timeline, step: usize) -> Vec<String> {
    let (endpoint, process, program) = match expectation {
        Expectation::Path { endpoint, .. }
        | Expectation::HeldBy { endpoint, .. }
        | Expectation::Gauge { endpoint, .. }
        | Expectation::Timer { endpoint, .. } => {
            (Some(endpoint.clone()), None, Some(endpoint.program()))
        }
        Expectation::Process { process, .. }
        | Expectation::Failed { process, .. }
        | Expectation::GotEof(process)
        | Expectation::Caught { process, .. }
        | Expectation::Prints { process, .. } => {
            (None, Some(process.clone()), Some(process.program()))
        }
        Expectation::Zombies { of, .. } => (None, None, of.clone()),
        Expectation::Children { of, .. } => (None, None, Some(of.clone())),
        Expectation::Wire { .. } | Expectation::WireSequence(_) => (None, None, None),
    };
    let subject = Subject {
        timeline,
        step,
        endpoint,
        process,
        program,
    };
    RULES.iter().filter_map(|rule| rule(&subject)).collect()
}
