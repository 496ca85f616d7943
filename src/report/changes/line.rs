//! A change, as a line for people.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use super::Clock;
use crate::live::listing::Unseen;
use crate::live::socket::{LiveHolder, Owners};
use crate::live::watch::watcher::WhySampled;
use crate::live::watch::{Change, How, Lost, Role};
use crate::model::TcpState;
use crate::report::Look;
use crate::report::palette::Tone;
use crate::report::text::{count, escape, grouped, width};

/// What stands under a line that is too long is indented so far.
const UNDER: usize = 17;
/// The least room for the addresses, and for the states: lines stand below each other.
const COLUMNS: (usize, usize) = (33, 25);

/// A change. `limit`: what does not fit into the look's width stands below.
pub fn render(change: &Change, clock: &Clock, look: &Look, limit: bool) -> String {
    let time = clock.time(change.at);
    let ends = ends(change);
    let (old, arrow, new) = states(change);
    let states_wide = width(&old) + width(&new) + arrow.len() + 2;
    let mut line = format!(
        "{}  {ends}{}  ",
        look.paint(Tone::Faint, &time),
        blanks(COLUMNS.0, width(&ends))
    );
    line.push_str(&look.paint(tone(change.old), &old));
    let _ = write!(line, " {} ", look.paint(Tone::Faint, arrow));
    line.push_str(&look.paint(tone(change.new), &new));
    let taken = 15 + 2 + width(&ends).max(COLUMNS.0) + 2 + states_wide;
    let evidence = format!("{:<6}", change.evidence.to_string());
    let note = change.note.map(|note| format!("{}; ", note.word()));
    let note = note.unwrap_or_default();
    let holders = who(change);
    let rest = width(&evidence) + 2 + width(&note) + width(&holders);
    match limit && taken.max(15 + 2 + COLUMNS.0 + 2 + COLUMNS.1) + 2 + rest > look.columns() {
        true => {
            line.push('\n');
            line.push_str(&" ".repeat(UNDER));
        }
        false => {
            line.push_str(&blanks(COLUMNS.1, states_wide));
            line.push_str("  ");
        }
    }
    line.push_str(&look.paint(Tone::Faint, &evidence));
    line.push_str(&blanks(6, width(&evidence)));
    line.push_str("  ");
    line.push_str(&look.paint(Tone::Bad, &note));
    line.push_str(&look.glyphs(&holders));
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

fn blanks(least: usize, taken: usize) -> String {
    " ".repeat(least.saturating_sub(taken))
}

fn tone(state: Option<TcpState>) -> Tone {
    state.map_or(Tone::Faint, |state| Tone::of_state(state, false))
}

/// `127.0.0.1:40000 > 127.0.0.1:80`, `0.0.0.0:80` of a listener.
pub fn ends(change: &Change) -> String {
    let local = end(change.tuple.local);
    match change.role {
        Role::Listener => local,
        _ => format!("{local} > {}", end(change.tuple.remote)),
    }
}

/// An end; a port that is not known as `*`.
pub fn end(address: SocketAddr) -> String {
    match (address, address.port()) {
        (SocketAddr::V4(v4), 0) => format!("{}:*", v4.ip()),
        (SocketAddr::V6(v6), 0) => format!("[{}]:*", v6.ip()),
        (SocketAddr::V4(v4), port) => format!("{}:{port}", v4.ip()),
        (SocketAddr::V6(v6), port) => format!("[{}]:{port}", v6.ip()),
    }
}

/// The old state, `>` or `>>`, the new one.
fn states(change: &Change) -> (String, &'static str, String) {
    let arrow = if change.may_skip() { ">>" } else { ">" };
    let old = change.old.map_or("-".to_owned(), |old| old.to_string());
    let new = change.new.map_or("gone".to_owned(), |new| new.to_string());
    (old, arrow, new)
}

/// Who holds the socket, and whose call it was.
fn who(change: &Change) -> String {
    let owners = match &change.owners {
        Owners::Held { holders, .. } if change.last_known => {
            format!("last known: {}", held(holders))
        }
        Owners::Held { holders, .. } => held(holders),
        Owners::Nobody(why) => format!("nobody: {}", why.word()),
        Owners::Unknown(why) => why.word().to_owned(),
        Owners::NotAsked => String::new(),
    };
    let Some(caller) = &change.caller else {
        return owners;
    };
    let mut holders = change.owners.holders().iter();
    let said = !change.last_known
        && holders.len() > 0
        && holders.all(|holder| holder.process.pid == caller.pid);
    let by = match caller.name.is_empty() {
        true => format!("by process {}", caller.pid),
        false => format!("by {} {}", escape(&caller.name), caller.pid),
    };
    match (said, owners.is_empty()) {
        (true, _) => owners,
        (false, true) => by,
        (false, false) => format!("{owners}; {by}"),
    }
}

/// `nginx 33 fd 4+5, nginx 34 fd 4`
pub fn held(holders: &[LiveHolder]) -> String {
    let mut text = String::new();
    let mut last = None;
    for holder in holders {
        let pid = holder.process.pid;
        if last == Some(pid) {
            let _ = write!(text, "+{}", holder.fd);
            continue;
        }
        let comma = if last.is_some() { ", " } else { "" };
        let name = escape(&holder.process.name);
        let _ = write!(text, "{comma}{name} {pid} fd {}", holder.fd);
        last = Some(pid);
    }
    text
}

/// What was lost since `before`.
pub fn lost(before: Lost, now: Lost, at: Duration, clock: &Clock, look: &Look) -> String {
    let text = match now.unknown {
        true => "nobody knows any more how many events were lost".to_owned(),
        false => match now.events.saturating_sub(before.events) {
            1 => "1 event was lost: changes may be missing".to_owned(),
            many => format!("{} events were lost: changes may be missing", grouped(many)),
        },
    };
    let time = look.paint(Tone::Faint, &clock.time(at));
    format!("{time}  {}\n", look.paint(Tone::Bad, &text))
}

/// The first line: what is watched, and how.
pub fn beginning(how: &How, sockets: usize) -> String {
    let sockets = count(sockets, "socket");
    match how {
        How::Traced { .. } => {
            format!("watching {sockets} by kernel events: every change of state")
        }
        How::Sampled(why) => {
            let why = match why {
                WhySampled::Unavailable(why) => why.to_string(),
                WhySampled::Gauges => "no kernel event tells of queues".to_owned(),
                WhySampled::Asked => "as asked".to_owned(),
            };
            format!(
                "watching {sockets} by sampling, every 10 to 100 ms, less often where there are \
                 many: short states are missed; {why}"
            )
        }
    }
}

/// What the first look could not see, a line each.
pub fn unseen(unseen: &Unseen) -> Vec<String> {
    let mut notes = Vec::new();
    if unseen.processes > 0 {
        let (number, noun) = match unseen.processes {
            1 => ("1".to_owned(), "process"),
            many => (grouped(many as u64), "processes"),
        };
        notes.push(format!(
            "{number} {noun} may not be looked at: holders may be missing"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::live::socket::{LiveProcess, Nobody};
    use crate::live::watch::change::Caller;
    use crate::model::{Evidence, ProcState, Tuple};

    fn holder(pid: i32) -> LiveHolder {
        LiveHolder {
            process: Arc::new(LiveProcess {
                pid,
                start_ticks: 1,
                name: "server".to_owned(),
                uid: 0,
                ppid: 1,
                state: ProcState::Sleeping,
            }),
            fd: 4,
        }
    }

    fn said(owners: Owners, last_known: bool, caller: Option<i32>) -> String {
        who(&Change {
            at: Duration::ZERO,
            connection: 1,
            netns: None,
            tuple: Tuple {
                local: "127.0.0.1:80".parse().expect("address"),
                remote: "127.0.0.1:40000".parse().expect("address"),
            },
            old: Some(TcpState::Established),
            new: Some(TcpState::CloseWait),
            lasted: None,
            age: None,
            role: Role::Server,
            both_ends: false,
            owners,
            last_known,
            caller: caller.map(|pid| Caller {
                pid,
                name: "server".into(),
            }),
            evidence: Evidence::Traced,
            note: None,
        })
    }

    #[test]
    fn whose_call_it_was_stands_beside_the_holders() {
        let held = |pids: &[i32]| Owners::Held {
            holders: pids.iter().map(|pid| holder(*pid)).collect(),
            complete: false,
        };
        assert_eq!(said(held(&[7]), false, None), "server 7 fd 4");
        assert_eq!(said(held(&[7]), false, Some(7)), "server 7 fd 4");
        assert_eq!(
            said(held(&[7]), false, Some(8)),
            "server 7 fd 4; by server 8"
        );
        assert_eq!(
            said(held(&[7, 8]), false, Some(8)),
            "server 7 fd 4, server 8 fd 4; by server 8"
        );
        assert_eq!(
            said(held(&[7]), true, Some(7)),
            "last known: server 7 fd 4; by server 7"
        );
        let nobody = Owners::Nobody(Nobody::Orphan);
        assert_eq!(
            said(nobody, false, Some(7)),
            "nobody: closed, the kernel finishes it; by server 7"
        );
        assert_eq!(said(Owners::NotAsked, false, Some(7)), "by server 7");
    }

    #[test]
    fn losses_are_told_since_the_last_time() {
        let lost = |events, unknown| Lost { events, unknown };
        let clock = Clock {
            origin: Duration::ZERO,
            begun: Duration::ZERO,
        };
        let look = Look {
            width: 80,
            color: false,
            unicode: true,
        };
        let line = super::lost(
            lost(10, false),
            lost(1_210, false),
            Duration::ZERO,
            &clock,
            &look,
        );
        assert!(
            line.ends_with("  1,200 events were lost: changes may be missing\n"),
            "{line}"
        );
    }
}
