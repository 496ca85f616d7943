//! [`Painter`]: the [`Picture`] of sockets that were listed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::process::{Known, close_on_exec, known};
use crate::diagnose::picture::{Held, Picture, Process, Since, Socket};
use crate::live::listing::Row;
use crate::live::socket::{Nobody, Owners};
use crate::model::{Evidence, TcpState, TimerKind, Tuple};
use crate::observe::process::ProcRoot;
use crate::report::escape;

/// Paints a picture, socket by socket.
pub(super) struct Painter<'a> {
    root: &'a ProcRoot,
    /// Pids, and their indices in the picture.
    pids: BTreeMap<i32, (usize, Known)>,
    /// What is there already.
    pub(super) picture: Picture,
    many: bool,
}

impl<'a> Painter<'a> {
    /// An empty picture; `many`: of several network namespaces.
    pub(super) fn new(root: &'a ProcRoot, many: bool) -> Painter<'a> {
        Painter {
            root,
            pids: BTreeMap::new(),
            picture: Picture::default(),
            many,
        }
    }

    /// A process, once; nothing when it is gone.
    pub(super) fn process(&mut self, pid: i32) -> Option<usize> {
        if let Some((index, _)) = self.pids.get(&pid) {
            return Some(*index);
        }
        let known = known(self.root, pid)?;
        let index = self.picture.processes.len();
        let name = escape(&known.name);
        self.picture.processes.push(Process {
            name: format!("{name} {pid}"),
            // A pid and its start name a process for good.
            key: known.start_ticks << 22 | u64::from(pid.unsigned_abs()),
            pid,
            program: name,
            parent: None,
            state: known.state,
            zombie: known.zombie,
            signals: known.signals,
            waits_in: known.waits_in.clone(),
            executes: known.executes.clone(),
        });
        self.pids.insert(pid, (index, known));
        Some(index)
    }

    /// Joins processes with their parents; those of zombies also where they hold nothing.
    pub(super) fn join_parents(&mut self) {
        let known: Vec<(usize, i32, bool)> = self
            .pids
            .values()
            .map(|(index, known)| (*index, known.ppid, known.zombie))
            .collect();
        for (index, ppid, zombie) in known {
            let parent = match zombie {
                true => self.process(ppid),
                false => self.pids.get(&ppid).map(|(parent, _)| *parent),
            };
            if let Some(process) = self.picture.processes.get_mut(index) {
                process.parent = parent;
            }
        }
    }

    /// Those that hold what is asked about, those that are `named` for themselves, and all zombies.
    pub(super) fn asked_processes(&self, asked: usize, named: &[i32]) -> Vec<usize> {
        let holders = self.picture.sockets.iter().take(asked);
        let named = named.iter().filter_map(|pid| self.pids.get(pid));
        let mut indices: Vec<usize> = named.map(|(index, _)| *index).collect();
        indices.extend(
            holders
                .flat_map(|socket| socket.holders.iter().flatten())
                .map(|held| held.process),
        );
        let zombies = self.picture.processes.iter().zip(0..);
        indices.extend(
            zombies
                .filter(|(process, _)| process.zombie)
                .map(|(_, index)| index),
        );
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// A UDP socket.
    pub(super) fn datagram(&mut self, row: &Row) {
        let socket = self.painted(row);
        self.picture.datagrams.push(socket);
    }

    /// A TCP socket.
    pub(super) fn socket(&mut self, row: &Row) {
        let socket = self.painted(row);
        self.picture.sockets.push(socket);
    }

    fn painted(&mut self, row: &Row) -> Socket {
        let facts = &row.socket.facts;
        let state = facts.state;
        let listed = row.owners.holders();
        let mut processes: Vec<i32> = listed.iter().map(|held| held.process.pid).collect();
        processes.dedup();
        let shared =
            processes.len() > 1 && matches!(state, TcpState::Established | TcpState::CloseWait);
        let mut held = Vec::new();
        for holder in listed {
            let pid = holder.process.pid;
            let Some(process) = self.process(pid) else {
                continue;
            };
            // Another process that got its pid.
            if self.pids.get(&pid).map(|(_, known)| known.start_ticks)
                != Some(holder.process.start_ticks)
            {
                continue;
            }
            held.push(Held {
                process,
                fd: holder.fd,
                close_on_exec: match shared {
                    true => close_on_exec(self.root, pid, holder.fd),
                    false => None,
                },
            });
        }
        let holders = match &row.owners {
            Owners::Held { .. } => Some(held),
            Owners::Nobody(Nobody::Kernel) => None,
            Owners::Nobody(_) => Some(Vec::new()),
            Owners::NotAsked if facts.inode == 0 => Some(Vec::new()),
            Owners::NotAsked | Owners::Unknown(_) => None,
        };
        let place = row.socket.netns.filter(|_| self.many);
        let place = place.map(|netns| format!("netns {}", netns.0));
        let mut name = match state {
            TcpState::Listen | TcpState::Close => facts.tuple.local.to_string(),
            _ => facts.tuple.canonical().to_string(),
        };
        // The same addresses may be in use in each.
        if let Some(place) = &place {
            name = format!("{name} ({place})");
        }
        // Its FIN came with an ACK: no later than the last one. The answers to keep-alive probes
        // are such ACKs too: then that one tells nothing.
        let probed = facts.timer == TimerKind::KeepAlive;
        let waits = state == TcpState::CloseWait && !probed;
        let info = facts.info.as_deref().filter(|_| waits);
        let since =
            info.map(|info| Since::AtLeast(Duration::from_millis(info.last_ack_recv_ms.into())));
        Socket {
            name,
            key: facts.cookie,
            place,
            netns: row.socket.netns.map(|netns| netns.0),
            tuple: Some(facts.tuple),
            state,
            known: Evidence::Seen,
            facts: Some(facts.clone()),
            holders,
            more_holders: !row.owners.is_complete(),
            peer: None,
            since,
            let_go: None,
            sent_again: facts.retransmits.into(),
            overflows: None,
            earlier: None,
        }
    }

    /// Both ends of a connection, within their network namespace; only where the other end is not
    /// there, and may be elsewhere, in another one. Private addresses may be in use in several at
    /// the same time: where more than one socket could be the other end, none is named.
    pub(super) fn join_peers(&mut self) {
        let mut by_tuple: HashMap<_, Vec<usize>> = HashMap::new();
        for (socket, index) in self.picture.sockets.iter().zip(0..) {
            if let Some(tuple) = socket.tuple {
                by_tuple.entry(tuple.canonical()).or_default().push(index);
            }
        }
        let sockets = &self.picture.sockets;
        let peers: Vec<Option<usize>> = sockets
            .iter()
            .map(|socket| {
                let there = socket.tuple?.canonical().reversed();
                let others = by_tuple.get(&there)?;
                let here: Vec<usize> = others
                    .iter()
                    .copied()
                    .filter(|other| {
                        let other = sockets.get(*other);
                        other.is_some_and(|other| {
                            other.netns == socket.netns && other.key != socket.key
                        })
                    })
                    .collect();
                match (here.as_slice(), others.as_slice()) {
                    ([one], _) => Some(*one),
                    ([], [one]) if leaves(there) => Some(*one),
                    _ => None,
                }
            })
            .collect();
        for (socket, peer) in self.picture.sockets.iter_mut().zip(peers) {
            socket.peer = peer;
        }
    }
}

/// Whether a connection of these addresses can lead out of its network namespace: one over the
/// loopback interface, or from an address to itself, does not.
pub(super) fn leaves(tuple: Tuple) -> bool {
    let (local, remote) = (tuple.local.ip(), tuple.remote.ip());
    !local.is_loopback() && !remote.is_loopback() && local != remote
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::socket::{LiveSocket, Netns};
    use crate::model::{SocketFacts, TcpInfo};
    use crate::observe::inet_diag::{Binding, Protocol};

    fn row(netns: u64, local: &str, remote: &str, state: TcpState) -> Row {
        let tuple = Tuple {
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
        };
        Row {
            socket: LiveSocket {
                protocol: Protocol::Tcp,
                netns: Some(Netns(netns)),
                binding: Binding::default(),
                facts: SocketFacts {
                    cookie: netns << 16 | u64::from(tuple.local.port()),
                    inode: 1,
                    info: Some(Box::new(TcpInfo {
                        last_ack_recv_ms: 3000,
                        ..TcpInfo::default()
                    })),
                    ..SocketFacts::unasked(tuple, state)
                },
            },
            owners: Owners::NotAsked,
        }
    }

    /// The other ends of these, by index.
    fn peers(rows: &[Row]) -> Vec<Option<usize>> {
        let root = ProcRoot::default();
        let mut painter = Painter::new(&root, true);
        rows.iter().for_each(|row| painter.socket(row));
        painter.join_peers();
        let sockets = painter.picture.sockets.iter();
        sockets.map(|socket| socket.peer).collect()
    }

    const UP: TcpState = TcpState::Established;

    #[test]
    fn loopback_connections_end_in_their_own_namespace() {
        let (one, other) = ("127.0.0.1:80", "127.0.0.1:4000");
        assert_eq!(
            peers(&[row(1, one, other, UP), row(1, other, one, UP)]),
            [Some(1), Some(0)]
        );
        assert_eq!(
            peers(&[row(1, one, other, UP), row(2, other, one, UP)]),
            [None, None]
        );
        let own = ("10.0.0.1:80", "10.0.0.1:4000");
        assert_eq!(
            peers(&[row(1, own.0, own.1, UP), row(2, own.1, own.0, UP)]),
            [None, None]
        );
        let mapped = row(1, "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:4000", UP);
        assert_eq!(peers(&[mapped, row(2, other, one, UP)]), [None, None]);
    }

    #[test]
    fn other_ends_may_be_in_another_namespace_where_only_one_fits() {
        let (one, other) = ("10.0.0.1:80", "10.0.0.2:4000");
        assert_eq!(
            peers(&[row(1, one, other, UP), row(2, other, one, UP)]),
            [Some(1), Some(0)]
        );
        let twice = [
            row(1, one, other, UP),
            row(2, other, one, UP),
            row(3, other, one, UP),
        ];
        assert_eq!(peers(&twice)[0], None);
    }

    #[test]
    fn one_of_several_namespaces_is_named() {
        let root = ProcRoot::default();
        let name = |many: bool| {
            let mut painter = Painter::new(&root, many);
            painter.socket(&row(7, "10.0.0.1:80", "10.0.0.2:4000", UP));
            painter.picture.sockets[0].name.clone()
        };
        assert_eq!(name(false), "10.0.0.1:80 > 10.0.0.2:4000");
        assert_eq!(name(true), "10.0.0.1:80 > 10.0.0.2:4000 (netns 7)");
    }

    #[test]
    fn keep_alive_probes_hide_since_when() {
        let since = |timer: TimerKind| {
            let root = ProcRoot::default();
            let mut painter = Painter::new(&root, false);
            let mut row = row(1, "10.0.0.1:80", "10.0.0.2:4000", TcpState::CloseWait);
            row.socket.facts.timer = timer;
            painter.socket(&row);
            painter.picture.sockets[0].since
        };
        let known = Some(Since::AtLeast(Duration::from_secs(3)));
        assert_eq!(since(TimerKind::Off), known);
        assert_eq!(since(TimerKind::KeepAlive), None);
    }
}
