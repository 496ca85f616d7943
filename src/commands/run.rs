//! `sockscope run`: scenarios in, reports and an exit code out.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sockscope::driver::events::Events;
use sockscope::driver::{self, Options};
use sockscope::model::ProgramName;
use sockscope::report::{self, Look};
use sockscope::run::{Outcome, Run};
use sockscope::scenario::select::Pattern;
use sockscope::scenario::{self, Scenario, builtin};

use super::step::Person;
use super::{color_on_stderr, complain, complain_no_match, complain_rendered, print};
use crate::cli::RunOptions;

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
        programs,
    };
    match scenarios.as_slice() {
        [only] if options.step => {
            let mut person = Person::new(options.look, interrupt.as_fd(), options.quiz);
            let run =
                driver::step_through(only, &options_of_run, Some(interrupt.as_fd()), &mut person);
            let score = person.score().unwrap_or_default();
            print(&format!("\n{}{score}", one(&run, options)))?;
            Ok(run.outcome())
        }
        _ if options.step => {
            complain("--step and --quiz take one scenario");
            Err(usage)
        }
        [only] => {
            let run = driver::run(only, &options_of_run, Some(interrupt.as_fd()));
            print(&one(&run, options))?;
            Ok(run.outcome())
        }
        many => several(many, &options_of_run, options, interrupt.as_fd()),
    }
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

fn one(run: &Run, options: &RunOptions) -> String {
    match options.style {
        Some(style) => report::style::render(run, style, &options.look),
        None => {
            let table = report::table::render(run, &options.look, &options.detail);
            let failure = report::failure::render(run, &options.look);
            match failure.is_empty() {
                true => table,
                false => format!("{table}\n{failure}"),
            }
        }
    }
}

/// Runs several scenarios, a few at a time, and prints a line for each in their order.
fn several(
    scenarios: &[Scenario],
    run_options: &Options,
    options: &RunOptions,
    interrupt: BorrowedFd<'_>,
) -> Result<Outcome, u8> {
    let names = scenarios.iter().map(|scenario| &scenario.name);
    let longest = names
        .map(|name| report::summary::name_width(name, &options.look))
        .max()
        .unwrap_or(0);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Run>>> = Mutex::new(vec![None; scenarios.len()]);
    let printed: Mutex<(usize, Result<(), u8>)> = Mutex::new((0, Ok(())));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(index) else {
                        return;
                    };
                    let run = driver::run(scenario, run_options, Some(interrupt));
                    if let Ok(mut done) = done.lock() {
                        done[index] = Some(run);
                    }
                    print_finished(&done, &printed, &options.look, longest);
                }
            });
        }
    });
    let runs: Vec<Run> = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .into_iter()
        .flatten()
        .collect();
    if let Ok((_, result)) = printed.into_inner() {
        result?;
    }
    print(&report::summary::closing(
        &runs,
        &options.look,
        &options.detail,
    ))?;
    Ok(worst(&runs))
}

/// Prints the lines of all runs whose turn has come.
fn print_finished(
    done: &Mutex<Vec<Option<Run>>>,
    printed: &Mutex<(usize, Result<(), u8>)>,
    look: &Look,
    longest: usize,
) {
    let (Ok(mut printed), Ok(done)) = (printed.lock(), done.lock()) else {
        return;
    };
    while let Some(Some(run)) = done.get(printed.0) {
        if printed.1.is_ok() {
            printed.1 = print(&report::summary::line(run, longest, look));
        }
        printed.0 += 1;
    }
}

/// What several runs come to: interrupted before failed before inconclusive.
fn worst(runs: &[Run]) -> Outcome {
    const ORDER: [Outcome; 4] = [
        Outcome::Interrupted,
        Outcome::Failed,
        Outcome::Usage,
        Outcome::Inconclusive,
    ];
    ORDER
        .into_iter()
        .find(|bad| runs.iter().any(|run| run.outcome() == *bad))
        .unwrap_or(Outcome::Passed)
}
