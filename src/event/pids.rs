//! Which fields of a call are pids.

use super::{Call, CallResult};

/// The calls whose value is a pid or a thread's id.
const RETURN: [&str; 16] = [
    "fork",
    "vfork",
    "clone",
    "clone3",
    "wait",
    "wait3",
    "wait4",
    "waitpid",
    "getpid",
    "getppid",
    "gettid",
    "getpgrp",
    "getpgid",
    "getsid",
    "setsid",
    "tcgetpgrp",
];

impl Call {
    /// The pid that it returned, as its process sees it: also a thread's id.
    pub fn returned_pid(&self) -> Option<i32> {
        match self.result {
            CallResult::Value(value @ 1..) if RETURN.contains(&self.name.as_str()) => {
                i32::try_from(value).ok()
            }
            _ => None,
        }
    }

    /// Whether its first argument is a pid, a process group or a thread's id.
    pub fn takes_a_pid(&self) -> bool {
        matches!(
            self.name.as_str(),
            "wait4"
                | "waitpid"
                | "kill"
                | "tkill"
                | "tgkill"
                | "rt_sigqueueinfo"
                | "rt_tgsigqueueinfo"
        )
    }
}
