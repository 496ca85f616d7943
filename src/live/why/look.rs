//! [`look`]: the picture of the sockets that a filter means, with their peers and processes.

use std::collections::{HashMap, HashSet};

use super::paint::{Painter, leaves};
use super::process::zombie_children;
use super::{counters, settings};
use crate::diagnose::growth::Counters;
use crate::diagnose::picture::{Overflows, Picture, Settings, Socket};
use crate::diagnose::question::Question;
use crate::live::filter::{Condition, Ends, Filter};
use crate::live::listing::{ListError, Row, Unseen, list};
use crate::live::netns::{Scope, Tables};
use crate::live::owners::{Wanted, walk};
use crate::live::socket::{LiveHolder, LiveSocket, Nobody, Owners};
use crate::live::sort::{Order, sort};
use crate::model::{SocketFacts, TcpState, TimerKind};
use crate::observe::inet_diag::{Code, Family, Protocol, Side, StateMask, Test};
use crate::observe::process::{ProcRoot, ProcessWatch};

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
    /// Whether a socket that is bound and nothing more may have the port of the filter: there is
    /// no other one, and the kernel does not tell of such.
    pub bound_unseen: bool,
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
    let mut painter = Painter::new(root, tables.tables.len() > 1);
    let (mut rows, mut datagrams): (Vec<Row>, Vec<Row>) = listing
        .rows
        .into_iter()
        .partition(|row| row.socket.protocol == Protocol::Tcp);
    rows.extend(unaccepted(tables, &rows)?);
    sort(&mut rows, Order::Address);
    sort(&mut datagrams, Order::Address);
    let asked = rows.len();
    let more = peers(root, tables, &rows)?;
    rows.extend(more);
    for row in &mut rows {
        detail(tables, row);
        painter.socket(row);
    }
    painter.join_peers();
    let ports = named_ports(filter);
    if !ports.is_empty() {
        datagrams.iter().for_each(|row| painter.datagram(row));
    }
    // Named processes count also where they hold no socket.
    let named = named_processes(root, filter)?;
    for pid in &named {
        painter.process(*pid);
        for child in zombie_children(root, *pid) {
            painter.process(child);
        }
    }
    for zombie in &listing.zombies {
        painter.process(zombie.pid);
    }
    painter.join_parents();
    let (counters, settings) = match scope {
        Scope::All => (None, Settings::default()),
        Scope::OfProcess(pid) => (counters::read(root, Some(pid)), Settings::default()),
        // Where sockscope is itself: /proc/sys/net shows no other one.
        Scope::Own => (counters::read(root, None), settings::read(root)),
    };
    painter.picture.settings = settings;
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
    let question = Question {
        sockets: (0..asked).collect(),
        processes: painter.asked_processes(asked, &named),
        about_close: true,
        about_holders: true,
        about_children: true,
        about_stops: true,
        about_progress: true,
        ports,
        ..Question::default()
    };
    let on_port = |socket: &Socket| {
        let port = socket.tuple.map(|tuple| tuple.local.port());
        port.is_some_and(|port| question.ports.contains(&port))
    };
    let bound_unseen = !question.ports.is_empty()
        && !painter.picture.sockets.iter().any(on_port)
        && !settings::tells_of_bound(root);
    Ok(Look {
        bound_unseen,
        picture: painter.picture,
        question,
        unseen: listing.unseen,
        counters,
    })
}

impl Look {
    /// Takes in what was seen of the same sockets at an earlier look.
    pub(super) fn remember(&mut self, earlier: &Look) {
        let known: HashMap<u64, &SocketFacts> = earlier
            .picture
            .sockets
            .iter()
            .filter_map(|socket| Some((socket.key, socket.facts.as_ref()?)))
            .collect();
        for socket in &mut self.picture.sockets {
            socket.earlier = known.get(&socket.key).map(|facts| (*facts).clone());
        }
    }
}

