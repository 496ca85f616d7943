//! `sockscope run`: scenarios in, reports and an exit code out.

use std::os::fd::AsFd;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sockscope::driver::events::Events;
use sockscope::driver::pilot::Pilot;
use sockscope::driver::{Extra, Options};
use sockscope::report::{self, summary};
use sockscope::run::Outcome;
use sockscope::scenario::Scenario;
use sockscope::suite::{self, Case};

use super::complain;
use super::reports::Reports;
use super::step::Person;
use super::streams::UNREAD;
use crate::cli::RunOptions;

mod bless;
mod last_line;
mod load;
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
    let named = load::load(options);
    let reports = Reports::plan(&options.report, named.len(), named.files())?;
    let scenarios = match named.ready(options, reports.unwritable()) {
        Ok(scenarios) => scenarios,
        Err(cases) => return refuse(&cases, &reports, options),
    };
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
        programs: options.programs.clone().unwrap_or_default(),
    };
    if options.bless {
        // Scenarios keep their path as text, and no other file is to be written.
        if options.scenarios.iter().any(|word| word.to_str().is_none()) {
            complain("--bless writes only files whose path is UTF-8");
            return Err(Outcome::Usage.exit_code());
        }
        return bless::run(&scenarios, &options_of_run, options, interrupt.as_fd());
    }
    let packets = options.report.packets.as_deref();
    let runner = Runner::new(&options_of_run, interrupt.as_fd(), packets);
    let cases = match scenarios.as_slice() {
        [only] if options.step => vec![stepped(only, &runner, options, &reports, &interrupt)],
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

/// Says in every report but the table why nothing runs: that was told on standard error, where
/// whoever reads the table sees it.
fn refuse(cases: &[Case], reports: &Reports, options: &RunOptions) -> Result<Outcome, u8> {
    reports.deliver(cases, &options.report)?;
    Ok(suite::outcome(cases))
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

/// Ctrl-C, SIGTERM and SIGHUP as a descriptor: readable from then on, for every run.
pub(crate) fn interrupts() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGINT);
    mask.add(Signal::SIGTERM);
    mask.add(Signal::SIGHUP);
    mask.thread_set_mask()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}
