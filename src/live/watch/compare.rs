//! [`compare`]: what differs between what is known and what a dump says.

use std::sync::atomic::Ordering;

use super::connections::Connections;
use crate::live::inventory::SocketTable;
use crate::live::socket::LiveSocket;
use crate::model::TcpState;
use crate::observe::diag::DiagError;
use crate::observe::inet_diag::Protocol;

/// One difference.
#[derive(Debug)]
pub(super) enum Difference {
    /// A socket that was not known.
    New(LiveSocket),
    /// A known one is not as it was.
    Other(u64, LiveSocket),
    /// A known one is not there.
    Gone(u64),
}

/// What differs. `dump`: a number that no other dump has.
pub(super) fn compare(
    connections: &Connections,
    tables: &mut [SocketTable],
    dump: u32,
) -> Result<Vec<Difference>, DiagError> {
    let lasting = &connections.judge.lasting;
    let mut found = Vec::new();
    for table in tables {
        found.extend(table.sockets(lasting, |socket| {
            if socket.protocol != Protocol::Tcp || !connections.judge.may_mean(&socket) {
                return None;
            }
            let known = connections.with_cookie(socket.facts.cookie);
            match known {
                Some(id) if connections.mark(id, dump, &socket) => None,
                known => Some((known, socket)),
            }
        })?);
    }
    let is_marked = |id: u64| {
        connections
            .known(id)
            .is_some_and(|known| known.mark.load(Ordering::Relaxed) == dump)
    };
    let mut differences = Vec::new();
    for (known, socket) in found {
        // A request socket and what becomes of it may differ in their cookies, and one that only
        // kernel events told of has none yet.
        let by_tuple = || {
            connections
                .with_tuple(socket.facts.tuple)
                .filter(|id| !is_marked(*id))
                .filter(|id| {
                    connections.known(*id).is_some_and(|known| {
                        known.socket.facts.cookie == 0 || known.state() == TcpState::SynRecv
                    })
                })
        };
        match known.or_else(by_tuple) {
            Some(id) => {
                connections.mark(id, dump, &socket);
                differences.push(Difference::Other(id, socket));
            }
            None => differences.push(Difference::New(socket)),
        }
    }
    let gone = connections
        .iter()
        .filter(|known| known.mark.load(Ordering::Relaxed) != dump)
        .map(|known| Difference::Gone(known.id));
    differences.extend(gone);
    Ok(differences)
}
