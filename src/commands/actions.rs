//! GitHub Actions: what it gets without being asked for, where sockscope runs in it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;

use sockscope::report::github::Escapes;
use sockscope::report::{Look, github, step_summary};
use sockscope::suite::Case;

use super::complain;
use super::streams::print_as;

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

    /// Annotations after the table, and the step's summary. Nobody asked for the summary, so a
    /// file that does not take it is told and changes nothing.
    pub(crate) fn tell(&self, cases: &[Case], look: &Look) -> Result<(), u8> {
        print_as(&github::render(cases, look), Escapes::Commands)?;
        if let Some(file) = &self.summary {
            let added = OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .and_then(|mut file| writeln!(file, "{}", step_summary::render(cases)));
            if let Err(error) = added {
                complain(&format!("cannot add to GITHUB_STEP_SUMMARY: {error}"));
            }
        }
        Ok(())
    }
}