/// The processes that a filter of processes alone means.
fn named_processes(root: &ProcRoot, filter: &Filter) -> Result<Vec<i32>, ListError> {
    let pids = match filter.named_pids() {
        Some(pids) => pids,
        // Whether it can mean one at all, before all are looked at.
        None if !filter.asks_for_processes() || means(filter, 0, "").is_none() => Vec::new(),
        None => root.pids()?,
    };
    let meant = |pid: &i32| {
        let stat = || ProcessWatch::open(root, *pid).ok()??.stat().ok()?;
        stat().is_some_and(|stat| means(filter, *pid, &stat.comm) == Some(true))
    };
    Ok(pids.into_iter().filter(meant).collect())
}

/// Whether a filter means this process. Nothing: it asks for sockets too.
fn means(filter: &Filter, pid: i32, name: &str) -> Option<bool> {
    match filter {
        Filter::Is(Condition::Pid(asked)) => Some(*asked == pid),
        Filter::Is(Condition::Name(pattern)) => Some(pattern.fits(name)),
        Filter::Is(_) => None,
        Filter::Not(part) => means(part, pid, name).map(|means| !means),
        Filter::All(parts) => {
            let parts: Option<Vec<bool>> = parts.iter().map(|it| means(it, pid, name)).collect();
            Some(parts?.into_iter().all(|means| means))
        }
        Filter::Any(parts) => {
            let parts: Option<Vec<bool>> = parts.iter().map(|it| means(it, pid, name)).collect();
            Some(parts?.into_iter().any(|means| means))
        }
    }
}

/// The connections that wait in the queues of these listeners, where the filter does not mean them:
/// no process holds them.
fn unaccepted(tables: &Tables, rows: &[Row]) -> Result<Vec<Row>, ListError> {
    let listeners = rows.iter().filter(|row| row.socket.is_listener());
    let queues: Vec<&Row> = listeners
        .filter(|row| row.socket.facts.recv_q > 0)
        .collect();
    let mut known: HashSet<u64> = rows.iter().map(|row| row.socket.facts.cookie).collect();
    let mut found = Vec::new();
    for listener in queues {
        let socket = &listener.socket;
        let local = socket.facts.tuple.local;
        let port = Test::Port {
            side: Side::Local,
            from: local.port(),
            to: local.port(),
        };
        let (Some(table), Some(code)) = (tables.of(socket.netns), Code::of(&port)) else {
            continue;
        };
        let family = match local.is_ipv4() {
            true => Family::V4,
            false => Family::V6,
        };
        let states = StateMask::of(TcpState::Established).with(StateMask::of(TcpState::CloseWait));
        for (facts, binding) in table
            .diag
            .dump_where(Protocol::Tcp, family, states, &code)?
        {
            let waiting = LiveSocket {
                facts,
                binding,
                ..socket.clone()
            };
            let facts = &waiting.facts;
            if facts.inode == 0
                && waiting.came_by(&socket.facts.tuple)
                && known.insert(facts.cookie)
            {
                found.push(Row {
                    owners: Owners::Nobody(Nobody::NotAccepted),
                    socket: waiting,
                });
            }
        }
    }
    Ok(found)
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
    let known: HashSet<_> = rows
        .iter()
        .map(|row| (row.socket.netns, row.socket.facts.tuple.canonical()))
        .collect();
    let mut found: Vec<Row> = Vec::new();
    for row in rows.iter().filter(|row| asks_for_peer(&row.socket.facts)) {
        let there = row.socket.facts.tuple.canonical().reversed();
        for table in &tables.tables {
            let elsewhere = table.netns != row.socket.netns;
            if known.contains(&(table.netns, there)) || elsewhere && !leaves(there) {
                continue;
            }
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
        let facts = &row.socket.facts;
        let now = tables
            .of(row.socket.netns)
            .map(|table| table.diag.query_cookie(facts.tuple, facts.cookie));
        let same = matches!(now, Some(Ok(Some(now))) if now.inode == facts.inode);
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
    let unread = facts.recv_q > 0 && facts.state == TcpState::Established;
    if !(asks_for_peer(facts) || unread) || facts.inode == 0 && facts.state == TcpState::FinWait2 {
        return;
    }
    // Whatever has closed meanwhile stays as it was seen.
    if let Some(table) = tables.of(row.socket.netns)
        && let Ok(Some(now)) = table.diag.query_cookie(facts.tuple, facts.cookie)
        && now.state == facts.state
    {
        *facts = now;
    }
}
