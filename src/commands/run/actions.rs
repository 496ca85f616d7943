//! GitHub Actions: what it gets without being asked for, where sockscope runs in it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;

use sockscope::report::{Look, github, step_summary};
use sockscope::suite::Case;

use crate::commands::{complain, print};

/// What the runner says in the environment.
#[derive(Debug)]
pub(super) struct Actions {
    /// The file that a step's summary is added to.
    summary: Option<OsString>,
}

impl Actions {
    /// Nothing where sockscope does not run in GitHub Actions.
    pub(super) fn from_environment() -> Option<Actions> {
        let runs = std::env::var_os("GITHUB_ACTIONS")?;
        (runs == "true").then(|| Actions {
            summary: std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()),
        })
    }

    /// Annotations after the table, and the step's summary. Nobody asked for the summary, so a
    /// file that does not take it is told and changes nothing.
    pub(super) fn tell(&self, cases: &[Case], look: &Look) -> Result<(), u8> {
        print(&github::render(cases, look))?;
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
