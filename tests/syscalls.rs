//! Tracing changes nothing that a scenario is about: every one has the same verdicts, states,
//! segments and lives with and without `--syscalls`. `SOCKSCOPE_ROUNDS` sets how often each runs
//! traced (1).

#[path = "support/lanes.rs"]
mod lanes;
mod support;

use lanes::{difference, sequence};
use sockscope::driver::{self, Options};
use sockscope::event::Kind;
use sockscope::record::line::Counts;
use sockscope::run::{Outcome, Place, Run, Verdict};
use support::{all_names, built_in, options, ordinary, wire};

fn rounds() -> usize {
    std::env::var("SOCKSCOPE_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"))
}

fn plain() -> Options {
    let mut options = options(Some(Place::Wire));
    if let Some(copy) = ordinary::copy() {
        options.executable = copy;
    }
    options
}

/// What must be the same: verdicts, without how they are known, and what happened.
fn essence(run: &Run) -> Vec<String> {
    let verdicts = run.checks().map(|(step, check)| {
        let verdict = match &check.verdict {
            Verdict::Pass(_) => "passes",
            Verdict::Fail(_) => "fails",
            Verdict::Inconclusive { .. } => "is inconclusive",
            _ => "is waived",
        };
        format!("step {step} {} {verdict}", check.text)
    });
    verdicts.chain(sequence(run)).collect()
}

#[test]
fn every_scenario_is_the_same_traced() {
    if ordinary::copy().is_none() && !wire() {
        return;
    }
    let mut differing = Vec::new();
    let mut unseen = 0;
    for name in all_names() {
        let scenario = built_in(name);
        let plain = plain();
        let untraced = driver::run(&scenario, &plain, None);
        assert_eq!(untraced.outcome(), Outcome::Passed, "{name}");
        let expected = essence(&untraced);
        let options = Options {
            syscalls: true,
            ..plain
        };
        // On a busy machine a retransmission timer may run out, traced or not: what tracing
        // changes, it changes again.
        for round in 1..=rounds() {
            let mut run = || {
                let traced = driver::run(&scenario, &options, None);
                let mut events = traced.timeline.events().iter();
                let called = events.any(|event| matches!(event.kind, Kind::Called { .. }));
                assert!(called, "{name}: no calls are told");
                unseen += Counts::of(&traced).inferred;
                essence(&traced)
            };
            if run() != expected {
                let again = run();
                if again != expected {
                    let how = difference(&expected, &again);
                    differing.push(format!("{name}, round {round}:\n{how}"));
                }
            }
        }
    }
    if unseen > 0 {
        eprintln!("{unseen} states inferred");
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_scenario_is_the_same_traced_by_an_ordinary_user() {
    ordinary::again("every_scenario_is_the_same_traced");
}
