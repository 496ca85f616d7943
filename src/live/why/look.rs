//! [`look`]: the picture of the sockets that a filter means, with their peers and processes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::counters;
use super::process::{Known, close_on_exec, known, zombie_children};
use crate::diagnose::growth::Counters;
use crate::diagnose::picture::{Held, Overflows, Picture, Process, Since, Socket};
use crate::diagnose::question::Question;
use crate::live::filter::{Condition, Ends, Filter};
use crate::live::listing::{ListError, Row, Unseen, list};
use crate::live::netns::{Scope, Tables};
use crate::live::owners::{Wanted, walk};
use crate::live::socket::{LiveHolder, Nobody, Owners};
use crate::live::sort::{Order, sort};
use crate::model::{Evidence, SocketFacts, TcpState, TimerKind};
use crate::observe::inet_diag::Protocol;
use crate::observe::process::ProcRoot;
use crate::report::escape;

/// What a look saw.
#[derive(Clone, Debug)]
pub struct Look {
    /// Sockets and processes.
    pub picture: Picture,
    /// What of it the filter means.
    pub question: Question,
    /// What could not be seen.
    pub unseen: Unseen,
    /// What the namespace counts, where there is one and it can be read.
    pub counters: Option<Counters>,
}

/// Looks at what the filter means in these tables.
///
/// # Errors
/// When the kernel could not be asked or `/proc` not be read.
pub fn look(
    root: &ProcRoot,
    tables: &mut Tables,
    filter: &Filter,
    scope: Scope,
) -> Result<Look, ListError> {
    let listing = list(root, tables, filter, true)?;
    let mut painter = Painter {
        root,
        pids: BTreeMap::new(),
        picture: Picture::default(),
        many: tables.tables.len() > 1,
    };
    let mut rows = listing.rows;
    rows.retain(|row| row.socket.protocol == Protocol::Tcp);
    sort(&mut rows, Order::Address);
    let asked = rows.len();
    let more = peers(root, tables, &rows)?;
    rows.extend(more);
    for row in &mut rows {
        detail(tables, row);
        painter.socket(row);
    }
    painter.join_peers();
    let mut question = Question {
        sockets: (0..asked).collect(),
        ports: named_ports(filter),
        about_close: true,
        about_holders: true,
        about_children: true,
        about_stops: true,
        ..Question::default()
    };
    // Named processes count also where they hold no socket.
    for pid in filter.named_pids().into_iter().flatten() {
        painter.process(pid);
        for child in zombie_children(root, pid) {
            painter.process(child);
        }
    }
    for zombie in &listing.zombies {
        painter.process(zombie.pid);
    }
    painter.join_parents();
    question.processes = painter.asked_processes(asked);
    let pid = match scope {
        Scope::OfProcess(pid) => Some(pid),
        Scope::Own | Scope::All => None,
    };
    let counters = match scope {
        Scope::All => None,
        Scope::Own | Scope::OfProcess(_) => counters::read(root, pid),
    };
    if let Some(counted) = counters {
        for socket in &mut painter.picture.sockets {
            if socket.state == TcpState::Listen {
                socket.overflows = Some(Overflows {
                    overflows: counted.overflows,
                    drops: counted.drops,
                });
            }
        }
    }
    Ok(Look {
        picture: painter.picture,
        question,
        unseen: listing.unseen,
        counters,
    })
}

/// The ports that somebody asks for by nothing else than `:PORT`: then every socket on them is in
/// the picture.
fn named_ports(filter: &Filter) -> Vec<u16> {
    let port = |part: &Filter| match part {
        Filter::Is(Condition::End(Ends::Either | Ends::Local, pattern)) => pattern
            .ports
            .filter(|ports| ports.from == ports.to && pattern.net.is_none())
            .map(|ports| ports.from),
        _ => None,
    };
    let parts: &[Filter] = match filter {
        Filter::All(parts) => parts,
        one => std::slice::from_ref(one),
    };
    let is_tcp = |part: &Filter| matches!(part, Filter::Is(Condition::Protocol(Protocol::Tcp)));
    let ports: Vec<u16> = parts.iter().filter_map(port).collect();
    let others = parts.iter().filter(|part| port(part).is_none());
    match ports.len() == 1 && others.into_iter().all(is_tcp) {
        true => ports,
        false => Vec::new(),
    }
}

/// Whether the reason for a socket's state lies at its other end.
fn asks_for_peer(facts: &SocketFacts) -> bool {
    matches!(facts.state, TcpState::FinWait2 | TcpState::CloseWait)
        || facts.timer == TimerKind::Probe
        || facts.retransmits > 0 && facts.state != TcpState::SynSent
}

