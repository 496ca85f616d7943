//! `sockscope explain` of states and diagnoses.

mod support;

use sockscope::diagnose::DIAGNOSES;
use sockscope::model::TcpState;
use sockscope::report;
use support::say;

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in:\n{text}");
}

#[test]
fn a_diagnosis_is_explained_by_its_key() {
    // Those with a scenario or a state of the same name have more to say.
    for diagnosis in DIAGNOSES {
        let is_scenario = sockscope::scenario::builtin::find(diagnosis.key).is_ok();
        if is_scenario {
            continue;
        }
        let said = say(&["explain", diagnosis.key]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        has(&said.stdout, diagnosis.title);
        has(&said.stdout, "what it is found by");
        has(&said.stdout, "what to do");
        has(&said.stdout, diagnosis.reference);
        assert!(
            said.stdout.lines().all(|line| line.chars().count() <= 100),
            "{}",
            said.stdout
        );
    }
    let said = say(&["explain", "CLOSE_WAIT"]);
    has(&said.stdout, "who must act");
    has(&said.stdout, "close-wait  CLOSE_WAIT: the close is owed");
    let said = say(&["explain", "retransmitting", "--format", "markdown"]);
    assert!(
        said.stdout.starts_with("# retransmitting\n"),
        "{}",
        said.stdout
    );
    has(&said.stdout, "\n## What to do\n");
    let said = say(&["explain", "retransmiting"]);
    assert_eq!(said.code, Some(2));
    has(&said.stderr, "did you mean the diagnosis `retransmitting`?");
}

#[test]
fn a_diagnosis_that_has_its_scenario_is_explained_by_both() {
    if !support::wire() {
        return;
    }
    let said = say(&["explain", "zombie", "--width", "100"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    has(&said.stdout, "the programs");
    has(&said.stdout, "\nzombie  zombies: nobody waits for them\n");
}

#[test]
fn a_state_names_the_scenarios_that_are_about_it() {
    let scenarios = |state: &str| {
        let said = say(&["explain", state, "--width", "400"]);
        let mut lines = said.stdout.lines();
        lines.find(|line| *line == "scenarios that show it");
        let names = lines.next().expect("names").trim().to_owned();
        names
            .split(", ")
            .map(str::to_owned)
            .collect::<Vec<String>>()
    };
    for state in TcpState::ALL {
        let names = scenarios(state.name());
        assert!(names.len() <= 8, "{state}: {names:?}");
    }
    assert_eq!(scenarios("CLOSING"), ["simultaneous-close"]);
    let close_wait = scenarios("CLOSE_WAIT");
    assert!(close_wait.contains(&"fin-wait2-stuck".to_owned()));
    // It only passes it.
    for passing in ["normal-close", "echo", "zombie", "lost-last-ack"] {
        assert!(!close_wait.contains(&passing.to_owned()), "{passing}");
    }
    assert_eq!(scenarios("SYN_SENT")[0], "connect-timeout", "its title");
}

#[test]
fn the_page_names_the_scenarios_that_explain_does() {
    let page = include_str!("../docs/why.md");
    for diagnosis in DIAGNOSES {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", diagnosis.key)))
            .unwrap_or_else(|| panic!("no row of {}", diagnosis.key));
        let last = row.trim_end_matches(" |").rsplit(" | ").next();
        let of_page: Vec<&str> = last
            .unwrap_or_default()
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        let page = report::explain_diagnosis::page(diagnosis.key).expect("a page");
        assert_eq!(page.scenarios, of_page, "{}", diagnosis.key);
    }
}
