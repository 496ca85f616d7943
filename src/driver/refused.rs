//! Runs that never began, because something that they need is wrong: reports name them, so that
//! nobody takes a report without them for one of a run in which all was well.

use std::path::Path;
use std::time::Instant;

use super::extra::not_run;
use super::header::{header, header_of, plain_hosts};
use crate::run::{Mistake, Outcome, Place, Run, Stopped};
use crate::scenario::select::NoMatch;
use crate::scenario::{Fault, LoadError, Scenario, SourceText};

/// The run of a scenario that cannot be had. `word` is what the user named it by, `place` where
/// it would have run.
pub fn unloaded(word: &str, error: &LoadError, place: Place) -> Run {
    let nothing = |name: &str| SourceText {
        name: name.to_owned(),
        text: String::new(),
    };
    let (source, faults) = match error {
        LoadError::Wrong { source_text, error } => (source_text.clone(), &error.faults[..]),
        // It is no file.
        LoadError::Unknown(_) => (nothing(""), &[][..]),
        LoadError::Unreadable { path, .. }
        | LoadError::Directory { path }
        | LoadError::NotUtf8 { path, .. }
        | LoadError::TooBig { path } => (nothing(path), &[][..]),
    };
    let mut mistakes = faults.iter().map(mistake);
    let first = mistakes.next().unwrap_or_else(|| Mistake {
        why: error.to_string(),
        span: None,
        help: error.help(),
    });
    let stopped = Stopped {
        why: first.why,
        span: first.span,
        help: first.help,
        outcome: Outcome::Usage,
        more: mistakes.collect(),
    };
    let name = match source.name.is_empty() {
        true => word.to_owned(),
        false => stem(&source.name),
    };
    let header = header(&name, "", &source, plain_hosts(), place);
    not_run((header, stopped), Instant::now())
}

/// The run of a pattern that no scenario fits.
pub fn unmatched(none: &NoMatch, place: Place) -> Run {
    let source = SourceText {
        name: String::new(),
        text: String::new(),
    };
    let header = header(&none.pattern, "", &source, plain_hosts(), place);
    let stopped = Stopped {
        why: none.to_string(),
        span: None,
        help: Some(none.help.clone()),
        outcome: Outcome::NothingMatched,
        more: Vec::new(),
    };
    not_run((header, stopped), Instant::now())
}

/// The run of a scenario that did not begin because of something else.
pub fn held_back(scenario: &Scenario, why: &str, outcome: Outcome, place: Place) -> Run {
    let stopped = Stopped {
        why: why.to_owned(),
        span: None,
        help: None,
        outcome,
        more: Vec::new(),
    };
    not_run((header_of(scenario, place), stopped), Instant::now())
}

fn mistake(fault: &Fault) -> Mistake {
    Mistake {
        why: fault.message.clone(),
        span: Some(fault.span.clone()).filter(|span| *span != (0..0)),
        help: fault.help.clone(),
    }
}

/// The name of the scenario in a file.
fn stem(path: &str) -> String {
    let stem = Path::new(path).file_stem();
    stem.map_or_else(
        || path.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}
