//! Which descriptors of a traced process are sockets.

use std::collections::HashMap;

/// What was found behind the descriptors of one process. A descriptor's entry holds until it is
/// closed, and every way to close one is a traced call; numbers that are opened anew were closed
/// before.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// The inode behind a descriptor; nothing for what is no socket.
    known: HashMap<i32, Option<u32>>,
}

impl Files {
    /// The inode of the socket behind a descriptor, asked of `/proc` through a thread of the
    /// process that stands still.
    pub(super) fn socket(&mut self, tid: i32, fd: i32) -> Option<u32> {
        if let Some(known) = self.known.get(&fd) {
            return *known;
        }
        let link = std::fs::read_link(format!("/proc/{tid}/fd/{fd}"));
        // A number that is no descriptor may become one without a traced call.
        let found = inode(link.ok()?.to_str()?);
        self.known.insert(fd, found);
        found
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

/// The number in `socket:[123]`.
fn inode(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
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
        assert!(files.socket(tid, socket.as_raw_fd()).is_some());
        assert_eq!(files.socket(tid, file.as_raw_fd()), None);
        assert_eq!(files.socket(tid, 99_999), None);
        assert!(!files.known.contains_key(&99_999));
    }

    #[test]
    fn only_sockets_have_an_inode() {
        assert_eq!(inode("socket:[4711]"), Some(4711));
        for other in ["pipe:[4711]", "/tmp/socket:[1]", "socket:[]", "socket:[-1]"] {
            assert_eq!(inode(other), None, "{other}");
        }
    }
}
