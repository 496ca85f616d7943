//! [`sockets_of`]: the sockets of few processes, without a look at the machine's table: what a
//! process's descriptors name is asked for one by one.
//!
//! That needs a copy of each descriptor for a moment (`pidfd_getfd(2)`), because nothing in
//! `/proc` tells a socket's addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage, getpeername, getsockname};
use nix::sys::stat::fstat;

use super::Walk;
use crate::live::inventory::SocketTable;
use crate::live::netns::enter;
use crate::live::socket::{LiveHolder, LiveSocket, Netns};
use crate::model::{SocketFacts, TcpState, Tuple};
use crate::observe::diag::DiagError;
use crate::observe::inet_diag::{Binding, Code, Family, Protocol, Side, StateMask, Test};
use crate::sys::pidfd::PidFd;
use crate::sys::{place, tcp};

/// The sockets of few processes.
#[derive(Debug, Default)]
pub struct Copied {
    /// Those in the table.
    pub sockets: Vec<LiveSocket>,
    /// Those in no table that is looked at: of other network namespaces, or closed or never bound
    /// and only still open.
    pub beside: Vec<LiveSocket>,
    /// Processes with sockets in namespaces that could not be entered.
    pub elsewhere: BTreeSet<i32>,
}

/// A network namespace, and what was not found by its tuple there.
struct Place<'a> {
    table: Table<'a>,
    missed: BTreeSet<(Protocol, bool, u16)>,
}

enum Table<'a> {
    Given(&'a SocketTable),
    Entered(SocketTable),
    Refused,
}

impl<'a> Place<'a> {
    fn of(table: Table<'a>) -> Place<'a> {
        Place {
            table,
            missed: BTreeSet::new(),
        }
    }

    fn table(&self) -> Option<&SocketTable> {
        match &self.table {
            Table::Given(table) => Some(table),
            Table::Entered(table) => Some(table),
            Table::Refused => None,
        }
    }

    /// The namespace of a socket that is none of the given table's.
    fn entered(socket: &OwnedFd) -> Place<'a> {
        let opened = place::namespace(socket).and_then(|namespace| {
            let netns = Netns(fstat(&namespace)?.st_ino);
            // Why it may not be entered makes no difference to what is shown.
            enter(netns, &namespace).map_err(|_| Errno::EPERM)
        });
        Place::of(opened.map_or(Table::Refused, Table::Entered))
    }
}

/// The TCP and UDP sockets that a walk found, each as the kernel has it now and with the inode that
/// the walk saw. Nothing when a descriptor may not be copied: then the whole table has to be read.
///
/// # Errors
/// When the kernel could not be asked.
pub fn sockets_of(table: &SocketTable, walk: &Walk) -> Result<Option<Copied>, DiagError> {
    let mut copied = Copied::default();
    let own = place::namespace_cookie(&table.diag).ok();
    let mut places = BTreeMap::from([(own, Place::of(Table::Given(table)))]);
    // Inode, and the holder whose descriptor it is; by inode only for those that only a thread has.
    let mut left: Vec<(u32, &LiveHolder)> = Vec::new();
    let mut of_threads: BTreeSet<u32> = BTreeSet::new();
    let mut process: Option<(i32, PidFd)> = None;
    let mut done = None;
    for (inode, _) in walk.iter() {
        if done == Some(inode) {
            continue;
        }
        done = Some(inode);
        let (holder, socket) = match copy_of(walk, inode, &mut process) {
            Ok(Copy::Made(holder, socket)) => (holder, socket),
            Ok(Copy::Gone) => continue,
            Ok(Copy::OfThread) => {
                of_threads.insert(inode);
                continue;
            }
            Err(_) => return Ok(None),
        };
        let Some((protocol, tuple)) = name(&socket) else {
            continue;
        };
        // A kernel that does not tell has the others' sockets in no table either.
        let cookie = place::namespace_cookie(&socket).ok().or(own);
        if cookie != own && table.netns.is_some() {
            // One namespace was asked for.
            continue;
        }
        let place = places
            .entry(cookie)
            .or_insert_with(|| Place::entered(&socket));
        // Closed as soon as can be: a connection ends with its last descriptor.
        drop(socket);
        let Some(table) = place.table() else {
            copied.elsewhere.insert(holder.process.pid);
            continue;
        };
        match ask(table, protocol, tuple)?.filter(|socket| socket.facts.inode == inode) {
            Some(socket) => copied.add(cookie == own, socket),
            None => {
                // Several sockets share a port, or it is bound and nothing more.
                if tuple.local.port() != 0 {
                    let key = (protocol, tuple.local.is_ipv6(), tuple.local.port());
                    place.missed.insert(key);
                }
                left.push((inode, holder));
            }
        }
    }
    let mut missing: BTreeSet<u32> = left.iter().map(|(inode, _)| *inode).collect();
    missing.extend(&of_threads);
    let states = StateMask::ALL.with(StateMask::BOUND);
    for (cookie, place) in &places {
        let Some(table) = place.table() else {
            continue;
        };
        let asked = place.missed.iter().map(|(protocol, is_v6, port)| {
            let port = Test::Port {
                side: Side::Local,
                from: *port,
                to: *port,
            };
            let code = Code::of(&port).unwrap_or_default();
            (*protocol, family(*is_v6), code)
        });
        // Nothing tells the addresses of a socket that only a thread has.
        let whole = [Protocol::Tcp, Protocol::Udp]
            .into_iter()
            .flat_map(|protocol| {
                [false, true].map(|is_v6| (protocol, family(is_v6), Code::default()))
            });
        let whole = whole.filter(|_| !of_threads.is_empty());
        for (protocol, family, code) in asked.chain(whole) {
            for (facts, binding) in table.diag.dump_where(protocol, family, states, &code)? {
                if !missing.remove(&facts.inode) {
                    continue;
                }
                let socket = LiveSocket {
                    protocol,
                    netns: table.netns,
                    binding,
                    facts,
                };
                copied.add(*cookie == own, socket);
            }
        }
    }
    for (inode, holder) in left
        .into_iter()
        .filter(|(inode, _)| missing.contains(inode))
    {
        if let Ok(Copy::Made(_, socket)) = copy(holder, inode, &mut process) {
            let cookie = place::namespace_cookie(&socket).ok().or(own);
            let netns = places.get(&cookie).and_then(Place::table);
            let netns = netns.and_then(|table| table.netns);
            copied.beside.extend(in_no_table(&socket, netns));
        }
    }
    Ok(Some(copied))
}

