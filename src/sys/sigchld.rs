//! `sig_chld`: the SIGCHLD handler of UNP sections 5.9 and 5.10, the right one and the wrong one.
//! And what a tracer does with SIGCHLD.
//!
//! A handler may only call what `signal-safety(7)` allows. This one calls `waitpid`,
//! `clock_gettime` and `send`, writes atomics, and allocates nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::programs::report::{self, Wait};

/// How the handler collects the children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reap {
    /// `waitpid(-1, …, WNOHANG)` until no ended child is left: right (UNP figure 5.11).
    Loop,
    /// `wait()` once: wrong, since signals do not queue (UNP figure 5.7).
    Once,
}

static ONCE: AtomicBool = AtomicBool::new(false);
static CAUGHT: AtomicBool = AtomicBool::new(false);

/// Installs the handler. Without `restart` a blocked call fails with `EINTR`; with it
/// (`SA_RESTART`, which `signal(3)` sets too) the kernel starts most calls again.
///
/// # Errors
/// None that `sigaction(2)` documents for these arguments.
pub(crate) fn install(reap: Reap, restart: bool) -> nix::Result<()> {
    ONCE.store(reap == Reap::Once, Ordering::SeqCst);
    let flags = if restart {
        SaFlags::SA_RESTART
    } else {
        SaFlags::empty()
    };
    let action = SigAction::new(SigHandler::Handler(sig_chld), flags, SigSet::empty());
    // SAFETY: sig_chld does only what signal-safety(7) allows, see the head of this file.
    unsafe { sigaction(Signal::SIGCHLD, &action) }.map(drop)
}

/// Whether the handler ran since [`forget`].
pub(crate) fn caught() -> bool {
    CAUGHT.load(Ordering::SeqCst)
}

/// Forgets that the handler ran.
pub(crate) fn forget() {
    CAUGHT.store(false, Ordering::SeqCst);
}

/// No SIGCHLD any more when a child or a tracee only stops (`SA_NOCLDSTOP`, sigaction(2)), unless
/// this process has a handler for SIGCHLD or ignores it. A tracer waits for its tracees' stops: a
/// signal beside each, two a system call, would only cost the tracee time, and be recorded as a
/// kernel event.
///
/// # Errors
/// None that `sigaction(2)` documents for these arguments.
pub(crate) fn spare_stops() -> nix::Result<()> {
    // SAFETY: a sigaction of zeroes is one: SIG_DFL, no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: no new action is given; the old one is written into `action`, which outlives the
    // call.
    Errno::result(unsafe { libc::sigaction(libc::SIGCHLD, std::ptr::null(), &raw mut action) })?;
    if action.sa_sigaction != libc::SIG_DFL {
        return Ok(());
    }
    action.sa_flags |= libc::SA_NOCLDSTOP;
    // SAFETY: it is the action that is in force, with another flag: no handler is installed.
    Errno::result(unsafe {
        libc::sigaction(libc::SIGCHLD, &raw const action, std::ptr::null_mut())
    })
    .map(drop)
}

extern "C" fn sig_chld(_signal: libc::c_int) {
    // What the handler interrupted may be about to look at errno.
    let errno = Errno::last_raw();
    report::caught("SIGCHLD");
    if ONCE.load(Ordering::SeqCst) {
        let _ = collect(Wait::Any);
    } else {
        while collect(Wait::AnyNow) {}
    }
    CAUGHT.store(true, Ordering::SeqCst);
    Errno::set_raw(errno);
}

/// Collects one ended child; whether there was one.
fn collect(wait: Wait) -> bool {
    let options = match wait {
        Wait::AnyNow => libc::WNOHANG,
        Wait::Any | Wait::One => 0,
    };
    match super::wait::waitpid(-1, options) {
        Ok((pid, status)) if pid > 0 => {
            report::collected(wait, pid, status);
            true
        }
        _ => false,
    }
}
