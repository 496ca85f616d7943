//! One processor for a whole run.
//!
//! A packet that is handed over wakes its receiver. On another processor that would act at once,
//! and the state that the packet led to could be gone before sockscope asks for it. On the same
//! processor, and without the right to interrupt (`crate::sys::schedule`), it runs when sockscope
//! waits.

use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread's, and the programs' that it starts. Dropped, the thread may run anywhere
/// again.
#[derive(Debug)]
pub(super) struct Processor {
    before: CpuSet,
}

impl Processor {
    /// Binds the calling thread to one of its processors, the next one for each run. Nothing
    /// where the system does not let it choose: then order among processes is as it comes.
    pub(super) fn take() -> Option<Processor> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread).ok()?;
        let allowed: Vec<usize> = (0..CpuSet::count())
            .filter(|cpu| before.is_set(*cpu).unwrap_or(false))
            .collect();
        let turn = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() as usize;
        let mut one = CpuSet::new();
        one.set(*allowed.get(turn.checked_rem(allowed.len())?)?)
            .ok()?;
        sched_setaffinity(this_thread, &one).ok()?;
        Some(Processor { before })
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        // What was allowed before is allowed still; if not, the thread stays where it is.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}
