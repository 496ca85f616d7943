//! [`Processes`]: the processes that hold what is watched, with their parents and with children
//! that ended and were not waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::live::watch::Connections;
use crate::model::{ProcState, TcpState};
use crate::observe::process::Stat;
use crate::observe::process::{ProcRoot, ProcessWatch};

/// How often they are looked at, and how many times longer than a look that takes at least.
const AGAIN: (Duration, u32) = (Duration::from_secs(1), 100);

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How far it is indented.
    pub depth: usize,
    /// Its pid.
    pub pid: i32,
    /// Its name, as it gave it.
    pub name: String,
    /// Its state.
    pub state: ProcState,
    /// How many of the sockets that are watched it holds, by state.
    pub holds: BTreeMap<String, usize>,
}

/// The processes, as of the last look.
#[derive(Debug, Default)]
pub struct Processes {
    /// The tree, from the top.
    pub lines: Vec<Line>,
    next: Option<Instant>,
}

impl Processes {
    /// Looks, if it is time. Whether it did.
    pub fn look(&mut self, root: &ProcRoot, connections: &Connections) -> bool {
        let begun = Instant::now();
        if self.next.is_some_and(|next| begun < next) {
            return false;
        }
        let mut holds: HashMap<i32, BTreeMap<String, usize>> = HashMap::new();
        for connection in connections.iter() {
            let mut pids = BTreeSet::new();
            pids.extend(
                connection
                    .owners
                    .holders()
                    .iter()
                    .map(|held| held.process.pid),
            );
            for pid in pids {
                let states = holds.entry(pid).or_default();
                *states.entry(word(connection.state())).or_default() += 1;
            }
        }
        // Whoever vanishes meanwhile, or may not be looked at, is not in the tree.
        let pids = root.pids().unwrap_or_default();
        let stats = pids
            .into_iter()
            .filter_map(|pid| ProcessWatch::open(root, pid).ok()??.stat().ok()?);
        self.lines = tree(stats.collect(), &holds);
        self.next = Some(Instant::now() + AGAIN.0.max(begun.elapsed() * AGAIN.1));
        true
    }
}

fn word(state: TcpState) -> String {
    state.to_string()
}

/// Whoever holds something, the zombies among their children, and all their parents.
fn tree(stats: Vec<Stat>, holds: &HashMap<i32, BTreeMap<String, usize>>) -> Vec<Line> {
    let by_pid: HashMap<i32, &Stat> = stats.iter().map(|stat| (stat.pid, stat)).collect();
    let is_zombie = |stat: &Stat| stat.state == ProcState::Zombie && stat.threads <= 1;
    let mut shown = BTreeSet::new();
    for stat in &stats {
        let is_theirs =
            holds.contains_key(&stat.pid) || (is_zombie(stat) && holds.contains_key(&stat.ppid));
        let mut next = is_theirs.then_some(stat.pid);
        // A pid that was given away twice meanwhile could lead round in a circle.
        while let Some(pid) = next.filter(|pid| shown.insert(*pid)) {
            let parent = by_pid.get(&pid).map(|stat| stat.ppid);
            next = parent.filter(|parent| by_pid.contains_key(parent));
        }
    }
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let mut roots = Vec::new();
    for pid in &shown {
        match by_pid.get(pid).map(|stat| stat.ppid) {
            Some(parent) if shown.contains(&parent) && parent != *pid => {
                children.entry(parent).or_default().push(*pid);
            }
            _ => roots.push(*pid),
        }
    }
    let mut lines = Vec::new();
    let mut todo: Vec<(usize, i32)> = roots.into_iter().rev().map(|pid| (0, pid)).collect();
    while let Some((depth, pid)) = todo.pop() {
        if let Some(stat) = by_pid.get(&pid) {
            lines.push(Line {
                depth,
                pid,
                name: stat.comm.clone(),
                state: stat.state,
                holds: holds.get(&pid).cloned().unwrap_or_default(),
            });
        }
        let below = children.remove(&pid).unwrap_or_default();
        todo.extend(below.into_iter().rev().map(|child| (depth + 1, child)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: i32, ppid: i32, state: ProcState) -> Stat {
        Stat {
            pid,
            comm: format!("p{pid}"),
            state,
            ppid,
            start_ticks: 0,
            threads: 1,
            exit: None,
        }
    }

    #[test]
    fn parents_and_zombies_of_holders_are_shown_and_nobody_else() {
        let stats = vec![
            stat(1, 0, ProcState::Sleeping),
            stat(5, 1, ProcState::Sleeping),
            stat(6, 5, ProcState::Sleeping),
            stat(7, 6, ProcState::Zombie),
            stat(8, 5, ProcState::Zombie),
            stat(9, 1, ProcState::Sleeping),
        ];
        let held = BTreeMap::from([("LISTEN".to_owned(), 1)]);
        let lines = tree(stats, &HashMap::from([(6, held)]));
        let shown: Vec<(usize, i32)> = lines.iter().map(|line| (line.depth, line.pid)).collect();
        assert_eq!(shown, [(0, 1), (1, 5), (2, 6), (3, 7)]);
    }

    #[test]
    fn a_circle_is_no_trap() {
        let stats = vec![
            stat(2, 3, ProcState::Sleeping),
            stat(3, 2, ProcState::Sleeping),
        ];
        let held = BTreeMap::from([("LISTEN".to_owned(), 1)]);
        tree(stats, &HashMap::from([(2, held)]));
    }
}
