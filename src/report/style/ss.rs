//! `ss -tano`: one row for each socket, also of those that no process holds.

use super::{View, headings, parts};
use crate::model::{TcpState, TimerKind, UdpState};
use crate::report::grid::{Cell, Column, Grid};
use crate::report::palette::Tone;
use crate::timeline::Endpoint;

pub(super) fn print(view: &View) -> Grid {
    let mut columns = vec![
        Column::of(10),
        Column::of(6),
        Column::of(6),
        Column::fitting().right().gap(""),
        Column::fitting(),
        Column::fitting().right().gap(""),
        Column::fitting(),
        Column::fitting(),
    ];
    let mut heading = headings(&[
        "State",
        "Recv-Q",
        "Send-Q",
        "Local Address",
        ":Port",
        "Peer Address",
        ":Port",
        "Process",
    ]);
    if view.udp {
        columns.insert(0, Column::of(5));
        heading.insert(0, Cell::plain("Netid"));
    }
    let mut grid = Grid::new(columns);
    grid.push(heading);
    for endpoint in &view.snapshot.endpoints {
        if !view.shows(&endpoint.host) {
            continue;
        }
        let mut row = row(endpoint);
        if view.udp {
            let protocol = if endpoint.udp().is_some() {
                "udp"
            } else {
                "tcp"
            };
            row.insert(0, Cell::plain(protocol));
        }
        grid.push(row);
    }
    grid
}

fn row(endpoint: &Endpoint) -> Vec<Cell> {
    let facts = endpoint.facts.as_ref();
    let queue = |size: Option<u32>| size.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let unknown = || ("?".to_owned(), "?".to_owned());
    let (local, port) = endpoint
        .tuple
        .map_or_else(unknown, |tuple| parts(tuple.local, any(tuple.local)));
    let (peer, peer_port) = endpoint
        .tuple
        .map_or_else(unknown, |tuple| parts(tuple.remote, any(tuple.remote)));
    let state = match endpoint.udp() {
        Some(udp) => Cell::plain(word_of_udp(udp)),
        None => {
            let state = endpoint.state();
            Cell::new(word(state), Tone::of_state(state, true))
        }
    };
    vec![
        state,
        Cell::plain(queue(facts.map(|f| f.recv_q))),
        Cell::plain(queue(facts.map(|f| f.send_q))),
        Cell::plain(local),
        Cell::plain(format!(":{port}")),
        Cell::plain(peer),
        Cell::plain(format!(":{peer_port}")),
        Cell::plain(timer(endpoint)),
    ]
}

/// A listener on `[::]` that takes IPv4 too, as it does unless IPV6_V6ONLY is set, is `*` to ss.
fn any(address: std::net::SocketAddr) -> Option<&'static str> {
    address.is_ipv6().then_some("*")
}

/// The state as `ss(8)` spells it.
pub(in crate::report) fn word(state: TcpState) -> String {
    match state {
        TcpState::Established => "ESTAB".to_owned(),
        TcpState::SynSent => "SYN-SENT".to_owned(),
        TcpState::SynRecv => "SYN-RECV".to_owned(),
        TcpState::FinWait1 => "FIN-WAIT-1".to_owned(),
        TcpState::FinWait2 => "FIN-WAIT-2".to_owned(),
        TcpState::TimeWait => "TIME-WAIT".to_owned(),
        TcpState::Close => "UNCONN".to_owned(),
        TcpState::CloseWait => "CLOSE-WAIT".to_owned(),
        TcpState::LastAck => "LAST-ACK".to_owned(),
        TcpState::Listen | TcpState::Closing | TcpState::Unknown(_) => state.to_string(),
    }
}

/// What `ss(8)` borrows from TCP's states for a UDP socket.
fn word_of_udp(state: UdpState) -> &'static str {
    match state {
        UdpState::Connected => "ESTAB",
        UdpState::Unconnected | UdpState::Gone => "UNCONN",
    }
}

/// `timer:(timewait,59sec,0)`, or nothing where none runs.
fn timer(endpoint: &Endpoint) -> String {
    let Some(facts) = &endpoint.facts else {
        return String::new();
    };
    if facts.timer == TimerKind::Off {
        return String::new();
    }
    format!(
        "timer:({},{},{})",
        facts.timer.word(),
        left(facts.timer_ms),
        facts.retransmits
    )
}

/// What is left of a timer, as `ss(8)` writes it: `200ms`, `59sec`, `1min30sec`.
fn left(ms: u32) -> String {
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    match (minutes, seconds) {
        (0, 0) => format!("{rest}ms"),
        (0, 1..=8) if rest > 0 => format!("{seconds}.{rest:03}sec"),
        (0, _) => format!("{seconds}sec"),
        (_, 0) => format!("{minutes}min"),
        _ => format!("{minutes}min{seconds}sec"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_ss_writes_them() {
        assert_eq!(left(200), "200ms");
        assert_eq!(left(59_990), "59sec");
        assert_eq!(left(60_000), "1min");
        assert_eq!(left(90_000), "1min30sec");
        assert_eq!(left(1_600), "1.600sec");
    }
}
