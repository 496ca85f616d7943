//! [`inventory`]: all TCP sockets of a host, by netstat2; and [`who_listens`], which names the
//! processes behind a listener.
//!
//! netstat2 answers without queues, timers and cookies, and without a distinction between "no
//! sockets" and "the kernel refused": an empty answer is checked against a [`DiagSocket`].

use std::io;
use std::net::SocketAddr;

use netstat2::{AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo};

use crate::model::{TcpState, Tuple};

use super::descriptors::Descriptors;
use super::diag::{DiagError, DiagSocket};
use super::inet_diag::{Family, StateMask};
use super::process::{ProcRoot, ProcessError, ProcessWatch};

/// How often a dump is begun again after a signal (`EINTR`) or an empty answer that is wrong.
const ATTEMPTS: usize = 16;

/// One socket of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryEntry {
    /// Addresses and ports.
    pub tuple: Tuple,
    /// The state. netstat2 does not keep the number of one that it does not know: that is
    /// `Unknown(0)`.
    pub state: TcpState,
    /// The inode that `/proc/PID/fd` shows; 0 when no process can hold it.
    pub inode: u32,
    /// The owner's user id.
    pub uid: u32,
}

/// The inventory could not be had.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// netstat2 failed.
    #[error("cannot list the sockets: {0}")]
    List(#[source] netstat2::error::Error),
    /// The cross-check failed.
    #[error(transparent)]
    Diag(#[from] DiagError),
    /// Signals came in faster than a list could be read, or the list stays empty although there
    /// are sockets.
    #[error("cannot list the sockets: {ATTEMPTS} attempts were interrupted or came back empty")]
    GaveUp,
    /// The processes could not be listed.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// All TCP sockets of the calling thread's network namespace, IPv4 and IPv6. Sockets that are
/// bound but neither listen nor are connected are not among them.
///
/// # Errors
/// When they could not be listed. No sockets is an empty list.
pub fn inventory() -> Result<Vec<InventoryEntry>, InventoryError> {
    let mut entries = family(AddressFamilyFlags::IPV4, Family::V4)?;
    entries.extend(family(AddressFamilyFlags::IPV6, Family::V6)?);
    Ok(entries)
}

fn family(
    flags: AddressFamilyFlags,
    family: Family,
) -> Result<Vec<InventoryEntry>, InventoryError> {
    for _ in 0..ATTEMPTS {
        match list(flags) {
            Ok(entries) if entries.is_empty() => {
                if DiagSocket::open()?
                    .dump_of(family, StateMask::ALL)?
                    .is_empty()
                {
                    return Ok(entries);
                }
            }
            Ok(entries) => return Ok(entries),
            Err(netstat2::error::Error::OsError(error))
                if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(InventoryError::List(error)),
        }
    }
    Err(InventoryError::GaveUp)
}

fn list(flags: AddressFamilyFlags) -> Result<Vec<InventoryEntry>, netstat2::error::Error> {
    let mut entries = Vec::new();
    for socket in netstat2::iterate_sockets_info_without_pids(flags, ProtocolFlags::TCP)? {
        entries.extend(entry(&socket?));
    }
    Ok(entries)
}

fn entry(socket: &SocketInfo) -> Option<InventoryEntry> {
    let ProtocolSocketInfo::Tcp(tcp) = &socket.protocol_socket_info else {
        return None;
    };
    Some(InventoryEntry {
        tuple: Tuple {
            local: SocketAddr::new(tcp.local_addr, tcp.local_port),
            remote: SocketAddr::new(tcp.remote_addr, tcp.remote_port),
        },
        state: state(tcp.state),
        inode: socket.inode,
        uid: socket.uid,
    })
}

fn state(theirs: netstat2::TcpState) -> TcpState {
    use netstat2::TcpState as Theirs;
    match theirs {
        Theirs::Closed => TcpState::Close,
        Theirs::Listen => TcpState::Listen,
        Theirs::SynSent => TcpState::SynSent,
        Theirs::SynReceived => TcpState::SynRecv,
        Theirs::Established => TcpState::Established,
        Theirs::FinWait1 => TcpState::FinWait1,
        Theirs::FinWait2 => TcpState::FinWait2,
        Theirs::CloseWait => TcpState::CloseWait,
        Theirs::Closing => TcpState::Closing,
        Theirs::LastAck => TcpState::LastAck,
        Theirs::TimeWait => TcpState::TimeWait,
        Theirs::DeleteTcb | Theirs::Unknown => TcpState::Unknown(0),
    }
}

/// Who listens on a port: for the message that a port is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The listeners, each with the processes that have it open.
    pub listeners: Vec<Listener>,
    /// How many processes' descriptors could not be read: any of them may have a listener open.
    pub unreadable: usize,
}

/// A listener and the processes that have it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The owner's user id.
    pub uid: u32,
    /// The processes, by pid.
    pub processes: Vec<ListeningProcess>,
}

/// A process that has a listener open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListeningProcess {
    /// Its pid, in this `/proc`.
    pub pid: i32,
    /// Its name, as it gave it: escape codes may be in it.
    pub comm: String,
}

/// Who listens on a TCP port in the calling thread's network namespace. Looks at the descriptors
/// of every process: for an error message, not for a loop.
///
/// # Errors
/// When the sockets or the processes could not be listed.
pub fn who_listens(root: &ProcRoot, port: u16) -> Result<Listening, InventoryError> {
    let entries: Vec<InventoryEntry> = inventory()?
        .into_iter()
        .filter(|entry| entry.state == TcpState::Listen && entry.tuple.local.port() == port)
        .collect();
    let mut found = Listening {
        listeners: entries
            .iter()
            .map(|entry| Listener {
                address: entry.tuple.local,
                uid: entry.uid,
                processes: Vec::new(),
            })
            .collect(),
        unreadable: 0,
    };
    if entries.is_empty() {
        return Ok(found);
    }
    let mut pids = root.pids()?;
    pids.sort_unstable();
    for pid in pids {
        let watch = match ProcessWatch::open(root, pid) {
            Ok(Some(watch)) => watch,
            Ok(None) => continue,
            Err(error) if error.is_denied() => {
                found.unreadable += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Descriptors::Sockets(sockets) = watch.sockets()? else {
            found.unreadable += 1;
            continue;
        };
        for (entry, listener) in entries.iter().zip(&mut found.listeners) {
            if sockets.iter().any(|socket| socket.inode == entry.inode)
                && let Some(stat) = watch.stat()?
            {
                listener.processes.push(ListeningProcess {
                    pid,
                    comm: stat.comm,
                });
            }
        }
    }
    Ok(found)
}
