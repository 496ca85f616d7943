//! Where the reports of a run, or of a record, go.

use std::path::{Path, PathBuf};

use sockscope::output::{self, OutputError};
use sockscope::report::format::{Format, FormatError, render};
use sockscope::run::Outcome;
use sockscope::suite::Case;

use super::actions::Actions;
use super::streams::{defused, print_as};
use super::{complain, print};
use crate::cli::ReportOptions;

/// The reports that were asked for.
#[derive(Debug)]
pub(crate) struct Reports {
    /// What standard output gets.
    stdout: Format,
    files: Vec<(Format, PathBuf)>,
    actions: Option<Actions>,
}

impl Reports {
    /// The reports, or an exit code when it is clear before any run that they cannot be had.
    pub(crate) fn plan(options: &ReportOptions, scenarios: usize) -> Result<Reports, u8> {
        let mut stdout = options.format;
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        for report in &options.reports {
            if report.file == Path::new("-") {
                if stdout.replace(report.format).is_some() {
                    return Err(wrong("only one report can go to standard output"));
                }
            } else if files.iter().any(|(_, file)| *file == report.file) {
                let file = report.file.display();
                return Err(wrong(&format!("two reports cannot both be `{file}`")));
            } else {
                files.push((report.format, report.file.clone()));
            }
        }
        let reports = Reports {
            stdout: stdout.unwrap_or(Format::Table),
            files,
            actions: Actions::from_environment(),
        };
        for format in reports.formats() {
            format
                .takes(scenarios)
                .map_err(|error| wrong(&error.to_string()))?;
        }
        for (_, file) in &reports.files {
            output::check(file).map_err(|error| failed(&error))?;
        }
        Ok(reports)
    }

    fn formats(&self) -> impl Iterator<Item = Format> {
        let files = self.files.iter().map(|(format, _)| *format);
        files.chain([self.stdout])
    }

    /// Whether the table goes to standard output, as the runs end.
    fn has_table(&self) -> bool {
        self.stdout == Format::Table
    }

    /// Prints a part of the table, where it was asked for.
    pub(crate) fn print_table(&self, text: &str) -> Result<(), u8> {
        match self.has_table() {
            true => print(text),
            false => Ok(()),
        }
    }

    /// Prints and writes all reports but the table on standard output. What fails is told, and
    /// the others are written all the same.
    pub(crate) fn deliver(&self, cases: &[Case], options: &ReportOptions) -> Result<(), u8> {
        let printed = match (self.has_table(), &self.actions) {
            (true, Some(actions)) => actions.tell(cases, &options.look),
            (true, None) => Ok(()),
            (false, _) => render(self.stdout, cases, &options.look, &options.detail)
                .map_err(|error| cannot(&error))
                .and_then(|text| print_as(&text, self.stdout.about().escapes)),
        };
        let written = self.files.iter().map(|(format, file)| {
            let text = render(*format, cases, &options.file_look, &options.detail)
                .map_err(|error| cannot(&error))?;
            // Behind a descriptor may be the runner.
            let text = match output::place(file).is_ok_and(|place| output::is_descriptor(&place)) {
                true => defused(&text, format.about().escapes),
                false => text.as_str().into(),
            };
            output::write(file, text.as_bytes()).map_err(|error| failed(&error))
        });
        // Not `try_fold`: every one is tried.
        written.fold(printed, |all, one| all.and(one))
    }
}

fn wrong(text: &str) -> u8 {
    complain(text);
    Outcome::Usage.exit_code()
}

fn cannot(error: &FormatError) -> u8 {
    complain(&error.to_string());
    Outcome::Inconclusive.exit_code()
}

fn failed(error: &OutputError) -> u8 {
    complain(&error.to_string());
    Outcome::Inconclusive.exit_code()
}
