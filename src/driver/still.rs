//! [`Still`]: one CPU for sockscope and the lab, so that nothing runs while sockscope looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// How many runs of this process keep each CPU at the moment.
static RUNS: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

const CALLER: Pid = Pid::from_raw(0);

/// Keeps the calling thread on one CPU until it is dropped. The lab's processes are put there too,
/// scheduled without preemption at wake-up: what a delivered segment wakes runs only when sockscope
/// has asked for the state and waits.
#[derive(Debug)]
pub(super) struct Still {
    cpu: usize,
    before: CpuSet,
}

impl Still {
    /// Chooses the CPU that the fewest runs of this process have: a run beside it on the same one
    /// could make way for what a segment woke. Nothing where the kernel does not allow it: then a
    /// state may have to be inferred.
    pub(super) fn keep() -> Option<Still> {
        let before = sched_getaffinity(CALLER).ok()?;
        let allowed: Vec<usize> = (0..CpuSet::count())
            .filter(|cpu| before.is_set(*cpu) == Ok(true))
            .collect();
        // Several sockscopes at a time begin at different ones.
        let first = (std::process::id() as usize).checked_rem(allowed.len())?;
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        let cpu = (0..allowed.len())
            .map(|at| allowed[(first + at) % allowed.len()])
            .min_by_key(|cpu| runs.get(cpu).copied())?;
        let mut only = CpuSet::new();
        only.set(cpu).ok()?;
        sched_setaffinity(CALLER, &only).ok()?;
        *runs.entry(cpu).or_insert(0) += 1;
        Some(Still { cpu, before })
    }

    /// The CPU.
    pub(super) fn cpu(&self) -> usize {
        self.cpu
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        // What was allowed before is allowed still; if not, the thread stays where it is.
        let _ = sched_setaffinity(CALLER, &self.before);
        let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = runs.get_mut(&self.cpu) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                runs.remove(&self.cpu);
            }
        }
    }
}
