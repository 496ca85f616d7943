//! `why`: what is wrong with programs that run already, and who has to do what.
//!
//! | file | what it is for |
//! |---|---|
//! | [`mod@look`] | a picture of what a filter means: sockets, peers, processes |
//! | `process` | state, signals, descriptors' flags |
//! | `counters` | what a network namespace counts |
//!
//! The rules are [`crate::diagnose`]'s. What may be over in a moment (a CLOSE_WAIT, a zombie) is
//! looked at again, and told only when it is still so.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::filter::Filter;
use super::listing::{ListError, Unseen};
use super::netns::{Scope, Tables};
use crate::diagnose::growth::{self, Counters};
use crate::diagnose::{self, Finding, Weight};
use crate::observe::process::ProcRoot;
use crate::tolerance;

mod counters;
pub mod look;
mod process;

pub use look::{Look, look};

/// What was found.
#[derive(Clone, Debug)]
pub struct Why {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// How many TCP sockets were looked at.
    pub sockets: usize,
    /// How many processes.
    pub processes: usize,
    /// What could not be seen.
    pub unseen: Unseen,
    /// The time between the two looks, where there were two.
    pub between: Option<Duration>,
    /// What the namespace counted up to the last look.
    pub counters: Option<Counters>,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Something is wrong.
    Found,
    /// Nothing is, and everything that was asked for could be seen.
    NothingWrong,
    /// Nothing was found among what could be seen.
    NotAllSeen,
    /// The filter means nothing that is there.
    NothingMatched,
}

impl Why {
    /// What it comes to.
    pub fn conclusion(&self) -> Conclusion {
        let wrong = |finding: &Finding| finding.weight != Weight::Note;
        let unseen = &self.unseen;
        let blind = unseen.processes + unseen.undecided + unseen.namespaces + unseen.hidden > 0;
        if self.findings.iter().any(wrong) {
            Conclusion::Found
        } else if self.sockets + self.processes == 0 && unseen.undecided == 0 {
            Conclusion::NothingMatched
        } else if blind {
            Conclusion::NotAllSeen
        } else {
            Conclusion::NothingWrong
        }
    }
}

/// Looks, and where something was found, or `watch` says so, looks again: after `watch`, or
/// after [`tolerance::LASTING`].
///
/// `pause` waits so long, and may end earlier.
///
/// # Errors
/// When the kernel could not be asked or `/proc` not be read.
pub fn why(
    root: &ProcRoot,
    tables: &mut Tables,
    filter: &Filter,
    scope: Scope,
    watch: Option<Duration>,
    pause: &mut dyn FnMut(Duration),
) -> Result<Why, ListError> {
    let begun = Instant::now();
    let first = look(root, tables, filter, scope)?;
    let found = diagnose::diagnose(&first.picture, &first.question);
    let passing = found.iter().any(|finding| finding.weight != Weight::Note);
    if watch.is_none() && !passing {
        return Ok(first.with(found, None));
    }
    pause(watch.unwrap_or(tolerance::LASTING));
    let second = look(root, tables, filter, scope)?;
    let between = begun.elapsed();
    let lasting = lasting(&found, &second);
    let mut findings = Vec::new();
    if watch.is_some() {
        findings = grown(&first, &second, between);
    }
    findings.extend(lasting);
    findings.sort_by_key(|finding| finding.weight);
    Ok(second.with(findings, Some(between)))
}

/// What the second look found as the first one did.
fn lasting(before: &[Finding], second: &Look) -> Vec<Finding> {
    let known: BTreeSet<_> = before
        .iter()
        .map(|finding| (finding.diagnosis.key, finding.about))
        .collect();
    let mut now = diagnose::diagnose(&second.picture, &second.question);
    now.retain(|finding| known.contains(&(finding.diagnosis.key, finding.about)));
    now
}

/// What got more between two looks.
pub fn grown(first: &Look, second: &Look, between: Duration) -> Vec<Finding> {
    let mut found = growth::close_wait_leak(&first.picture, &second.picture, between);
    if let (Some(before), Some(after)) = (first.counters, second.counters) {
        found.extend(growth::counted(before, after, between));
    }
    found
}

impl Look {
    fn with(self, findings: Vec<Finding>, between: Option<Duration>) -> Why {
        Why {
            findings,
            sockets: self.question.sockets.len(),
            processes: self.question.processes.len(),
            unseen: self.unseen,
            between,
            counters: self.counters,
        }
    }
}
