//! `sockscope run`: scenarios in, reports and an exit code out.

use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sockscope::driver::events::Events;
use sockscope::driver::pilot::Pilot;
use sockscope::driver::{self, Extra, Options};
use sockscope::report::{self, summary};
use sockscope::run::Outcome;
use sockscope::scenario::select::Pattern;
use sockscope::scenario::{self, Scenario, builtin};
use sockscope::suite::{self, Case};

use super::reports::Reports;
use super::step::Person;
use super::streams::UNREAD;
use super::{color_on_stderr, complain, complain_no_match, complain_rendered};
use crate::cli::RunOptions;

mod bless;
mod last_line;
mod progress;
mod runner;
mod several;

use progress::Progress;
use runner::Runner;

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
    for scenario in &scenarios {
        driver::replaced::check(&programs, scenario).map_err(|error| {
            complain(&error.to_string());
            usage
        })?;
    }
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
    if options.bless {
        return bless::run(&scenarios, &options_of_run, options, interrupt.as_fd());
    }
    let own = scenarios
        .iter()
        .filter(|scenario| scenario.topic.is_empty());
    let reads = own.map(|scenario| Path::new(&scenario.text.name));
    let reports = Reports::plan(&options.report, scenarios.len(), reads)?;
    let packets = options.report.packets.as_deref();
    let runner = Runner::new(&options_of_run, interrupt.as_fd(), packets);
    let cases = match scenarios.as_slice() {
        [only] if options.step => vec![stepped(only, &runner, options, &reports, &interrupt)],
        _ if options.step => return Err(one_only("--step and --quiz take")),
        [only] => {
            let progress = Progress::of_steps(only, &options.report.look);
            let begins = |step| progress.step(step);
            let case = suite::attempt(options.retries, || {
                runner.run(
                    0,
                    only,
                    Extra {
                        begins: Some(&begins),
                        ..Extra::default()
                    },
                )
            });
            drop(progress);
            reports.print_table(&table(&case, options));
            vec![case]
        }
        _ if options.report.style.is_some() => return Err(one_only("--style takes")),
        many => several::run(many, &runner, options, &reports).ok_or(UNREAD)?,
    };
    let delivered = reports.deliver(&cases, &options.report);
    delivered.and(runner.deliver(&cases))?;
    Ok(match suite::outcome(&cases) {
        Outcome::Passed if options.fail_on_flaky && cases.iter().any(Case::is_flaky) => {
            Outcome::Failed
        }
        outcome => outcome,
    })
}

/// A single scenario, as it is printed.
fn table(case: &Case, options: &RunOptions) -> String {
    match options.report.style {
        Some(style) => report::style::render(case.run(), style, &options.report.look),
        None => summary::single(case, &options.report.look, &options.report.detail),
    }
}

/// One scenario, step by step with the person at the terminal.
fn stepped(
    scenario: &Scenario,
    runner: &Runner<'_>,
    options: &RunOptions,
    reports: &Reports,
    interrupt: &SignalFd,
) -> Case {
    let mut person = Person::new(options.report.look, interrupt.as_fd(), options.quiz);
    let run = {
        let pilot: &mut dyn Pilot = &mut person;
        let extra = Extra {
            pilot: Some(pilot),
            ..Extra::default()
        };
        runner.run(0, scenario, extra)
    };
    let score = person.score().unwrap_or_default();
    let case = Case::from(run);
    reports.print_table(&format!("\n{}{score}", table(&case, options)));
    case
}

/// Complains of an option that several scenarios cannot have. Returns the exit code.
fn one_only(options_take: &str) -> u8 {
    complain(&format!("{options_take} one scenario"));
    Outcome::Usage.exit_code()
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
