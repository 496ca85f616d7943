//! Every kind of expectation has a run in which it fails, as `expect` and as `never`, and what
//! sockscope prints then is a file in `tests/golden/verdicts`: table and failure, whole, with
//! times, pids and ephemeral ports redacted. `UPDATE_GOLDEN=1` writes those files anew.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sockscope::compare;
use sockscope::report::{self, Detail, Look};
use sockscope::run::{Outcome, Place, Polarity, Run, Verdict};
use sockscope::scenario::{self, Expectation, Gauge, ProcessFact, Scenario};
use support::{options, wire};

const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
};

/// The files in `tests/verdicts`, where they run, and what comes of them.
const RUNS: &[(&str, Place, Outcome)] = &[
    ("calls", Place::Wire, Outcome::Failed),
    ("datagram", Place::Wire, Outcome::Failed),
    ("foreign", Place::Wire, Outcome::Inconclusive),
    ("gauges", Place::Wire, Outcome::Failed),
    ("held", Place::Wire, Outcome::Failed),
    ("host-cut", Place::Host, Outcome::Inconclusive),
    ("host-paths", Place::Host, Outcome::Inconclusive),
    ("matcher", Place::Wire, Outcome::Failed),
    ("never-calls", Place::Wire, Outcome::Failed),
    ("never-datagram", Place::Wire, Outcome::Failed),
    ("never-processes", Place::Wire, Outcome::Failed),
    ("never-reads", Place::Wire, Outcome::Inconclusive),
    ("never-states", Place::Wire, Outcome::Failed),
    ("never-wire", Place::Wire, Outcome::Failed),
    ("not-accepted", Place::Wire, Outcome::Failed),
    ("path", Place::Wire, Outcome::Failed),
    ("path-missed", Place::Wire, Outcome::Failed),
    ("prints", Place::Wire, Outcome::Failed),
    ("process", Place::Wire, Outcome::Failed),
    ("process-later", Place::Wire, Outcome::Failed),
    ("reaped", Place::Wire, Outcome::Failed),
    ("refused", Place::Wire, Outcome::Failed),
    ("sequence", Place::Wire, Outcome::Failed),
    ("sigpipe", Place::Wire, Outcome::Failed),
    ("state", Place::Wire, Outcome::Failed),
    ("timer", Place::Wire, Outcome::Failed),
    ("unanswered", Place::Wire, Outcome::Failed),
    ("unheard", Place::Wire, Outcome::Failed),
    ("wire", Place::Wire, Outcome::Failed),
    ("zombies", Place::Wire, Outcome::Failed),
];

/// What an expectation is called here. A new kind does not compile until it has a name.
fn kinds(expectation: &Expectation) -> Vec<&'static str> {
    match expectation {
        Expectation::Path { path, .. } if path.is_settled_state() => vec!["state"],
        Expectation::Path { .. } => vec!["path"],
        Expectation::Datagram { .. } => vec!["datagram"],
        Expectation::HeldBy { .. } => vec!["held"],
        Expectation::Gauge { gauge, .. } => vec![match gauge {
            Gauge::RecvQ => "recv-q",
            Gauge::SendQ => "send-q",
            Gauge::Retransmits => "retransmits",
            Gauge::TimerMs => "timer-ms",
        }],
        Expectation::Timer { .. } => vec!["timer"],
        Expectation::Process { facts, .. } => facts.iter().copied().map(fact).collect(),
        Expectation::Zombies { .. } => vec!["zombies"],
        Expectation::Children { .. } => vec!["children"],
        Expectation::Failed { .. } => vec!["failed"],
        Expectation::GotEof(_) => vec!["got EOF"],
        Expectation::Caught { .. } => vec!["caught"],
        Expectation::Prints { .. } => vec!["prints"],
        Expectation::Wire { .. } => vec!["wire"],
        Expectation::WireSequence(_) => vec!["wire sequence"],
    }
}

fn fact(fact: ProcessFact) -> &'static str {
    match fact {
        ProcessFact::Running => "running",
        ProcessFact::Stopped => "stopped",
        ProcessFact::Zombie => "zombie",
        ProcessFact::Exited(_) => "exited",
        ProcessFact::KilledBy(_) => "killed",
        ProcessFact::Reaped => "reaped",
        ProcessFact::ReapedBy(_) => "reaped by",
        ProcessFact::Adopted => "adopted",
    }
}

/// The kinds that must fail as `expect`.
const FAILING: &[&str] = &[
    "state",
    "path",
    "datagram",
    "held",
    "recv-q",
    "send-q",
    "retransmits",
    "timer-ms",
    "timer",
    "running",
    "stopped",
    "zombie",
    "exited",
    "killed",
    "reaped",
    "reaped by",
    "adopted",
    "zombies",
    "children",
    "failed",
    "got EOF",
    "caught",
    "prints",
    "wire",
    "wire sequence",
];

/// The kinds that must fail as `never`: the same, but one gauge and one process fact do for all.
const NEVER_FAILING: &[&str] = &[
    "state",
    "path",
    "datagram",
    "held",
    "recv-q",
    "timer",
    "running",
    "exited",
    "zombies",
    "children",
    "failed",
    "got EOF",
    "caught",
    "prints",
    "wire",
    "wire sequence",
];

fn load(name: &str) -> Scenario {
    scenario::load(&format!("tests/verdicts/{name}.toml"))
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn text(run: &Run) -> String {
    let table = report::table::render(run, &LOOK, &Detail::default());
    let failure = report::failure::render(run, &LOOK);
    match failure.is_empty() {
        true => table,
        false => format!("{table}\n{failure}"),
    }
}

#[test]
fn every_kind_of_expectation_fails_with_its_text() {
    if !wire() {
        return;
    }
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut expect = BTreeSet::new();
    let mut never = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, place, outcome) in RUNS {
        let scenario = load(name);
        let run = sockscope::driver::run(&scenario, &options(Some(*place)), None);
        for (result, step) in run.steps.iter().zip(&scenario.steps) {
            let lines = step.expect.iter().chain(&step.never);
            for (check, line) in result.checks.iter().zip(lines) {
                if matches!(check.verdict, Verdict::Fail(_)) {
                    match check.polarity {
                        Polarity::Expect => expect.extend(kinds(&line.value)),
                        Polarity::Never => never.extend(kinds(&line.value)),
                    }
                }
            }
        }
        let mut text = text(&compare::normal(&run, false));
        text.push_str(&format!("exit code {}\n", run.outcome().exit_code()));
        if run.outcome() != *outcome {
            wrong.push(format!("{name} is {}:\n{text}", run.outcome().word()));
        }
        let golden = Path::new("tests/golden/verdicts").join(format!("{name}.txt"));
        if update {
            fs::write(&golden, &text).expect("written");
        }
        let wanted = fs::read_to_string(&golden).unwrap_or_default();
        if text != wanted {
            wrong.push(format!("{name} differs\n--- is\n{text}--- was\n{wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(expect, FAILING.iter().copied().collect());
    assert_eq!(never, NEVER_FAILING.iter().copied().collect());
}

#[test]
fn every_file_is_run() {
    let mut files: Vec<String> = fs::read_dir("tests/verdicts")
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().replace(".toml", ""))
        .collect();
    files.sort();
    let runs: Vec<&str> = RUNS.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(files, runs);
}
