//! [`tables`]: the tables of sockets of one network namespace, or of all that can be entered.
//!
//! A sock_diag socket belongs for good to the namespace in which it was opened. So only its
//! opening happens there, on a thread of its own (`setns(2)` changes the calling thread alone).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

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

/// A namespace could not be had.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// There is no such process, or its namespace may not be seen.
    #[error("cannot see the network namespace of process {0}: {1}")]
    Process(i32, Errno),
    /// It may not be entered.
    #[error("cannot enter the network namespace of process {0}: {1}; it needs CAP_SYS_ADMIN")]
    Enter(i32, Errno),
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
            let table = enter(netns, &file).map_err(|errno| NetnsError::Enter(pid, errno))?;
            found.tables.push(table?);
        }
        Scope::All => {
            for (netns, file) in all(root, &mut found.hidden)? {
                match enter(netns, &file) {
                    Ok(Ok(table)) => found.tables.push(table),
                    Ok(Err(_)) | Err(_) => found.refused += 1,
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
    let mut paths: Vec<PathBuf> = root
        .pids()?
        .into_iter()
        .map(|pid| root.path().join(pid.to_string()).join("ns/net"))
        .collect();
    if let Ok(entries) = std::fs::read_dir(NAMED) {
        paths.extend(entries.flatten().map(|entry| entry.path()));
    }
    let mut found = BTreeMap::new();
    for path in paths {
        match namespace(&path) {
            Ok((netns, file)) => {
                found.entry(netns).or_insert(file);
            }
            // The process is gone, or a zombie, which is in no namespace.
            Err(Errno::ENOENT | Errno::ESRCH | Errno::EINVAL) => {}
            Err(_) => *hidden += 1,
        }
    }
    Ok(found)
}

/// Opens the table of a namespace from inside of it.
fn enter(netns: Netns, namespace: &File) -> Result<Result<SocketTable, DiagError>, Errno> {
    let opened = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                setns(namespace, CloneFlags::CLONE_NEWNET)?;
                Ok(SocketTable::open(Some(netns)))
            })
            .join()
    });
    match opened {
        Ok(opened) => opened,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
