//! `sockscope run`: scenarios in, reports and an exit code out.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sockscope::driver::events::Events;
use sockscope::driver::{self, Options};
use sockscope::model::ProgramName;
use sockscope::report::{self, summary};
use sockscope::run::Outcome;
use sockscope::scenario::select::Pattern;
use sockscope::scenario::{self, Scenario, builtin};
use sockscope::suite::{self, Case};

use super::step::Person;
use super::{color_on_stderr, complain, complain_no_match, complain_rendered, print};
use crate::cli::RunOptions;

mod actions;
mod last_line;
mod progress;
mod reports;
mod several;

use progress::Progress;
use reports::Reports;

pub(crate) fn main(options: &RunOptions) -> u8 {
    match try_main(options) {
        Ok(outcome) => outcome.exit_code(),
        Err(code) => code,
    }
}

fn try_main(options: &RunOptions) -> Result<Outcome, u8> {
    let usage = Outcome::Usage.exit_code();
    let programs = options.programs.clone().map_err(|error| {
        complain(&error);
        usage
    })?;
    let scenarios = load(options)?;
    check_replacements(&programs, &scenarios).map_err(|error| {
        complain(&error);
        usage
    })?;
    let cannot = |what: &str, error: &dyn std::fmt::Display| {
        complain(&format!("{what}: {error}"));
        Outcome::Inconclusive.exit_code()
    };
    let executable = std::env::current_exe()
        .map_err(|e| cannot("cannot find sockscope's own executable", &e))?;
    let interrupt = interrupts().map_err(|e| cannot("cannot wait for signals", &e))?;
    let options_of_run = Options {
        executable,
        net: options.net,
        timeout_scale: options.timeout_scale,
        settled: options.settled,
        events: Events::new(options.events),
        syscalls: options.syscalls,
        programs,
    };
    let reports = Reports::plan(options, scenarios.len())?;
    let cases = match scenarios.as_slice() {
        [only] if options.step => vec![stepped(only, &options_of_run, options, &interrupt)?],
        _ if options.step => return Err(one_only("--step and --quiz take")),
        [only] => {
            let progress = Progress::of_steps(only, &options.look);
            let case = suite::attempt(options.retries, || {
                driver::run_told(only, &options_of_run, Some(interrupt.as_fd()), &|step| {
                    progress.step(step);
                })
            });
            drop(progress);
            reports.print_table(&match options.style {
                Some(style) => report::style::render(case.run(), style, &options.look),
                None => summary::single(&case, &options.look, &options.detail),
            })?;
            vec![case]
        }
        _ if options.style.is_some() => return Err(one_only("--style takes")),
        many => several::run(many, &options_of_run, options, &reports, interrupt.as_fd())?,
    };
    reports.deliver(&cases, options)?;
    Ok(match suite::outcome(&cases) {
        Outcome::Passed if options.fail_on_flaky && cases.iter().any(Case::is_flaky) => {
            Outcome::Failed
        }
        outcome => outcome,
    })
}

/// One scenario, step by step with the person at the terminal.
fn stepped(
    scenario: &Scenario,
    run_options: &Options,
    options: &RunOptions,
    interrupt: &SignalFd,
) -> Result<Case, u8> {
    let mut person = Person::new(options.look, interrupt.as_fd(), options.quiz);
    let run = driver::step_through(scenario, run_options, Some(interrupt.as_fd()), &mut person);
    let score = person.score().unwrap_or_default();
    let case = Case::from(run);
    let text = match options.style {
        Some(style) => report::style::render(case.run(), style, &options.look),
        None => summary::single(&case, &options.look, &options.detail),
    };
    print(&format!("\n{text}{score}"))?;
    Ok(case)
}

/// Complains of an option that several scenarios cannot have. Returns the exit code.
fn one_only(options_take: &str) -> u8 {
    complain(&format!("{options_take} one scenario"));
    Outcome::Usage.exit_code()
}

/// Whether every replaced program is one of every scenario, and its placeholders are known.
fn check_replacements(
    programs: &BTreeMap<ProgramName, Vec<String>>,
    scenarios: &[Scenario],
) -> Result<(), String> {
    for (name, words) in programs {
        for scenario in scenarios {
            if !scenario.programs.contains_key(name) {
                let known: Vec<&str> = scenario.programs.keys().map(|p| p.as_str()).collect();
                return Err(format!(
                    "scenario `{}` has no program `{name}`; it has {}",
                    scenario.name,
                    known.join(", ")
                ));
            }
            let hosts = driver::place::host_names(scenario);
            let known: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            let known = known.iter().map(String::as_str).chain(["port"]);
            let values: BTreeMap<String, String> =
                known.map(|key| (key.to_owned(), String::new())).collect();
            for word in words {
                scenario::expand(word, &values).map_err(|error| {
                    let known: Vec<String> =
                        values.keys().map(|name| format!("{{{name}}}")).collect();
                    format!(
                        "the command for `{name}`: {error}\n  = help: known are {}; a brace itself \
                         is written twice",
                        known.join(", ")
                    )
                })?;
            }
        }
    }
    Ok(())
}

/// The scenarios that the user named, or an exit code when any of them cannot be had.
fn load(options: &RunOptions) -> Result<Vec<Scenario>, u8> {
    let mut names: Vec<&str> = Vec::new();
    if options.every_builtin {
        names.extend(builtin::all().iter().map(|known| known.name));
    }
    for word in &options.scenarios {
        match Pattern::new(word) {
            None => names.push(word),
            Some(pattern) => match pattern.select() {
                Ok(found) => names.extend(found.iter().map(|known| known.name)),
                Err(none) => return Err(complain_no_match(&none)),
            },
        }
    }
    let mut scenarios = Vec::new();
    let mut complete = true;
    for name in names {
        match scenario::load(name) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => {
                complain_rendered(&error.render(color_on_stderr()));
                complete = false;
            }
        }
    }
    match complete {
        true => Ok(scenarios),
        false => Err(Outcome::Usage.exit_code()),
    }
}

/// Ctrl-C, SIGTERM and SIGHUP as a descriptor: readable from then on, for every run.
pub(crate) fn interrupts() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGINT);
    mask.add(Signal::SIGTERM);
    mask.add(Signal::SIGHUP);
    mask.thread_set_mask()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}