/// The other ends of these that are in one of the tables and not among them, with their holders:
/// a walk over all processes, made only where there are any.
fn peers(root: &ProcRoot, tables: &Tables, rows: &[Row]) -> Result<Vec<Row>, ListError> {
    let known: HashMap<_, _> = rows
        .iter()
        .map(|row| (row.socket.facts.tuple.canonical(), ()))
        .collect();
    let mut found: Vec<Row> = Vec::new();
    for row in rows.iter().filter(|row| asks_for_peer(&row.socket.facts)) {
        let there = row.socket.facts.tuple.canonical().reversed();
        if known.contains_key(&there) {
            continue;
        }
        for table in &tables.tables {
            let Some(facts) = table.diag.query(there)? else {
                continue;
            };
            let mut socket = row.socket.clone();
            socket.netns = table.netns;
            socket.facts = facts;
            found.push(Row {
                socket,
                owners: Owners::NotAsked,
            });
        }
    }
    let wanted = Wanted::inodes(found.iter().map(|row| row.socket.facts.inode));
    if wanted.is_empty() {
        return Ok(found);
    }
    let walk = walk(root, &wanted, None)?;
    for row in &mut found {
        let holders: Vec<LiveHolder> = walk.of(row.socket.facts.inode).cloned().collect();
        // Asked again: the inode is still this socket's, so the holders are.
        let now = tables.tables.iter().find_map(|table| {
            let facts = &row.socket.facts;
            let same = table.netns == row.socket.netns;
            same.then(|| table.diag.query_cookie(facts.tuple, facts.cookie))
        });
        let same = matches!(now, Some(Ok(Some(now))) if now.inode == row.socket.facts.inode);
        if same && !holders.is_empty() {
            row.owners = Owners::Held {
                holders,
                complete: walk.is_complete(),
            };
        }
    }
    Ok(found)
}

/// Asks for `tcp_info` where a rule reads it.
fn detail(tables: &Tables, row: &mut Row) {
    let facts = &mut row.socket.facts;
    if !asks_for_peer(facts) || facts.inode == 0 && facts.state == TcpState::FinWait2 {
        return;
    }
    let table = tables
        .tables
        .iter()
        .find(|table| table.netns == row.socket.netns);
    // Whatever has closed meanwhile stays as it was seen.
    if let Some(table) = table
        && let Ok(Some(now)) = table.diag.query_cookie(facts.tuple, facts.cookie)
        && now.state == facts.state
    {
        *facts = now;
    }
}

struct Painter<'a> {
    root: &'a ProcRoot,
    /// Pids, and their indices in the picture.
    pids: BTreeMap<i32, (usize, Known)>,
    picture: Picture,
    many: bool,
}

impl Painter<'_> {
    fn process(&mut self, pid: i32) -> Option<usize> {
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
        });
        self.pids.insert(pid, (index, known));
        Some(index)
    }

    /// Parents of zombies, also where they hold nothing.
    fn join_parents(&mut self) {
        let zombies: Vec<(usize, i32)> = self
            .pids
            .values()
            .filter(|(_, known)| known.zombie)
            .map(|(index, known)| (*index, known.ppid))
            .collect();
        for (index, ppid) in zombies {
            let parent = self.process(ppid);
            if let Some(process) = self.picture.processes.get_mut(index) {
                process.parent = parent;
            }
        }
    }

    /// Those that hold what is asked about, and all zombies.
    fn asked_processes(&self, asked: usize) -> Vec<usize> {
        let holders = self.picture.sockets.iter().take(asked);
        let mut indices: Vec<usize> = holders
            .flat_map(|socket| socket.holders.iter().flatten())
            .map(|held| held.process)
            .collect();
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

    fn socket(&mut self, row: &Row) {
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
        let name = match state {
            TcpState::Listen => facts.tuple.local.to_string(),
            _ => facts.tuple.canonical().to_string(),
        };
        // Its FIN came with an ACK: no later than the last one.
        let info = facts.info.as_ref().filter(|_| state == TcpState::CloseWait);
        let since =
            info.map(|info| Since::AtLeast(Duration::from_millis(info.last_ack_recv_ms.into())));
        self.picture.sockets.push(Socket {
            name,
            key: facts.cookie,
            place: row
                .socket
                .netns
                .filter(|_| self.many)
                .map(|netns| format!("netns {}", netns.0)),
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
        });
    }

    /// Both ends of a connection. Private addresses may be in use in several namespaces at the same
    /// time: where more than one socket could be the other end, none is named.
    fn join_peers(&mut self) {
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
                            other.place == socket.place && other.key != socket.key
                        })
                    })
                    .collect();
                match (here.as_slice(), others.as_slice()) {
                    ([one], _) | ([], [one]) => Some(*one),
                    _ => None,
                }
            })
            .collect();
        for (socket, peer) in self.picture.sockets.iter_mut().zip(peers) {
            socket.peer = peer;
        }
    }
}
