//! The formats by name. To add one: its variant in [`Format`], its line in [`FORMATS`].

use std::error::Error;

use super::github::Escapes;
use super::{Detail, Look, github, html, junit, markdown, mermaid, summary, svg, tap};
use crate::record;
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
    /// The ladder as a picture.
    Svg,
    /// A page for a browser.
    Html,
    /// A sequence diagram of mermaid.
    Mermaid,
    /// Markdown.
    Markdown,
    /// The record, a JSON object a line.
    Jsonl,
    /// What the record holds as one JSON value.
    Json,
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
    /// How it can hide from a runner of GitHub Actions what would be a command to it.
    pub escapes: Escapes,
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
        escapes: Escapes::Visible,
    },
    About {
        format: Format::Junit,
        name: "junit",
        purpose: "JUnit's XML, for GitLab, Jenkins and GitHub's reporters",
        writer: Writer::Suite(junit::render),
        escapes: Escapes::Markup,
    },
    About {
        format: Format::Tap,
        name: "tap",
        purpose: "the Test Anything Protocol, version 14",
        writer: Writer::Suite(|cases, look, _| tap::render(cases, look)),
        escapes: Escapes::Json,
    },
    About {
        format: Format::Github,
        name: "github",
        purpose: "annotations of GitHub Actions, at most ten",
        writer: Writer::Suite(|cases, look, _| Ok(github::render(cases, look))),
        escapes: Escapes::Commands,
    },
    About {
        format: Format::Svg,
        name: "svg",
        purpose: "the ladder as a picture",
        writer: Writer::Suite(|cases, _, detail| Ok(svg::render(cases, detail))),
        escapes: Escapes::Markup,
    },
    About {
        format: Format::Html,
        name: "html",
        purpose: "a page for a browser: picture, state diagram, every event",
        writer: Writer::Suite(|cases, _, detail| Ok(html::render(cases, detail))),
        escapes: Escapes::Markup,
    },
    About {
        format: Format::Mermaid,
        name: "mermaid",
        purpose: "a sequence diagram for READMEs and pull requests",
        writer: Writer::Suite(|cases, _, detail| Ok(mermaid::render(cases, detail))),
        escapes: Escapes::Visible,
    },
    About {
        format: Format::Markdown,
        name: "markdown",
        purpose: "verdicts, failures and ladder for pull requests and issues",
        writer: Writer::Suite(|cases, look, detail| Ok(markdown::render(cases, look, detail))),
        escapes: Escapes::Visible,
    },
    About {
        format: Format::Jsonl,
        name: "jsonl",
        purpose: "the record, a JSON object a line: for jq and `sockscope replay`",
        writer: Writer::Suite(|cases, _, _| Ok(record::lines(cases)?)),
        escapes: Escapes::Json,
    },
    About {
        format: Format::Json,
        name: "json",
        purpose: "the same as one JSON value",
        writer: Writer::Suite(|cases, _, _| Ok(record::document(cases)?)),
        escapes: Escapes::Json,
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
