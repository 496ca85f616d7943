//! `waitpid(2)` with the plain status word.

use nix::errno::Errno;

/// Collects an ended child: `pid` for one child, -1 for any. With `WNOHANG` in `options` and
/// nobody to collect, the pid returned is 0. Async-signal-safe.
///
/// # Errors
/// `ECHILD`, `EINTR` (`waitpid(2)`).
pub(crate) fn waitpid(pid: i32, options: libc::c_int) -> nix::Result<(i32, i32)> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the status word.
    let collected = unsafe { libc::waitpid(pid, &mut status, options) };
    Errno::result(collected).map(|collected| (collected, status))
}
