//! Lines of JSON. Each has `event`: `begin`, `change`, `lost`, `end`.

use serde::Serialize;

use super::Clock;
use crate::live::socket::Owners;
use crate::live::watch::summary::{First, Order, Summary};
use crate::live::watch::watcher::{Totals, WhySampled};
use crate::live::watch::{Change, How, Lost, Role};

#[derive(Serialize)]
struct Begin<'a> {
    event: &'static str,
    unix_us: u64,
    how: &'static str,
    why: Option<String>,
    sockets: usize,
    ring_bytes: Option<usize>,
    unseen: &'a crate::live::listing::Unseen,
}

#[derive(Serialize)]
struct Record<'a> {
    event: &'static str,
    unix_us: u64,
    elapsed_us: i64,
    connection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<u64>,
    family: &'static str,
    local_address: String,
    local_port: u16,
    remote_address: String,
    remote_port: u16,
    role: &'static str,
    old: Option<String>,
    new: Option<String>,
    evidence: String,
    may_skip: bool,
    lasted_us: Option<u64>,
    age_us: Option<u64>,
    note: Option<&'static str>,
    caller: Option<CallerRecord<'a>>,
    held: &'static str,
    why: Option<&'static str>,
    holders_complete: bool,
    holders_last_known: bool,
    holders: Vec<HolderRecord<'a>>,
}

#[derive(Serialize)]
struct CallerRecord<'a> {
    pid: i32,
    name: &'a str,
}

#[derive(Serialize)]
struct HolderRecord<'a> {
    pid: i32,
    fd: i32,
    name: &'a str,
    uid: u32,
    start_ticks: u64,
}

#[derive(Serialize)]
struct LostRecord {
    event: &'static str,
    unix_us: u64,
    elapsed_us: u64,
    /// Since this was told last; nothing when nobody counts any more.
    events: Option<u64>,
    /// All in all.
    lost: Option<u64>,
}

#[derive(Serialize)]
struct End {
    event: &'static str,
    unix_us: u64,
    elapsed_us: u64,
    /// Whether the condition came true, was not met, or there was none.
    until: Option<bool>,
    changes: u64,
    transitions: Vec<Transition>,
    lives: Option<LivesRecord>,
    closed_first: std::collections::BTreeMap<&'static str, u64>,
    resets_sent: Option<u64>,
    resets_received: Option<u64>,
    retransmits: Option<u64>,
    lost: Option<u64>,
    gaps: u64,
    unheard: u64,
    unplaced: u64,
    processes_unreadable: usize,
    holders_skipped: u64,
    undecided: u64,
    remains_given_up: u64,
    looks: u64,
}

#[derive(Serialize)]
struct Transition {
    old: Option<String>,
    new: Option<String>,
    count: u64,
}

