//! Which fields of a call are pids, and whom they mean.

use std::collections::HashMap;

use super::{Call, CallResult};

/// Whom pids mean as programs see them. A pid may be given away again: it means whoever had it at
/// that event.
#[derive(Debug)]
pub(crate) struct ByPid<T>(HashMap<i32, Vec<(usize, T)>>);

impl<T> Default for ByPid<T> {
    fn default() -> ByPid<T> {
        ByPid(HashMap::new())
    }
}

impl<T> ByPid<T> {
    /// Somebody has this pid from this event on.
    pub(crate) fn add(&mut self, pid: i32, since: usize, who: T) {
        self.0.entry(pid).or_default().push((since, who));
    }

    /// Whom it means at this event: the newest; where a fork is told before its child is, the next.
    pub(crate) fn at(&self, pid: i32, event: usize) -> Option<&T> {
        let all = self.0.get(&pid)?;
        let newest = all.iter().rfind(|(since, _)| *since <= event);
        newest.or_else(|| all.first()).map(|(_, who)| who)
    }
}

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
