//! [`ProcessWatch`]: what `/proc` says of one process, again and again.
//!
//! It keeps the process's directory and its stat file open. Both name the process and not its
//! pid: once it is reaped they answer that it is gone, also when the pid is used again.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use procfs::process::Process;
use procfs::{ProcError, ProcResult};

use crate::model::ProcState;

use super::descriptors::{self, Descriptors};
pub use super::stat::{BadStat, Stat};

/// A stat line has 52 numbers and a short name.
const STAT_BUFFER: usize = 2048;

/// Where `/proc` is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcRoot(PathBuf);

impl ProcRoot {
    /// A `/proc` that is mounted elsewhere, or a made-up one.
    pub fn at(path: impl Into<PathBuf>) -> ProcRoot {
        ProcRoot(path.into())
    }

    /// The pids of all processes that this `/proc` shows.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn pids(&self) -> Result<Vec<i32>, ProcessError> {
        let mut pids = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(ProcessError::Read)? {
            let name = entry.map_err(ProcessError::Read)?.file_name();
            // Whatever is no number is no process: cpuinfo, self, …
            if let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) {
                pids.push(pid);
            }
        }
        Ok(pids)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for ProcRoot {
    fn default() -> ProcRoot {
        ProcRoot::at("/proc")
    }
}

/// A process could not be looked at. That it is gone is no error.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// A file could not be read.
    #[error("cannot read a process's file: {0}")]
    Read(#[source] io::Error),
    /// No process is there.
    #[error("no process in {}: is it a mounted procfs?", .0.display())]
    Empty(PathBuf),
    /// Its stat line makes no sense.
    #[error(transparent)]
    Stat(#[from] BadStat),
    /// A file of it makes no sense.
    #[error("cannot make sense of a process's {file}: `{text}`")]
    Format {
        /// Which file.
        file: &'static str,
        /// What stands there.
        text: String,
    },
}

impl ProcessError {
    /// Whether the permission is missing, as under `hidepid` (`proc(5)`).
    pub fn is_denied(&self) -> bool {
        matches!(self, ProcessError::Read(error)
            if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// One process under observation. Costs two descriptors.
#[derive(Debug)]
pub struct ProcessWatch {
    root: ProcRoot,
    dir: Process,
    stat: File,
}

impl ProcessWatch {
    /// Begins to watch the process. Nothing when there is none of this pid.
    ///
    /// # Errors
    /// When it is there and cannot be read: `EACCES` under `hidepid`, `EMFILE`.
    pub fn open(root: &ProcRoot, pid: i32) -> Result<Option<ProcessWatch>, ProcessError> {
        let Some(dir) = present(Process::new_with_root(root.path().join(pid.to_string())))? else {
            return Ok(None);
        };
        let Some(stat) = present(dir.open_relative("stat"))? else {
            return Ok(None);
        };
        Ok(Some(ProcessWatch {
            root: root.clone(),
            dir,
            stat,
        }))
    }

    /// The pid that it was opened by.
    pub fn pid(&self) -> i32 {
        self.dir.pid
    }

    /// State, parent, exit status and so on, now (a few microseconds). Nothing once the process
    /// was reaped.
    ///
    /// # Errors
    /// When it could not be read or makes no sense.
    pub fn stat(&self) -> Result<Option<Stat>, ProcessError> {
        let mut buffer = [0u8; STAT_BUFFER];
        loop {
            match self.stat.read_at(&mut buffer, 0) {
                Ok(length) => return Ok(Some(Stat::parse(&buffer[..length])?)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(ProcessError::Read(error)),
            }
        }
    }

    /// Whether no thread of it can do anything until something happens to it. A process that is
    /// gone is quiet. `stopped`: a signal stopped it, so that the stop of a tracer lasts.
    ///
    /// # Errors
    /// As [`ProcessWatch::stat`].
    pub fn is_quiet(&self, stopped: bool) -> Result<bool, ProcessError> {
        match self.stat()? {
            Some(stat) => self.is_quiet_given(&stat, stopped),
            None => Ok(true),
        }
    }

    /// As [`ProcessWatch::is_quiet`], for a caller who has just read the stat.
    ///
    /// # Errors
    /// As [`ProcessWatch::stat`].
    pub fn is_quiet_given(&self, stat: &Stat, stopped: bool) -> Result<bool, ProcessError> {
        let rests = |state: ProcState| state.is_quiet() || stopped && state == ProcState::Traced;
        if !rests(stat.state) || stat.threads <= 1 {
            return Ok(rests(stat.state));
        }
        for tid in self.threads()? {
            if let Some(line) = self.read(&format!("task/{tid}/stat"))?
                && !rests(Stat::parse(&line)?.state)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every thread of it has left its CPU and waits. `wait4(2)` looks for children and
    /// reaps them in the state in which it would sleep, so that the state alone does not tell; the
    /// kernel's answer to what call a thread is in does (`proc_pid_syscall(5)`). Where it answers
    /// nobody, only the state is known, and this is true.
    ///
    /// # Errors
    /// When it could not be read for another reason than a missing permission.
    pub fn is_off_cpu(&self) -> Result<bool, ProcessError> {
        for tid in self.threads()? {
            match self.read(&format!("task/{tid}/syscall")) {
                Ok(Some(line)) if line.starts_with(b"running") => return Ok(false),
                Ok(_) => {}
                Err(error) if error.is_denied() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The ids of its threads. Empty once it was reaped.
    ///
    /// # Errors
    /// When the directory could not be read.
    pub fn threads(&self) -> Result<Vec<i32>, ProcessError> {
        let Some(dir) = present(self.dir.open_relative("task"))? else {
            return Ok(Vec::new());
        };
        match numbers(OwnedFd::from(dir)) {
            Ok((_, tids)) => Ok(tids),
            Err(error) if is_gone(&error) => Ok(Vec::new()),
            Err(error) => Err(ProcessError::Read(error)),
        }
    }

    /// The pids of its children, zombies among them, whichever thread forked them; sorted.
    ///
    /// While the process runs, a child that is reaped at the same time may hide another one: the
    /// list is sure at a quiet point (`proc_pid_task_tid_children(5)`).
    ///
    /// # Errors
    /// When it could not be read.
    pub fn children(&self) -> Result<Vec<i32>, ProcessError> {
        let mut children = Vec::new();
        for tid in self.threads()? {
            match self.read(&format!("task/{tid}/children"))? {
                Some(line) => children.extend(parse_pids(&line)?),
                // Either the thread is gone, or the kernel has no such file.
                None if self.read(&format!("task/{tid}/stat"))?.is_some() => {
                    return self.children_by_parent();
                }
                None => {}
            }
        }
        children.sort_unstable();
        children.dedup();
        Ok(children)
    }

    /// Kernels without `CONFIG_PROC_CHILDREN`: ask every process for its parent.
    fn children_by_parent(&self) -> Result<Vec<i32>, ProcessError> {
        let mut children = Vec::new();
        for pid in self.root.pids()? {
            let Some(other) = ProcessWatch::open(&self.root, pid)? else {
                continue;
            };
            if other.stat()?.is_some_and(|stat| stat.ppid == self.pid()) {
                children.push(pid);
            }
        }
        children.sort_unstable();
        Ok(children)
    }

    /// Which signals it catches, ignores and blocks. Nothing once it was reaped.
    ///
    /// # Errors
    /// When it could not be read or makes no sense.
    pub fn signals(&self) -> Result<Option<SignalMasks>, ProcessError> {
        self.read("status")?
            .map(|text| SignalMasks::parse(&text))
            .transpose()
    }

    /// Its open descriptors that are sockets.
    ///
    /// This takes a reference to each file for a moment; under a flat-out scan some closes are
    /// finished by the reader instead of the process. Read at quiet points.
    ///
    /// # Errors
    /// When it could not be read for another reason than a missing permission, which is
    /// [`Descriptors::Unreadable`].
    pub fn sockets(&self) -> Result<Descriptors, ProcessError> {
        let listed = self.sockets_in("fd")?;
        if listed.holds_any() {
            return Ok(listed);
        }
        match self.stat()? {
            Some(stat) if stat.state == ProcState::Zombie => self.sockets_of_live_threads(),
            Some(_) => Ok(listed),
            None => Ok(Descriptors::Sockets(Vec::new())),
        }
    }

    /// A thread that ended has closed everything, but its fd directory refuses ordinary users;
    /// of a process whose first thread ended, only the directories of the others tell.
    fn sockets_of_live_threads(&self) -> Result<Descriptors, ProcessError> {
        for tid in self.threads()? {
            let listed = self.sockets_in(&format!("task/{tid}/fd"))?;
            // Read after the descriptors: a thread that ends in between counts as ended.
            let state = match self.read(&format!("task/{tid}/stat"))? {
                Some(line) => Stat::parse(&line)?.state,
                None => ProcState::Dead,
            };
            if !matches!(state, ProcState::Zombie | ProcState::Dead) {
                return Ok(listed);
            }
        }
        Ok(Descriptors::Sockets(Vec::new()))
    }

    fn sockets_in(&self, path: &str) -> Result<Descriptors, ProcessError> {
        match self.dir.open_relative(path) {
            Ok(dir) => descriptors::read(OwnedFd::from(dir)).map_err(ProcessError::Read),
            Err(error) => descriptors::refused(io_error(error)).map_err(ProcessError::Read),
        }
    }

    /// A file of the process; nothing when it is gone.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ProcessError> {
        let Some(mut file) = present(self.dir.open_relative(path))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        match file.read_to_end(&mut bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(ProcessError::Read(error)),
        }
    }
}

/// The names in a directory that are numbers, sorted, with the directory itself.
pub(super) fn numbers(dir: OwnedFd) -> io::Result<(Dir, Vec<i32>)> {
    let mut dir = Dir::from_fd(dir)?;
    let mut numbers = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        // `.` and `..` are no numbers.
        if let Some(number) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok((dir, numbers))
}

/// Whether the error says that the process (or the thread) is no more.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::ENOENT | Errno::ESRCH)
    )
}

fn present<T>(result: ProcResult<T>) -> Result<Option<T>, ProcessError> {
    match result.map_err(io_error) {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(ProcessError::Read(error)),
    }
}

/// procfs's errors as the errno that they were made of.
fn io_error(error: ProcError) -> io::Error {
    match error {
        ProcError::PermissionDenied(_) => Errno::EACCES.into(),
        ProcError::NotFound(_) => Errno::ENOENT.into(),
        ProcError::Io(error, _) => error,
        other => io::Error::other(other.to_string()),
    }
}

fn parse_pids(line: &[u8]) -> Result<Vec<i32>, ProcessError> {
    let text = String::from_utf8_lossy(line);
    text.split_ascii_whitespace()
        .map(|word| {
            word.parse().map_err(|_| ProcessError::Format {
                file: "children",
                text: word.to_owned(),
            })
        })
        .collect()
}

/// Which signals a process catches, ignores and blocks (`SigCgt`, `SigIgn`, `SigBlk` of
/// `proc_pid_status(5)`): bit `n - 1` is signal `n`. `blocked` is the first thread's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalMasks {
    /// A handler is installed.
    pub caught: u64,
    /// `SIG_IGN`.
    pub ignored: u64,
    /// Kept back until unblocked.
    pub blocked: u64,
}

impl SignalMasks {
    /// Whether `signal` is in `mask`.
    pub fn has(mask: u64, signal: i32) -> bool {
        (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1
    }

    /// Line by line and as bytes: the name in the first line may be anything (the kernel writes a
    /// newline in it as `\n`).
    fn parse(status: &[u8]) -> Result<SignalMasks, ProcessError> {
        let mask = |key: &str| -> Result<u64, ProcessError> {
            let value = status
                .split(|byte| *byte == b'\n')
                .skip(1)
                .find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b":"))
                .map(String::from_utf8_lossy);
            value
                .as_ref()
                .and_then(|value| u64::from_str_radix(value.trim(), 16).ok())
                .ok_or_else(|| ProcessError::Format {
                    file: "status",
                    text: format!("{key}:{}", value.as_deref().unwrap_or(" missing")),
                })
        };
        Ok(SignalMasks {
            caught: mask("SigCgt")?,
            ignored: mask("SigIgn")?,
            blocked: mask("SigBlk")?,
        })
    }
}

#[cfg(test)]
mod tests;
