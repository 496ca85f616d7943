//! The local ports of those who connect: the kernel tells of SYN_SENT before it has chosen one
//! (`tcp_v4_connect()`), and only the next event has it. A dump of those that are connecting has
//! the ports, but not whose they are.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::connections::Connections;
use crate::model::SocketFacts;

/// How long a connection may be without a local port. Nobody is connecting any more whom a dump
/// has not got, and what became of it did not come through the filter.
const PORTLESS: Duration = Duration::from_millis(100);

/// Gives the ports of a dump to those that wait for one. Returns those that are still without.
///
/// `asked` is when the dump was begun; everything that was told until it ended has been heard.
/// Where as many wait as there are ports, and connect to the same address, they are all in
/// SYN_SENT: which port is whose is then assumed, until the next event of each tells.
pub(super) fn assign(
    connections: &mut Connections,
    waiting: Vec<u64>,
    found: Vec<SocketFacts>,
    asked: Duration,
) -> Vec<u64> {
    let mut strangers: HashMap<SocketAddr, Vec<SocketFacts>> = HashMap::new();
    for facts in found {
        if connections.with_tuple(facts.tuple).is_none() {
            let peer = facts.tuple.canonical().remote;
            strangers.entry(peer).or_default().push(facts);
        }
    }
    let mut waiting: HashMap<SocketAddr, Vec<(Duration, u64)>> =
        waiting.into_iter().fold(HashMap::new(), |mut by_peer, id| {
            if let Some(known) = connections.known(id).filter(|known| known.lacks_port()) {
                let since = known.since.unwrap_or(asked);
                let peer = known.tuple().canonical().remote;
                by_peer.entry(peer).or_default().push((since, id));
            }
            by_peer
        });
    let mut left = Vec::new();
    for (peer, mut mine) in waiting.drain() {
        // Whoever began to connect after the dump is not in it.
        let (mut there, later): (Vec<_>, Vec<_>) =
            mine.drain(..).partition(|(since, _)| *since <= asked);
        left.extend(later.into_iter().map(|(_, id)| id));
        there.sort_unstable();
        let ports = strangers.remove(&peer).unwrap_or_default();
        let overdue = |since: Duration| asked.saturating_sub(since) >= PORTLESS;
        let counts_fit = ports.len() == there.len();
        let assumed = there.len() > 1 || !counts_fit;
        let mut ports = ports.into_iter();
        for (since, id) in there {
            let port = match counts_fit || overdue(since) {
                true => ports.next(),
                false => None,
            };
            match port {
                Some(facts) => found_port(connections, id, facts, assumed),
                None if overdue(since) => {
                    connections.release(id, true);
                    connections.forget(id);
                }
                None => left.push(id),
            }
        }
    }
    left
}

fn found_port(connections: &mut Connections, id: u64, facts: SocketFacts, assumed: bool) {
    match assumed {
        true => connections.assume_tuple(id, facts.tuple),
        false => connections.set_tuple(id, facts.tuple),
    }
    let socket = connections.known(id).map(|known| known.socket.clone());
    match socket.is_some_and(|socket| connections.judge.may_mean(&socket)) {
        true => {
            // A cookie and an inode that may be another's are worse than none.
            if !assumed {
                connections.set_facts(id, facts);
            }
            connections.release(id, false);
        }
        false => connections.forget(id),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::live::filter::Filter;
    use crate::live::socket::{LiveSocket, Owners};
    use crate::live::watch::connections::Told;
    use crate::live::watch::judge::Judge;
    use crate::model::{Evidence, TcpState, Tuple};
    use crate::observe::inet_diag::{Binding, Protocol};

    const ASKED: Duration = Duration::from_millis(10);

    fn at(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    fn connecting(local: u16) -> SocketFacts {
        SocketFacts::unasked(
            Tuple {
                local: at(local),
                remote: at(9190),
            },
            TcpState::SynSent,
        )
    }

    /// Everything is watched; these began to connect so many milliseconds after the start.
    fn begun(since: &[u64]) -> (Connections, Vec<u64>) {
        let judge = Judge::new(Filter::all([]), None);
        let mut connections = Connections::of(Vec::new(), judge, false);
        let ids = since
            .iter()
            .map(|since| {
                let socket = LiveSocket {
                    protocol: Protocol::Tcp,
                    netns: None,
                    binding: Binding::default(),
                    facts: connecting(0),
                };
                let id = connections.add(socket, Owners::NotAsked);
                let told = Told {
                    at: Duration::from_millis(*since),
                    evidence: Evidence::Traced,
                    caller: None,
                };
                connections.appear(id, Some(TcpState::Close), told);
                id
            })
            .collect();
        (connections, ids)
    }

    fn port(connections: &Connections, id: u64) -> u16 {
        connections
            .get(id)
            .expect("it is there")
            .tuple()
            .local
            .port()
    }

    #[test]
    fn the_only_one_has_the_only_port() {
        let (mut connections, ids) = begun(&[1]);
        let left = assign(&mut connections, ids.clone(), vec![connecting(5)], ASKED);
        assert!(left.is_empty());
        assert_eq!(port(&connections, ids[0]), 5);
        let told = connections.told();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].tuple.local.port(), 5);
    }

    #[test]
    fn whoever_began_after_the_dump_is_not_in_it() {
        let (mut connections, ids) = begun(&[1, 11]);
        let left = assign(&mut connections, ids.clone(), vec![connecting(5)], ASKED);
        assert_eq!(left, [ids[1]]);
        assert_eq!(port(&connections, ids[0]), 5);
    }

    #[test]
    fn one_port_for_two_is_nobodys() {
        let (mut connections, ids) = begun(&[1, 2]);
        let left = assign(&mut connections, ids.clone(), vec![connecting(5)], ASKED);
        assert_eq!(left, ids);
        assert!(connections.told().is_empty());
    }

    #[test]
    fn two_that_got_each_others_ports_change_them() {
        let (mut connections, ids) = begun(&[1, 2]);
        let found = vec![connecting(5), connecting(6)];
        assert!(assign(&mut connections, ids.clone(), found, ASKED).is_empty());
        let first = port(&connections, ids[0]);
        let other = 5 + 6 - first;
        connections.set_tuple(ids[0], connecting(other).tuple);
        assert_eq!(port(&connections, ids[0]), other);
        assert_eq!(port(&connections, ids[1]), first);
        for id in ids {
            let tuple = connecting(port(&connections, id)).tuple;
            assert_eq!(connections.with_tuple(tuple), Some(id));
        }
    }

    #[test]
    fn whoever_is_in_no_dump_is_given_up_after_a_while() {
        let (mut connections, ids) = begun(&[1]);
        let later = Duration::from_millis(1) + PORTLESS;
        assert!(assign(&mut connections, ids.clone(), Vec::new(), later).is_empty());
        assert!(connections.get(ids[0]).is_none());
        assert_eq!(connections.undecided, 0);
    }
}
