//! One processor for a whole run.
//!
//! A packet that is handed over wakes its receiver. On another processor that would act at once,
//! and the state that the packet led to could be gone before sockscope asks for it: it would be
//! inferred, not seen. On the same processor, and without the right to interrupt
//! (`crate::sys::schedule`), the receiver runs when sockscope waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// How many runs of this process each processor has.
static RUNS: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

/// The calling thread's, and the programs' that it starts. Dropped, the thread may run anywhere
/// again.
#[derive(Debug)]
pub(super) struct Processor {
    before: CpuSet,
    chosen: usize,
}

impl Processor {
    /// Binds the calling thread to the one of its processors that has the fewest runs. Nothing
    /// where the system does not let it choose: then order among processes is as it comes.
    pub(super) fn take() -> Option<Processor> {
        let this_thread = Pid::from_raw(0);
        let before = sched_getaffinity(this_thread).ok()?;
        let allowed: Vec<usize> = (0..CpuSet::count())
            .filter(|cpu| before.is_set(*cpu).unwrap_or(false))
            .collect();
        // Several sockscopes at a time begin at different ones.
        let first = (std::process::id() as usize).checked_rem(allowed.len())?;
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = (0..allowed.len())
            .map(|at| allowed[(first + at) % allowed.len()])
            .min_by_key(|cpu| runs.get(cpu).copied())?;
        let mut one = CpuSet::new();
        one.set(chosen).ok()?;
        sched_setaffinity(this_thread, &one).ok()?;
        *runs.entry(chosen).or_insert(0) += 1;
        Some(Processor { before, chosen })
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        // What was allowed before is allowed still; if not, the thread stays where it is.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = runs.get_mut(&self.chosen) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                runs.remove(&self.chosen);
            }
        }
    }
}
