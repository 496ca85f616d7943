//! The same scenario gives the same states, segments and lives, every time. `SOCKSCOPE_ROUNDS`
//! sets how often normal-close runs (50); all the others run a sixteenth of that.

#[path = "support/lanes.rs"]
mod lanes;
mod support;

use lanes::{difference, sequence};
use sockscope::driver;
use sockscope::record::line::Counts;
use sockscope::run::Place;
use support::{all_names, built_in, options, wire};

fn rounds() -> usize {
    std::env::var("SOCKSCOPE_ROUNDS").map_or(50, |rounds| rounds.parse().expect("a number"))
}

/// Runs a scenario so often and says how often it differed from the first time, and how.
fn differences(name: &str, rounds: usize) -> Option<String> {
    let scenario = built_in(name);
    let mut unseen = 0;
    let mut run = || {
        let run = driver::run(&scenario, &options(Some(Place::Wire)), None);
        // On a busy machine a state can be over before sockscope asks: then it is inferred, and
        // the sequence is the same.
        unseen += Counts::of(&run).inferred;
        sequence(&run)
    };
    let first = run();
    let others: Vec<String> = (1..rounds)
        .map(|_| run())
        .filter(|other| *other != first)
        .map(|other| difference(&first, &other))
        .collect();
    if unseen > 0 {
        eprintln!("{name}: {unseen} states inferred in {rounds} runs");
    }
    let example = others.first()?;
    let count = others.len();
    Some(format!("{name}: {count} of {rounds} differ:\n{example}"))
}

#[test]
fn normal_close_is_the_same_every_time() {
    if wire() {
        assert_eq!(differences("normal-close", rounds()), None);
    }
}

#[test]
fn every_scenario_is_the_same_every_time() {
    if !wire() {
        return;
    }
    let rounds = (rounds() / 16).max(2);
    let differing: Vec<String> = all_names()
        .into_iter()
        .filter_map(|name| differences(name, rounds))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
