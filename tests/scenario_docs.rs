//! The page about the scenario format shows only what the parser reads.

use sockscope::scenario::{Action, Expectation, Scenario, SourceText};

const PAGE: &str = include_str!("../docs/scenario-format.md");

/// The code in the first column of the first table below `heading`.
fn examples(heading: &str) -> Vec<&'static str> {
    let section = PAGE
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .expect("the heading");
    let found: Vec<&str> = section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .map_while(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(code, _)| code)
        .collect();
    assert!(found.len() > 10, "{heading}: {found:?}");
    found
}

#[test]
fn every_action_is_read() {
    for text in examples("Actions") {
        let action = Action::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert_eq!(Action::parse(&action.to_string()), Ok(action));
    }
}

#[test]
fn every_expectation_is_read() {
    for text in examples("Expectations") {
        let expectation =
            Expectation::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        assert_eq!(
            Expectation::parse(&expectation.to_string()),
            Ok(expectation)
        );
    }
}

#[test]
fn the_example_is_a_scenario() {
    let (_, rest) = PAGE.split_once("```toml\n").expect("an example");
    let (text, _) = rest.split_once("```").expect("its end");
    let source = SourceText {
        name: "docs/scenario-format.md".to_owned(),
        text: text.to_owned(),
    };
    if let Err(error) = Scenario::parse(source.clone(), "example", "") {
        panic!("{}", error.render(&source, false));
    }
}
