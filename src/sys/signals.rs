//! Signal dispositions that need no handler.

use nix::sys::signal::{SigHandler, Signal, signal};

/// Sets a signal's disposition to `SIG_DFL`.
///
/// # Errors
/// `EINVAL` for SIGKILL and SIGSTOP (`signal(2)`).
pub(crate) fn set_default(number: Signal) -> nix::Result<()> {
    // SAFETY: SIG_DFL is no function of ours, so no code runs in signal context.
    unsafe { signal(number, SigHandler::SigDfl) }.map(drop)
}

/// Lets a signal interrupt what it may, and do nothing more. Unlike an ignored one, it is not so
/// in programs that are executed (`execve(2)`).
///
/// # Errors
/// `EINVAL` for SIGKILL and SIGSTOP (`signal(2)`).
pub(crate) fn set_harmless(number: Signal) -> nix::Result<()> {
    extern "C" fn nothing(_signal: libc::c_int) {}
    // SAFETY: the handler does nothing, which signal-safety(7) allows.
    unsafe { signal(number, SigHandler::Handler(nothing)) }.map(drop)
}

/// Sets a signal's disposition to `SIG_IGN`.
///
/// # Errors
/// `EINVAL` for SIGKILL and SIGSTOP (`signal(2)`).
pub(crate) fn set_ignored(number: Signal) -> nix::Result<()> {
    // SAFETY: SIG_IGN is no function of ours, so no code runs in signal context.
    unsafe { signal(number, SigHandler::SigIgn) }.map(drop)
}
