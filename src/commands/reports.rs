//! Where the reports of a run, or of a record, go.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use sockscope::output;
use sockscope::report::format::{Format, FormatError, render};
use sockscope::report::github;
use sockscope::run::Outcome;
use sockscope::suite::Case;

use super::actions::Actions;
use super::streams::{self, annotate_on_stderr, defused, print_as};
use super::targets::Targets;
use super::{complain, complain_rendered, print};
use crate::cli::ReportOptions;

/// The reports that were asked for.
#[derive(Debug)]
pub(crate) struct Reports {
    /// What is printed.
    printed: Format,
    /// Whether that goes to standard error: standard output has the packets.
    aside: bool,
    files: Vec<(Format, PathBuf)>,
    /// Whether a file gets the packets.
    packets: bool,
    actions: Option<Actions>,
    /// Why one of the files cannot be written.
    unwritable: Option<String>,
    /// The exit code of what could not be printed or written; 0: nothing was.
    failed: AtomicU8,
}

impl Reports {
    /// The reports of a call that reads these files, or an exit code when it is wrong to ask for
    /// them.
    pub(crate) fn plan<'a>(
        options: &ReportOptions,
        scenarios: usize,
        reads: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Reports, u8> {
        const DASH: &str = "-";
        let aside = options.packets.as_deref() == Some(Path::new(DASH));
        let mut printed = options.format;
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        let mut targets = Targets::beside(reads);
        for report in &options.reports {
            if report.file == Path::new(DASH) {
                if printed.replace(report.format).is_some() {
                    return Err(wrong("only one report can go to standard output"));
                }
                continue;
            }
            targets.add(&report.file).map_err(|why| wrong(&why))?;
            files.push((report.format, report.file.clone()));
        }
        if aside && printed.is_some() {
            return Err(wrong(
                "a report and --pcap cannot both go to standard output",
            ));
        }
        if aside && std::io::stdout().is_terminal() {
            return Err(wrong(
                "standard output is a terminal\n  = help: pipe the packets into a program, as in \
                 `--pcap - | wireshark -k -i -`, or name a file",
            ));
        }
        let packets = options.packets.iter().filter(|_| !aside);
        for file in packets.clone() {
            targets.add(file).map_err(|why| wrong(&why))?;
        }
        let mut reports = Reports {
            printed: printed.unwrap_or(Format::Table),
            aside,
            packets: packets.clone().next().is_some(),
            files,
            actions: Actions::from_environment(),
            unwritable: None,
            failed: AtomicU8::new(0),
        };
        for format in reports.formats() {
            format
                .takes(scenarios)
                .map_err(|error| wrong(&error.to_string()))?;
        }
        for file in packets {
            reports.admit(file);
        }
        reports.files = std::mem::take(&mut reports.files)
            .into_iter()
            .filter(|(_, file)| reports.admit(file))
            .collect();
        Ok(reports)
    }

    /// Whether a file can be written as things stand; says why not.
    fn admit(&mut self, file: &Path) -> bool {
        let Err(error) = output::check(file) else {
            return true;
        };
        let why = error.to_string();
        complain(&why);
        self.unwritable.get_or_insert(why);
        false
    }

    /// Why it is clear before any run that not all reports can be had. The others can.
    pub(crate) fn unwritable(&self) -> Option<&str> {
        self.unwritable.as_deref()
    }

    fn formats(&self) -> impl Iterator<Item = Format> {
        let files = self.files.iter().map(|(format, _)| *format);
        files.chain([self.printed])
    }

    /// Whether the table is printed, as the runs end.
    fn has_table(&self) -> bool {
        self.printed == Format::Table
    }

    /// Whether nobody would see what comes now: nothing was asked for but standard output, and its
    /// reader went away.
    pub(crate) fn are_unread(&self) -> bool {
        let summary = self.actions.as_ref().is_some_and(Actions::have_summary);
        let kept = self.packets || summary || !self.files.is_empty();
        !kept && !self.aside && streams::reader_is_gone()
    }

    /// Prints a part of the table, where it was asked for. What fails is told once; what was
    /// asked for besides is written all the same.
    pub(crate) fn print_table(&self, text: &str) {
        if self.has_table() {
            self.print(text, || print(text));
        }
    }

    fn print(&self, text: &str, to_stdout: impl FnOnce() -> Result<(), u8>) {
        if self.aside {
            complain_rendered(text);
        } else if self.failed.load(Ordering::Relaxed) == 0 {
            self.note(to_stdout());
        }
    }

    /// Keeps the first exit code of what could not be written.
    fn note(&self, result: Result<(), u8>) {
        if let Err(code) = result {
            // Where there is one already, that one stays.
            let _ = self
                .failed
                .compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Prints and writes all reports but the table.
    ///
    /// # Errors
    /// An exit code, when something could not be printed or written. It was told, and the rest
    /// was written.
    pub(crate) fn deliver(&self, cases: &[Case], options: &ReportOptions) -> Result<(), u8> {
        match &self.actions {
            Some(actions) if self.has_table() => {
                let annotations = github::render(cases, &options.look);
                match self.aside {
                    true => annotate_on_stderr(&annotations),
                    false => self.print_report(Format::Github, &annotations),
                }
                self.note(actions.summarize(cases));
            }
            _ if self.has_table() => {}
            _ => match render(self.printed, cases, &options.look, &options.detail) {
                Ok(text) => self.print_report(self.printed, &text),
                Err(error) => self.note(Err(cannot(&error))),
            },
        }
        for (format, file) in &self.files {
            self.note(write(*format, file, cases, options));
        }
        match self.failed.load(Ordering::Relaxed) {
            0 => Ok(()),
            code => Err(code),
        }
    }

    fn print_report(&self, format: Format, text: &str) {
        self.print(text, || print_as(text, format.about().escapes));
    }
}

fn write(format: Format, file: &Path, cases: &[Case], options: &ReportOptions) -> Result<(), u8> {
    let text = render(format, cases, &options.file_look, &options.detail)
        .map_err(|error| cannot(&error))?;
    // Behind a descriptor may be the runner.
    let text = match output::place(file).is_ok_and(|place| output::is_descriptor(&place)) {
        true => defused(&text, format.about().escapes),
        false => text.as_str().into(),
    };
    output::write(file, text.as_bytes()).map_err(|error| {
        complain(&error.to_string());
        Outcome::Inconclusive.exit_code()
    })
}

fn wrong(text: &str) -> u8 {
    complain(text);
    Outcome::Usage.exit_code()
}

fn cannot(error: &FormatError) -> u8 {
    complain(&error.to_string());
    Outcome::Inconclusive.exit_code()
}
