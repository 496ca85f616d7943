//! One row for each socket, with all its holders.

use std::fmt::Write as _;
use std::io;

use super::address::{Notation, push_bound, push_end, push_name, push_number, push_process};
use crate::live::listing::{Listing, Row};
use crate::live::names::Names;
use crate::live::socket::{LiveHolder, LiveSocket, Owners};
use crate::model::{TcpState, TimerKind, UdpState};
use crate::observe::inet_diag::Protocol;
use crate::report::Look;
use crate::report::columns::{self, Cells, Head};
use crate::report::palette::Tone;

/// From here on there is room for the long titles.
const ROOMY: usize = 100;

/// From so many processes on that hold a socket, a terminal shows only some.
const MANY: usize = 9;
/// So many.
const SHOWN: usize = 4;

/// The columns of a table.
#[derive(Clone, Copy)]
struct Shape {
    /// Whether a row begins with its namespace.
    several: bool,
    /// Whether timer and user have columns of their own; otherwise the last column has them.
    wide: bool,
    /// Whether of many processes that hold a socket a few are shown.
    few: bool,
}

pub(super) fn write(
    out: &mut dyn io::Write,
    listing: &Listing,
    names: &Names,
    look: &Look,
    limit: Option<usize>,
) -> io::Result<()> {
    let several = listing.rows.iter().any(|row| row.socket.netns.is_some());
    let wide = Shape {
        several,
        wide: true,
        few: limit.is_some(),
    };
    let shape = match limit {
        Some(limit) if !fits(wide, listing, names, limit) => Shape {
            wide: false,
            ..wide
        },
        _ => wide,
    };
    let heads = heads(shape, limit);
    columns::write(out, look, limit, &heads, &listing.rows, |cells, row| {
        add(cells, row, shape, names);
    })
}

/// Whether there is room beside the other columns for who holds a socket.
fn fits(shape: Shape, listing: &Listing, names: &Names, limit: usize) -> bool {
    let heads = heads(shape, Some(limit));
    columns::fits(limit, &heads, &listing.rows, |cells, row| {
        add(cells, row, shape, names);
    })
}

fn heads(shape: Shape, limit: Option<usize>) -> Vec<Head> {
    let (recv, send) = match limit.is_none_or(|limit| limit >= ROOMY) {
        true => ("RECV-Q", "SEND-Q"),
        false => ("RQ", "SQ"),
    };
    let mut heads = Vec::new();
    if shape.several {
        heads.push(Head::left("NETNS"));
    }
    heads.extend([
        Head::left("PROTO"),
        Head::left("STATE"),
        Head::right(recv),
        Head::right(send),
        Head::left("LOCAL"),
        Head::left("REMOTE"),
    ]);
    if shape.wide {
        heads.extend([Head::left("TIMER"), Head::left("USER")]);
    }
    heads.push(Head::left("HELD BY"));
    heads
}

fn add(cells: &mut Cells, row: &Row, shape: Shape, names: &Names) {
    let LiveSocket {
        protocol,
        facts,
        netns,
        ..
    } = &row.socket;
    if shape.several {
        cells.add(Tone::Faint, |to| {
            let _ = netns.map(|netns| write!(to, "{}", netns.0));
        });
    }
    cells.add(Tone::Plain, |to| to.push_str(protocol_word(&row.socket)));
    match row.socket.udp() {
        Some(udp) => cells.add(Tone::Plain, |to| to.push_str(udp.word())),
        None => cells.add(Tone::of_state(facts.state, true), |to| {
            push_state(to, facts.state);
        }),
    }
    for queue in [facts.recv_q, facts.send_q] {
        cells.add(Tone::Plain, |to| push_number(to, queue));
    }
    cells.add(Tone::Plain, |to| {
        push_bound(to, &row.socket, Notation::PLAIN, names);
    });
    cells.add(Tone::Plain, |to| {
        match row.socket.is_listener() || row.socket.udp() == Some(UdpState::Unconnected) {
            true => to.push('*'),
            false => push_end(to, facts.tuple.remote, *protocol, Notation::PLAIN, names),
        }
    });
    if shape.wide {
        cells.add(Tone::Faint, |to| push_timer(to, &row.socket));
        cells.add(Tone::Plain, |to| match facts.inode {
            // Of a socket that only the kernel keeps it does not say whose it was.
            0 => to.push('-'),
            _ => push_user(to, facts.uid, names),
        });
        cells.add(tone(&row.owners), |to| {
            push_owners(to, row, Some(facts.uid), shape.few, names);
        });
        return;
    }
    cells.add(tone(&row.owners), |to| {
        push_owners(to, row, None, shape.few, names);
        if facts.timer != TimerKind::Off {
            if row.owners != Owners::NotAsked {
                to.push_str(", ");
            }
            push_timer(to, &row.socket);
        }
    });
}

