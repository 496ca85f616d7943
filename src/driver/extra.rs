//! Starting a run: a plain one, or one with something more.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::pilot::Pilot;
use super::place::{self, Opened};
use super::{Driver, Options};
use crate::run::{Capture, Header, Run, Stopped};
use crate::scenario::{Paths, Scenario};
use crate::timeline::Timeline;
use crate::tolerance;

/// What a plain run does not have.
#[derive(Default)]
pub struct Extra<'a> {
    /// Somebody to ask before each step and each packet.
    pub pilot: Option<&'a mut dyn Pilot>,
    /// Somebody to tell each step, counted from 0, as it begins.
    pub begins: Option<&'a dyn Fn(usize)>,
    /// Whether the bytes of packets are kept.
    pub bytes: bool,
    /// Whether the run goes on behind a step that failed, to see what happens instead.
    pub past_failures: bool,
}

/// Runs a scenario. `interrupt` is readable once the run shall end.
pub fn run(scenario: &Scenario, options: &Options, interrupt: Option<BorrowedFd<'_>>) -> Run {
    run_with(scenario, options, interrupt, Extra::default()).0
}

/// Runs a scenario with somebody who is asked before each step and each packet.
pub fn step_through(
    scenario: &Scenario,
    options: &Options,
    interrupt: Option<BorrowedFd<'_>>,
    pilot: &mut dyn Pilot,
) -> Run {
    let extra = Extra {
        pilot: Some(pilot),
        ..Extra::default()
    };
    run_with(scenario, options, interrupt, extra).0
}

/// Runs a scenario and keeps the bytes of its packets, where there is a wire.
pub fn capture(
    scenario: &Scenario,
    options: &Options,
    interrupt: Option<BorrowedFd<'_>>,
) -> (Run, Option<Capture>) {
    let extra = Extra {
        bytes: true,
        ..Extra::default()
    };
    run_with(scenario, options, interrupt, extra)
}

/// Runs a scenario to its end, also behind a step that failed: every expectation gets its time.
pub fn observe(scenario: &Scenario, options: &Options, interrupt: Option<BorrowedFd<'_>>) -> Run {
    let extra = Extra {
        past_failures: true,
        ..Extra::default()
    };
    run_with(scenario, options, interrupt, extra).0
}

/// Runs a scenario with something more. There are bytes of packets only where there is a wire and
/// they were asked for.
pub fn run_with<'a>(
    scenario: &'a Scenario,
    options: &'a Options,
    interrupt: Option<BorrowedFd<'a>>,
    extra: Extra<'a>,
) -> (Run, Option<Capture>) {
    let begun = Instant::now();
    let Extra {
        pilot,
        begins,
        bytes,
        past_failures,
    } = extra;
    let rto_min = pilot.is_some().then_some(tolerance::RTO_WHILE_LOOKING);
    match place::open(scenario, options, interrupt, rto_min) {
        Ok(Opened {
            mut session,
            header,
            places,
            telling,
        }) => {
            if let Some(pilot) = pilot {
                session.ask(pilot);
            }
            if let (true, Some(wire)) = (bytes, &mut session.wire) {
                wire.keep_bytes();
            }
            let paths = match options.settled {
                true => Paths::Settled,
                false => scenario.paths,
            };
            Driver {
                scenario,
                options,
                session,
                header,
                places,
                telling,
                paths,
                steps: Vec::new(),
                orders: Vec::new(),
                begins,
                past_failures,
                attached: false,
            }
            .drive(begun)
        }
        Err(refused) => (not_run(*refused, begun), None),
    }
}

/// A run that did not begin, because its place could not be had.
pub(super) fn not_run((header, stopped): (Header, Stopped), begun: Instant) -> Run {
    Run {
        header,
        timeline: Timeline::default(),
        steps: Vec::new(),
        stopped: Some(stopped),
        took: begun.elapsed(),
    }
}
