//! What gets more from one look to the next. It needs two looks at a machine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Process, lapse};
use crate::model::TcpState;

/// CLOSE_WAIT piles up.
pub(super) const LEAK: Diagnosis = Diagnosis {
    key: "close-wait-leak",
    title: "CLOSE_WAIT piles up",
    reference: "UNP 4.8, 2.6",
};

/// Connections that a RST ended.
pub(super) const RESETS: Diagnosis = Diagnosis {
    key: "resets",
    title: "connections end by RST",
    reference: "RFC 9293 3.5.2, RFC 4022: tcpEstabResets",
};

/// A queue overflowed between two looks.
pub(super) const OVERFLOWS: Diagnosis = Diagnosis {
    key: "listen-overflows",
    title: "connections found an accept queue full",
    reference: "UNP 4.5, listen(2)",
};

/// What a network namespace has counted since it was made (`/proc/PID/net/snmp` and `netstat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `EstabResets`: connections that went from ESTABLISHED or CLOSE_WAIT to CLOSE.
    pub resets: u64,
    /// `AttemptFails`: connections that did not come about, refused ones among them.
    pub refused: u64,
    /// `OutRsts`: RSTs that were sent.
    pub resets_sent: u64,
    /// `ListenOverflows`: connections that found a queue full.
    pub overflows: u64,
    /// `ListenDrops`: SYNs that were dropped for that or another reason.
    pub drops: u64,
}

/// CLOSE_WAIT sockets that the same processes hold, and that get more.
pub fn close_wait_leak(before: &Picture, after: &Picture, between: Duration) -> Vec<Finding> {
    let (was, is) = (by_holders(before), by_holders(after));
    let grown = is.into_iter().filter_map(|(keys, (names, now))| {
        let then = was.get(&keys).map_or(0, |(_, then)| *then);
        (now > then && now > 1).then(|| Finding {
            diagnosis: &LEAK,
            weight: Weight::Wrong,
            about: About::Process(keys.first().copied().unwrap_or_default()),
            facts: Facts::of_processes(after, holders(after, &keys)).grown(then, now),
            headline: format!(
                "the sockets in CLOSE_WAIT of {names} grew from {then} to {now} in {}: it never \
                 closes them",
                lapse(between)
            ),
            evidence: vec![
                Proof::seen(format!("{then} at the first look")),
                Proof::seen(format!("{now} at the second")),
            ],
            fix: format!(
                "close() in {names} after read() returned 0, and the parent's copy after fork()"
            ),
        })
    });
    grown.collect()
}

fn holders<'a>(picture: &'a Picture, keys: &'a [u64]) -> impl Iterator<Item = &'a Process> {
    let processes = picture.processes.iter();
    processes.filter(|process| keys.contains(&process.key))
}

/// By the keys of the processes that hold them: their names, and how many.
fn by_holders(picture: &Picture) -> BTreeMap<Vec<u64>, (String, usize)> {
    let mut counts: BTreeMap<Vec<u64>, (String, usize)> = BTreeMap::new();
    let waiting = picture.sockets.iter();
    for socket in waiting.filter(|socket| socket.state == TcpState::CloseWait) {
        let keys: Vec<u64> = picture.holding(socket).iter().map(|p| p.key).collect();
        if keys.is_empty() {
            continue;
        }
        let names = || (picture.holder_names(socket), 0);
        counts.entry(keys).or_insert_with(names).1 += 1;
    }
    counts
}

/// What a namespace counted between two looks.
pub fn counted(before: Counters, after: Counters, between: Duration) -> Vec<Finding> {
    let mut found = Vec::new();
    let time = lapse(between);
    let resets = after.resets.saturating_sub(before.resets);
    if resets > 0 {
        let sent = after.resets_sent.saturating_sub(before.resets_sent);
        let refused = after.refused.saturating_sub(before.refused);
        found.push(Finding {
            diagnosis: &RESETS,
            weight: Weight::Suspect,
            about: About::Network,
            facts: Facts::counted(resets),
            headline: format!(
                "{} of this network namespace ended by RST in {time}",
                many(resets, "connection")
            ),
            evidence: vec![Proof::seen(format!(
                "EstabResets +{resets}, OutRsts +{sent} (sent from here), AttemptFails +{refused}"
            ))],
            fix:
                "a RST comes of a close() with unread data, of SO_LINGER {1, 0}, of a crash, or of \
                  data for a socket that is gone: watch which with `sockscope watch`"
                    .to_owned(),
        });
    }
    let overflows = after.overflows.saturating_sub(before.overflows);
    if overflows > 0 {
        let drops = after.drops.saturating_sub(before.drops);
        found.push(Finding {
            diagnosis: &OVERFLOWS,
            weight: Weight::Wrong,
            about: About::Network,
            facts: Facts::counted(overflows),
            headline: format!(
                "{} found a listener's queue full in {time}",
                many(overflows, "connection")
            ),
            evidence: vec![Proof::seen(format!(
                "ListenOverflows +{overflows}, ListenDrops +{drops}"
            ))],
            fix: "call accept() as fast as connections come; a larger backlog in listen() (up to \
                  net.core.somaxconn) only buys time"
                .to_owned(),
        });
    }
    found
}

fn many(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
