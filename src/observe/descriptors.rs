//! The descriptors of a process that are sockets: the links in `/proc/PID/fd`.
//!
//! procfs's own iterator skips a link that it may not read. Here that makes the whole process
//! unreadable: a descriptor that was not seen must never look like one that is not there.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::readlinkat;

use super::process::{is_gone, numbers};
use crate::sys::link::inode;

/// What the descriptors of a process told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Descriptors {
    /// Every descriptor that is a socket, by number. Empty for a process that ended.
    Sockets(Vec<SocketFd>),
    /// No permission: any socket may be open there.
    Unreadable,
}

impl Descriptors {
    /// Whether a socket was seen.
    pub(super) fn holds_any(&self) -> bool {
        matches!(self, Descriptors::Sockets(sockets) if !sockets.is_empty())
    }
}

/// A descriptor that is a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFd {
    /// The descriptor.
    pub fd: i32,
    /// The socket's inode.
    pub inode: u32,
}

/// Reads the links of an open `/proc/PID/fd`.
pub(super) fn read(dir: OwnedFd) -> io::Result<Descriptors> {
    let (dir, fds) = match numbers(dir) {
        Ok(listed) => listed,
        Err(error) => return refused(error),
    };
    let mut sockets = Vec::new();
    for fd in fds {
        match readlinkat(dir.as_fd(), fd.to_string().as_str()) {
            Ok(target) => {
                sockets.extend(inode(target.as_bytes()).map(|inode| SocketFd { fd, inode }))
            }
            // Closed since it was listed.
            Err(Errno::ENOENT) => {}
            Err(error) => return refused(error.into()),
        }
    }
    Ok(Descriptors::Sockets(sockets))
}

/// What it means that the descriptors could not be read.
pub(super) fn refused(error: io::Error) -> io::Result<Descriptors> {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => Ok(Descriptors::Unreadable),
        _ if is_gone(&error) => Ok(Descriptors::Sockets(Vec::new())),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_to_sockets_are_found_and_nothing_else() {
        let dir = tempfile::tempdir().expect("tempdir");
        for (fd, target) in [
            ("0", "/dev/pts/0"),
            ("3", "socket:[4711]"),
            ("10", "socket:[12]"),
            ("4", "socket:[x]"),
            ("5", "/tmp/socket:[9]"),
            ("6", "pipe:[4711]"),
            ("notes", "socket:[1]"),
        ] {
            symlink(target, dir.path().join(fd)).expect("symlink");
        }
        let opened = std::fs::File::open(dir.path()).expect("open");
        assert_eq!(
            read(opened.into()).expect("read"),
            Descriptors::Sockets(vec![
                SocketFd { fd: 3, inode: 4711 },
                SocketFd { fd: 10, inode: 12 },
            ])
        );
    }

    #[test]
    fn what_may_not_be_read_is_not_empty() {
        for errno in [Errno::EACCES, Errno::EPERM] {
            assert_eq!(
                refused(errno.into()).expect("no error"),
                Descriptors::Unreadable
            );
        }
        for errno in [Errno::ENOENT, Errno::ESRCH] {
            assert_eq!(
                refused(errno.into()).expect("no error"),
                Descriptors::Sockets(Vec::new())
            );
        }
        assert!(refused(Errno::EMFILE.into()).is_err());
    }
}