#[derive(Serialize)]
struct LivesRecord {
    count: u64,
    min_us: u64,
    median_us: u64,
    max_us: u64,
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// How it is watched.
///
/// # Errors
/// None that serde_json documents for plain data.
pub fn begin(
    how: &How,
    sockets: usize,
    unseen: &crate::live::listing::Unseen,
    clock: &Clock,
) -> serde_json::Result<String> {
    let (word, why, ring_bytes) = match how {
        How::Traced { ring } => ("traced", None, Some(*ring)),
        How::Sampled(WhySampled::Unavailable(why)) => ("sampled", Some(why.to_string()), None),
        How::Sampled(WhySampled::Gauges) => {
            let why = "no kernel event tells of queues".to_owned();
            ("sampled", Some(why), None)
        }
        How::Sampled(WhySampled::Asked) => ("sampled", Some("as asked".to_owned()), None),
    };
    line(&Begin {
        event: "begin",
        unix_us: micros(clock.since_epoch(clock.begun)),
        how: word,
        why,
        sockets,
        ring_bytes,
        unseen,
    })
}

/// A change.
///
/// # Errors
/// As [`begin`].
pub fn change(change: &Change, clock: &Clock) -> serde_json::Result<String> {
    let (held, why) = match &change.owners {
        Owners::NotAsked => ("not_asked", None),
        Owners::Held { .. } => ("processes", None),
        Owners::Nobody(why) => ("nobody", Some(why.key())),
        Owners::Unknown(why) => ("unknown", Some(why.key())),
    };
    let holders = change.owners.holders().iter().map(|holder| HolderRecord {
        pid: holder.process.pid,
        fd: holder.fd,
        name: &holder.process.name,
        uid: holder.process.uid,
        start_ticks: holder.process.start_ticks,
    });
    line(&Record {
        event: "change",
        unix_us: micros(clock.since_epoch(change.at)),
        elapsed_us: micros(change.at).cast_signed() - micros(clock.begun).cast_signed(),
        connection: change.connection,
        netns: change.netns.map(|netns| netns.0),
        family: match change.tuple.local.is_ipv6() {
            true => "ipv6",
            false => "ipv4",
        },
        local_address: change.tuple.local.ip().to_string(),
        local_port: change.tuple.local.port(),
        remote_address: change.tuple.remote.ip().to_string(),
        remote_port: change.tuple.remote.port(),
        role: match change.role {
            Role::Listener => "listener",
            Role::Client => "client",
            Role::Server => "server",
            Role::Unknown => "unknown",
        },
        old: change.old.map(|state| state.to_string()),
        new: change.new.map(|state| state.to_string()),
        evidence: change.evidence.to_string(),
        may_skip: change.may_skip(),
        lasted_us: change.lasted.map(micros),
        age_us: change.age.map(micros),
        note: change.note.map(|note| note.key()),
        caller: change.caller.as_ref().map(|caller| CallerRecord {
            pid: caller.pid,
            name: &caller.name,
        }),
        held,
        why,
        holders_complete: change.owners.is_complete() && !change.last_known,
        holders_last_known: change.last_known,
        holders: holders.collect(),
    })
}

/// What was lost since `before`.
///
/// # Errors
/// As [`begin`].
pub fn lost(
    before: Lost,
    now: Lost,
    at: std::time::Duration,
    clock: &Clock,
) -> serde_json::Result<String> {
    let known = |number: u64| Some(number).filter(|_| !now.unknown);
    line(&LostRecord {
        event: "lost",
        unix_us: micros(clock.since_epoch(at)),
        elapsed_us: micros(at.saturating_sub(clock.begun)),
        events: known(now.events.saturating_sub(before.events)),
        lost: known(now.events),
    })
}

/// The end.
///
/// # Errors
/// As [`begin`].
pub fn end(
    summary: &Summary,
    totals: &Totals,
    until: Option<bool>,
    at: std::time::Duration,
    clock: &Clock,
) -> serde_json::Result<String> {
    let state = |order: &Option<Order>| order.map(|order| order.0.to_string());
    let lives = &summary.lives;
    let traced = totals.resets.is_some();
    line(&End {
        event: "end",
        unix_us: micros(clock.since_epoch(at)),
        elapsed_us: micros(at.saturating_sub(clock.begun)),
        until,
        changes: summary.changes,
        transitions: summary
            .transitions
            .iter()
            .map(|((old, new), count)| Transition {
                old: state(old),
                new: state(new),
                count: *count,
            })
            .collect(),
        lives: (lives.count > 0).then(|| LivesRecord {
            count: lives.count,
            min_us: micros(lives.least),
            median_us: micros(lives.median()),
            max_us: micros(lives.greatest),
        }),
        closed_first: summary
            .closed_first
            .iter()
            .map(|(first, count)| (key(*first), *count))
            .collect(),
        resets_sent: totals.resets.map(|(sent, _)| sent),
        resets_received: totals.resets.map(|(_, received)| received),
        retransmits: totals.retransmits,
        lost: (traced && !totals.lost_unknown).then_some(totals.lost),
        gaps: totals.gaps,
        unheard: totals.unheard,
        unplaced: totals.unplaced,
        processes_unreadable: totals.unreadable,
        holders_skipped: totals.holders_skipped,
        undecided: totals.undecided,
        remains_given_up: totals.given_up,
        looks: totals.looks,
    })
}

fn key(first: First) -> &'static str {
    match first {
        First::Client => "client",
        First::Server => "server",
        First::ThisEnd => "this_end",
        First::OtherEnd => "other_end",
        First::ResetSent => "reset_sent",
        First::ResetReceived => "reset_received",
    }
}

fn line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    Ok(text)
}
