//! [`Order`]: in which order sockets are shown.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use super::listing::Row;
use crate::observe::inet_diag::Protocol;

/// By what sockets are sorted. Equal ones are sorted by their addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// TCP before UDP, listeners before connections, then by local port and addresses.
    #[default]
    Address,
    /// The other end's address and port.
    Remote,
    /// The state, in the kernel's order.
    State,
    /// The least pid among the holders; sockets without any last.
    Pid,
    /// The name of the first holder; sockets without any last.
    Name,
    /// The user id.
    User,
    /// What is not read yet, most first.
    RecvQ,
    /// What is not acknowledged yet, most first.
    SendQ,
    /// What is left of the timer, least first; sockets without one last.
    Timer,
    /// As the kernel's table has them.
    None,
}

/// The beginning of a socket's place as one number: quick to compare, and of IPv4 all of it.
fn place(row: &Row) -> u128 {
    let tuple = row.socket.facts.tuple;
    let rank = match (row.socket.protocol, row.socket.is_listener()) {
        (Protocol::Tcp, true) => 0,
        (Protocol::Tcp, false) => 1,
        (Protocol::Udp, _) => 2,
    };
    let [local, remote] = [tuple.local, tuple.remote].map(|end| match end.ip() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        // Behind all of IPv4.
        IpAddr::V6(v6) => (1 << 32) | v6.to_bits() >> 96,
    });
    rank << 126
        | u128::from(tuple.local.port()) << 108
        | local << 72
        | remote << 32
        | u128::from(tuple.remote.port())
}

/// The whole of a place.
fn whole(row: &Row) -> (SocketAddr, SocketAddr) {
    (row.socket.facts.tuple.local, row.socket.facts.tuple.remote)
}

fn number(address: SocketAddr) -> u128 {
    match address.ip() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Sorts the rows.
pub fn sort(rows: &mut [Row], order: Order) {
    let first = |row: &Row| row.owners.holders().first().cloned();
    match order {
        Order::None => {}
        Order::Address => by(rows, |_| ()),
        Order::Remote => by(rows, |row| {
            let remote = row.socket.facts.tuple.remote;
            (number(remote), remote.port())
        }),
        Order::State => by(rows, |row| row.socket.facts.state),
        Order::Pid => by(rows, |row| {
            let pid = first(row).map(|holder| holder.process.pid);
            (pid.is_none(), pid)
        }),
        Order::Name => by(rows, |row| {
            let name = first(row).map(|holder| holder.process.name.clone());
            (name.is_none(), name)
        }),
        Order::User => by(rows, |row| row.socket.facts.uid),
        Order::RecvQ => by(rows, |row| Reverse(row.socket.facts.recv_q)),
        Order::SendQ => by(rows, |row| Reverse(row.socket.facts.send_q)),
        Order::Timer => by(rows, |row| match row.socket.facts.timer_ms {
            0 => u32::MAX,
            left => left,
        }),
    }
}

/// Keys are made once for each row, and the rows are moved once.
fn by<K: Ord>(rows: &mut [Row], key: impl Fn(&Row) -> K) {
    let mut keyed: Vec<(u128, K, u32)> = rows
        .iter()
        .zip(0..)
        .map(|(row, index)| (place(row), key(row), index))
        .collect();
    let at = |index: &u32| &rows[*index as usize];
    keyed.sort_unstable_by(|(place, key, index), (other_place, other_key, other)| {
        key.cmp(other_key)
            .then_with(|| place.cmp(other_place))
            .then_with(|| whole(at(index)).cmp(&whole(at(other))))
    });
    // Where each row comes from; along each cycle every row is moved once.
    let mut from: Vec<usize> = keyed
        .into_iter()
        .map(|(_, _, index)| index as usize)
        .collect();
    for start in 0..from.len() {
        let mut at = start;
        loop {
            let source = std::mem::replace(&mut from[at], at);
            if source == start {
                break;
            }
            rows.swap(at, source);
            at = source;
        }
    }
}
