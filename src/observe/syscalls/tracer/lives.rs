//! How traced processes begin and end: forks, threads, execs, ends.

use std::path::Path;

use nix::unistd::{Pid, getsid};

use super::{Remote, Resumed, Tracer, rights};
use crate::model::ExitStatus;
use crate::observe::processes::inner_pid;
use crate::observe::syscalls::What;
use crate::observe::syscalls::decode::Ended;
use crate::observe::syscalls::files::Shared;
use crate::observe::syscalls::tracee::{Pending, Process, Told};
use crate::sys::pidfd::PidFd;
use crate::sys::ptrace::Standing;

/// As many makers that were killed in their fork are remembered: their children are met in a
/// moment or never.
const LOST: usize = 16;

/// A process that was killed in its fork, as its child would have got it.
pub(super) struct Lost {
    pid: i32,
    left: Process,
}

impl Tracer {
    pub(super) fn born(&mut self, stop: Standing) -> Resumed {
        let maker = stop.tid();
        let (Some(parent), Ok(child)) = (self.tracees.pid_of(maker), stop.message()) else {
            return stop.resume();
        };
        let mut shared = 0;
        let mut in_call = false;
        if let Some(thread) = self.tracees.threads.get_mut(&maker)
            && let Some(call) = &mut thread.call
        {
            call.bore = true;
            in_call = true;
            shared = call.begun.shared(&Remote::of(maker)).unwrap_or(0);
        }
        // Its first stop may have come before, and even its end.
        if self.early.remove(&child).is_none() {
            self.meet(child, parent);
        }
        self.share_files(parent, child, shared);
        match in_call {
            true => stop.resume_to_exit(),
            false => stop.resume(),
        }
    }

    /// A thread or process that `parent` made.
    fn meet(&mut self, child: i32, parent: i32) {
        if Path::new(&format!("/proc/{parent}/task/{child}")).exists() {
            self.tracees.add_thread(child, parent);
            return;
        }
        let process = match self.tracees.processes.get(&parent) {
            Some(process) => process.forked(),
            None => Process::default(),
        };
        self.take_process(child, parent, process);
    }

    fn take_process(&mut self, child: i32, parent: i32, process: Process) {
        let started = process.started;
        self.tracees.processes.insert(child, process);
        self.tracees.add_thread(child, child);
        if started {
            // It may be gone before anybody else looks.
            let (inner, pidfd) = (inner_pid(child), PidFd::open(child).ok());
            let what = What::Forked {
                child,
                inner,
                pidfd,
            };
            self.send(parent, what);
        }
    }

    fn share_files(&mut self, parent: i32, child: i32, shared: i32) {
        if shared & libc::CLONE_FILES == 0 {
            return;
        }
        let with = match self.tracees.pid_of(child) == Some(parent) {
            true => Shared::Threads,
            false => Shared::Processes,
        };
        for pid in [parent, child] {
            if let Some(process) = self.tracees.processes.get_mut(&pid) {
                process.files.share(with);
            }
        }
    }

    /// The first stop of somebody whose maker has not told of it yet, or never will: a process
    /// that is killed in its fork leaves a child and does not stop any more.
    fn meet_early(&mut self, tid: i32) {
        let Some(kin) = Kin::of(tid) else {
            return;
        };
        // What the first process makes is in its session; a program is in its own.
        let maker = match () {
            () if kin.process != tid => Some(kin.process),
            () if kin.parent == self.first => {
                (kin.session == session(self.first)).then_some(self.first)
            }
            () => Some(kin.parent),
        };
        if let Some(maker) = maker.filter(|maker| self.tracees.processes.contains_key(maker)) {
            self.early.insert(tid, maker);
            return self.meet(tid, maker);
        }
        let lost = self.lost.pop().or_else(|| self.maker_in_a_fork());
        let Lost { pid, left } = lost.unwrap_or_else(|| Lost {
            pid: kin.session.unwrap_or(self.first),
            left: Process::unknown(),
        });
        // If that one lives after all, it tells of it later.
        if self.tracees.processes.contains_key(&pid) {
            self.early.insert(tid, pid);
        }
        self.take_process(tid, pid, left);
    }

