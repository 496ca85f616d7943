//! The system calls of the books, each reporting what it returned on the side channel.
//!
//! They are as thin as in C: nothing is retried, nothing is closed by itself, `EINTR` is an error
//! like any other.

mod io;
mod process;
mod sockets;

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::report;
use crate::event::CallResult;
use crate::model::errno_name;

pub(crate) use io::{Lines, poll, print, read, read_gate, stdin, wait_with_mask, write, write_all};
pub(crate) use process::{
    Fork, block, complain, exit_now, fork, kill_child, leave, restore, wait_for,
};
pub(crate) use sockets::{
    accept, at_end, bind, close, connect, connect_result, getsockname, listen, recv_from, send_to,
    set_nonblocking, set_option, shutdown, socket, take_error,
};

/// A system call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {} ({})", errno.desc(), errno_name(*errno as i32))]
pub(crate) struct Failure {
    /// The call's name.
    pub(crate) call: &'static str,
    /// Why.
    pub(crate) errno: Errno,
}

impl Failure {
    /// Whether a signal handler ran while the call was blocked.
    pub(crate) fn is_interrupted(self) -> bool {
        self.errno == Errno::EINTR
    }
}

/// A socket's descriptor as in C: nothing but [`close`] or the process's end closes it.
#[derive(Debug)]
pub(crate) struct Socket(ManuallyDrop<OwnedFd>);

impl Socket {
    fn new(fd: OwnedFd) -> Socket {
        Socket(ManuallyDrop::new(fd))
    }

    fn into_fd(self) -> OwnedFd {
        ManuallyDrop::into_inner(self.0)
    }

    /// The descriptor's number.
    pub(crate) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Reports a call that returns a value, and names it in the error.
fn reported<T>(
    call: &'static str,
    args: &str,
    result: nix::Result<T>,
    value: impl FnOnce(&T) -> i64,
) -> Result<T, Failure> {
    let outcome = match &result {
        Ok(returned) => CallResult::Value(value(returned)),
        Err(errno) => CallResult::Errno(*errno as i32),
    };
    report::call(call, args, outcome);
    result.map_err(|errno| Failure { call, errno })
}

/// Reports a call that returns 0 when it succeeds.
fn reported_zero(call: &'static str, args: &str, result: nix::Result<()>) -> Result<(), Failure> {
    reported(call, args, result, |()| 0)
}
