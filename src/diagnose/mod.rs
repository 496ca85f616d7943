//! Rules that explain why something is as it is, each with its evidence and its fix. No I/O.
//!
//! A rule looks at what an expectation speaks of and at the timeline, and says nothing when it
//! does not fit.

use crate::model::{EndpointName, ProcessName, ProgramName, TcpState};
use crate::scenario::{Expectation, ProcessFact};
use crate::timeline::Timeline;

mod close;
mod connect;
mod datagram;
mod process;

/// A rule: looks at a subject, says what it found.
type Rule = fn(&Subject<'_>) -> Option<String>;

/// All rules, in the order in which their answers are shown.
const RULES: [Rule; 9] = [
    process::program_ended,
    connect::nobody_listens,
    connect::unanswered_syn,
    connect::not_accepted,
    datagram::error_of_nobody,
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
    /// Whether a close that did not come can be the reason.
    about_close: bool,
    /// Whether it is about who holds a socket.
    about_holders: bool,
    /// Whether a child that nobody collected can be the reason.
    about_children: bool,
}

/// Explanations, with their fixes, that fit a failed expectation.
pub fn explain(expectation: &Expectation, timeline: &Timeline, step: usize) -> Vec<String> {
    let (endpoint, process, program) = match expectation {
        Expectation::Path { endpoint, .. }
        | Expectation::Datagram { endpoint, .. }
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
        about_close: about_close(expectation),
        about_holders: matches!(expectation, Expectation::HeldBy { .. }),
        about_children: about_children(expectation),
    };
    RULES.iter().filter_map(|rule| rule(&subject)).collect()
}

/// Whether an expectation speaks of a connection's end, or of who keeps it open.
fn about_close(expectation: &Expectation) -> bool {
    let ends = |state| {
        !matches!(
            state,
            TcpState::Listen | TcpState::SynSent | TcpState::SynRecv | TcpState::Established
        )
    };
    match expectation {
        Expectation::Path { path, .. } => ends(path.last()),
        Expectation::HeldBy { .. } => true,
        _ => false,
    }
}

/// Whether an expectation speaks of children that end.
fn about_children(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Zombies { .. } | Expectation::Children { .. } => true,
        Expectation::Process { facts, .. } => facts
            .iter()
            .any(|fact| !matches!(fact, ProcessFact::Running | ProcessFact::Stopped)),
        _ => false,
    }
}
