//! What the tracer knows of each traced thread and process.

use std::collections::{BTreeMap, HashMap};

use super::Disposition;
use super::decode::Begun;
use super::files::Files;
use crate::event::Call;

/// A traced thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// Its process.
    pub(super) pid: i32,
    /// It has not stopped yet.
    pub(super) fresh: bool,
    /// The call that it is in.
    pub(super) call: Option<Pending>,
    /// A call that a signal interrupted: whether it begins anew depends on the signal, which
    /// comes next.
    pub(super) interrupted: Option<Interrupted>,
    /// A call that a stop interrupted and `restart_syscall(2)` goes on with.
    pub(super) resumable: Option<Pending>,
}

/// A call between its entry and its exit.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) begun: Begun,
    /// The socket that it is about.
    pub(super) inode: Option<u32>,
    /// It is a fork, and its child was told of.
    pub(super) bore: bool,
    pub(super) told: Told,
}

/// What of a call is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The call.
    Always,
    /// The call if it fails with EBADF: its descriptor names nothing.
    IfBad,
    /// The signals that it reads from a `signalfd(2)`.
    Signals,
}

/// A call that returned one of the numbers that programs never see.
#[derive(Debug)]
pub(super) struct Interrupted {
    pub(super) call: Call,
    pub(super) number: i32,
    /// The call, if `restart_syscall(2)` may go on with it.
    pub(super) again: Option<Pending>,
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
    /// What was said of it that is said once.
    pub(super) said: Said,
}

/// What is said of a process once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    /// Its calls are of another ABI.
    pub(super) foreign: bool,
    /// Its descriptors cannot be asked for.
    pub(super) hidden: bool,
    /// Its memory cannot be read.
    pub(super) memory: bool,
}

impl Process {
    /// What it does with a signal.
    pub(super) fn disposition(&self, signal: i32) -> Disposition {
        self.dispositions.get(&signal).copied().unwrap_or_default()
    }

    pub(super) fn dispose(&mut self, signal: i32, disposition: Disposition) {
        self.dispositions.insert(signal, disposition);
    }

    /// A program of the run of which nothing is known.
    pub(super) fn unknown() -> Process {
        Process {
            started: true,
            ..Process::default()
        }
    }

    /// A copy, as `fork(2)` makes it.
    pub(super) fn forked(&self) -> Process {
        Process {
            started: self.started,
            files: self.files.own(),
            dispositions: self.dispositions.clone(),
            stopped: false,
            said: Said::default(),
        }
    }

    /// Another program: handlers are gone with the old one (`execve(2)`), what was ignored stays
    /// so, and descriptors with FD_CLOEXEC are closed.
    pub(super) fn executed(&mut self) {
        self.dispositions
            .retain(|_, disposition| *disposition == Disposition::Ignored);
        self.files = Files::default();
        self.said = Said::default();
    }
}

/// All that is traced.
#[derive(Debug, Default)]
pub(super) struct Tracees {
    pub(super) threads: HashMap<i32, Thread>,
    pub(super) processes: BTreeMap<i32, Process>,
}

impl Tracees {
    pub(super) fn add_thread(&mut self, tid: i32, pid: i32) {
        let thread = Thread {
            pid,
            fresh: true,
            call: None,
            interrupted: None,
            resumable: None,
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

    /// After exec by the thread `former` only one thread is left, which has the process's id: the
    /// calls that they were in, first that thread's.
    pub(super) fn one_thread_left(&mut self, pid: i32, former: i32) -> Vec<(i32, Pending)> {
        let others = self.threads.iter().filter(|(_, thread)| thread.pid == pid);
        let mut tids: Vec<i32> = others.map(|(tid, _)| *tid).collect();
        tids.sort_unstable_by_key(|tid| (*tid != former, *tid));
        let calls = tids
            .into_iter()
            .filter_map(|tid| Some((tid, self.threads.remove(&tid)?.call?)))
            .collect();
        self.add_thread(pid, pid);
        calls
    }

    /// A thread that is in a fork of whose child nobody has been told.
    pub(super) fn expecting(&self) -> Option<i32> {
        let expecting = |thread: &Thread| thread.call.as_ref().is_some_and(Pending::expects);
        let mut threads = self.threads.iter();
        threads.find_map(|(tid, thread)| expecting(thread).then_some(*tid))
    }
}

impl Pending {
    /// Whether it is a fork of whose child nobody has been told.
    pub(super) fn expects(&self) -> bool {
        self.begun.forks() && !self.bore
    }
}
