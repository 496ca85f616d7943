//! One recorder for several readers: runs that go on at the same time, and one after the other.
//! Leaving a tracepoint costs the machine tens of milliseconds, so it is left once, at the end.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Config, KernelEvent, KernelEvents, Unavailable};

/// A recorder that several readers share.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    recorder: KernelEvents,
    queues: BTreeMap<u64, VecDeque<KernelEvent>>,
    next: u64,
}

impl Inner {
    fn pump(&mut self) {
        let queues = &mut self.queues;
        self.recorder.drain_into(&mut |event| {
            for queue in queues.values_mut() {
                queue.push_back(event.clone());
            }
        });
    }
}

impl Shared {
    /// Begins to record.
    ///
    /// # Errors
    /// As [`KernelEvents::open`].
    pub fn open(config: &Config) -> Result<Shared, Unavailable> {
        let recorder = KernelEvents::open(config)?;
        Ok(Shared(Arc::new(Mutex::new(Inner {
            recorder,
            queues: BTreeMap::new(),
            next: 0,
        }))))
    }

    /// Everything that happens from now on.
    pub fn subscribe(&self) -> Subscription {
        let mut inner = self.lock();
        inner.pump();
        let id = inner.next;
        inner.next += 1;
        inner.queues.insert(id, VecDeque::new());
        let lost_before = inner.recorder.lost();
        drop(inner);
        Subscription {
            shared: self.clone(),
            id,
            lost_before,
        }
    }

    /// Takes what is in the rings into memory, unless a reader has so many events waiting there.
    pub(super) fn empty_rings(&self, most: usize) {
        let mut inner = self.lock();
        if inner.queues.values().all(|queue| queue.len() < most) {
            inner.pump();
        }
    }

    /// The descriptors to poll for input, one a CPU: see [`KernelEvents::fds`].
    ///
    /// # Errors
    /// As `fcntl(2)`, for want of descriptors.
    pub(super) fn fds(&self) -> std::io::Result<Vec<OwnedFd>> {
        let inner = self.lock();
        inner
            .recorder
            .fds()
            .map(|fd| fd.try_clone_to_owned())
            .collect()
    }

    /// The rings' size in bytes, of each CPU.
    pub(super) fn ring(&self) -> usize {
        self.lock().recorder.ring()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A reader that panicked has left nothing half done that another one could trip over.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader of a [`Shared`] recorder. Sees everything since it subscribed, of the whole machine.
#[derive(Debug)]
pub struct Subscription {
    shared: Shared,
    id: u64,
    lost_before: nix::Result<u64>,
}

impl Subscription {
    /// Everything that has happened before this call and was not taken yet, in the order of time.
    pub fn drain(&mut self) -> VecDeque<KernelEvent> {
        let mut inner = self.shared.lock();
        inner.pump();
        inner
            .queues
            .get_mut(&self.id)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// How many events are missing since it subscribed.
    ///
    /// # Errors
    /// As [`KernelEvents::lost`].
    pub fn lost(&self) -> nix::Result<u64> {
        let now = self.shared.lock().recorder.lost()?;
        Ok(now.saturating_sub(self.lost_before?))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.lock().queues.remove(&self.id);
    }
}
