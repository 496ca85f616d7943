//! The five examples in docs/ run as they stand.

mod support;

use sockscope::run::Outcome;
use support::{options, scenario, wire};

const PAGE: &str = include_str!("../docs/five-examples.md");

fn examples() -> Vec<&'static str> {
    PAGE.split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

#[test]
fn each_example_passes() {
    assert_eq!(examples().len(), 5);
    for text in examples() {
        let scenario = scenario(text);
        if wire() {
            let run = sockscope::driver::run(&scenario, &options(None), None);
            let (title, outcome) = (&scenario.title, run.outcome());
            let checks: Vec<_> = run.checks().collect();
            assert_eq!(outcome, Outcome::Passed, "{title}: {checks:#?}");
        }
    }
}

#[test]
fn the_last_one_fails_with_the_fix() {
    if !wire() {
        return;
    }
    let last = scenario(examples().pop().expect("an example"));
    let fixed = "echo-client {server} {port} --two-writes --sigpipe ignore";
    assert!(PAGE.contains(fixed));
    let mut options = options(None);
    let words = fixed.split(' ').map(str::to_owned).collect();
    options.programs.insert("client".into(), words);
    let run = sockscope::driver::run(&last, &options, None);
    assert_eq!(run.outcome(), Outcome::Failed);
}
