//! GitHub Actions: what it gets without being asked for, where sockscope runs in it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;

use sockscope::report::step_summary;
use sockscope::run::Outcome;
use sockscope::suite::Case;

use super::complain;

/// What the runner says in the environment.
#[derive(Debug)]
pub(crate) struct Actions {
    /// The file that a step's summary is added to.
    summary: Option<OsString>,
}

impl Actions {
    /// Whether a runner reads what sockscope prints.
    pub(crate) fn are_there() -> bool {
        std::env::var_os("GITHUB_ACTIONS").is_some_and(|runs| runs == "true")
    }

    /// Nothing where sockscope does not run in GitHub Actions.
    pub(crate) fn from_environment() -> Option<Actions> {
        Actions::are_there().then(|| Actions {
            summary: std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()),
        })
    }

    /// Whether there is a summary to add to.
    pub(crate) fn have_summary(&self) -> bool {
        self.summary.is_some()
    }

    /// Adds to the step's summary.
    ///
    /// # Errors
    /// An exit code, when the file does not take it.
    pub(crate) fn summarize(&self, cases: &[Case]) -> Result<(), u8> {
        let Some(file) = &self.summary else {
            return Ok(());
        };
        let added = OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .and_then(|mut file| writeln!(file, "{}", step_summary::render(cases)));
        added.map_err(|error| {
            complain(&format!("cannot add to GITHUB_STEP_SUMMARY: {error}"));
            Outcome::Inconclusive.exit_code()
        })
    }
}