impl Copied {
    fn add(&mut self, is_of_table: bool, socket: LiveSocket) {
        match is_of_table {
            true => self.sockets.push(socket),
            false => self.beside.push(socket),
        }
    }
}

fn family(is_v6: bool) -> Family {
    if is_v6 { Family::V6 } else { Family::V4 }
}

fn ask(
    table: &SocketTable,
    protocol: Protocol,
    tuple: Tuple,
) -> Result<Option<LiveSocket>, DiagError> {
    let found = table.diag.query_bound(protocol, tuple)?;
    Ok(found.map(|(facts, binding)| LiveSocket {
        protocol,
        netns: table.netns,
        binding,
        facts,
    }))
}

/// A TCP socket that is closed or was never bound, or a UDP socket that is not bound: the kernel
/// has it in no table, and a descriptor keeps it. Nothing for one in another state, which is on
/// its way.
fn in_no_table(socket: &OwnedFd, netns: Option<Netns>) -> Option<LiveSocket> {
    let (protocol, tuple) = name(socket)?;
    if protocol == Protocol::Tcp
        && TcpState::from_kernel(tcp::state(socket).ok()?) != TcpState::Close
    {
        return None;
    }
    let stat = fstat(socket).ok()?;
    Some(LiveSocket {
        protocol,
        netns,
        binding: Binding::default(),
        facts: SocketFacts {
            cookie: tcp::cookie(socket).ok()?,
            inode: u32::try_from(stat.st_ino).ok()?,
            uid: stat.st_uid,
            ..SocketFacts::unasked(tuple, TcpState::Close)
        },
    })
}

/// What became of the copy of a descriptor.
enum Copy<'a> {
    /// Whose it is, and the copy.
    Made(&'a LiveHolder, OwnedFd),
    /// It was closed meanwhile, or the process ended.
    Gone,
    /// The process's own table has no such socket there: the walk found it in that of a thread.
    OfThread,
}

/// A copy of a socket by the descriptor of one of its holders.
fn copy_of<'a>(
    walk: &'a Walk,
    inode: u32,
    process: &mut Option<(i32, PidFd)>,
) -> Result<Copy<'a>, Errno> {
    let mut last = Copy::Gone;
    for holder in walk.of(inode) {
        match copy(holder, inode, process)? {
            made @ Copy::Made(..) => return Ok(made),
            Copy::OfThread => last = Copy::OfThread,
            Copy::Gone => {}
        }
    }
    Ok(last)
}

/// `process`: the last one that was asked; descriptors come in the order of inodes.
fn copy<'a>(
    holder: &'a LiveHolder,
    inode: u32,
    process: &mut Option<(i32, PidFd)>,
) -> Result<Copy<'a>, Errno> {
    let pid = holder.process.pid;
    let opened = match process {
        Some((known, pidfd)) if *known == pid => pidfd.copy_fd(holder.fd),
        _ => PidFd::open(pid).and_then(|pidfd| process.insert((pid, pidfd)).1.copy_fd(holder.fd)),
    };
    match opened {
        Ok(copy) if fstat(&copy)?.st_ino == u64::from(inode) => Ok(Copy::Made(holder, copy)),
        Ok(_) | Err(Errno::EBADF) => Ok(Copy::OfThread),
        Err(Errno::ESRCH) => Ok(Copy::Gone),
        Err(other) => Err(other),
    }
}

/// Protocol and addresses; nothing for a socket that is neither TCP nor UDP.
fn name(socket: &OwnedFd) -> Option<(Protocol, Tuple)> {
    let protocol = match place::protocol(socket).ok()? {
        libc::IPPROTO_TCP => Protocol::Tcp,
        libc::IPPROTO_UDP => Protocol::Udp,
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
