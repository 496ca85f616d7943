//! [`Record`]: what a built-in program tells of itself on the side channel, one datagram each.

use serde::{Deserialize, Serialize};

use crate::event::Call;

/// The environment variable that names the side channel's descriptor.
pub const REPORT_FD: &str = "SOCKSCOPE_REPORT_FD";

/// More than any record needs, in bytes: text in arguments is cut.
pub const RECORD_MAX: usize = 1024;

/// One thing that a built-in program did. Who it was the kernel tells (`SCM_CREDENTIALS`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When the call had returned, in nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// How many records before this one the process could not send, because the channel was full.
    #[serde(default)]
    pub lost: u32,
    /// What it did.
    pub what: What,
}

/// What a built-in program did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The process began: the first record of a program, and of each child it forks.
    Started,
    /// `fork(2)` returned in the parent.
    Forked {
        /// The child's pid as `fork` returned it, in the program's pid namespace.
        pid: i32,
    },
    /// A system call returned, or a signal handler ran (then the name is the signal's).
    Call(Call),
}
