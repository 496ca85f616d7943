//! Scheduling without preemption at wake-up (`sched(7)`, SCHED_BATCH).

use nix::errno::Errno;

/// Makes the calling process one that, when it wakes up, does not take the CPU from another one.
/// Its children inherit that.
///
/// # Errors
/// As `sched_setscheduler(2)`.
pub fn become_batch() -> nix::Result<()> {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the call reads one sched_param, which outlives it; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameter) };
    Errno::result(result).map(drop)
}
