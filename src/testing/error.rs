//! Why a scenario was not run.

use std::fmt;

use crate::driver::replaced::CannotReplace;
use crate::lab::reexec::NoExecutable;
use crate::scenario::LoadError;

/// Why a scenario was not run: there is none of that name, its file is wrong, or a program that it
/// does not have was replaced.
///
/// A run that went wrong is no error but a [`Run`](crate::Run) that says so.
///
/// `Display` and `Debug` give the whole text for people, with the line of the scenario and carets
/// under what is wrong: a test that returns it prints it well.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    text: String,
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
            text: text.trim_end().to_owned(),
        }
    }
}

impl From<CannotReplace> for Error {
    fn from(error: CannotReplace) -> Error {
        Error {
            text: error.to_string(),
        }
    }
}

impl From<NoExecutable> for Error {
    fn from(error: NoExecutable) -> Error {
        Error {
            text: error.to_string(),
        }
    }
}
