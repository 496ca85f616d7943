//! `--bless`: what was observed becomes what is expected, in the user's file.

use std::os::fd::BorrowedFd;
use std::path::Path;

use sockscope::bless::bless;
use sockscope::driver::{self, Options};
use sockscope::output;
use sockscope::report::{blessed, summary};
use sockscope::run::Outcome;
use sockscope::scenario::{self, Scenario, SourceText};
use sockscope::suite::{self, Case};

use crate::cli::RunOptions;
use crate::commands::{color_on_stderr, complain, complain_rendered, print};

/// Blesses each scenario and runs it once more.
pub(super) fn run(
    scenarios: &[Scenario],
    run_options: &Options,
    options: &RunOptions,
    interrupt: BorrowedFd<'_>,
) -> Result<Outcome, u8> {
    for scenario in scenarios {
        check(scenario)?;
    }
    let mut cases = Vec::new();
    for scenario in scenarios {
        let case = one(scenario, run_options, options, interrupt)?;
        let interrupted = case.outcome() == Outcome::Interrupted;
        cases.push(case);
        if interrupted {
            break;
        }
    }
    Ok(suite::outcome(&cases))
}

/// Whether the scenario is a file of the user's that can be written.
fn check(scenario: &Scenario) -> Result<(), u8> {
    if !scenario.topic.is_empty() {
        let name = &scenario.name;
        complain(&format!(
            "`{name}` is built in and cannot be blessed\n  = help: `sockscope show {name} > \
             {name}.toml`, then bless that file"
        ));
        return Err(Outcome::Usage.exit_code());
    }
    output::check(Path::new(&scenario.text.name)).map_err(|error| cannot(&error.to_string()))
}

fn one(
    scenario: &Scenario,
    run_options: &Options,
    options: &RunOptions,
    interrupt: BorrowedFd<'_>,
) -> Result<Case, u8> {
    let source = &scenario.text;
    let run = driver::observe(scenario, run_options, Some(interrupt));
    let done = match bless(scenario, &run) {
        Ok(done) => done,
        Err(error) => {
            let case = Case::from(run);
            print(&summary::single(&case, &options.look, &options.detail))?;
            if case.outcome() == Outcome::Interrupted {
                return Ok(case);
            }
            return Err(cannot(&format!("{}: {error}", source.name)));
        }
    };
    let news = blessed::render(&source.name, &source.text, &done, &options.look);
    let (run, again) = match done.text == source.text {
        true => (run, ""),
        false => {
            let scenario = written(scenario, done.text)?;
            let run = driver::run(&scenario, run_options, Some(interrupt));
            (run, "run again: ")
        }
    };
    print(&news)?;
    let case = Case::from(run);
    let verdict = match case.outcome() {
        Outcome::Passed => format!("\n {again}the file passes\n"),
        outcome => {
            let word = match outcome {
                Outcome::Inconclusive => "is inconclusive",
                _ => "does not pass",
            };
            let text = summary::single(&case, &options.look, &options.detail);
            format!("\n {again}the file {word}\n\n{text}")
        }
    };
    print(&verdict)?;
    Ok(case)
}

/// Writes the new text, if it is a scenario and the file is still the one that was run.
fn written(old: &Scenario, text: String) -> Result<Scenario, u8> {
    let path = Path::new(&old.text.name);
    let source = SourceText {
        name: old.text.name.clone(),
        text,
    };
    let new = scenario::load_text(source, &old.name, "").map_err(|error| {
        complain_rendered(&error.render(color_on_stderr()));
        cannot("what was observed makes no scenario: the file is left as it is")
    })?;
    match std::fs::read_to_string(path) {
        Ok(now) if now == old.text.text => {}
        Ok(_) => {
            let name = &old.text.name;
            return Err(cannot(&format!(
                "`{name}` was changed while it ran: it is left as it is"
            )));
        }
        Err(error) => return Err(cannot(&format!("{}: {error}", old.text.name))),
    }
    output::write(path, new.text.text.as_bytes()).map_err(|error| cannot(&error.to_string()))?;
    Ok(new)
}

fn cannot(text: &str) -> u8 {
    complain(text);
    Outcome::Inconclusive.exit_code()
}
