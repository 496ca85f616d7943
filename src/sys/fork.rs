//! `fork(2)` and `_exit(2)`.

use nix::unistd::{ForkResult, Pid};

/// Which side of `fork(2)` this is.
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old one, with the new one's pid as `fork` returned it.
    Parent(Pid),
}

/// Duplicates the process. Call it only while the process has a single thread; the built-in
/// programs that fork have no other, nor has the lab's first process.
///
/// # Errors
/// `EAGAIN`, `ENOMEM` (`fork(2)`).
pub(crate) fn fork() -> nix::Result<Fork> {
    // SAFETY: only the programs that `programs::run` starts and the lab's first process come
    // here, and both have no other thread: no lock is held by a thread that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Ok(Fork::Child),
        ForkResult::Parent { child } => Ok(Fork::Parent(child)),
    }
}

/// Ends the process at once: no destructor, no `atexit` handler, no buffer flushed twice. It is
/// how a forked child leaves (UNP section 4.7).
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}
