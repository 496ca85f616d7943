//! [`Holders`]: who holds a socket that changed.
//!
//! Looking at a process's descriptors disturbs it a little and costs by their number. So only
//! those processes are looked at that are likely to hold it, and only for a small part of the
//! time: when much happens, most holders are not asked for.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::connections::Connections;
use super::pace::Pace;
use crate::live::owners::{Wanted, walk};
use crate::live::socket::{LiveHolder, Nobody, Owners};
use crate::model::{ProcState, TcpState};
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::process::{ProcRoot, ProcessWatch};

/// How many sockets are looked for at once.
const AT_ONCE: usize = 256;
/// How many processes are looked at for them.
const PROCESSES: usize = 64;

/// Looks for holders, as far as time is left for it.
#[derive(Debug)]
pub(super) struct Holders {
    root: ProcRoot,
    /// For a look at few processes.
    few: Pace,
    /// For a look at all of them.
    all: Pace,
    /// How many sockets' holders were not asked for.
    pub(super) skipped: u64,
    /// How many processes could not be looked at, the last time that all were.
    pub(super) unreadable: usize,
}

impl Holders {
    pub(super) fn new(root: ProcRoot) -> Holders {
        Holders {
            root,
            few: Pace::new(0.03, Duration::from_millis(30)),
            all: Pace::new(0.005, Duration::from_millis(5)),
            skipped: 0,
            unreadable: 0,
        }
    }

    /// Looks who holds these now, and tells what waited for it.
    pub(super) fn look(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        changed: &BTreeSet<u64>,
    ) -> Result<(), DiagError> {
        if changed.is_empty() && connections.last_known().next().is_none() {
            return Ok(());
        }
        let mut few = self.few;
        if !few.allows() {
            self.few = few;
            self.skipped += changed.len() as u64;
            return Ok(());
        }
        let done = few.spend(|| {
            let mut fresh = BTreeSet::new();
            let done = self.look_at(connections, diag, changed, &mut fresh);
            connections.complete(&fresh);
            self.without_the_dead(connections);
            done
        });
        self.few = few;
        done
    }

