//! What gets more from one look to the next. It needs two looks at a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, few, lapse};
use crate::model::TcpState;

/// CLOSE_WAIT piles up.
pub(super) const LEAK: Diagnosis = Diagnosis {
    key: "close-wait-leak",
    title: "CLOSE_WAIT piles up",
    reference: "UNP 4.8, 2.6",
};

/// Connections that did not come about.
pub(super) const ATTEMPTS: Diagnosis = Diagnosis {
    key: "attempts-failed",
    title: "connections do not come about",
    reference: "UNP 4.3, RFC 4022: tcpAttemptFails",
};

/// Connections that ended without a FIN.
pub(super) const RESETS: Diagnosis = Diagnosis {
    key: "resets",
    title: "connections end without a FIN",
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
    /// `EstabResets`: connections that went from ESTABLISHED or CLOSE_WAIT to CLOSE, by an RST that
    /// came or was sent, or for want of an answer; where both ends are here, both.
    pub resets: u64,
    /// `AttemptFails`: connections that did not come about, refused ones among them.
    pub refused: u64,
    /// `TCPAbortOnTimeout`: connections and attempts given up for want of an answer.
    pub timeouts: u64,
    /// `OutRsts`: RSTs that were sent.
    pub resets_sent: u64,
    /// `ListenOverflows`: connections that found a queue full.
    pub overflows: u64,
    /// `ListenDrops`: SYNs that were dropped for that or another reason.
    pub drops: u64,
}

/// Processes that hold more and more sockets in CLOSE_WAIT, and let go of none: by the sockets, not
/// by their number. `last`: a look at which those that came must still be there; they may only
/// have been on their way.
pub fn close_wait_leak(
    before: &Picture,
    after: &Picture,
    last: &Picture,
    between: Duration,
) -> Vec<Finding> {
    let (was, is, stay) = (by_holder(before), by_holder(after), by_holder(last));
    let none = BTreeSet::new();
    let mut leaks: Vec<Leak> = Vec::new();
    for (process, now) in &is {
        let then = was.get(process).unwrap_or(&none);
        let stays = stay.get(process).unwrap_or(&none);
        let new: BTreeSet<u64> = now
            .difference(then)
            .filter(|it| stays.contains(it))
            .copied()
            .collect();
        let all_stay = then
            .iter()
            .all(|old| now.contains(old) && stays.contains(old));
        if all_stay && !new.is_empty() && then.len() + new.len() > 1 {
            leaks.push(Leak {
                process: *process,
                then: then.len(),
                new,
            });
        }
    }
    // A parent and the children that it forked hold the same sockets: told once, of whom has most.
    leaks.sort_by_key(|leak| std::cmp::Reverse((leak.new.len(), leak.then)));
    let mut told: Vec<Leak> = Vec::new();
    for leak in leaks {
        if !told.iter().any(|other| leak.new.is_subset(&other.new)) {
            told.push(leak);
        }
    }
    let tell = |leak: &Leak| leak.finding(last, between);
    told.iter().filter_map(tell).collect()
}

/// What a process holds more of.
struct Leak {
    /// Its key.
    process: u64,
    /// How many there were, which are all still there.
    then: usize,
    /// The keys of those that came.
    new: BTreeSet<u64>,
}

