//! [`holders`]: who has which socket open. After `fork(2)` one socket has several holders, and
//! `close(2)` in one of them sends no FIN (UNP section 4.8).

use std::collections::BTreeMap;

use crate::model::{Holder, ProcessName};

use super::descriptors::Descriptors;
use super::process::{ProcRoot, ProcessError, ProcessWatch};

/// Who has which socket open, as far as it could be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldersByInode {
    map: BTreeMap<u32, Vec<Holder>>,
    unreadable: Vec<ProcessName>,
}

impl HoldersByInode {
    /// One holder of one socket.
    pub fn one(inode: u32, holder: Holder) -> HoldersByInode {
        let mut holders = HoldersByInode::default();
        holders.map.insert(inode, vec![holder]);
        holders
    }

    /// The holders of the socket with this inode, sorted. Inode 0 has none: the kernel finishes
    /// such a socket alone.
    pub fn of(&self, inode: u32) -> &[Holder] {
        match self.map.get(&inode) {
            Some(holders) if inode != 0 => holders,
            _ => &[],
        }
    }

    /// Processes whose descriptors could not be read, sorted: they may hold any socket.
    pub fn unreadable(&self) -> &[ProcessName] {
        &self.unreadable
    }

    /// The inodes of all sockets that somebody has open, ascending, with their holders.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[Holder])> {
        self.map
            .iter()
            .map(|(inode, holders)| (*inode, holders.as_slice()))
    }

    /// Adds what the process has open. Its threads share one table of descriptors: each
    /// descriptor counts once.
    ///
    /// # Errors
    /// As [`ProcessWatch::sockets`]; a missing permission is no error.
    pub fn add(&mut self, name: &ProcessName, watch: &ProcessWatch) -> Result<(), ProcessError> {
        match watch.sockets()? {
            Descriptors::Sockets(sockets) => {
                for socket in sockets {
                    let holders = self.map.entry(socket.inode).or_default();
                    holders.push(Holder {
                        process: name.clone(),
                        fd: socket.fd,
                    });
                    holders.sort();
                }
            }
            Descriptors::Unreadable => self.add_unreadable(name),
        }
        Ok(())
    }

    fn add_unreadable(&mut self, name: &ProcessName) {
        self.unreadable.push(name.clone());
        self.unreadable.sort();
    }
}

/// Who has which socket open among these processes, given by pid. A process that is gone holds
/// nothing.
///
/// # Errors
/// When a process could not be read for another reason than that it is gone or that the
/// permission is missing.
pub fn holders(
    root: &ProcRoot,
    processes: &[(ProcessName, i32)],
) -> Result<HoldersByInode, ProcessError> {
    let mut found = HoldersByInode::default();
    for (name, pid) in processes {
        match ProcessWatch::open(root, *pid) {
            Ok(Some(watch)) => found.add(name, &watch)?,
            Ok(None) => {}
            Err(error) if error.is_denied() => found.add_unreadable(name),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// As [`holders`], of processes that are watched already: a pid that is used again does not
/// count.
///
/// # Errors
/// As [`holders`].
pub fn holders_among<'a>(
    processes: impl IntoIterator<Item = (&'a ProcessName, &'a ProcessWatch)>,
) -> Result<HoldersByInode, ProcessError> {
    let mut found = HoldersByInode::default();
    for (name, watch) in processes {
        found.add(name, watch)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn process(root: &Path, pid: i32, state: char, sockets: &[(i32, u32)]) {
        let dir = root.join(pid.to_string());
        fs::create_dir_all(dir.join("fd")).expect("fd");
        fs::create_dir_all(dir.join("task")).expect("task");
        let zeros = "0 ".repeat(31);
        fs::write(
            dir.join("stat"),
            format!("{pid} (x) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 {zeros}0\n"),
        )
        .expect("stat");
        for (fd, inode) in sockets {
            symlink(
                format!("socket:[{inode}]"),
                dir.join("fd").join(fd.to_string()),
            )
            .expect("symlink");
        }
    }

    #[test]
    fn a_socket_shared_by_fork_has_every_holder() {
        let root = tempfile::tempdir().expect("tempdir");
        process(root.path(), 10, 'S', &[(3, 100), (4, 200)]);
        process(root.path(), 11, 'S', &[(4, 200), (7, 200)]);
        let (server, child) = (
            ProcessName::from("server"),
            ProcessName::from("server.child"),
        );
        let found = holders(
            &ProcRoot::at(root.path()),
            &[
                (child.clone(), 11),
                (server.clone(), 10),
                ("gone".into(), 12),
            ],
        )
        .expect("holders");
        let holder = |process: &ProcessName, fd| Holder {
            process: process.clone(),
            fd,
        };
        assert_eq!(found.of(100), [holder(&server, 3)]);
        assert_eq!(
            found.of(200),
            [holder(&server, 4), holder(&child, 4), holder(&child, 7)]
        );
        assert_eq!(found.of(300), []);
        assert_eq!(found.unreadable(), []);
    }

    #[test]
    fn nobody_holds_inode_0() {
        let root = tempfile::tempdir().expect("tempdir");
        process(root.path(), 10, 'S', &[(3, 0)]);
        let found = holders(&ProcRoot::at(root.path()), &[("server".into(), 10)]).expect("holders");
        assert_eq!(found.of(0), []);
    }

    #[test]
    fn a_zombie_holds_nothing() {
        let root = tempfile::tempdir().expect("tempdir");
        process(root.path(), 10, 'Z', &[]);
        let found = holders(&ProcRoot::at(root.path()), &[("server".into(), 10)]).expect("holders");
        assert_eq!(found, HoldersByInode::default());
    }
}
