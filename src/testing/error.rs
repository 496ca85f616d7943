//! Why a scenario was not run, or a file not written.

use std::fmt;

use crate::driver::replaced::CannotReplace;
use crate::lab::reexec::NoExecutable;
use crate::report::format::FORMATS;
use crate::scenario::LoadError;

/// Why a scenario was not run, or a file of it not written: [`Error::kind`] says which.
///
/// A run that went wrong is no error but a [`Run`](crate::Run) that says so.
///
/// `Display` and `Debug` give the whole text for people, with the line of the scenario and carets
/// under what is wrong: a test that returns it prints it well.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no scenario of that name, its file cannot be read, or it is wrong.
    Scenario,
    /// A program was replaced that the scenario does not have.
    Program,
    /// sockscope itself cannot be executed: no lab, no built-in program.
    Executable,
    /// There is no format of that name.
    Format,
    /// A record or a report was not written.
    Output,
}

impl Error {
    /// What kind of thing went wrong.
    ///
    /// ```
    /// use sockscope::{ErrorKind, Scenario};
    ///
    /// let error = Scenario::builtin("norml-close").expect_err("it is misspelt");
    /// assert_eq!(error.kind(), ErrorKind::Scenario);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(super) fn new(kind: ErrorKind, error: &dyn std::error::Error) -> Error {
        Error {
            kind,
            text: error.to_string(),
        }
    }

    pub(super) fn no_format(name: &str) -> Error {
        let names: Vec<&str> = FORMATS.iter().map(|about| about.name).collect();
        Error {
            kind: ErrorKind::Format,
            text: format!("no format `{name}`; there are {}", names.join(", ")),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Error {
        let text = error.render(false);
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        Error {
            kind: ErrorKind::Scenario,
            text: text.trim_end().to_owned(),
        }
    }
}

impl From<CannotReplace> for Error {
    fn from(error: CannotReplace) -> Error {
        Error::new(ErrorKind::Program, &error)
    }
}

impl From<NoExecutable> for Error {
    fn from(error: NoExecutable) -> Error {
        Error::new(ErrorKind::Executable, &error)
    }
}
