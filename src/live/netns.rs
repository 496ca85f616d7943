//! [`tables`]: the tables of sockets of one network namespace, or of all that can be entered.
//!
//! A sock_diag socket belongs for good to the namespace in which it was opened. So only its
//! opening happens there, on a thread of its own (`setns(2)` changes the calling thread alone).

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread::ScopedJoinHandle;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::fstat;

use super::inventory::SocketTable;
use super::socket::Netns;
use crate::observe::diag::DiagError;
use crate::observe::process::{ProcRoot, ProcessError};

/// Where `ip netns` keeps namespaces that may have no process (`ip-netns(8)`).
const NAMED: &str = "/run/netns";

/// Which network namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The calling thread's.
    Own,
    /// That of the process with this pid.
    OfProcess(i32),
    /// All that a process runs in, and those that `ip netns` keeps.
    All,
}

/// The tables, and what is missing.
#[derive(Debug)]
pub struct Tables {
    /// The namespaces, ascending.
    pub tables: Vec<SocketTable>,
    /// How many namespaces could not be entered.
    pub refused: usize,
    /// How many processes did not let their namespace be seen: it may be one of the others.
    pub hidden: usize,
}

impl Tables {
    /// The table of a socket's namespace.
    pub fn of(&self, netns: Option<Netns>) -> Option<&SocketTable> {
        self.tables.iter().find(|table| table.netns == netns)
    }
}

/// A namespace could not be had.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// There is no such process, or its namespace may not be seen.
    #[error("cannot see the network namespace of process {0}: {1}")]
    Process(i32, Errno),
    /// It may not be entered.
    #[error("cannot enter the network namespace of process {0}: {1}; it needs CAP_SYS_ADMIN")]
    Enter(i32, Errno),
    /// No thread can be made to enter it.
    #[error("cannot enter a network namespace: no thread for it: {0}")]
    Thread(std::io::Error),
    /// Its kernel does not answer.
    #[error(transparent)]
    Diag(#[from] DiagError),
    /// The processes could not be listed.
    #[error(transparent)]
    Processes(#[from] ProcessError),
}

/// The tables of sockets of these namespaces.
///
/// # Errors
/// When none can be had. Of [`Scope::All`] those that may not be entered are counted.
pub fn tables(root: &ProcRoot, scope: Scope) -> Result<Tables, NetnsError> {
    let mut found = Tables {
        tables: Vec::new(),
        refused: 0,
        hidden: 0,
    };
    match scope {
        Scope::Own => found.tables.push(SocketTable::open(None)?),
        Scope::OfProcess(pid) => {
            let (netns, file) = namespace(&root.path().join(pid.to_string()).join("ns/net"))
                .map_err(|errno| NetnsError::Process(pid, errno))?;
            match enter(netns, &file) {
                Err(EnterError::Refused(errno)) => return Err(NetnsError::Enter(pid, errno)),
                Err(EnterError::Thread(error)) => return Err(NetnsError::Thread(error)),
                Err(EnterError::Diag(error)) => return Err(error.into()),
                Ok(table) => found.tables.push(table),
            }
        }
        Scope::All => {
            for (netns, file) in all(root, &mut found.hidden)? {
                match enter(netns, &file) {
                    Ok(table) => found.tables.push(table),
                    Err(EnterError::Thread(error)) => return Err(NetnsError::Thread(error)),
                    Err(EnterError::Refused(_) | EnterError::Diag(_)) => found.refused += 1,
                }
            }
        }
    }
    Ok(found)
}

/// The namespace that a file stands for.
fn namespace(path: &Path) -> Result<(Netns, File), Errno> {
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
    let file = File::open(path).map_err(errno)?;
    Ok((Netns(fstat(&file)?.st_ino), file))
}

fn all(root: &ProcRoot, hidden: &mut usize) -> Result<BTreeMap<Netns, File>, ProcessError> {
    let mut found = BTreeMap::new();
    // Whether it may be seen.
    let mut add = |path: &Path| match namespace(path) {
        Ok((netns, file)) => {
            found.entry(netns).or_insert(file);
            true
        }
        // The process is gone, or a zombie, which is in no namespace.
        Err(Errno::ENOENT | Errno::ESRCH | Errno::EINVAL) => true,
        Err(_) => false,
    };
    let below = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten();
    for pid in root.pids()? {
        let process = root.path().join(pid.to_string());
        // A thread may be in another one than its process (unshare(2), setns(2)).
        let others = || below(process.join("task")).map(|thread| thread.path().join("ns/net"));
        let seen = add(&process.join("ns/net")) && others().all(|path| add(&path));
        *hidden += usize::from(!seen);
    }
    for named in below(NAMED.into()) {
        *hidden += usize::from(!add(&named.path()));
    }
    Ok(found)
}

/// A namespace could not be entered.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnterError {
    /// It may not be.
    #[error("{0}")]
    Refused(Errno),
    /// There is no thread to do it.
    #[error(transparent)]
    Thread(std::io::Error),
    /// Its kernel does not answer.
    #[error(transparent)]
    Diag(DiagError),
}

/// Opens the table of a namespace from inside of it.
pub(super) fn enter(netns: Netns, namespace: impl AsFd + Sync) -> Result<SocketTable, EnterError> {
    let opened = std::thread::scope(|scope| {
        let inside = || {
            setns(&namespace, CloneFlags::CLONE_NEWNET).map_err(EnterError::Refused)?;
            SocketTable::open(Some(netns)).map_err(EnterError::Diag)
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, inside);
        thread.map(ScopedJoinHandle::join)
    });
    match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => Err(EnterError::Thread(error)),
    }
}
