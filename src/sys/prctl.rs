//! `fork(2)` and the `prctl(2)` settings that tie a lab's processes together.

use nix::sys::signal::Signal;
use nix::unistd::ForkResult;

/// `fork(2)` for a process with one thread.
///
/// # Errors
/// EAGAIN, ENOMEM; EINVAL when the process has more than one thread, since the child could then
/// meet a lock that is held for ever.
pub fn fork_single_threaded() -> nix::Result<ForkResult> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(nix::errno::Errno::EINVAL);
    }
    // SAFETY: this process has one thread, so no lock of another one is copied held.
    unsafe { nix::unistd::fork() }
}

/// Ends the process at once, without `atexit` handlers and buffers: what a forked child must do.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` touches no memory of ours and does not return.
    unsafe { libc::_exit(status) }
}

/// The signal that the calling process gets when its parent thread ends (`PR_SET_PDEATHSIG`).
pub fn set_parent_death_signal(signal: Signal) -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(signal)
}

/// Makes the calling process adopt the orphans among its descendants (`PR_SET_CHILD_SUBREAPER`).
pub fn become_subreaper() -> nix::Result<()> {
    nix::sys::prctl::set_child_subreaper(true)
}
