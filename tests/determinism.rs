//! The same scenario gives the same states, segments and lives, every time. `SOCKSCOPE_ROUNDS`
//! sets how often normal-close runs (50); all the others run a sixteenth of that.

mod support;

use sockscope::compare::{self, Lane};
use sockscope::driver;
use sockscope::record::line::Counts;
use sockscope::run::{Place, Run};
use support::{all_names, built_in, options, wire};

fn rounds() -> usize {
    std::env::var("SOCKSCOPE_ROUNDS").map_or(50, |rounds| rounds.parse().expect("a number"))
}

/// The states of each endpoint, the packets, and each process's life, one line each.
fn sequence(run: &Run) -> Vec<String> {
    compare::lanes(&compare::normal(run, false), false)
        .into_iter()
        .filter(|(lane, _)| matches!(lane, Lane::States(_) | Lane::Wire | Lane::Life(_)))
        .flat_map(|(lane, items)| {
            items
                .into_iter()
                .map(move |item| format!("{lane}: step {} {}", item.step + 1, item.text))
        })
        .collect()
}

/// The lines in which two sequences differ first.
fn difference(first: &[String], second: &[String]) -> String {
    let at = first
        .iter()
        .zip(second)
        .position(|(a, b)| a != b)
        .unwrap_or(first.len().min(second.len()));
    let around = |lines: &[String]| {
        lines[at.saturating_sub(2).min(lines.len())..(at + 3).min(lines.len())].join("\n  ")
    };
    format!("  {}\nagainst\n  {}", around(first), around(second))
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
