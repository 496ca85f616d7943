//! [`walk`]: all processes, on several threads.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::directory::{ProcessDirectory, Scratch};
use super::hiding::hides;
use crate::live::socket::{LiveHolder, LiveProcess, Zombie};
use crate::observe::process::{ProcRoot, ProcessError, ProcessWatch};
use crate::sys::kcmp::share_descriptors;
use crate::threads::side_by_side;

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
    /// Processes whose descriptors could not be read: each may hold any socket.
    pub unread: Vec<Unread>,
    /// Whether there may be others that this `/proc` hides.
    pub hides: bool,
}

/// A process whose descriptors could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its pid.
    pub pid: i32,
    /// Who it is, where that may be read.
    pub process: Option<LiveProcess>,
}

impl Walk {
    /// Whether the descriptors of everybody who was looked for could be read.
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty() && !self.hides
    }

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
        self.unread.extend(other.unread);
    }

    fn add_unread(&mut self, pid: i32, process: Option<LiveProcess>) {
        self.unread.push(Unread { pid, process });
    }

    fn sort(&mut self) {
        self.found
            .sort_unstable_by_key(|(inode, holder)| (*inode, holder.process.pid, holder.fd));
        self.zombies.sort_unstable_by_key(|zombie| zombie.pid);
        self.unread.sort_unstable_by_key(|unread| unread.pid);
    }
}

/// Looks for sockets in the descriptors of every process, or only of `pids`, also in tables that
/// single threads have of their own.
///
/// This takes a reference to each file for a moment, as lsof does.
///
/// # Errors
/// When `/proc` cannot be read or shows nobody, or a process cannot be for another reason than
/// that it is gone or that the permission is missing.
pub fn walk(root: &ProcRoot, wanted: &Wanted, pids: Option<&[i32]>) -> Result<Walk, ProcessError> {
    let proc = File::open(root.path()).map_err(ProcessError::Read)?;
    let listed;
    let all: &[i32] = match pids {
        Some(pids) => pids,
        None => {
            listed = listed_pids(root)?;
            &listed
        }
    };
    let hides = hides(root);
    // kcmp(2) takes pids of the own namespace: a /proc of another one would name others by them.
    let own = std::fs::read_link(root.path().join("self"));
    let is_own = own.is_ok_and(|own| own.as_os_str() == std::process::id().to_string().as_str());
    let share = |one, other| is_own && share_descriptors(one, other) == Ok(true);
    // What is not there is gone, or only not shown: then a signal finds it.
    let is_hidden =
        |pid| pids.is_some() && hides && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Walk, Errno> {
        let (mut mine, mut scratch) = (Walk::default(), Scratch::default());
        while let Some(pid) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            match ProcessDirectory::open(proc.as_fd(), *pid) {
                Ok(Some(dir)) if !is_hidden(*pid) || dir.status(&mut scratch)?.is_some() => {
                    look(&dir, *pid, wanted, &share, &mut scratch, &mut mine)?;
                }
                Ok(_) if is_hidden(*pid) => mine.add_unread(*pid, None),
                Ok(_) => {}
                Err(Errno::EACCES | Errno::EPERM) => mine.add_unread(*pid, None),
                Err(other) => return Err(other),
            }
        }
        Ok(mine)
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(THREADS).min(all.len() / WORTH_A_THREAD).max(1);
    let mut whole = Walk::default();
    for found in side_by_side(vec![(); workers], |()| work()) {
        whole.add(found.map_err(|errno| ProcessError::Read(errno.into()))?);
    }
    if let Some(pids) = pids {
        whole.zombies = zombies_of(root, pids)?;
        if whole.found.is_empty() {
            listed_pids(root)?;
        }
    }
    whole.hides = hides && pids.is_none();
    whole.sort();
    Ok(whole)
}

/// All pids. A directory without any is no `/proc`: it must not look like a machine where nobody
/// holds anything.
fn listed_pids(root: &ProcRoot) -> Result<Vec<i32>, ProcessError> {
    let pids = root.pids()?;
    match pids.is_empty() {
        true => Err(ProcessError::Empty(root.path().to_owned())),
        false => Ok(pids),
    }
}

fn look(
    dir: &ProcessDirectory,
    pid: i32,
    wanted: &Wanted,
    share: &impl Fn(i32, i32) -> bool,
    scratch: &mut Scratch,
    walk: &mut Walk,
) -> Result<(), Errno> {
    let listed = dir.sockets(wanted, share, scratch)?;
    if !listed.any || listed.denied {
        let status = match dir.status(scratch) {
            Ok(Some(status)) => status,
            Ok(None) => return Ok(()),
            // hidepid=1 (proc(5))
            Err(Errno::EACCES | Errno::EPERM) => {
                walk.add_unread(pid, None);
                return Ok(());
            }
            Err(other) => return Err(other),
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
        if listed.denied {
            let process = dir.named(status.stat)?;
            walk.add_unread(pid, Some(process));
        }
    }
    if listed.sockets.is_empty() {
        return Ok(());
    }
    // Read after the descriptors and through the same directory: it is the process that has them.
    let Some(process) = dir.process(scratch)? else {
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
    let open = |pid| match ProcessWatch::open(root, pid) {
        Err(error) if error.is_denied() => Ok(None),
        opened => opened,
    };
    for pid in pids {
        let Some(watch) = open(*pid)? else {
            continue;
        };
        let children = match watch.children() {
            Ok(children) => children,
            Err(error) if error.is_denied() => continue,
            Err(error) => return Err(error),
        };
        for child in children {
            let Some(watch) = open(child)? else {
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
