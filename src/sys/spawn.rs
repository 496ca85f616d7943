//! Starting a program in a host's namespace with a clean slate of signals.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use super::seccomp::Filter;

/// What the new process does between `fork` and `exec`, in this order.
#[derive(Debug)]
pub struct Prelude {
    /// Whether it gets a session of its own, so that no terminal signal reaches it.
    pub session: bool,
    /// The network namespace to enter.
    pub netns: Option<RawFd>,
    /// A descriptor to keep open across `exec`, and the number it gets.
    pub keep: Option<(RawFd, RawFd)>,
    /// Stops the program at some system calls: whoever starts it must be traced already.
    pub(crate) filter: Option<Filter>,
}

/// Adds the prelude: perhaps a session of its own, default dispositions,
/// nothing blocked, the namespace, the kept descriptor.
pub fn prepare(command: &mut Command, prelude: Prelude) {
    let body = move || run(&prelude);
    // SAFETY: between fork and exec `run` only makes system calls on numbers it owns; it neither
    // allocates nor takes a lock.
    unsafe {
        command.pre_exec(body);
    }
}

fn run(prelude: &Prelude) -> io::Result<()> {
    if prelude.session {
        nix::unistd::setsid()?;
    }
    if let Some(netns) = prelude.netns {
        // SAFETY: the descriptor is open in the parent for as long as the child needs it.
        let netns = unsafe { BorrowedFd::borrow_raw(netns) };
        setns(netns, CloneFlags::CLONE_NEWNET)?;
    }
    if let Some((from, to)) = prelude.keep {
        // SAFETY: dup2 on two plain numbers; the new one is not closed on exec, as wanted.
        if unsafe { libc::dup2(from, to) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    for signal in 1..=libc::SIGRTMAX() {
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            // SAFETY: SIG_DFL is a valid disposition; a number that cannot be set answers EINVAL
            // (those that libc keeps to itself) and changes nothing.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    nix::sys::signal::SigSet::empty().thread_set_mask()?;
    match &prelude.filter {
        Some(filter) => filter.install(),
        None => Ok(()),
    }
}

/// The number behind a descriptor, for a [`Prelude`].
pub fn raw(fd: &impl AsRawFd) -> RawFd {
    fd.as_raw_fd()
}
