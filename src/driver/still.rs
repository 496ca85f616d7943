//! [`Still`]: one CPU for sockscope and the lab, so that nothing runs while sockscope looks.

use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// How many runs of this process keep a CPU at the moment.
static RUNS: AtomicUsize = AtomicUsize::new(0);

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
    /// Chooses a CPU: the current one, another one for each further run. Nothing where the
    /// kernel does not allow it: then a state may have to be inferred.
    pub(super) fn keep() -> Option<Still> {
        let before = sched_getaffinity(CALLER).ok()?;
        let allowed: Vec<usize> = (0..CpuSet::count())
            .filter(|cpu| before.is_set(*cpu) == Ok(true))
            .collect();
        let current = sched_getcpu().ok()?;
        let at = allowed.iter().position(|cpu| *cpu == current)?;
        let others = RUNS.fetch_add(1, Ordering::Relaxed);
        let still = Still {
            cpu: allowed[(at + others) % allowed.len()],
            before,
        };
        let mut only = CpuSet::new();
        only.set(still.cpu).ok()?;
        sched_setaffinity(CALLER, &only).ok()?;
        Some(still)
    }

    /// The CPU.
    pub(super) fn cpu(&self) -> usize {
        self.cpu
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        RUNS.fetch_sub(1, Ordering::Relaxed);
        // The thread may have ended up with a narrower set meanwhile: then it stays there.
        let _ = sched_setaffinity(CALLER, &self.before);
    }
}
