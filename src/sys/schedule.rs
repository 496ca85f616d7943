//! Scheduling policies that nix does not wrap.

use nix::errno::Errno;

/// Lets this process, and those it starts, no longer interrupt others when they wake:
/// `SCHED_BATCH` (`sched(7)`).
///
/// # Errors
/// `EPERM` where a policy forbids it (`sched_setscheduler(2)`).
pub(crate) fn do_not_preempt() -> nix::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: `parameters` is valid for the call, which keeps no pointer to it.
    let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameters) };
    Errno::result(done).map(drop)
}
