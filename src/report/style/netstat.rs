//! `netstat -tan`: one row for each socket.

use super::{View, headings, parts};
use crate::model::{TcpState, UdpState};
use crate::report::grid::{Cell, Column, Grid};
use crate::report::palette::Tone;
use crate::report::text::width;
use crate::timeline::Endpoint;

pub(super) fn print(view: &View) -> Grid {
    let endpoints: Vec<&Endpoint> = view
        .snapshot
        .endpoints
        .iter()
        .filter(|endpoint| view.shows(&endpoint.host))
        .collect();
    let rows: Vec<Vec<Cell>> = endpoints.into_iter().map(row).collect();
    let widest = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column));
        texts.map(|c| width(&c.text)).max().unwrap_or(0).max(23)
    };
    let mut grid = Grid::new(vec![
        Column::of(5),
        Column::of(6).right(),
        Column::of(6).right(),
        Column::of(widest(3)),
        Column::of(widest(4)),
        Column::fitting(),
    ]);
    grid.push(headings(&[
        "Proto",
        "Recv-Q",
        "Send-Q",
        "Local Address",
        "Foreign Address",
        "State",
    ]));
    for row in rows {
        grid.push(row);
    }
    grid
}

fn row(endpoint: &Endpoint) -> Vec<Cell> {
    let state = endpoint.state();
    let queue = |size: Option<u32>| size.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let facts = endpoint.facts.as_ref();
    // /proc/net/tcp, which netstat reads, has no backlog.
    let send_q = match state {
        TcpState::Listen => Some(0),
        _ => facts.map(|f| f.send_q),
    };
    let is_v6 = endpoint.tuple.is_some_and(|tuple| tuple.local.is_ipv6());
    let protocol = match (endpoint.udp(), is_v6) {
        (None, false) => "tcp",
        (None, true) => "tcp6",
        (Some(_), false) => "udp",
        (Some(_), true) => "udp6",
    };
    // netstat borrows a state of TCP's for a connected UDP socket, and has none for others.
    let word = match endpoint.udp() {
        None => Cell::new(state.to_string(), Tone::of_state(state, true)),
        Some(UdpState::Connected) => Cell::plain(TcpState::Established.name()),
        Some(UdpState::Unconnected | UdpState::Gone) => Cell::default(),
    };
    // netstat writes IPv6 addresses without brackets, and IPv4 in IPv6 (RFC 4291 section 2.5.5.2)
    // as IPv4.
    let address = |address: Option<std::net::SocketAddr>| {
        address.map_or_else(
            || "?".to_owned(),
            |address| {
                let (_, port) = parts(address, None);
                format!("{}:{port}", address.ip().to_canonical())
            },
        )
    };
    vec![
        Cell::plain(protocol),
        Cell::plain(queue(facts.map(|f| f.recv_q))),
        Cell::plain(queue(send_q)),
        Cell::plain(address(endpoint.tuple.map(|t| t.local))),
        Cell::plain(address(endpoint.tuple.map(|t| t.remote))),
        word,
    ]
}
