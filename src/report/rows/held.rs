//! Who holds a socket, told briefly: where many hold it, only what changed, and of several sockets
//! at once only once. A server that forks for each of its connections would fill the picture
//! with the square of their number otherwise.

use super::{Class, Happening, RowKind, Side};
use crate::event::{Event, Kind};
use crate::model::Holder;
use crate::report::palette::Tone;
use crate::report::text::escape;

/// Holders of a socket that are still listed one by one.
const LISTED: usize = 2;

/// Sockets that are still named one by one.
const NAMED: usize = 3;

/// What is said of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Who holds it: the processes, in order.
    Whole(Vec<String>),
    /// Who holds it in addition to those before, and who does not any more.
    Change(Vec<String>, Vec<String>),
}

/// The row that was written last, and the sockets that it is about.
#[derive(Debug)]
pub(super) struct Shared {
    /// Its index.
    pub(super) row: usize,
    /// Its last event.
    pub(super) last: usize,
    pub(super) said: Said,
    pub(super) names: Vec<String>,
}

impl Said {
    /// Everybody.
    pub(super) fn whole(holders: &[Holder]) -> Said {
        Said::Whole(processes(holders))
    }

    /// In words; `whole` says who holds it.
    pub(super) fn words(&self, whole: impl Fn() -> String) -> String {
        let Said::Change(more, less) = self else {
            return whole();
        };
        let parts = [("also held by", more), ("no longer held by", less)];
        let told = parts.iter().filter(|(_, who)| !who.is_empty());
        told.map(|(how, who)| format!("{how} {}", who.join(", ")))
            .collect::<Vec<String>>()
            .join(", ")
    }
}

/// What is worth saying when the holders of a socket change.
pub(super) fn said(before: &[Holder], now: &[Holder]) -> Said {
    if now.len() <= LISTED || before.is_empty() {
        return Said::whole(now);
    }
    let only = |these: &[Holder], those: &[Holder]| {
        let those = processes(those);
        let mut these = processes(these);
        these.retain(|name| !those.contains(name));
        these
    };
    match (only(now, before), only(before, now)) {
        // The same processes, other descriptors.
        (more, less) if more.is_empty() && less.is_empty() => Said::whole(now),
        (more, less) => Said::Change(more, less),
    }
}

/// Whether nothing happened in these events, but that things were looked at.
pub(super) fn is_one_look(events: &[Event]) -> bool {
    events.iter().all(|event| {
        matches!(
            event.kind,
            Kind::Holders { .. } | Kind::Gauges { .. } | Kind::ProcessState { .. }
        )
    })
}

/// The same of several sockets.
pub(super) fn together(names: &[String], said: &Said, words: &str) -> String {
    let shown = match names.len() {
        0..=NAMED => names.join(", "),
        more => format!("{} and {} more", names[..NAMED].join(", "), more - NAMED),
    };
    match said {
        // Their descriptors differ.
        Said::Whole(who) if !who.is_empty() => format!("{shown} held by {}", who.join(", ")),
        _ => format!("{shown} {words}"),
    }
}

/// Such a row.
pub(super) fn row(side: Side, text: String) -> RowKind {
    RowKind::Happening(Happening {
        text,
        tone: Tone::Faint,
        side: Some(side),
        class: Class::Event,
    })
}

fn processes(holders: &[Holder]) -> Vec<String> {
    let mut names: Vec<String> = holders
        .iter()
        .map(|holder| escape(holder.process.as_str()))
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holders(names: &[&str]) -> Vec<Holder> {
        let held = names.iter().map(|name| Holder {
            process: (*name).into(),
            fd: 4,
        });
        held.collect()
    }

    #[test]
    fn many_holders_are_told_by_what_changed() {
        let whole = || "whole".to_owned();
        let before = holders(&["a", "b"]);
        let said_of = |now: &[&str]| said(&before, &holders(now)).words(whole);
        assert_eq!(said_of(&["a"]), "whole");
        assert_eq!(said_of(&["a", "b", "c"]), "also held by c");
        assert_eq!(
            said_of(&["b", "c", "d"]),
            "also held by c, d, no longer held by a"
        );
    }
}
