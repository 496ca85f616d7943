//! The formats by name. To add one: its variant in [`Format`], its line in [`FORMATS`].

use std::error::Error;

use super::{Detail, Look, github, junit, summary, tap};
use crate::run::Run;
use crate::suite::Case;

/// What a run or several can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The ladder with its verdicts, or a line for each of several scenarios.
    Table,
    /// JUnit's XML.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// Annotations of GitHub Actions.
    Github,
}

/// A line of the table of formats.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Which one.
    pub format: Format,
    /// The word of `--format` and `--report`.
    pub name: &'static str,
    /// What it is for, in a line.
    pub purpose: &'static str,
    /// From what it is written, and by whom.
    pub writer: Writer,
}

/// What may go wrong in a format's own writer.
pub type WriteError = Box<dyn Error + Send + Sync>;

/// From what a format is written, and by which function.
#[derive(Clone, Copy, Debug)]
pub enum Writer {
    /// From one run: of several scenarios there is no such picture.
    Run(fn(&Run, &Look, &Detail) -> Result<String, WriteError>),
    /// From any number of scenarios.
    Suite(fn(&[Case], &Look, &Detail) -> Result<String, WriteError>),
}

/// All formats.
pub const FORMATS: &[About] = &[
    About {
        format: Format::Table,
        name: "table",
        purpose: "what a terminal shows without --format",
        writer: Writer::Suite(|cases, look, detail| Ok(summary::render(cases, look, detail))),
    },
    About {
        format: Format::Junit,
        name: "junit",
        purpose: "JUnit's XML, for GitLab, Jenkins and GitHub's reporters",
        writer: Writer::Suite(junit::render),
    },
    About {
        format: Format::Tap,
        name: "tap",
        purpose: "the Test Anything Protocol, version 14",
        writer: Writer::Suite(|cases, look, _| tap::render(cases, look)),
    },
    About {
        format: Format::Github,
        name: "github",
        purpose: "annotations of GitHub Actions, at most ten",
        writer: Writer::Suite(|cases, look, _| Ok(github::render(cases, look))),
    },
];

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The format shows one run.
    #[error("{format} shows one scenario, not {scenarios}")]
    OneOnly {
        /// The format's name.
        format: &'static str,
        /// How many there were.
        scenarios: usize,
    },
    /// The format's own writer failed.
    #[error("cannot write {format}: {error}")]
    Writer {
        /// The format's name.
        format: &'static str,
        /// What it said.
        error: WriteError,
    },
}

impl Format {
    /// The format's line in the table.
    pub fn about(self) -> &'static About {
        let found = FORMATS.iter().find(|about| about.format == self);
        // Every variant has its line; the first one is the table's.
        found.unwrap_or(&FORMATS[0])
    }

    /// The word of `--format` and `--report`.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// The format of a name.
    pub fn named(name: &str) -> Option<Format> {
        let found = FORMATS.iter().find(|about| about.name == name);
        found.map(|about| about.format)
    }

    /// Whether so many scenarios can be written in this format.
    ///
    /// # Errors
    /// When it shows only one.
    pub fn takes(self, scenarios: usize) -> Result<(), FormatError> {
        match self.about().writer {
            Writer::Run(_) if scenarios != 1 => Err(FormatError::OneOnly {
                format: self.name(),
                scenarios,
            }),
            _ => Ok(()),
        }
    }
}

/// Cases in a format. Ends in a newline, unless there is nothing to say.
///
/// # Errors
/// When the format shows only one scenario and there are several, or none.
pub fn render(
    format: Format,
    cases: &[Case],
    look: &Look,
    detail: &Detail,
) -> Result<String, FormatError> {
    format.takes(cases.len())?;
    let written = match (format.about().writer, cases) {
        (Writer::Run(write), [case, ..]) => write(case.run(), look, detail),
        (Writer::Run(_), []) => Ok(String::new()),
        (Writer::Suite(write), cases) => write(cases, look, detail),
    };
    written.map_err(|error| FormatError::Writer {
        format: format.name(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for about in FORMATS {
            assert_eq!(Format::named(about.name), Some(about.format));
            assert_eq!(about.format.name(), about.name);
        }
        assert_eq!(Format::named("nope"), None);
    }
}
