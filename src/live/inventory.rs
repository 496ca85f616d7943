//! [`SocketTable`]: the sockets of one network namespace that a filter can mean, by dumps that the
//! kernel filters itself.
//!
//! netstat2, which lists the machine's listeners elsewhere, has no filter, queues, timers or
//! cookies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Builder;

use super::filter::Filter;
use super::filter::kernel::Dump;
use super::socket::{LiveSocket, Netns};
use crate::model::SocketFacts;
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::inet_diag::{Binding, Code, Protocol, Side, StateMask, Test};
use crate::sys::place::interface_name;

/// Where Linux's ephemeral ports begin (`ip_local_port_range`, `ip(7)`): about half of a busy
/// machine's sockets are on either side.
const EPHEMERAL: u16 = 32_768;

/// How many sockets are passed on together.
const BATCH: usize = 256;
/// How many batches wait to be taken in at most.
const QUEUE: usize = 8;

type Batch = Vec<(SocketFacts, Binding)>;

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
        make: impl Fn(LiveSocket) -> Option<T>,
    ) -> Result<Vec<T>, DiagError> {
        let jobs: Vec<Dump> = filter.dumps().into_iter().flat_map(halves).collect();
        let next = AtomicUsize::new(0);
        let netns = self.netns;
        let make = |protocol, (facts, binding)| {
            make(LiveSocket {
                protocol,
                netns,
                binding,
                facts,
            })
        };
        // The kernel works while this thread takes in what came before; one table is filled, and
        // nothing moved from table to table.
        let (send, batches) = sync_channel::<(Protocol, Batch)>(QUEUE);
        let work = |diag: &mut DiagSocket, send: SyncSender<_>| -> Result<(), DiagError> {
            while let Some(dump) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut batch = Batch::with_capacity(BATCH);
                let pass_on = |batch: &mut Batch| {
                    let full = std::mem::replace(batch, Batch::with_capacity(BATCH));
                    // The receiver goes on to the end.
                    let _ = send.send((dump.protocol, full));
                };
                dump_each(diag, dump, |facts, binding| {
                    batch.push((facts, binding));
                    if batch.len() == BATCH {
                        pass_on(&mut batch);
                    }
                })?;
                pass_on(&mut batch);
            }
            Ok(())
        };
        let mut made = Vec::new();
        let (first, second) = (&mut self.diag, &mut self.second);
        let threaded = std::thread::scope(|scope| -> Result<bool, DiagError> {
            let workers: Vec<_> = [first, second]
                .into_iter()
                .filter_map(|diag| {
                    let send = send.clone();
                    Builder::new().spawn_scoped(scope, || work(diag, send)).ok()
                })
                .collect();
            drop(send);
            for (protocol, batch) in batches {
                made.extend(batch.into_iter().filter_map(|one| make(protocol, one)));
            }
            let any = !workers.is_empty();
            for worker in workers {
                match worker.join() {
                    Ok(done) => done?,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(any)
        })?;
        if !threaded {
            for dump in &jobs {
                dump_each(&mut self.diag, dump, |facts, binding| {
                    made.extend(make(dump.protocol, (facts, binding)));
                })?;
            }
        }
        Ok(made)
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
