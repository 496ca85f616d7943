//! Several scenarios, a few at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sockscope::driver::Extra;
use sockscope::report::summary;
use sockscope::run::Outcome;
use sockscope::scenario::Scenario;
use sockscope::suite::{self, Case};

use super::progress::Progress;
use super::runner::Runner;
use crate::cli::{ReportOptions, RunOptions};
use crate::commands::reports::Reports;

/// Runs them and, where the table was asked for, prints a line for each in their order. Nothing
/// when they were not all run, because nobody would have read what came of them.
pub(super) fn run(
    scenarios: &[Scenario],
    runner: &Runner<'_>,
    options: &RunOptions,
    reports: &Reports,
) -> Option<Vec<Case>> {
    let names = scenarios.iter().map(|scenario| scenario.name.as_str());
    let next = AtomicUsize::new(0);
    let progress = Progress::of_scenarios(scenarios.len(), &options.report.look);
    let board = Mutex::new(Board {
        done: vec![None; scenarios.len()],
        printed: 0,
        name_width: summary::name_width(names, &options.report.look),
    });
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(index) else {
                        return;
                    };
                    if reports.are_unread() {
                        return;
                    }
                    progress.began(&scenario.name);
                    let case = suite::attempt(options.retries, || {
                        runner.run(index, scenario, Extra::default())
                    });
                    progress.ended(&scenario.name);
                    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
                    progress.aside(|| board.finished(index, case, options, reports));
                }
            });
        }
    });
    drop(progress);
    let board = board.into_inner().unwrap_or_else(PoisonError::into_inner);
    let cases = board.done.into_iter().collect::<Option<Vec<Case>>>()?;
    let ReportOptions { look, detail, .. } = &options.report;
    reports.print_table(&summary::closing(&cases, look, detail));
    Some(cases)
}

/// What is done, and what of it is printed.
struct Board {
    done: Vec<Option<Case>>,
    printed: usize,
    name_width: usize,
}

impl Board {
    /// Keeps a case and prints the lines of all whose turn has come.
    fn finished(&mut self, index: usize, case: Case, options: &RunOptions, reports: &Reports) {
        self.done[index] = Some(case);
        while let Some(Some(case)) = self.done.get(self.printed) {
            self.printed += 1;
            // Those that were interrupted share a line at the end.
            if case.outcome() != Outcome::Interrupted {
                reports.print_table(&summary::line(case, self.name_width, &options.report.look));
            }
        }
    }
}
