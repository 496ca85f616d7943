//! [`list`]: the sockets that a filter means, with their holders.
//!
//! Sockets and processes come and go while they are looked at. So the table is read before and
//! after the walk over the processes, and a holder counts only where the socket (by its cookie)
//! had the same inode both times: an inode that was given to another socket meanwhile is caught,
//! and so is a socket that was closed or accepted meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;

use schemars::JsonSchema;
use serde::Serialize;

use super::filter::Filter;
use super::filter::matching::{Others, Seen, matches};
use super::inventory::SocketTable;
use super::netns::Tables;
use super::owners::copies::sockets_of;
use super::owners::{Unread, Walk, Wanted, walk};
use super::socket::{LiveHolder, LiveSocket, Netns, Nobody, Owners, UnknownOwner, Zombie};
use crate::model::{SocketFacts, TcpState};
use crate::observe::diag::DiagError;
use crate::observe::process::{ProcRoot, ProcessError};

/// How often the processes are walked at most: again for sockets that were accepted, or whose
/// descriptor moved, while they were walked the first time.
const WALKS: usize = 3;

/// A socket and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The socket.
    pub socket: LiveSocket,
    /// Its holders.
    pub owners: Owners,
}

/// The sockets that were meant, and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The sockets, in the order of the kernel's tables.
    pub rows: Vec<Row>,
    /// Sockets of processes that the filter names by their pids, which are in none of these
    /// tables: of other network namespaces, or closed or never bound and only still open.
    pub beside: Vec<Row>,
    /// Children of the holders that ended and were not waited for, by pid.
    pub zombies: Vec<Zombie>,
    /// What could not be seen.
    pub unseen: Unseen,
}

/// What could not be seen, each counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unseen {
    /// Processes whose descriptors may not be read.
    pub processes: usize,
    /// Sockets that may be meant or not: that depends on a holder that could not be seen.
    pub undecided: usize,
    /// Sockets that were closed while this was read.
    pub closed_meanwhile: usize,
    /// Network namespaces that could not be entered.
    pub namespaces: usize,
    /// Processes whose network namespace may not be seen.
    pub hidden: usize,
    /// Whether this `/proc` hides processes of others (`hidepid`).
    pub hides: bool,
    /// Processes of the filter that are in another network namespace, or have sockets of one,
    /// which are not listed.
    pub elsewhere: usize,
    /// Whether the filter asks for users, and was judged by who made each socket alone.
    pub only_makers: bool,
    /// Whether only the processes that the filter names were looked at: others may hold the same
    /// sockets.
    pub only_named: bool,
}

