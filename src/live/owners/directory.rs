//! One process by its directory in `/proc`, which is opened once: it names the process and not its
//! pid, so that what is read through it is of one process or not there.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};

use super::walk::Wanted;
use crate::live::socket::LiveProcess;
use crate::model::ProcState;
use crate::observe::process::Stat;
use crate::sys::link::socket_inode;

/// The flag of a kernel thread in `/proc/PID/stat` (`PF_KTHREAD` of `linux/sched.h`).
const PF_KTHREAD: u64 = 0x0020_0000;
/// What is read of a file of a process at most.
const LARGEST: u64 = 64 * 1024;

/// A process's directory.
pub(super) struct ProcessDirectory {
    dir: OwnedFd,
    pid: i32,
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

    /// Its descriptors that are wanted sockets.
    pub(super) fn sockets(&self, wanted: &Wanted) -> Result<Listed, Errno> {
        let mut listed = Listed::default();
        self.list("fd", wanted, &mut listed)?;
        Ok(listed)
    }

    /// The same, of those of its threads that have a table of descriptors of their own
    /// (`unshare(2)` with `CLONE_FILES`), and of one whose first thread ended while others go on.
    pub(super) fn sockets_of_threads(
        &self,
        wanted: &Wanted,
        listed: &mut Listed,
    ) -> Result<(), Errno> {
        let Some(tasks) = self.directory("task")? else {
            return Ok(());
        };
        let mut tids = Vec::new();
        for entry in Dir::from_fd(tasks)?.iter() {
            tids.extend(entry.ok().and_then(|entry| number(entry.file_name())));
        }
        for tid in tids.into_iter().filter(|tid| *tid != self.pid) {
            self.list(&format!("task/{tid}/fd"), wanted, listed)?;
        }
        listed.sockets.sort_unstable();
        listed.sockets.dedup();
        Ok(())
    }

    fn list(&self, path: &str, wanted: &Wanted, listed: &mut Listed) -> Result<(), Errno> {
        let dir = match self.directory(path) {
            Ok(Some(dir)) => dir,
            Ok(None) => return Ok(()),
            Err(Errno::EACCES | Errno::EPERM) => {
                listed.denied = true;
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let mut dir = Dir::from_fd(dir)?;
        let mut fds: Vec<(i32, CString)> = Vec::new();
        for entry in dir.iter() {
            let entry = match entry {
                Ok(entry) => entry,
                // It ended meanwhile.
                Err(Errno::ENOENT | Errno::ESRCH) => break,
                Err(other) => return Err(other),
            };
            let name = entry.file_name();
            fds.extend(number(name).map(|fd| (fd, name.to_owned())));
        }
        listed.any |= !fds.is_empty();
        for (fd, name) in fds {
            match socket_inode(&dir, &name) {
                Ok(Some(inode)) if wanted.has(inode) => listed.sockets.push((inode, fd)),
                // Something else, or closed since it was listed.
                Ok(_) | Err(Errno::ENOENT | Errno::ESRCH) => {}
                Err(Errno::EACCES | Errno::EPERM) => {
                    listed.denied = true;
                    return Ok(());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// What its stat line says; nothing when it is gone, or when the line makes no sense.
    pub(super) fn status(&self) -> Result<Option<Status>, Errno> {
        let Some(line) = self.read("stat")? else {
            return Ok(None);
        };
        Ok(Stat::parse(&line).ok().map(|stat| Status {
            stat,
            kernel_thread: flags(&line).is_some_and(|flags| flags & PF_KTHREAD != 0),
        }))
    }

    /// Who it is; nothing when it is gone.
    pub(super) fn process(&self) -> Result<Option<LiveProcess>, Errno> {
        let Some(Status { stat, .. }) = self.status()? else {
            return Ok(None);
        };
        Ok(Some(LiveProcess {
            pid: self.pid,
            start_ticks: stat.start_ticks,
            name: stat.comm,
            uid: self.uid()?,
            ppid: stat.ppid,
            state: stat.state,
        }))
    }

    /// The directory belongs to the user that the process runs as; to root where the process may
    /// not be dumped (`proc_pid(5)`), and then its status file tells.
    fn uid(&self) -> Result<u32, Errno> {
        let owner = fstat(&self.dir)?.st_uid;
        if owner != 0 {
            return Ok(owner);
        }
        let status = self.read("status")?.unwrap_or_default();
        // Real, effective, saved, file system. The name in the first line may be anything.
        let effective = status
            .split(|byte| *byte == b'\n')
            .skip(1)
            .find_map(|line| line.strip_prefix(b"Uid:"))
            .and_then(|ids| std::str::from_utf8(ids).ok())
            .and_then(|ids| ids.split_ascii_whitespace().nth(1))
            .and_then(|id| id.parse().ok());
        Ok(effective.unwrap_or(owner))
    }

    fn directory(&self, path: &str) -> Result<Option<OwnedFd>, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        present(openat(self.dir.as_fd(), path, flags, Mode::empty()))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let Some(fd) = present(openat(self.dir.as_fd(), path, flags, Mode::empty()))? else {
            return Ok(None);
        };
        let mut bytes = Vec::with_capacity(1024);
        match File::from(fd).take(LARGEST).read_to_end(&mut bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) => present(Err(Errno::from_raw(error.raw_os_error().unwrap_or(0)))),
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
