//! [`sockets_of`]: the sockets of few processes, without a look at the machine's table: what a
//! process's descriptors name is asked for one by one.
//!
//! That needs a copy of each descriptor for a moment (`pidfd_getfd(2)`), because nothing in
//! `/proc` tells a socket's addresses.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    SockType, SockaddrLike, SockaddrStorage, getpeername, getsockname, getsockopt, sockopt,
};

use super::Walk;
use crate::live::inventory::SocketTable;
use crate::live::socket::{LiveHolder, LiveSocket};
use crate::model::Tuple;
use crate::observe::diag::DiagError;
use crate::observe::inet_diag::{Code, Family, Protocol, Side, StateMask, Test};
use crate::sys::pidfd::PidFd;

/// The TCP and UDP sockets that a walk found, each as the table has it now and with the inode that
/// the walk saw. Nothing when a descriptor may not be copied: then the whole table has to be read.
///
/// # Errors
/// When the kernel could not be asked.
pub fn sockets_of(table: &SocketTable, walk: &Walk) -> Result<Option<Vec<LiveSocket>>, DiagError> {
    let mut sockets = Vec::new();
    let mut missed: BTreeSet<(bool, bool, u16)> = BTreeSet::new();
    let mut process: Option<(i32, PidFd)> = None;
    let mut done = None;
    for (inode, holder) in walk.iter() {
        if done == Some(inode) {
            continue;
        }
        done = Some(inode);
        let copied = match copy(holder, &mut process) {
            Ok(copied) => copied,
            Err(Errno::ESRCH | Errno::EBADF) => continue,
            Err(_) => return Ok(None),
        };
        let Some((protocol, tuple)) = name(&copied) else {
            continue;
        };
        drop(copied);
        let facts = match protocol {
            Protocol::Tcp => table.diag.query(tuple)?,
            Protocol::Udp => table.diag.query_udp(tuple)?,
        };
        match facts.filter(|facts| facts.inode == inode) {
            Some(facts) => sockets.push(LiveSocket {
                protocol,
                netns: table.netns,
                facts,
            }),
            // Several sockets share a port, or it is bound and nothing more. One that is not
            // bound is in no table.
            None if tuple.local.port() != 0 => {
                missed.insert((
                    protocol == Protocol::Udp,
                    tuple.local.is_ipv6(),
                    tuple.local.port(),
                ));
            }
            None => {}
        }
    }
    let known: BTreeSet<u64> = sockets.iter().map(|socket| socket.facts.cookie).collect();
    for (is_udp, is_v6, port) in missed {
        let protocol = if is_udp { Protocol::Udp } else { Protocol::Tcp };
        let family = if is_v6 { Family::V6 } else { Family::V4 };
        let port = Test::Port {
            side: Side::Local,
            from: port,
            to: port,
        };
        let code = Code::of(&port).unwrap_or_default();
        let states = StateMask::ALL.with(StateMask::BOUND);
        let found = table.diag.dump_where(protocol, family, states, &code)?;
        let mine = found.into_iter().filter(|facts| {
            !known.contains(&facts.cookie) && walk.of(facts.inode).next().is_some()
        });
        sockets.extend(mine.map(|facts| LiveSocket {
            protocol,
            netns: table.netns,
            facts,
        }));
    }
    Ok(Some(sockets))
}

/// `process`: the last one that was asked; descriptors come in the order of inodes.
fn copy(holder: &LiveHolder, process: &mut Option<(i32, PidFd)>) -> Result<OwnedFd, Errno> {
    let pid = holder.process.pid;
    match process {
        Some((known, pidfd)) if *known == pid => pidfd.copy_fd(holder.fd),
        _ => {
            let (_, pidfd) = process.insert((pid, PidFd::open(pid)?));
            pidfd.copy_fd(holder.fd)
        }
    }
}

/// Protocol and addresses; nothing for a socket that is neither IPv4 nor IPv6.
fn name(socket: &OwnedFd) -> Option<(Protocol, Tuple)> {
    let protocol = match getsockopt(socket, sockopt::SockType).ok()? {
        SockType::Stream => Protocol::Tcp,
        SockType::Datagram => Protocol::Udp,
        _ => return None,
    };
    let local = address(&getsockname(socket.as_raw_fd()).ok()?)?;
    let remote = match getpeername::<SockaddrStorage>(socket.as_raw_fd()) {
        Ok(remote) => address(&remote)?,
        Err(_) => SocketAddr::new(unspecified(local), 0),
    };
    Some((protocol, Tuple { local, remote }))
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    storage.family()?;
    let v4 = storage
        .as_sockaddr_in()
        .map(|v4| SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    v4.or_else(|| {
        let v6 = storage.as_sockaddr_in6()?;
        Some(SocketAddr::V6((*v6).into()))
    })
}

fn unspecified(like: SocketAddr) -> IpAddr {
    match like.is_ipv4() {
        true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
