//! `lsof -nP -iTCP`: one row for each descriptor. A socket that no process holds has none.

use std::net::SocketAddr;

use super::{View, headings, parts};
use crate::model::{TcpState, UdpState};
use crate::report::grid::{Cell, Column, Grid};
use crate::report::palette::Tone;
use crate::report::text::escape;
use crate::timeline::Endpoint;

pub(super) fn print(view: &View) -> Grid {
    let mut grid = Grid::new(vec![
        Column::fitting(),
        Column::fitting().right(),
        Column::fitting().right(),
        Column::of(4).right().gap(""),
        Column::of(2),
        Column::fitting().right(),
        Column::fitting().right(),
        Column::fitting().right(),
        Column::fitting().right(),
        Column::fitting(),
    ]);
    let mut empty = true;
    for process in &view.snapshot.processes {
        for endpoint in &view.snapshot.endpoints {
            let holders = endpoint.holders.iter().flatten();
            for holder in holders.filter(|h| h.process == process.name) {
                if !view.shows(&process.host) {
                    continue;
                }
                if empty {
                    grid.push(headings(&[
                        "COMMAND", "PID", "USER", "FD", "", "TYPE", "DEVICE", "SIZE/OFF", "NODE",
                        "NAME",
                    ]));
                    empty = false;
                }
                // lsof shows nine characters of a name and says nothing of the rest.
                let command: String = process.short_name().chars().take(9).collect();
                grid.push(row(&escape(&command), process.pid, holder.fd, endpoint));
            }
        }
    }
    grid
}

fn row(command: &str, pid: i32, fd: i32, endpoint: &Endpoint) -> Vec<Cell> {
    let facts = endpoint.facts.as_ref();
    let unknown = || "?".to_owned();
    // Sampled before accept() gave it one.
    let inode = facts.map(|f| f.inode).filter(|inode| *inode != 0);
    let family = endpoint.tuple.map_or("?", |tuple| {
        if tuple.local.is_ipv6() {
            "IPv6"
        } else {
            "IPv4"
        }
    });
    let user = facts.map_or_else(unknown, |f| match f.uid {
        0 => "root".to_owned(),
        uid => uid.to_string(),
    });
    vec![
        Cell::plain(command),
        Cell::plain(pid.to_string()),
        Cell::plain(user),
        Cell::plain(fd.to_string()),
        Cell::plain("u"),
        Cell::plain(family),
        Cell::plain(inode.map_or_else(unknown, |inode| inode.to_string())),
        Cell::plain("0t0"),
        Cell::plain(if endpoint.udp().is_some() {
            "UDP"
        } else {
            "TCP"
        }),
        match endpoint.udp() {
            Some(udp) => Cell::plain(name_of_udp(udp, endpoint)),
            None => Cell::new(name(endpoint), Tone::of_state(endpoint.state(), true)),
        },
    ]
}

/// `*:9190`; `127.0.0.1:40001->127.0.0.1:9190` when connected. lsof shows no state of UDP.
fn name_of_udp(state: UdpState, endpoint: &Endpoint) -> String {
    let Some(tuple) = endpoint.tuple else {
        return "?".to_owned();
    };
    let (local, port) = parts(tuple.local, Some("*"));
    match state {
        UdpState::Connected => {
            let (remote, remote_port) = parts(tuple.remote, Some("*"));
            format!("{local}:{port}->{remote}:{remote_port}")
        }
        UdpState::Unconnected | UdpState::Gone => format!("{local}:{port}"),
    }
}

/// `127.0.0.1:9190->127.0.0.1:40001 (ESTABLISHED)`
fn name(endpoint: &Endpoint) -> String {
    let state = endpoint.state();
    let Some(tuple) = endpoint.tuple else {
        return format!("? ({state})");
    };
    // lsof writes IPv4 in IPv6 (RFC 4291 section 2.5.5.2) as IPv4.
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (local, port) = parts(plain(tuple.local), Some("*"));
    if state == TcpState::Listen {
        return format!("{local}:{port} ({state})");
    }
    let (remote, remote_port) = parts(plain(tuple.remote), Some("*"));
    format!("{local}:{port}->{remote}:{remote_port} ({state})")
}
