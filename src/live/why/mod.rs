//! `why`: what is wrong with programs that run already, and who has to do what.
//!
//! | file | what it is for |
//! |---|---|
//! | [`mod@look`] | a picture of what a filter means: sockets, peers, processes |
//! | `paint` | sockets and processes, put into that picture |
//! | `process` | state, signals, descriptors' flags |
//! | `settings` | what the kernel is set to |
//! | `counters` | what a network namespace counts |
//!
//! The rules are [`crate::diagnose`]'s. What may be over in a moment (a CLOSE_WAIT, a zombie) is
//! looked at again, soon and once more after a while, and told only when it is still so.

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
mod paint;
mod process;
mod settings;

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
    /// How often it was looked.
    pub looks: usize,
    /// The time between the first look and the last, where there were several.
    pub between: Option<Duration>,
    /// What the namespace counted up to the last look.
    pub counters: Option<Counters>,
    /// Whether something may be bound to the port of the filter that this kernel does not tell of:
    /// no socket with that port was found, and it is older than Linux 6.8.
    pub bound_unseen: bool,
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
        let blind = unseen.processes
            + unseen.undecided
            + unseen.namespaces
            + unseen.hidden
            + unseen.elsewhere
            > 0
            || unseen.hides;
        if self.findings.iter().any(wrong) {
            Conclusion::Found
        } else if self.sockets + self.processes == 0
            && self.findings.is_empty()
            && unseen.undecided == 0
        {
            Conclusion::NothingMatched
        } else if blind {
            Conclusion::NotAllSeen
        } else {
            Conclusion::NothingWrong
        }
    }
}

/// Looks, and where something was found looks again: after [`tolerance::LASTING`], which most of
/// what passes does not last, and once more [`tolerance::STAYING`] after the first look. With
/// `watch` it looks again in any case, after that time, and a last time for what came meanwhile.
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
    let mut found = diagnose::diagnose(&first.picture, &first.question);
    if watch.is_none() && !may_pass(&found) {
        return Ok(first.with(found, 1, None));
    }
    let mut again = |time: Duration| {
        pause(time);
        let mut look = look(root, tables, filter, scope)?;
        look.remember(&first);
        Ok::<Look, ListError>(look)
    };
    let second = again(watch.unwrap_or(tolerance::LASTING))?;
    let between = begun.elapsed();
    found = lasting(&found, &second);
    if watch.is_none() && !may_pass(&found) {
        return Ok(second.with(found, 2, Some(between)));
    }
    let last = again(match watch {
        Some(_) => tolerance::LASTING,
        None => tolerance::STAYING.saturating_sub(between),
    })?;
    let mut findings = match watch {
        Some(_) => grown(&first, &second, &last, between),
        None => Vec::new(),
    };
    findings.extend(lasting(&found, &last));
    findings.sort_by_key(|finding| finding.weight);
    Ok(last.with(findings, 3, Some(begun.elapsed())))
}

/// Whether something is told that may be over in a moment.
fn may_pass(found: &[Finding]) -> bool {
    found.iter().any(|finding| finding.weight != Weight::Note)
}

/// What a later look found as the one before it did; nothing that is wrong with it may be told of
/// the same socket instead.
fn lasting(before: &[Finding], later: &Look) -> Vec<Finding> {
    let known: BTreeSet<_> = before
        .iter()
        .map(|finding| (finding.diagnosis.key, finding.about))
        .collect();
    let told: BTreeSet<_> = before.iter().map(|finding| finding.about).collect();
    let mut now = diagnose::diagnose(&later.picture, &later.question);
    now.retain(|finding| {
        known.contains(&(finding.diagnosis.key, finding.about))
            || finding.weight == Weight::Note && told.contains(&finding.about)
    });
    now
}

/// What got more between two looks, of sockets only what is still there at the `last` one.
pub fn grown(first: &Look, second: &Look, last: &Look, between: Duration) -> Vec<Finding> {
    let pictures = (&first.picture, &second.picture, &last.picture);
    let mut found = growth::close_wait_leak(pictures.0, pictures.1, pictures.2, between);
    if let (Some(before), Some(after)) = (first.counters, second.counters) {
        found.extend(growth::counted(before, after, between));
    }
    found
}

impl Look {
    fn with(self, findings: Vec<Finding>, looks: usize, between: Option<Duration>) -> Why {
        Why {
            findings,
            sockets: self.question.sockets.len(),
            processes: self.question.processes.len(),
            unseen: self.unseen,
            looks,
            between,
            counters: self.counters,
            bound_unseen: self.bound_unseen,
        }
    }
}
