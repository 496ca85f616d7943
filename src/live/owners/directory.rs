//! One process by its directory in `/proc`, which is opened once: it names the process and not its
//! pid, so that what is read through it is of one process or not there.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::unistd::read;

use super::walk::Wanted;
use crate::live::socket::LiveProcess;
use crate::model::ProcState;
use crate::observe::process::Stat;
use crate::sys::entries::each_name;
use crate::sys::link::socket_inode;

/// The flag of a kernel thread in `/proc/PID/stat` (`PF_KTHREAD` of `linux/sched.h`).
const PF_KTHREAD: u64 = 0x0020_0000;
/// Longer than any stat line: 52 numbers and a short name.
const LONGEST_LINE: usize = 4096;
/// The links of a directory itself: its name and its `.`; each directory in it adds one.
const OWN_LINKS: u64 = 2;

/// A process's directory.
pub(super) struct ProcessDirectory {
    dir: OwnedFd,
    pid: i32,
}

/// Memory that is used again for each process.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    entries: Vec<u8>,
    line: Vec<u8>,
}

/// What a look at a process's descriptors found.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Descriptors that are wanted sockets: inode and number.
    pub(super) sockets: Vec<(u32, i32)>,
    /// Whether it has any descriptor at all.
    pub(super) any: bool,
    /// Whether some could not be read.
    pub(super) denied: bool,
}

/// What `/proc/PID/stat` says.
pub(super) struct Status {
    pub(super) stat: Stat,
    pub(super) kernel_thread: bool,
}

impl ProcessDirectory {
    /// Nothing when there is no process of this pid.
    pub(super) fn open(root: BorrowedFd<'_>, pid: i32) -> Result<Option<Self>, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = present(openat(root, pid.to_string().as_str(), flags, Mode::empty()))?;
        Ok(dir.map(|dir| ProcessDirectory { dir, pid }))
    }

    /// Its descriptors that are wanted sockets, also of those of its threads that have a table of
    /// their own (`unshare(2)` with `CLONE_FILES`), and of one whose first thread ended while
    /// others go on. `share`: whether two threads are known to use one table.
    pub(super) fn sockets(
        &self,
        wanted: &Wanted,
        share: &impl Fn(i32, i32) -> bool,
        scratch: &mut Scratch,
    ) -> Result<Listed, Errno> {
        let mut listed = Listed::default();
        self.list("fd", wanted, &mut listed, scratch)?;
        if !self.may_have_threads()? {
            return Ok(listed);
        }
        let threads = self.sockets_of_threads(wanted, share, scratch)?;
        // The table of a thread that ended is not for everybody; those of the others tell.
        listed.denied = threads.denied || listed.denied && !threads.any;
        listed.any |= threads.any;
        if !threads.sockets.is_empty() {
            listed.sockets.extend(threads.sockets);
            listed.sockets.sort_unstable();
            listed.sockets.dedup();
        }
        Ok(listed)
    }

