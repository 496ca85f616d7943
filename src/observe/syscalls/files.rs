//! Which descriptors of a traced process are sockets.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;

use crate::sys::link::inode;

/// What was found behind the descriptors of one process. A descriptor's entry holds until it is
/// closed, and every way to close one is a traced call; numbers that are opened anew were closed
/// before.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// What is behind a descriptor.
    known: HashMap<i32, Behind>,
    /// Numbers that once were a socket's.
    were: HashSet<i32>,
    /// Whether others open and close these descriptors too.
    shared: Shared,
}

/// Who else has the same table of descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shared {
    /// Nobody.
    #[default]
    No,
    /// Threads of the process: while one closes a number, another may ask for it.
    Threads,
    /// Another process (CLONE_FILES), whose calls change this one's: nothing is remembered.
    Processes,
}

/// What `/proc/PID/fd` shows of a `signalfd(2)`.
const SIGNALFD: &[u8] = b"anon_inode:[signalfd]";

/// What a number names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// A socket, with its inode.
    Socket(u32),
    /// A `signalfd(2)`.
    Signals,
    /// Something else.
    Other,
    /// Nothing: it is no descriptor, or no longer one.
    Nothing,
}

/// `/proc` does not show this process's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hidden;

impl Files {
    /// What is behind a descriptor, asked of `/proc` through a thread of the process that stands
    /// still.
    ///
    /// # Errors
    /// [`Hidden`] where it may not be asked: the process has given up being dumpable, or runs a
    /// program that its user may not read (`proc(5)`).
    pub(super) fn behind(&mut self, tid: i32, fd: i32) -> Result<Behind, Hidden> {
        if let Some(known) = self.known.get(&fd) {
            return Ok(*known);
        }
        let link = match std::fs::read_link(format!("/proc/{tid}/fd/{fd}")) {
            Ok(link) => link,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(Hidden);
            }
            // A number that is no descriptor may become one without a traced call.
            Err(_) => return Ok(Behind::Nothing),
        };
        let link = link.as_os_str().as_bytes();
        let found = match inode(link) {
            Some(inode) => Behind::Socket(inode),
            None if link == SIGNALFD => Behind::Signals,
            None => Behind::Other,
        };
        let is_socket = matches!(found, Behind::Socket(_));
        let lasts = match self.shared {
            Shared::No => true,
            Shared::Threads => is_socket,
            Shared::Processes => false,
        };
        if lasts {
            self.known.insert(fd, found);
        }
        match is_socket {
            true => self.were.insert(fd),
            false => self.were.remove(&fd),
        };
        Ok(found)
    }

    /// The inode of the socket behind a descriptor.
    ///
    /// # Errors
    /// As [`Files::behind`].
    pub(super) fn socket(&mut self, tid: i32, fd: i32) -> Result<Option<u32>, Hidden> {
        Ok(match self.behind(tid, fd)? {
            Behind::Socket(inode) => Some(inode),
            Behind::Signals | Behind::Other | Behind::Nothing => None,
        })
    }

    /// Whether this number was a socket's when it was last seen open.
    pub(super) fn was_socket(&self, fd: i32) -> bool {
        self.were.contains(&fd)
    }

    /// From now on others may open and close these descriptors.
    pub(super) fn share(&mut self, with: Shared) {
        self.known.clear();
        if self.shared != Shared::Processes {
            self.shared = with;
        }
    }

    /// The same descriptors in a table of its own, as `fork(2)` and `execve(2)` make it.
    pub(super) fn own(&self) -> Files {
        let known = match self.shared {
            Shared::No => self.known.clone(),
            // What another thread was about to close may be closed.
            Shared::Threads | Shared::Processes => HashMap::new(),
        };
        Files {
            known,
            were: self.were.clone(),
            shared: Shared::No,
        }
    }

    /// The descriptor is closed, or names something else now.
    pub(super) fn forget(&mut self, fd: i32) {
        self.known.remove(&fd);
    }

    /// Any of them may be closed.
    pub(super) fn forget_all(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_socket_is_told_from_a_file() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let file = std::fs::File::open("/proc/self/stat").expect("a file");
        let mut files = Files::default();
        let tid = nix::unistd::gettid().as_raw();
        let found = files.socket(tid, socket.as_raw_fd());
        assert!(matches!(found, Ok(Some(_))), "{found:?}");
        assert_eq!(files.behind(tid, file.as_raw_fd()), Ok(Behind::Other));
        assert_eq!(files.behind(tid, 99_999), Ok(Behind::Nothing));
        assert!(!files.known.contains_key(&99_999));
    }

    #[test]
    fn what_others_may_close_is_not_remembered() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let fd = socket.as_raw_fd();
        let mut files = Files::default();
        let tid = nix::unistd::gettid().as_raw();
        files.share(Shared::Processes);
        assert!(matches!(files.socket(tid, fd), Ok(Some(_))));
        drop(socket);
        assert_eq!(files.socket(tid, fd), Ok(None));
        assert!(files.known.is_empty());
        files.share(Shared::Threads);
        assert_eq!(files.shared, Shared::Processes, "still with a process");
        assert_eq!(files.own().shared, Shared::No);
    }

    #[test]
    fn a_closed_sockets_number_is_remembered() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let mut files = Files::default();
        let tid = nix::unistd::gettid().as_raw();
        let fd = socket.as_raw_fd();
        assert!(matches!(files.behind(tid, fd), Ok(Behind::Socket(_))));
        files.forget(fd);
        assert!(files.was_socket(fd) && files.own().was_socket(fd));
        assert!(!files.was_socket(99_999));
    }

    #[test]
    fn only_sockets_have_an_inode() {
        assert_eq!(inode(b"socket:[4711]"), Some(4711));
        for other in ["pipe:[4711]", "/tmp/socket:[1]", "socket:[]", "socket:[-1]"] {
            assert_eq!(inode(other.as_bytes()), None, "{other}");
        }
    }
}