/// The sockets could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The kernel could not be asked.
    #[error(transparent)]
    Diag(#[from] DiagError),
    /// The processes could not be looked at.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The sockets in these tables that the filter means; `owners`: with their holders.
///
/// # Errors
/// When the kernel could not be asked or `/proc` not be read. What vanishes meanwhile is no error,
/// a missing permission is counted.
pub fn list(
    root: &ProcRoot,
    tables: &mut Tables,
    filter: &Filter,
    owners: bool,
) -> Result<Listing, ListError> {
    let all = &mut tables.tables;
    let mut listing = match owners {
        false => Listing {
            rows: rows(all, filter, Others::NOBODY)?,
            unseen: Unseen {
                only_makers: filter.asks_for_users(),
                ..Unseen::default()
            },
            ..Listing::default()
        },
        true => match of_named_processes(root, all, filter)? {
            Some(listing) => listing,
            None => with_owners(root, all, filter)?,
        },
    };
    listing.unseen.namespaces = tables.refused;
    listing.unseen.hidden = tables.hidden;
    Ok(listing)
}

/// All sockets that the filter can mean when those `others` may hold them.
fn rows(
    tables: &mut [SocketTable],
    filter: &Filter,
    others: Others<'_>,
) -> Result<Vec<Row>, DiagError> {
    each(tables, filter, |socket| {
        (matches(filter, &socket, &[], others) != Some(false)).then_some(Row {
            socket,
            owners: Owners::NotAsked,
        })
    })
}

fn each<T: Send>(
    tables: &mut [SocketTable],
    filter: &Filter,
    make: impl Fn(LiveSocket) -> Option<T> + Sync,
) -> Result<Vec<T>, DiagError> {
    let mut all = Vec::new();
    for table in tables {
        let more = table.sockets(filter, &make)?;
        match all.is_empty() {
            true => all = more,
            false => all.extend(more),
        }
    }
    Ok(all)
}

/// Where the filter names the processes, what they hold is asked for socket by socket: that costs
/// by those processes, not by the machine. Nothing where that cannot be had.
fn of_named_processes(
    root: &ProcRoot,
    tables: &[SocketTable],
    filter: &Filter,
) -> Result<Option<Listing>, ListError> {
    let ([table], Some(pids)) = (tables, filter.named_pids()) else {
        return Ok(None);
    };
    let found = walk(root, &Wanted::All, Some(&pids))?;
    if !found.is_complete() {
        return Ok(None);
    }
    let Some(copied) = sockets_of(table, &found)? else {
        return Ok(None);
    };
    let held = |socket: LiveSocket| Row {
        owners: Owners::Held {
            holders: found.of(socket.facts.inode).cloned().collect(),
            complete: false,
        },
        socket,
    };
    let mut join = Join::new(copied.sockets.into_iter().map(held).collect());
    join.beside = copied.beside.into_iter().map(held).collect();
    join.zombies = found.zombies;
    join.walked = true;
    let mut listing = join.finish(filter, true, &HashMap::new());
    listing.unseen.elsewhere = copied.elsewhere.len();
    Ok(Some(listing))
}

fn with_owners(
    root: &ProcRoot,
    tables: &mut [SocketTable],
    filter: &Filter,
) -> Result<Listing, ListError> {
    let named = filter.named_pids();
    let mut join = Join::new(rows(tables, filter, Others::ANYBODY)?);
    for _ in 0..WALKS {
        let wanted = join.wanted();
        if wanted.is_empty() {
            break;
        }
        let found = walk(root, &wanted, named.as_deref())?;
        let after = each(tables, filter, |socket| Some(socket.facts))?;
        join.add(&found, after);
        join.unread = found.unread;
        join.hides = found.hides;
        for zombie in found.zombies {
            if !join.zombies.iter().any(|known| known.pid == zombie.pid) {
                join.zombies.push(zombie);
            }
        }
        if named.is_some() || join.is_settled() {
            break;
        }
    }
    let listeners = match join.has_unaccepted() {
        true => listeners(tables)?,
        false => HashMap::new(),
    };
    let mut listing = join.finish(filter, named.is_some(), &listeners);
    if let ([SocketTable { netns: None, .. }], Some(pids)) = (&*tables, &named) {
        listing.unseen.elsewhere = pids.iter().filter(|pid| is_elsewhere(root, **pid)).count();
    }
    Ok(listing)
}

type Listeners = HashMap<Option<Netns>, Vec<SocketFacts>>;

fn listeners(tables: &[SocketTable]) -> Result<Listeners, DiagError> {
    let of = |table: &SocketTable| Ok((table.netns, table.listeners()?));
    tables.iter().map(of).collect()
}

/// Sockets on their way to their holders.
struct Join {
    /// Those whose holders are not known are [`Owners::NotAsked`].
    rows: Vec<Row>,
    /// How often each was walked for while it had the inode that it has.
    looked: Vec<u8>,
    /// Those in no table, whose holders are known.
    beside: Vec<Row>,
    zombies: Vec<Zombie>,
    unread: Vec<Unread>,
    hides: bool,
    closed_meanwhile: usize,
    /// Whether a walk was made at all.
    walked: bool,
}

impl Join {
    fn new(rows: Vec<Row>) -> Join {
        Join {
            looked: vec![0; rows.len()],
            rows,
            beside: Vec::new(),
            zombies: Vec::new(),
            unread: Vec::new(),
            hides: false,
            closed_meanwhile: 0,
            walked: false,
        }
    }

    /// The inodes of sockets that somebody holds who is not known yet.
    fn wanted(&self) -> Wanted {
        let open = self.rows.iter().filter(|row| row.is_open());
        Wanted::inodes(open.map(|row| row.socket.facts.inode))
    }

    /// Takes in a walk, and the table as it was after it.
    fn add(&mut self, walk: &Walk, after: Vec<SocketFacts>) {
        let mut index: HashMap<u64, usize> = HashMap::with_capacity(after.len());
        index.extend(
            after
                .iter()
                .enumerate()
                .map(|(at, facts)| (facts.cookie, at)),
        );
        let known = self.rows.len();
        let mut counts = std::mem::take(&mut self.looked).into_iter();
        let looked = &mut self.looked;
        self.rows.retain_mut(|row| {
            let count = counts.next().unwrap_or(0);
            let Some(now) = index.get(&row.socket.facts.cookie).map(|at| &after[*at]) else {
                return false;
            };
            let same = now.inode == row.socket.facts.inode;
            row.socket.facts = now.clone();
            if !same {
                row.owners = Owners::NotAsked;
                looked.push(0);
                return true;
            }
            looked.push(count + u8::from(row.is_open()));
            if row.is_open() {
                let holders: Vec<LiveHolder> = walk.of(now.inode).cloned().collect();
                if !holders.is_empty() {
                    row.owners = Owners::Held {
                        holders,
                        complete: false,
                    };
                }
            }
            true
        });
        self.closed_meanwhile += known - self.rows.len();
        self.walked = true;
    }

    /// Whether another walk would find nothing more. The others are not looked through once more
    /// for what a process probably holds that may not be looked at: one of the socket's own user.
    fn is_settled(&self) -> bool {
        let mut rows = self.rows.iter().zip(&self.looked);
        rows.all(|(row, looked)| {
            let enough = match self.is_probably_unread(row.socket.facts.uid) {
                true => 1,
                false => 2,
            };
            !row.is_open() || *looked >= enough
        })
    }

    fn is_probably_unread(&self, uid: u32) -> bool {
        let mut unread = self.unread.iter();
        self.hides
            || unread.any(|unread| {
                let process = unread.process.as_ref();
                process.is_none_or(|process| process.uid == uid)
            })
    }

    fn has_unaccepted(&self) -> bool {
        self.rows.iter().any(|row| {
            let facts = &row.socket.facts;
            facts.inode == 0 && matches!(facts.state, TcpState::Established | TcpState::CloseWait)
        })
    }

    fn finish(self, filter: &Filter, only_named: bool, listeners: &Listeners) -> Listing {
        let everybody_seen = self.unread.is_empty() && !self.hides;
        let unread: Vec<Seen<'_>> = self
            .unread
            .iter()
            .filter_map(|unread| unread.process.as_ref())
            .map(Seen::of)
            .collect();
        let others = |row: &Row| match row.socket.facts.inode {
            0 => Others::NOBODY,
            _ => Others {
                unread: &unread,
                unlisted: self.hides || unread.len() < self.unread.len(),
                elsewhere: row.is_open(),
            },
        };
        let (mut rows, mut beside) = (self.rows, self.beside);
        let mut undecided = 0;
        let mut retain =
            |row: &mut Row| match matches(filter, &row.socket, row.owners.holders(), others(row)) {
                Some(true) => {
                    row.settle(everybody_seen && !only_named, listeners);
                    true
                }
                Some(false) => false,
                None => {
                    undecided += 1;
                    false
                }
            };
        rows.retain_mut(&mut retain);
        beside.retain_mut(&mut retain);
        let holders: BTreeSet<i32> = rows
            .iter()
            .chain(&beside)
            .flat_map(|row| row.owners.holders())
            .map(|holder| holder.process.pid)
            .collect();
        let mut zombies = self.zombies;
        zombies.retain(|zombie| holders.contains(&zombie.ppid));
        zombies.sort_unstable_by_key(|zombie| zombie.pid);
        Listing {
            rows,
            beside,
            zombies,
            unseen: Unseen {
                processes: self.unread.len(),
                hides: self.hides,
                undecided,
                closed_meanwhile: self.closed_meanwhile,
                only_named: only_named && self.walked,
                ..Unseen::default()
            },
        }
    }
}

impl Row {
    /// Whether somebody holds it who is not known.
    fn is_open(&self) -> bool {
        self.socket.facts.inode != 0 && self.owners.holders().is_empty()
    }

    /// Says why nobody holds it where nobody does, and whether all holders are known.
    fn settle(&mut self, everybody_seen: bool, listeners: &Listeners) {
        let socket = &self.socket;
        if socket.facts.inode == 0 {
            let listens = listeners.get(&socket.netns).is_some_and(|listeners| {
                listeners
                    .iter()
                    .any(|listener| socket.came_by(&listener.tuple))
            });
            self.owners = Owners::Nobody(Nobody::of(socket, listens));
            return;
        }
        match &mut self.owners {
            Owners::Held { complete, .. } => *complete = everybody_seen,
            _ if everybody_seen => self.owners = Owners::Unknown(UnknownOwner::NotHere),
            _ => self.owners = Owners::Unknown(UnknownOwner::NotPermitted),
        }
    }
}

/// Whether a process is known to be in another network namespace than the caller.
fn is_elsewhere(root: &ProcRoot, pid: i32) -> bool {
    let inode = |process: &str| {
        let path = root.path().join(process).join("ns/net");
        std::fs::metadata(path).map(|namespace| namespace.ino())
    };
    match (inode(&pid.to_string()), inode("thread-self")) {
        (Ok(theirs), Ok(own)) => theirs != own,
        // It is gone, or may not be looked at: that is told otherwise.
        _ => false,
    }
}

#[cfg(test)]
mod tests;
