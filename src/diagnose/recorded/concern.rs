//! [`Concern`]: what an expectation speaks of.

use super::lack::Lack;
use crate::model::{EndpointName, ProcessName, ProgramName, TcpState};
use crate::run::Polarity;
use crate::scenario::{Expectation, ProcessFact};
use crate::timeline::Timeline;

/// What an expectation speaks of.
#[derive(Debug, Default)]
pub(super) struct Concern {
    pub(super) endpoint: Option<EndpointName>,
    pub(super) process: Option<ProcessName>,
    /// Whether its verdict says how that process ended.
    pub(super) tells_end: bool,
    pub(super) program: Option<ProgramName>,
    /// Whether it had to hold, and not never.
    pub(super) is_expected: bool,
    /// Whether a close that did not come can be the reason.
    pub(super) about_close: bool,
    /// Whether it is about who holds a socket.
    pub(super) about_holders: bool,
    /// Whether a child that nobody collected can be the reason.
    pub(super) about_children: bool,
    /// Whether a process that a signal stopped can be the reason.
    pub(super) about_stops: bool,
    /// Where it names no endpoint: what of connections may be missing, and whose.
    pub(super) lack: Option<Lack>,
}

impl Concern {
    pub(super) fn of(
        expectation: &Expectation,
        polarity: Polarity,
        timeline: &Timeline,
        step: usize,
    ) -> Concern {
        let mut concern = named(expectation);
        concern.is_expected = polarity == Polarity::Expect;
        concern.about_close = about_close(expectation);
        concern.about_holders = matches!(expectation, Expectation::HeldBy { .. });
        concern.about_children = about_children(expectation);
        // What must never be and was did not lack anything.
        if concern.endpoint.is_none() && concern.is_expected {
            concern.lack = Lack::of(expectation, timeline, step);
        }
        concern.about_stops = match expectation {
            Expectation::Process { .. }
            | Expectation::Wire { .. }
            | Expectation::WireSequence(_) => concern.lack.is_some(),
            _ => concern.endpoint.is_some() || concern.is_expected,
        };
        concern
    }
}

/// The names in it.
fn named(expectation: &Expectation) -> Concern {
    match expectation {
        Expectation::Path { endpoint, .. }
        | Expectation::Datagram { endpoint, .. }
        | Expectation::HeldBy { endpoint, .. }
        | Expectation::Gauge { endpoint, .. }
        | Expectation::Timer { endpoint, .. } => Concern {
            endpoint: Some(endpoint.clone()),
            program: Some(endpoint.program()),
            ..Concern::default()
        },
        Expectation::Process { process, .. } => Concern {
            process: Some(process.clone()),
            program: Some(process.program()),
            tells_end: true,
            ..Concern::default()
        },
        Expectation::Failed { process, .. }
        | Expectation::GotEof(process)
        | Expectation::Caught { process, .. } => Concern {
            process: Some(process.clone()),
            program: Some(process.program()),
            ..Concern::default()
        },
        Expectation::Prints { process, .. } => Concern {
            program: Some(process.program()),
            ..Concern::default()
        },
        Expectation::Zombies { of, .. } => Concern {
            program: of.clone(),
            ..Concern::default()
        },
        Expectation::Children { of, .. } => Concern {
            program: Some(of.clone()),
            ..Concern::default()
        },
        Expectation::Wire { .. } | Expectation::WireSequence(_) => Concern::default(),
    }
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