pub(super) fn push_state(to: &mut String, state: TcpState) {
    match state {
        TcpState::Unknown(_) => {
            let _ = write!(to, "{state}");
        }
        known => to.push_str(known.name()),
    }
}

/// `tcp`, `tcp6`, `udp`, `udp6`, as `netstat(8)` has them.
pub(super) fn protocol_word(socket: &LiveSocket) -> &'static str {
    match (socket.protocol, socket.facts.tuple.local.is_ipv6()) {
        (Protocol::Tcp, false) => "tcp",
        (Protocol::Tcp, true) => "tcp6",
        (Protocol::Udp, false) => "udp",
        (Protocol::Udp, true) => "udp6",
    }
}

fn tone(owners: &Owners) -> Tone {
    match owners {
        Owners::Held { .. } => Tone::Plain,
        Owners::NotAsked | Owners::Nobody(_) => Tone::Faint,
        Owners::Unknown(_) => Tone::Closing,
    }
}

/// `timewait 43s`, `on 200ms 2 retries`
fn push_timer(to: &mut String, socket: &LiveSocket) {
    let facts = &socket.facts;
    if facts.timer == TimerKind::Off {
        return;
    }
    let word = match facts.timer {
        TimerKind::Retransmit => "retransmit",
        other => other.word(),
    };
    let _ = write!(to, "{word} ");
    let _ = match facts.timer_ms {
        ms @ 0..1000 => write!(to, "{ms}ms"),
        ms @ 1000..600_000 => write!(to, "{}s", ms / 1000),
        ms => write!(to, "{}min", ms / 60_000),
    };
    if facts.retransmits > 0 {
        let _ = write!(to, " x{}", facts.retransmits);
    }
}

pub(super) fn push_user(to: &mut String, uid: u32, names: &Names) {
    match names.user(uid) {
        Some(name) => push_name(to, name),
        None => {
            let _ = write!(to, "{uid}");
        }
    }
}

/// `nginx 33 fd 4, 34 fd 4+5 (www-data)`; the user where it is not `told` already.
///
/// Where only a `few` are shown, `nginx 33 fd 4, …, 40 more processes`.
fn push_owners(to: &mut String, row: &Row, told: Option<u32>, few: bool, names: &Names) {
    let holders = match &row.owners {
        Owners::NotAsked => return,
        Owners::Nobody(why) => {
            to.push_str("nobody: ");
            to.push_str(why.word());
            return;
        }
        Owners::Unknown(why) => {
            to.push_str(why.word());
            return;
        }
        Owners::Held { holders, .. } => holders,
    };
    let mut last: Option<&LiveHolder> = None;
    let processes = holders.chunk_by(|one, other| one.process.pid == other.process.pid);
    let (shown, more) = match processes.clone().count() {
        many @ MANY.. if few => (SHOWN, many - SHOWN),
        count => (count, 0),
    };
    for holder in processes.take(shown).flatten() {
        let process = &holder.process;
        if last.is_some_and(|last| last.process.pid == process.pid) {
            let _ = write!(to, "+{}", holder.fd);
        } else {
            if let Some(last) = last {
                if last.process.uid != process.uid {
                    push_user_unless(to, last, told, names);
                }
                to.push_str(", ");
            }
            // Of forked processes the name is the same.
            if last.is_none_or(|last| last.process.name != process.name) {
                push_process(to, &process.name);
                to.push(' ');
            }
            push_number(to, process.pid.unsigned_abs());
            to.push_str(" fd ");
            push_number(to, holder.fd.unsigned_abs());
        }
        last = Some(holder);
    }
    if let Some(last) = last {
        push_user_unless(to, last, told, names);
    }
    if more > 0 {
        let _ = write!(to, ", {more} more processes");
    }
}

fn push_user_unless(to: &mut String, holder: &LiveHolder, told: Option<u32>, names: &Names) {
    if told != Some(holder.process.uid) {
        to.push_str(" (");
        push_user(to, holder.process.uid, names);
        to.push(')');
    }
}
