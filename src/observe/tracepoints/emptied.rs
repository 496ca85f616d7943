//! A recorder whose rings do not fill up while its reader is busy: a thread empties them.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, SigmaskHow};

use super::shared::{Shared, Subscription};
use super::{Config, KernelEvent, Unavailable};

/// So many events wait for the reader at most, in some 30 MB. Then the rings fill up, and the
/// kernel counts what finds no room.
const MOST: usize = 1 << 18;

/// Kernel events that wait for their reader in the rings and, once a ring is full enough to wake
/// somebody ([`Config::wake_after`]), in memory.
#[derive(Debug)]
pub struct Emptied {
    events: Subscription,
    ring: usize,
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Emptied {
    /// Begins to record. Where no thread can be started, only the reader empties the rings.
    ///
    /// # Errors
    /// As [`KernelEvents::open`](super::KernelEvents::open).
    pub fn open(config: &Config) -> Result<Emptied, Unavailable> {
        let shared = Shared::open(config)?;
        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(Unavailable::Other)?;
        let stop = Arc::new(stop);
        let (events, ring) = (shared.subscribe(), shared.ring());
        // Signals are for the thread that waits for them: this one begins with all of them blocked.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
        let thread = shared.fds().ok().and_then(|rings| {
            let stop = Arc::clone(&stop);
            Builder::new()
                .name("events".into())
                .spawn(move || work(&rings, &stop, &shared))
                .ok()
        });
        if let Ok(mask) = mask {
            // It was the mask before: it can be set again.
            let _ = mask.thread_set_mask();
        }
        Ok(Emptied {
            events,
            ring,
            stop,
            thread,
        })
    }

    /// Everything that has happened before this call and was not taken yet, in the order of time.
    pub fn drain_into(&mut self, take: &mut dyn FnMut(KernelEvent)) {
        self.events.drain().into_iter().for_each(take);
    }

    /// How many events are missing since it was opened.
    ///
    /// # Errors
    /// As [`KernelEvents::lost`](super::KernelEvents::lost).
    pub fn lost(&self) -> nix::Result<u64> {
        self.events.lost()
    }

    /// The rings' size in bytes, of each CPU.
    pub fn ring(&self) -> usize {
        self.ring
    }
}

impl Drop for Emptied {
    fn drop(&mut self) {
        // It cannot be full: nobody else writes to it.
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

/// Empties the rings whenever one is full enough, until it is told to stop.
fn work(rings: &[OwnedFd], stop: &EventFd, shared: &Shared) {
    loop {
        let mut fds: Vec<PollFd<'_>> = std::iter::once(stop.as_fd())
            .chain(rings.iter().map(AsFd::as_fd))
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        let is = |fd: &PollFd<'_>, flag| fd.revents().is_some_and(|got| got.intersects(flag));
        let broken = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        // A ring that has nothing more to say would wake this thread for ever.
        if is(&fds[0], PollFlags::POLLIN) || fds.iter().any(|fd| is(fd, broken)) {
            return;
        }
        shared.empty_rings(MOST);
    }
}
