//! [`SocketTable`]: the sockets of one network namespace that a filter can mean, by dumps that the
//! kernel filters itself.
//!
//! netstat2, which lists the machine's listeners elsewhere, has no filter, queues, timers or
//! cookies.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::filter::Filter;
use super::filter::kernel::Dump;
use super::socket::{LiveSocket, Netns};
use crate::model::SocketFacts;
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::inet_diag::{Binding, Code, Protocol, Side, StateMask, Test};
use crate::sys::place::interface_name;
use crate::threads::side_by_side;

/// Where Linux's ephemeral ports begin (`ip_local_port_range`, `ip(7)`): about half of a busy
/// machine's sockets are on either side.
const EPHEMERAL: u16 = 32_768;

/// A namespace's table of sockets.
#[derive(Debug)]
pub struct SocketTable {
    /// The namespace; nothing: the only one that is looked at.
    pub netns: Option<Netns>,
    /// Asks its kernel.
    pub diag: DiagSocket,
    /// Asks at the same time: the kernel answers one dump of a netlink socket at a time.
    second: DiagSocket,
}

impl SocketTable {
    /// The table of the namespace in which the calling thread is.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn open(netns: Option<Netns>) -> Result<SocketTable, DiagError> {
        Ok(SocketTable {
            netns,
            diag: DiagSocket::open()?,
            second: DiagSocket::open()?,
        })
    }

    /// What `make` makes of the sockets that the filter can mean, and perhaps of others, in no
    /// order.
    ///
    /// # Errors
    /// When the kernel could not be asked. A protocol that it has no INET_DIAG for
    /// (`CONFIG_INET_UDP_DIAG`) is one.
    pub fn sockets<T>(
        &mut self,
        filter: &Filter,
        make: impl Fn(LiveSocket) -> Option<T> + Sync,
    ) -> Result<Vec<T>, DiagError>
    where
        T: Send,
    {
        let jobs: Vec<Dump> = filter.dumps().into_iter().flat_map(halves).collect();
        let next = AtomicUsize::new(0);
        let netns = self.netns;
        let work = |diag: &mut DiagSocket| -> Result<Vec<T>, DiagError> {
            let mut made = Vec::new();
            while let Some(dump) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                dump_each(diag, dump, |facts, binding| {
                    made.extend(make(LiveSocket {
                        protocol: dump.protocol,
                        netns,
                        binding,
                        facts,
                    }));
                })?;
            }
            Ok(made)
        };
        let mut made = side_by_side(vec![&mut self.diag, &mut self.second], work).into_iter();
        let mut all = made.next().unwrap_or(Ok(Vec::new()))?;
        for more in made {
            all.append(&mut more?);
        }
        Ok(all)
    }

    /// The name of an interface of this namespace; nothing where it has none of this index.
    pub fn interface(&self, index: u32) -> Option<String> {
        interface_name(&self.diag, index).ok()
    }

    /// The TCP listeners.
    ///
    /// # Errors
    /// When the kernel could not be asked.
    pub fn listeners(&self) -> Result<Vec<SocketFacts>, DiagError> {
        self.diag.dump(StateMask::LISTEN)
    }
}

fn dump_each(
    diag: &mut DiagSocket,
    dump: &Dump,
    take: impl FnMut(SocketFacts, Binding),
) -> Result<(), DiagError> {
    diag.dump_each(dump.protocol, dump.family, dump.states, &dump.code, take)
}

/// A dump of everything in two, by the local port, which never changes. One that the kernel filters
/// costs the walk through its table and little else.
fn halves(dump: Dump) -> Vec<Dump> {
    let whole = dump.code.bytes().is_empty() && dump.protocol == Protocol::Tcp;
    if !whole || dump.states == StateMask::LISTEN {
        return vec![dump];
    }
    let half = |from, to| {
        let test = Test::Port {
            side: Side::Local,
            from,
            to,
        };
        Code::of(&test).map(|code| Dump {
            code,
            ..dump.clone()
        })
    };
    match (half(0, EPHEMERAL - 1), half(EPHEMERAL, u16::MAX)) {
        (Some(low), Some(high)) => vec![low, high],
        _ => vec![dump],
    }
}
