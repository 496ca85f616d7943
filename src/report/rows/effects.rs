//! What a call or the end of a process did to connections, in words.

use super::Lanes;
use crate::causes::{Effect, Link};
use crate::event::{Event, Kind, SignalFate, SignalOrigin};
use crate::model::{ExitStatus, Holder, ProcessName};
use crate::report::text::escape;

/// As many connections of an ended process as are told one by one.
const TOLD: usize = 3;

/// Behind a call: ` → FIN`, `: no FIN, server.child fd 4 has it open`.
pub(super) fn of_call(links: &[Link]) -> String {
    links.iter().map(|link| words(&link.effect)).collect()
}

/// Behind the end of a process: `, closing fd 4 of server.conn → FIN`.
pub(super) fn of_end(links: &[Link], lanes: &Lanes<'_>) -> String {
    let mut text = String::new();
    for link in links.iter().take(TOLD) {
        let endpoint = lanes.endpoint(link.socket);
        let of = endpoint.map_or_else(String::new, |endpoint| {
            format!(" of {}", escape(endpoint.name.as_str()))
        });
        text.push_str(&format!(
            "; the kernel closed fd {}{of}{}",
            link.fd,
            words(&link.effect)
        ));
    }
    match links.len().saturating_sub(TOLD) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

fn words(effect: &Effect) -> String {
    match effect {
        Effect::Sent { reset: false, .. } => " → FIN".to_owned(),
        Effect::Sent { reset: true, .. } => " → RST".to_owned(),
        Effect::Became(state) => format!(" → {state}"),
        Effect::StillHeld(holders) => format!(": no FIN, open in {}", listed(holders)),
    }
}

fn listed(holders: &[Holder]) -> String {
    let names: Vec<String> = holders
        .iter()
        .take(TOLD)
        .map(|holder| format!("{} fd {}", escape(holder.process.as_str()), holder.fd))
        .collect();
    match holders.len().saturating_sub(TOLD) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Who sent the signal that ended a process: ` from sockscope`.
pub(super) fn sender(
    before: &[Event],
    process: &ProcessName,
    status: Option<ExitStatus>,
) -> String {
    let Some(ExitStatus::Signaled { signal, .. }) = status else {
        return String::new();
    };
    let from = before.iter().rev().find_map(|event| match &event.kind {
        Kind::Signal {
            process: to,
            signal: came,
            from,
            fate: SignalFate::Generated | SignalFate::Delivered,
        } if to == process && *came == signal => Some(from),
        _ => None,
    });
    match from {
        Some(SignalOrigin::Process(name)) => format!(" from {}", escape(name.as_str())),
        Some(SignalOrigin::Sockscope) => " from sockscope".to_owned(),
        Some(SignalOrigin::Stranger { pid }) => format!(" from pid {pid}, a stranger"),
        Some(SignalOrigin::Kernel | SignalOrigin::Unknown) | None => String::new(),
    }
}