    fn look_at(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        changed: &BTreeSet<u64>,
        fresh: &mut BTreeSet<u64>,
    ) -> Result<(), DiagError> {
        let mut wanted: Vec<(u64, u32)> = Vec::new();
        // The newest: the older ones are likely gone.
        for id in changed.iter().rev() {
            let Some(known) = connections.known(*id) else {
                continue;
            };
            if known.lacks_port() || known.remains || wanted.len() == AT_ONCE {
                continue;
            }
            let tuple = known.tuple();
            let cookie = known.socket.facts.cookie;
            let found = match cookie {
                0 => diag.query(tuple)?,
                cookie => diag.query_cookie(tuple, cookie)?,
            };
            let Some(facts) = found else {
                continue;
            };
            let (inode, is_as_known) = (facts.inode, facts.state == known.state());
            connections.set_facts(*id, facts);
            if inode != 0 {
                wanted.push((*id, inode));
                continue;
            }
            if let Some(known) = connections.known(*id).filter(|_| is_as_known) {
                let listens = connections.listeners_of(&known.socket).next().is_some();
                let owners = Owners::Nobody(Nobody::of(&known.socket, listens));
                connections.set_owners(*id, owners);
                fresh.insert(*id);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let pids = self.likely(connections, &wanted);
        self.find(connections, &mut wanted, Some(&pids), fresh);
        if !wanted.is_empty() {
            let mut all = self.all;
            if all.allows() {
                all.spend(|| self.find(connections, &mut wanted, None, fresh));
            }
            self.all = all;
        }
        self.skipped += wanted.len() as u64;
        Ok(())
    }

    /// Who was seen to work with them, held them, or holds the listener they came by, and the
    /// children of those.
    fn likely(&self, connections: &Connections, wanted: &[(u64, u32)]) -> Vec<i32> {
        let mut pids = BTreeSet::new();
        let mut parents = BTreeSet::new();
        let of = |owners: &Owners| -> Vec<i32> {
            let holders = owners.holders().iter();
            holders.map(|holder| holder.process.pid).collect()
        };
        for (id, _) in wanted {
            let Some(known) = connections.known(*id) else {
                continue;
            };
            pids.extend(known.callers.iter().map(|caller| caller.pid));
            pids.extend(of(&known.owners));
            for listener in connections.listeners_of(&known.socket) {
                parents.extend(of(&listener.owners));
                parents.extend(listener.callers.iter().map(|caller| caller.pid));
            }
        }
        if known_states_need_children(connections, wanted) {
            parents.extend(pids.iter().copied());
        }
        for parent in &parents {
            let children = ProcessWatch::open(&self.root, *parent)
                .ok()
                .flatten()
                .and_then(|watch| watch.children().ok());
            // Whoever is gone or may not be looked at holds nothing that could be found.
            pids.extend(children.into_iter().flatten());
        }
        pids.extend(parents);
        pids.into_iter().take(PROCESSES).collect()
    }

    fn find(
        &mut self,
        connections: &mut Connections,
        wanted: &mut Vec<(u64, u32)>,
        pids: Option<&[i32]>,
        fresh: &mut BTreeSet<u64>,
    ) {
        if pids.is_some_and(<[i32]>::is_empty) {
            return;
        }
        let inodes = Wanted::inodes(wanted.iter().map(|(_, inode)| *inode));
        // What cannot be looked at is not known.
        let Ok(found) = walk(&self.root, &inodes, pids) else {
            return;
        };
        if pids.is_none() {
            self.unreadable = found.unread.len();
        }
        let complete = pids.is_none() && found.is_complete();
        wanted.retain(|(id, inode)| {
            let holders: Vec<LiveHolder> = found.of(*inode).cloned().collect();
            if holders.is_empty() {
                // Whoever was looked at and has it no more is no holder.
                if found.is_complete()
                    && let Some(known) = connections.known(*id)
                {
                    let looked = |pid| pids.is_none_or(|pids| pids.contains(&pid));
                    let owners = without(&known.owners, |held| looked(held.process.pid));
                    connections.set_owners(*id, owners);
                    fresh.insert(*id);
                }
                return true;
            }
            connections.set_owners(*id, Owners::Held { holders, complete });
            fresh.insert(*id);
            false
        });
    }

    /// Whoever ended meanwhile holds nothing any more, and another process may have its pid.
    fn without_the_dead(&self, connections: &mut Connections) {
        let mut started: HashMap<i32, Option<u64>> = HashMap::new();
        let mut is_gone = |held: &LiveHolder| {
            let pid = held.process.pid;
            let now = started.entry(pid).or_insert_with(|| {
                let watch = ProcessWatch::open(&self.root, pid).ok()??;
                let stat = watch.stat().ok()??;
                let is_zombie = stat.state == ProcState::Zombie && stat.threads <= 1;
                (!is_zombie).then_some(stat.start_ticks)
            });
            *now != Some(held.process.start_ticks)
        };
        for change in connections.last_known() {
            change.owners = without(&change.owners, &mut is_gone);
            change.last_known = !change.owners.holders().is_empty();
        }
    }
}

/// A connection that one end has closed is the one whose forgotten copies matter.
fn known_states_need_children(connections: &Connections, wanted: &[(u64, u32)]) -> bool {
    wanted.iter().any(|(id, _)| {
        connections
            .known(*id)
            .is_some_and(|known| known.state() == TcpState::CloseWait)
    })
}

/// Without those. Whoever is left may not be all.
fn without(owners: &Owners, mut is_none: impl FnMut(&LiveHolder) -> bool) -> Owners {
    let Owners::Held { holders, .. } = owners else {
        return owners.clone();
    };
    let left: Vec<LiveHolder> = holders
        .iter()
        .filter(|held| !is_none(held))
        .cloned()
        .collect();
    match left.is_empty() {
        true => Owners::NotAsked,
        false if left.len() == holders.len() => owners.clone(),
        false => Owners::Held {
            holders: left,
            complete: false,
        },
    }
}