impl Leak {
    fn finding(&self, picture: &Picture, between: Duration) -> Option<Finding> {
        let (then, new) = (self.then, self.new.len());
        let now = then + new;
        let process = picture.processes.iter().find(|it| it.key == self.process)?;
        let name = &process.name;
        let came = picture
            .sockets
            .iter()
            .filter(|it| self.new.contains(&it.key));
        let others: BTreeSet<&str> = came
            .flat_map(|socket| picture.holding(socket))
            .filter(|other| other.key != self.process)
            .map(|other| other.name.as_str())
            .collect();
        let mut evidence = vec![
            Proof::seen(format!(
                "{then} at the first look, by their cookies all still there"
            )),
            Proof::seen(format!("{new} more at the second, which stayed")),
        ];
        let mut fix = format!("close() in {name} when read() has returned 0");
        if !others.is_empty() {
            let others: Vec<String> = others.into_iter().map(str::to_owned).collect();
            let others = few(&others);
            evidence.push(Proof::seen(format!("copies are also held by {others}")));
            fix = format!("{fix}, and the copies that fork() made in {others}");
        }
        evidence.push(Proof::inferred(match then {
            0 => "the close may still come: there were none at the first look",
            _ => "it forgets the close: none of them was closed meanwhile",
        }));
        Some(Finding {
            diagnosis: &LEAK,
            weight: match then {
                0 => Weight::Suspect,
                _ => Weight::Wrong,
            },
            about: About::Process(self.process),
            facts: Facts::of_processes(picture, [process]).grown(then, now),
            headline: format!(
                "the sockets in CLOSE_WAIT of {name} grew from {then} to {now} in {}, and none of \
                 them was closed",
                lapse(between)
            ),
            evidence,
            fix,
        })
    }
}

/// The sockets in CLOSE_WAIT that each process holds: their keys by its key.
fn by_holder(picture: &Picture) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut held: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let waiting = picture.sockets.iter();
    for socket in waiting.filter(|socket| socket.state == TcpState::CloseWait) {
        for process in picture.holding(socket) {
            held.entry(process.key).or_default().insert(socket.key);
        }
    }
    held
}

/// What a namespace counted between two looks.
pub fn counted(before: Counters, after: Counters, between: Duration) -> Vec<Finding> {
    let mut found = Vec::new();
    let time = lapse(between);
    let resets = after.resets.saturating_sub(before.resets);
    if resets > 0 {
        let sent = after.resets_sent.saturating_sub(before.resets_sent);
        let timeouts = after.timeouts.saturating_sub(before.timeouts);
        found.push(Finding {
            diagnosis: &RESETS,
            weight: Weight::Suspect,
            about: About::Network,
            facts: Facts::counted(resets),
            headline: format!(
                "this network namespace counted {} in {time} (EstabResets)",
                many(
                    resets,
                    "connection end that closed without a FIN",
                    "connection ends that closed without a FIN"
                )
            ),
            evidence: vec![
                Proof::seen(format!(
                    "EstabResets +{resets}: from ESTABLISHED or CLOSE_WAIT to CLOSE; where both \
                     ends are here, each counts"
                )),
                Proof::seen(format!(
                    "OutRsts +{sent}: RSTs that were sent from here, for whatever reason"
                )),
                Proof::seen(format!(
                    "TCPAbortOnTimeout +{timeouts}: given up for want of an answer (ETIMEDOUT), \
                     no RST"
                )),
            ],
            fix:
                "a RST comes of a close() with unread data, of SO_LINGER {1, 0}, of a crash, or of \
                  data for a socket that is gone: watch which with `sockscope watch`"
                    .to_owned(),
        });
    }
    let failed = after.refused.saturating_sub(before.refused);
    if failed > 0 {
        found.push(Finding {
            diagnosis: &ATTEMPTS,
            weight: Weight::Suspect,
            about: About::Network,
            facts: Facts::counted(failed),
            headline: format!(
                "this network namespace counted {} in {time} (AttemptFails)",
                many(
                    failed,
                    "connection that did not come about",
                    "connections that did not come about"
                )
            ),
            evidence: vec![Proof::seen(format!(
                "AttemptFails +{failed}: from SYN_SENT or SYN_RECV to CLOSE: refused \
                 (ECONNREFUSED), not answered (ETIMEDOUT), or given up"
            ))],
            fix: "see whether somebody listens where they go to: `sockscope watch` tells which \
                  they are"
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
                many(overflows, "connection", "connections")
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

fn many(number: u64, one: &str, several: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {several}"),
    }
}