    /// Somebody who is in a fork, or was killed in it, of which nobody has been told.
    fn maker_in_a_fork(&mut self) -> Option<Lost> {
        let maker = self.tracees.expecting()?;
        let thread = self.tracees.threads.get_mut(&maker)?;
        if let Some(call) = &mut thread.call {
            call.bore = true;
        }
        let pid = thread.pid;
        let left = self.tracees.processes.get(&pid)?.forked();
        Some(Lost { pid, left })
    }

    pub(super) fn executed(&mut self, stop: Standing) -> Resumed {
        let pid = stop.tid();
        let former = stop.message().unwrap_or(pid);
        let calls = self.tracees.one_thread_left(pid, former);
        if let Some(thread) = self.tracees.threads.get_mut(&pid) {
            thread.fresh = false;
        }
        let Some(process) = self.tracees.processes.get_mut(&pid) else {
            return stop.resume();
        };
        process.executed();
        if !std::mem::replace(&mut process.started, true) {
            self.say_what_it_lacks(pid);
            return stop.resume();
        }
        let told = calls
            .into_iter()
            .filter(|(_, call)| call.told == Told::Always);
        for (tid, Pending { begun, inode, .. }) in told {
            if tid == former {
                let Ended { call, .. } = begun.end(0, &Remote::of(pid));
                self.tell_call(pid, pid, inode, call);
            } else {
                self.tell_call(tid, pid, inode, begun.never());
            }
        }
        let command = command_line(pid);
        self.tell(pid, What::Executed { command });
        self.say_what_it_lacks(pid);
        stop.resume()
    }

    /// Says which rights a program would have got untraced.
    fn say_what_it_lacks(&self, pid: i32) {
        for text in rights::missing(pid) {
            self.tell(pid, What::Note(text));
        }
    }

    pub(super) fn trap(&mut self, stop: Standing) -> Resumed {
        let tid = stop.tid();
        if !self.tracees.threads.contains_key(&tid) {
            self.meet_early(tid);
        }
        let Some(thread) = self.tracees.threads.get_mut(&tid) else {
            return stop.resume();
        };
        let (pid, fresh) = (thread.pid, std::mem::take(&mut thread.fresh));
        if let Some(process) = self.tracees.processes.get_mut(&pid) {
            if !process.started {
                // A program's first stop: without a tracer its calls would fail (ENOSYS).
                let _killed_meanwhile: Resumed = stop.end_with_tracer();
            }
            if !fresh && std::mem::take(&mut process.stopped) {
                self.tell(pid, What::Continued);
            }
        }
        stop.resume()
    }

    pub(super) fn gone(&mut self, tid: i32, status: ExitStatus) {
        self.flush_interrupted(tid, None);
        let Some(thread) = self.tracees.threads.remove(&tid) else {
            return;
        };
        let pid = thread.pid;
        if let Some(pending) = thread.call {
            let met = self.early.values().any(|maker| *maker == pid);
            if pending.expects()
                && !met
                && let Some(process) = self.tracees.processes.get(&pid)
            {
                self.lost.truncate(LOST - 1);
                let left = process.forked();
                self.lost.insert(0, Lost { pid, left });
            }
            if pending.told == Told::Always {
                self.tell_call(tid, pid, pending.inode, pending.begun.never());
            }
        }
        if tid == pid && pid != self.first {
            self.tell(pid, What::Ended(status));
            self.tracees.processes.remove(&pid);
            // It tells of none of its forks any more.
            self.early.retain(|_, maker| *maker != pid);
        }
    }
}

/// What `/proc/TID/status` and `getsid(2)` say of a thread that stands still.
struct Kin {
    process: i32,
    parent: i32,
    session: Option<i32>,
}

impl Kin {
    fn of(tid: i32) -> Option<Kin> {
        let status = std::fs::read(format!("/proc/{tid}/status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().parse().ok()
        };
        Some(Kin {
            process: number("Tgid:")?,
            parent: number("PPid:")?,
            session: session(tid),
        })
    }
}

fn session(pid: i32) -> Option<i32> {
    getsid(Some(Pid::from_raw(pid))).ok().map(Pid::as_raw)
}

/// The command line, as far as it can be read.
fn command_line(pid: i32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .filter(|word| !word.is_empty())
        .take(COMMAND_WORDS)
        .collect()
}

/// The words of a command line that are kept.
const COMMAND_WORDS: usize = 64;
