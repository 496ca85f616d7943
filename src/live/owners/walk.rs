//! [`walk`]: all processes, on several threads.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;

use super::directory::{Listed, ProcessDirectory};
use crate::live::socket::{LiveHolder, LiveProcess, Zombie};
use crate::observe::process::{ProcRoot, ProcessError, ProcessWatch};

/// How many threads walk at most: the kernel's locks let more of them wait for each other.
const THREADS: usize = 4;
/// As many processes are worth a thread of their own.
const WORTH_A_THREAD: usize = 32;

/// Which sockets are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them, of whatever kind.
    All,
    /// Those with these inodes, ascending.
    Inodes(Vec<u32>),
}

impl Wanted {
    /// Those with these inodes. Nobody holds inode 0.
    pub fn inodes(inodes: impl IntoIterator<Item = u32>) -> Wanted {
        let mut inodes: Vec<u32> = inodes.into_iter().filter(|inode| *inode != 0).collect();
        inodes.sort_unstable();
        inodes.dedup();
        Wanted::Inodes(inodes)
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        matches!(self, Wanted::Inodes(inodes) if inodes.is_empty())
    }

    pub(super) fn has(&self, inode: u32) -> bool {
        match self {
            Wanted::All => inode != 0,
            Wanted::Inodes(inodes) => inodes.binary_search(&inode).is_ok(),
        }
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// By inode, pid and descriptor.
    found: Vec<(u32, LiveHolder)>,
    /// Processes that ended and were not waited for.
    pub zombies: Vec<Zombie>,
    /// How many processes' descriptors could not be read: each may hold any socket.
    pub unreadable: usize,
}

impl Walk {
    /// The holders of the socket with this inode, by pid and descriptor.
    pub fn of(&self, inode: u32) -> impl Iterator<Item = &LiveHolder> {
        let from = self.found.partition_point(|(found, _)| *found < inode);
        self.found[from..]
            .iter()
            .take_while(move |(found, _)| *found == inode)
            .map(|(_, holder)| holder)
    }

    /// All that were found: inode and holder, by inode, pid and descriptor.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &LiveHolder)> {
        self.found.iter().map(|(inode, holder)| (*inode, holder))
    }

    /// A walk that found these.
    #[cfg(test)]
    pub(in crate::live) fn from_found(found: impl IntoIterator<Item = (u32, LiveHolder)>) -> Walk {
        let mut walk = Walk {
            found: found.into_iter().collect(),
            ..Walk::default()
        };
        walk.sort();
        walk
    }

    fn add(&mut self, other: Walk) {
        self.found.extend(other.found);
        self.zombies.extend(other.zombies);
        self.unreadable += other.unreadable;
    }

    fn sort(&mut self) {
        self.found
            .sort_unstable_by_key(|(inode, holder)| (*inode, holder.process.pid, holder.fd));
        self.zombies.sort_unstable_by_key(|zombie| zombie.pid);
    }
}

/// Looks for sockets in the descriptors of every process, or only of `pids`.
///
/// `threads`: also in the tables that single threads have of their own; costs more.
///
/// This takes a reference to each file for a moment, as lsof does.
///
/// # Errors
/// When `/proc` cannot be read, or a process for another reason than that it is gone or that the
/// permission is missing.
pub fn walk(
    root: &ProcRoot,
    wanted: &Wanted,
    pids: Option<&[i32]>,
    threads: bool,
) -> Result<Walk, ProcessError> {
    let proc = File::open(root.path()).map_err(ProcessError::Read)?;
    let listed;
    let all: &[i32] = match pids {
        Some(pids) => pids,
        None => {
            listed = root.pids()?;
            &listed
        }
    };
    let next = AtomicUsize::new(0);
    let work = || -> Result<Walk, Errno> {
        let mut mine = Walk::default();
        while let Some(pid) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(dir) = opened(&proc, *pid, &mut mine)? {
                look(&dir, *pid, wanted, threads, &mut mine)?;
            }
        }
        Ok(mine)
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(THREADS).min(all.len() / WORTH_A_THREAD).max(1);
    let mut whole = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut whole = work();
        for other in others {
            let more = match other.join() {
                Ok(more) => more,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            whole = whole.and_then(|mut whole| {
                whole.add(more?);
                Ok(whole)
            });
        }
        whole
    })
    .map_err(|errno| ProcessError::Read(errno.into()))?;
    if let Some(pids) = pids {
        whole.zombies = zombies_of(root, pids)?;
    }
    whole.sort();
    Ok(whole)
}

fn opened(proc: &File, pid: i32, walk: &mut Walk) -> Result<Option<ProcessDirectory>, Errno> {
    match ProcessDirectory::open(proc.as_fd(), pid) {
        // hidepid (proc(5))
        Err(Errno::EACCES | Errno::EPERM) => {
            walk.unreadable += 1;
            Ok(None)
        }
        other => other,
    }
}

fn look(
    dir: &ProcessDirectory,
    pid: i32,
    wanted: &Wanted,
    threads: bool,
    walk: &mut Walk,
) -> Result<(), Errno> {
    let mut listed = dir.sockets(wanted)?;
    if threads {
        dir.sockets_of_threads(wanted, &mut listed)?;
    }
    if !listed.any || listed.denied {
        let Some(status) = dir.status()? else {
            return Ok(());
        };
        if status.is_zombie() {
            walk.zombies.push(Zombie {
                pid,
                ppid: status.stat.ppid,
                name: status.stat.comm,
            });
            return Ok(());
        }
        if status.kernel_thread {
            return Ok(());
        }
        if !listed.any && status.stat.threads > 1 && !threads {
            // Its first thread may have ended while others go on.
            let mut again = Listed::default();
            dir.sockets_of_threads(wanted, &mut again)?;
            listed.sockets = again.sockets;
            listed.denied = again.denied || (listed.denied && !again.any);
        }
        walk.unreadable += usize::from(listed.denied);
    }
    if listed.sockets.is_empty() {
        return Ok(());
    }
    // Read after the descriptors and through the same directory: it is the process that has them.
    let Some(process) = dir.process()? else {
        return Ok(());
    };
    let process: Arc<LiveProcess> = Arc::new(process);
    walk.found
        .extend(listed.sockets.into_iter().map(|(inode, fd)| {
            let holder = LiveHolder {
                process: Arc::clone(&process),
                fd,
            };
            (inode, holder)
        }));
    Ok(())
}

/// The zombies among the children of few processes, without a look at all others.
fn zombies_of(root: &ProcRoot, pids: &[i32]) -> Result<Vec<Zombie>, ProcessError> {
    let mut zombies = Vec::new();
    for pid in pids {
        let Some(watch) = ProcessWatch::open(root, *pid)? else {
            continue;
        };
        let children = match watch.children() {
            Ok(children) => children,
            Err(error) if error.is_denied() => continue,
            Err(error) => return Err(error),
        };
        for child in children {
            let Some(watch) = ProcessWatch::open(root, child)? else {
                continue;
            };
            let zombie = watch
                .stat()?
                .filter(|stat| stat.state == crate::model::ProcState::Zombie && stat.threads <= 1);
            zombies.extend(zombie.map(|stat| Zombie {
                pid: child,
                ppid: stat.ppid,
                name: stat.comm,
            }));
        }
    }
    Ok(zombies)
}

#[cfg(test)]
mod tests;
