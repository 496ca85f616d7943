//! What the tracer knows of each traced thread and process.

use std::collections::{BTreeMap, HashMap};

use super::Disposition;
use super::decode::Begun;
use super::files::Files;
use crate::event::Call;
use crate::sys::ptrace::Standing;

/// A traced thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// Its process.
    pub(super) pid: i32,
    /// The call that it is in.
    pub(super) call: Option<Pending>,
    /// A call that a signal interrupted: whether it begins anew depends on the signal, which
    /// comes next.
    pub(super) interrupted: Option<Interrupted>,
}

/// A call between its entry and its exit.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) begun: Begun,
    /// The socket that it is about.
    pub(super) inode: Option<u32>,
}

/// A call that returned one of the numbers that programs never see.
#[derive(Debug)]
pub(super) struct Interrupted {
    pub(super) call: Call,
    pub(super) number: i32,
}

/// A traced process.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    /// Whether it runs a program of the run: not yet between fork and the first exec.
    pub(super) started: bool,
    pub(super) files: Files,
    dispositions: HashMap<i32, Disposition>,
    /// It was stopped by a signal.
    pub(super) stopped: bool,
    /// It was said that its calls are of another ABI.
    pub(super) foreign: bool,
}

impl Process {
    /// What it does with a signal.
    pub(super) fn disposition(&self, signal: i32) -> Disposition {
        self.dispositions.get(&signal).copied().unwrap_or_default()
    }

    pub(super) fn dispose(&mut self, signal: i32, disposition: Disposition) {
        self.dispositions.insert(signal, disposition);
    }

    /// A copy, as `fork(2)` makes it.
    pub(super) fn forked(&self) -> Process {
        Process {
            stopped: false,
            foreign: false,
            ..self.clone()
        }
    }

    /// Another program: handlers are gone with the old one (`execve(2)`), what was ignored stays
    /// so, and descriptors with FD_CLOEXEC are closed.
    pub(super) fn executed(&mut self) {
        self.dispositions
            .retain(|_, disposition| *disposition == Disposition::Ignored);
        self.files.forget_all();
        self.foreign = false;
    }
}

/// All that is traced.
#[derive(Debug, Default)]
pub(super) struct Tracees {
    pub(super) threads: HashMap<i32, Thread>,
    pub(super) processes: BTreeMap<i32, Process>,
    /// Threads that made their first stop before their maker told of them.
    pub(super) early: HashMap<i32, Standing>,
}

impl Tracees {
    pub(super) fn add_thread(&mut self, tid: i32, pid: i32) {
        let thread = Thread {
            pid,
            call: None,
            interrupted: None,
        };
        self.threads.insert(tid, thread);
    }

    /// The process of a thread.
    pub(super) fn pid_of(&self, tid: i32) -> Option<i32> {
        self.threads.get(&tid).map(|thread| thread.pid)
    }

    /// The process of a thread, if a program of the run runs in it.
    pub(super) fn process_of(&mut self, tid: i32) -> Option<&mut Process> {
        let pid = self.pid_of(tid)?;
        self.processes.get_mut(&pid)
    }

    /// After exec by the thread `former` only one thread is left, which has the process's id.
    pub(super) fn one_thread_left(&mut self, pid: i32, former: i32) -> Option<Pending> {
        let pending = self.threads.remove(&former).and_then(|thread| thread.call);
        self.threads.retain(|_, thread| thread.pid != pid);
        self.add_thread(pid, pid);
        pending
    }
}