    /// Whether there is another thread than the first, by the number of directories in `task`:
    /// that costs much less than to list them. Of a file system that does not count: yes.
    fn may_have_threads(&self) -> Result<bool, Errno> {
        match fstatat(&self.dir, "task", AtFlags::empty()) {
            Ok(stat) => Ok(stat.st_nlink != OWN_LINKS + 1),
            // Whoever is gone has none, and where one may not look, the descriptors say so too.
            Err(Errno::ENOENT | Errno::ESRCH | Errno::EACCES | Errno::EPERM) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn sockets_of_threads(
        &self,
        wanted: &Wanted,
        share: &impl Fn(i32, i32) -> bool,
        scratch: &mut Scratch,
    ) -> Result<Listed, Errno> {
        let mut listed = Listed::default();
        let mut last = self.pid;
        for tid in self.threads(scratch)? {
            if tid == self.pid || share(self.pid, tid) || (last != self.pid && share(last, tid)) {
                continue;
            }
            last = tid;
            self.list(&format!("task/{tid}/fd"), wanted, &mut listed, scratch)?;
            if listed.denied {
                break;
            }
        }
        Ok(listed)
    }

    /// The ids of its threads.
    pub(super) fn threads(&self, scratch: &mut Scratch) -> Result<Vec<i32>, Errno> {
        let mut tids = Vec::new();
        if let Some(tasks) = self.directory("task")? {
            let listed = each_name(&tasks, &mut scratch.entries, |name| {
                tids.extend(number(name));
                Ok(true)
            });
            present(listed)?;
        }
        Ok(tids)
    }

    fn list(
        &self,
        path: &str,
        wanted: &Wanted,
        listed: &mut Listed,
        scratch: &mut Scratch,
    ) -> Result<(), Errno> {
        let dir = match self.directory(path) {
            Ok(Some(dir)) => dir,
            Ok(None) => return Ok(()),
            Err(Errno::EACCES | Errno::EPERM) => {
                listed.denied = true;
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let read = each_name(&dir, &mut scratch.entries, |name| {
            let Some(fd) = number(name) else {
                return Ok(true);
            };
            listed.any = true;
            match socket_inode(&dir, name) {
                Ok(Some(inode)) if wanted.has(inode) => listed.sockets.push((inode, fd)),
                // Something else, or closed since it was listed.
                Ok(_) | Err(Errno::ENOENT | Errno::ESRCH) => {}
                Err(Errno::EACCES | Errno::EPERM) => {
                    listed.denied = true;
                    return Ok(false);
                }
                Err(other) => return Err(other),
            }
            Ok(true)
        });
        // It may end meanwhile.
        present(read).map(drop)
    }

    /// What its stat line says; nothing when it is gone, or when the line makes no sense.
    pub(super) fn status(&self, scratch: &mut Scratch) -> Result<Option<Status>, Errno> {
        let Some(line) = self.stat_line(&mut scratch.line)? else {
            return Ok(None);
        };
        Ok(Stat::parse(line).ok().map(|stat| Status {
            stat,
            kernel_thread: flags(line).is_some_and(|flags| flags & PF_KTHREAD != 0),
        }))
    }

    /// Who it is; nothing when it is gone.
    pub(super) fn process(&self, scratch: &mut Scratch) -> Result<Option<LiveProcess>, Errno> {
        match self.status(scratch)? {
            Some(Status { stat, .. }) => self.named(stat).map(Some),
            None => Ok(None),
        }
    }

    /// Who it is, of whom the stat line is read.
    pub(super) fn named(&self, stat: Stat) -> Result<LiveProcess, Errno> {
        Ok(LiveProcess {
            pid: self.pid,
            start_ticks: stat.start_ticks,
            name: stat.comm,
            // The directory belongs to the effective user, also of a process that may not be
            // dumped: then only what is in it is root's.
            uid: fstat(&self.dir)?.st_uid,
            ppid: stat.ppid,
            state: stat.state,
        })
    }

    fn directory(&self, path: &str) -> Result<Option<OwnedFd>, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        present(openat(self.dir.as_fd(), path, flags, Mode::empty()))
    }

    fn stat_line<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let Some(fd) = present(openat(self.dir.as_fd(), "stat", flags, Mode::empty()))? else {
            return Ok(None);
        };
        buffer.resize(LONGEST_LINE, 0);
        loop {
            // The kernel makes the line at the first read and gives it whole.
            match read(&fd, buffer) {
                Err(Errno::EINTR) => {}
                length => return Ok(present(length)?.and_then(|length| buffer.get(..length))),
            }
        }
    }
}

impl Status {
    /// Whether it ended, and was not waited for.
    pub(super) fn is_zombie(&self) -> bool {
        self.stat.state == ProcState::Zombie && self.stat.threads <= 1
    }
}

/// Nothing for what is no more.
fn present<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        Err(other) => Err(other),
    }
}

fn number(name: &CStr) -> Option<i32> {
    name.to_str().ok()?.parse().ok()
}

/// The ninth field of a stat line.
fn flags(line: &[u8]) -> Option<u64> {
    let behind_name = line.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(line.get(behind_name..)?).ok()?;
    rest.split_ascii_whitespace().nth(6)?.parse().ok()
}
