//! Looking at a tracee's socket while the tracee stands still: through a copy of its descriptor,
//! which is closed before it goes on. Whatever happens to the socket next, this was its state.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{SockaddrStorage, getpeername, getsockname};

use super::Seen;
use crate::event::{Call, CallResult};
use crate::model::{TcpState, Tuple};
use crate::sys::pidfd::PidFd;
use crate::sys::tcp;

/// The descriptor to look at when a call has returned: of one that may have changed the state, or
/// tells of a change. One that moved data does not, and there are many of them.
pub(super) fn after(call: &Call) -> Option<i32> {
    let moves_data = matches!(
        call.name.as_str(),
        "read"
            | "readv"
            | "recvfrom"
            | "recvmsg"
            | "recvmmsg"
            | "write"
            | "writev"
            | "sendto"
            | "sendmsg"
            | "sendmmsg"
            | "sendfile"
    );
    match (call.name.as_str(), &call.result) {
        ("close" | "socket" | "setsockopt" | "fcntl", _) => None,
        (_, CallResult::Value(_) | CallResult::Restarted(_)) if moves_data => None,
        ("accept" | "accept4", CallResult::Value(fd)) => i32::try_from(*fd).ok(),
        _ => call.inode.and(call.fd),
    }
}

/// The TCP socket behind a descriptor; nothing for one that is no connection and no listener, or
/// that may not be copied (`pidfd_getfd(2)`, Linux 5.6).
pub(super) fn look(pid: i32, fd: i32) -> Option<Seen> {
    let socket = PidFd::open(pid).ok()?.copy_fd(fd).ok()?;
    let state = TcpState::from_kernel(tcp::state(&socket).ok()?);
    if state == TcpState::Close {
        return None;
    }
    let local = address_of(&getsockname::<SockaddrStorage>(socket.as_raw_fd()).ok()?)?;
    let remote = match getpeername::<SockaddrStorage>(socket.as_raw_fd()) {
        Ok(peer) => address_of(&peer)?,
        // Of a SYN_SENT socket the peer is not told yet.
        Err(Errno::ENOTCONN) if state == TcpState::Listen => match local {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        },
        Err(_) => return None,
    };
    Some(Seen {
        tuple: Tuple { local, remote },
        state,
        cookie: tcp::cookie(&socket).ok()?,
    })
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::from(*v4));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6))
}
