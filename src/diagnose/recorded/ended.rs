//! Ends of processes that explain what is missing.

use super::Subject;
use crate::event::Kind;
use crate::model::{ExitStatus, ProcessName, signal_name};

const SIGPIPE: i32 = nix::libc::SIGPIPE;

/// The program is not there any more.
pub(in crate::diagnose) fn program_ended(subject: &Subject<'_>) -> Option<String> {
    let program = subject.concern.program.as_ref()?;
    let process = subject
        .timeline
        .process(&ProcessName::new(program.as_str()))?;
    let concern = &subject.concern;
    let told = concern.tells_end && concern.process.as_ref() == Some(&process.name)
        || is_killed_by_sigpipe(process.status);
    // Whoever did what must never be done had not ended then.
    let fits = concern.is_expected || concern.endpoint.is_some();
    if !process.ended || told || !fits {
        return None;
    }
    let how = match process.status {
        Some(status) => status.to_string(),
        None => "ended".into(),
    };
    let last_words = subject
        .timeline
        .events()
        .iter()
        .rev()
        .find_map(|event| match &event.kind {
            Kind::Output { process, text, .. } if process.program() == *program => Some(text),
            _ => None,
        });
    Some(match last_words {
        Some(words) => format!("{program} {how}; the last it printed: {words:?}"),
        None => format!("{program} {how}, without a word"),
    })
}

/// A write after the peer's RST (UNP section 5.13).
pub(in crate::diagnose) fn killed_by_sigpipe(subject: &Subject<'_>) -> Option<String> {
    let program = subject.concern.program.as_ref()?;
    let process = subject
        .timeline
        .processes()
        .iter()
        .find(|p| p.name.program() == *program && is_killed_by_sigpipe(p.status))?;
    Some(format!(
        "{} was killed by {}: it wrote to a connection that had got RST; with SIGPIPE ignored \
         the write fails with EPIPE instead (UNP 5.13)",
        process.name,
        signal_name(SIGPIPE)
    ))
}

fn is_killed_by_sigpipe(status: Option<ExitStatus>) -> bool {
    matches!(
        status,
        Some(ExitStatus::Signaled {
            signal: SIGPIPE,
            ..
        })
    )
}
