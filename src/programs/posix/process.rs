//! Forking, waiting, leaving.

use std::io::Write as _;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::unistd::Pid;

use super::Failure;
use crate::event::CallResult;
use crate::programs::report;

pub(crate) use crate::sys::fork::{Fork, exit_now};

/// `fork(2)`. The child's first act is to report that it began.
pub(crate) fn fork() -> Result<Fork, Failure> {
    match crate::sys::fork::fork() {
        Ok(Fork::Child) => {
            report::started();
            Ok(Fork::Child)
        }
        Ok(Fork::Parent(child)) => {
            report::forked(child.as_raw());
            Ok(Fork::Parent(child))
        }
        Err(errno) => {
            report::call("fork", "", CallResult::Errno(errno as i32));
            Err(Failure {
                call: "fork",
                errno,
            })
        }
    }
}

/// `waitpid(2)` for one child, restarted after a signal; `ECHILD` means that somebody else (the
/// kernel, a handler) collected it already.
pub(crate) fn wait_for(child: Pid) -> Result<(), Failure> {
    loop {
        match crate::sys::wait::waitpid(child.as_raw(), 0) {
            Ok((pid, status)) => {
                report::collected(report::Wait::One, pid, status);
                return Ok(());
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                let args = child.to_string();
                report::call("waitpid", &args, CallResult::Errno(errno as i32));
                return match errno {
                    Errno::ECHILD => Ok(()),
                    errno => Err(Failure {
                        call: "waitpid",
                        errno,
                    }),
                };
            }
        }
    }
}

/// `kill(2)` with SIGTERM. That the child is gone already is no failure.
pub(crate) fn kill_child(child: Pid) -> Result<(), Failure> {
    match kill(child, Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(Failure {
            call: "kill",
            errno,
        }),
    }
}

/// `sigprocmask(2)` with `SIG_BLOCK`; returns the mask from before, for [`restore`].
pub(crate) fn block(signal: Signal) -> Result<SigSet, Failure> {
    SigSet::from(signal)
        .thread_swap_mask(SigmaskHow::SIG_BLOCK)
        .map_err(mask_failed)
}

/// `sigprocmask(2)` with `SIG_SETMASK`.
pub(crate) fn restore(mask: SigSet) -> Result<(), Failure> {
    mask.thread_set_mask().map_err(mask_failed)
}

fn mask_failed(errno: Errno) -> Failure {
    Failure {
        call: "sigprocmask",
        errno,
    }
}

/// The exit status of a program or a forked child that ended so; a failure is printed as the
/// book's `err_sys` does.
pub(crate) fn leave(program: &str, result: Result<(), Failure>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(failure) => {
            complain(program, &failure);
            1
        }
    }
}

/// Prints `program: message` on standard error.
pub(crate) fn complain(program: &str, message: &dyn std::fmt::Display) {
    // With standard error gone, only the exit status is left to tell.
    let _ = writeln!(std::io::stderr(), "{program}: {message}");
}
