//! Scheduling without preemption at wake-up (`sched(7)`, SCHED_BATCH).

use nix::errno::Errno;

/// Makes the calling process one that, when it wakes up, does not take the CPU from another one.
/// Its children inherit that.
///
/// # Errors
/// As `sched_setscheduler(2)`.
pub fn become_batch() -> nix::Result<()> {
    // The kernel's sched_param. musl's is longer, and its sched_setscheduler() only says ENOSYS.
    let priority: libc::c_int = 0;
    // SAFETY: the call reads one int, which outlives it; 0 is the calling thread.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0,
            libc::SCHED_BATCH,
            &raw const priority,
        )
    };
    Errno::result(result).map(drop)
}
