//! The tracer's thread: waits for stops, looks, tells, and lets go.

use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

use super::decode::{self, Effect, Ended, Memory};
use super::looking;
use super::tracee::{Interrupted, Pending, Tracees};
use super::{Bell, Disposition, News, What};
use crate::driver::recorder::monotonic;
use crate::event::{Call, CallResult};
use crate::model::ExitStatus;
use crate::sys::pidfd::PidFd;
use crate::sys::ptrace::{
    self, Birth, Entry, Exit, GroupStop, SignalStop, Standing, Stop, Waited, read_memory, seize,
};

/// Seizes the first process, answers whether that worked, and traces until nothing is left.
pub(super) fn run(
    first: i32,
    looks: bool,
    answer: &SyncSender<nix::Result<()>>,
    news: Sender<News>,
    bell: Arc<Bell>,
) {
    let seized = seize(first);
    // Nobody waits any more if the run was given up meanwhile.
    let _ = answer.send(seized);
    if seized.is_err() {
        return;
    }
    let mut tracer = Tracer {
        first,
        looks,
        tracees: Tracees::default(),
        news,
        bell,
    };
    tracer.tracees.add_thread(first, first);
    while let Ok(waited) = ptrace::wait() {
        tracer.take(waited);
    }
}

/// A tracee's memory, read while one of its threads stands still.
struct Remote(i32);

impl Memory for Remote {
    fn read(&self, address: u64, into: &mut [u8]) -> nix::Result<usize> {
        read_memory(self.0, address, into)
    }
}

struct Tracer {
    /// Whether sockets are looked at when calls are made on them.
    looks: bool,
    /// The lab's first process: its forks are the programs, of itself nothing is told.
    first: i32,
    tracees: Tracees,
    news: Sender<News>,
    bell: Arc<Bell>,
}

/// Whoever was killed while it stood still cannot be resumed; its end comes by [`ptrace::wait`].
type Resumed = nix::Result<()>;

impl Tracer {
    fn take(&mut self, waited: Waited) {
        let stop = match waited {
            Waited::Gone { tid, status } => return self.gone(tid, status),
            Waited::Stopped(stop) => stop,
        };
        let _killed_meanwhile: Resumed = match stop {
            Stop::Entry(stop) => self.entry(stop),
            Stop::Exit(stop) => self.exit(stop),
            Stop::Born(stop, birth) => self.born(stop, birth),
            Stop::Executed(stop) => self.executed(stop),
            Stop::Signal(stop) => self.signal(stop),
            Stop::Group(stop) => self.group(stop),
            Stop::Trap(stop) => self.trap(stop),
        };
    }

    /// Tells of a process that runs a program of the run.
    fn tell(&self, pid: i32, what: What) {
        let started = self.tracees.processes.get(&pid).is_some_and(|p| p.started);
        if !started {
            return;
        }
        let at = monotonic();
        // When nobody listens any more the run is over: what is left goes on until the lab ends.
        if self.news.send(News { at, pid, what }).is_ok() {
            self.bell.ring();
        }
    }

    fn tell_call(&self, tid: i32, pid: i32, inode: Option<u32>, mut call: Call) {
        call.inode = inode;
        call.thread = (tid != pid).then_some(tid);
        let fd = looking::after(&call).filter(|_| self.looks);
        let seen = fd.and_then(|fd| looking::look(pid, fd));
        self.tell(pid, What::Called { call, seen });
    }

    fn entry(&mut self, stop: Entry) -> Resumed {
        let tid = stop.tid();
        let (Some(pid), Ok(asked)) = (self.tracees.pid_of(tid), stop.asked()) else {
            return stop.resume();
        };
        self.flush_interrupted(tid, None);
        if asked.foreign {
            self.foreign(pid);
            return stop.resume();
        }
        let Some(process) = self.tracees.processes.get_mut(&pid) else {
            return stop.resume();
        };
        let Some(begun) = decode::begin(asked.number, asked.args, &Remote(tid)) else {
            return stop.resume();
        };
        let mut inode = None;
        if let Some(fd) = begun.fd() {
            inode = process.files.socket(tid, fd);
            if let Some(closed) = begun.closes() {
                // dup2() closes what its second descriptor was.
                inode = inode.or_else(|| process.files.socket(tid, closed));
                process.files.forget(closed);
            }
            if inode.is_none() && begun.is_only_for_sockets() {
                return stop.resume();
            }
        }
        // Between fork and exec nothing is the program's own.
        if !process.started {
            return stop.resume();
        }
        if !begun.needs_exit() {
            let ended = begun.never();
            self.tell_call(tid, pid, inode, ended);
            return stop.resume();
        }
        // When it has returned there may be nothing left to look at.
        if let (Some(inode), true, "close") = (inode, self.looks, begun.name())
            && let Some(seen) = begun.fd().and_then(|fd| looking::look(pid, fd))
        {
            self.tell(pid, What::Looked { inode, seen });
        }
        if let Some(thread) = self.tracees.threads.get_mut(&tid) {
            thread.call = Some(Pending { begun, inode });
        }
        stop.resume_to_exit()
    }

    fn exit(&mut self, stop: Exit) -> Resumed {
        let tid = stop.tid();
        let pending = self
            .tracees
            .threads
            .get_mut(&tid)
            .and_then(|thread| Some((thread.pid, thread.call.take()?)));
        let (Some((pid, Pending { begun, inode })), Ok(returned)) = (pending, stop.returned())
        else {
            return stop.resume();
        };
        let Ended { mut call, effect } = begun.end(returned, &Remote(tid));
        if call.name.starts_with("accept")
            && let CallResult::Value(fd) = call.result
            && let Some(process) = self.tracees.processes.get_mut(&pid)
        {
            call.opened = process.files.socket(tid, i32::try_from(fd).unwrap_or(-1));
        }
        self.follow(pid, &effect);
        if let CallResult::Restarted(number) = call.result {
            if let Some(thread) = self.tracees.threads.get_mut(&tid) {
                let call = Call { inode, ..call };
                thread.interrupted = Some(Interrupted { call, number });
            }
        } else {
            self.tell_call(tid, pid, inode, call);
        }
        self.say_what_hinders(pid, &effect);
        stop.resume()
    }

    /// Keeps up with what a call changed in its process.
    fn follow(&mut self, pid: i32, effect: &Effect) {
        let Some(process) = self.tracees.processes.get_mut(&pid) else {
            return;
        };
        match effect {
            Effect::Handler {
                signal,
                disposition,
            } => process.dispose(*signal, *disposition),
            Effect::ClosedMany => process.files.forget_all(),
            Effect::None | Effect::Confined | Effect::WantsTracer => {}
        }
    }

    /// A call by which a process makes itself harder to observe.
    fn say_what_hinders(&self, pid: i32, effect: &Effect) {
        match effect {
            Effect::Confined => self.tell(
                pid,
                What::Gap(
                    "it confines itself by seccomp: a call that its filter refuses does not reach \
                     the tracer"
                        .into(),
                ),
            ),
            Effect::WantsTracer => self.tell(
                pid,
                What::Note(
                    "it asked to be traced and was refused: sockscope traces it, and there can be \
                     only one tracer (ptrace(2)); run it without --syscalls"
                        .into(),
                ),
            ),
            Effect::None | Effect::Handler { .. } | Effect::ClosedMany => {}
        }
    }

    fn foreign(&mut self, pid: i32) {
        let said = self
            .tracees
            .processes
            .get_mut(&pid)
            .map(|process| std::mem::replace(&mut process.foreign, true));
        if said == Some(false) {
            let why = "it is a 32-bit program (or makes calls of another ABI): its system calls \
                       are not decoded";
            self.tell(pid, What::Gap(why.into()));
        }
    }

    fn born(&mut self, stop: Standing, birth: Birth) -> Resumed {
        let parent_tid = stop.tid();
        let (Some(parent), Ok(child)) = (self.tracees.pid_of(parent_tid), stop.message()) else {
            return stop.resume();
        };
        if birth == Birth::Clone && process_of_thread(child) == Some(parent) {
            self.tracees.add_thread(child, parent);
        } else {
            let process = match self.tracees.processes.get(&parent) {
                Some(process) => process.forked(),
                None => Default::default(),
            };
            self.tracees.processes.insert(child, process);
            self.tracees.add_thread(child, child);
            let pidfd = PidFd::open(child).ok();
            self.tell(parent, What::Forked { child, pidfd });
        }
        if let Some(early) = self.tracees.early.remove(&child) {
            let _killed_meanwhile: Resumed = early.resume();
        }
        stop.resume()
    }

    fn executed(&mut self, stop: Standing) -> Resumed {
        let pid = stop.tid();
        let former = stop.message().unwrap_or(pid);
        let pending = self.tracees.one_thread_left(pid, former);
        let Some(process) = self.tracees.processes.get_mut(&pid) else {
            return stop.resume();
        };
        process.executed();
        if !std::mem::replace(&mut process.started, true) {
            return stop.resume();
        }
        if let Some(Pending { begun, inode }) = pending {
            let Ended { call, .. } = begun.end(0, &Remote(pid));
            self.tell_call(pid, pid, inode, call);
        }
        let command = command_line(pid);
        self.tell(pid, What::Executed { command });
        if let Some(text) = set_user_id(pid) {
            self.tell(pid, What::Note(text));
        }
        stop.resume()
    }

    fn signal(&mut self, stop: SignalStop) -> Resumed {
        let tid = stop.tid();
        let signal = stop.signal();
        let disposition = self
            .tracees
            .process_of(tid)
            .map(|process| process.disposition(signal))
            .unwrap_or_default();
        self.flush_interrupted(tid, Some(disposition));
        if let (Some(pid), Ok(info)) = (self.tracees.pid_of(tid), stop.info()) {
            let what = What::Signal {
                signal,
                code: info.code,
                sender: info.sender,
                disposition,
            };
            self.tell(pid, what);
        }
        stop.deliver()
    }

    /// A call that was interrupted: what the program sees of it is decided by the signal that
    /// came (`signal(7)`).
    fn flush_interrupted(&mut self, tid: i32, disposition: Option<Disposition>) {
        let Some(thread) = self.tracees.threads.get_mut(&tid) else {
            return;
        };
        let Some(Interrupted { mut call, number }) = thread.interrupted.take() else {
            return;
        };
        let pid = thread.pid;
        call.result = match disposition {
            Some(Disposition::Caught { restart }) if fails(number, restart) => {
                CallResult::Errno(libc::EINTR)
            }
            _ => CallResult::Restarted(number),
        };
        let inode = call.inode;
        self.tell_call(tid, pid, inode, call);
    }

    fn group(&mut self, stop: GroupStop) -> Resumed {
        let tid = stop.tid();
        self.flush_interrupted(tid, None);
        if let Some(pid) = self.tracees.pid_of(tid)
            && let Some(process) = self.tracees.processes.get_mut(&pid)
            && !std::mem::replace(&mut process.stopped, true)
        {
            self.tell(pid, What::Stopped);
        }
        stop.rest()
    }

    fn trap(&mut self, stop: Standing) -> Resumed {
        let tid = stop.tid();
        let Some(pid) = self.tracees.pid_of(tid) else {
            // Its maker tells of it in a moment; until then it stays where it is.
            self.tracees.early.insert(tid, stop);
            return Ok(());
        };
        if let Some(process) = self.tracees.processes.get_mut(&pid)
            && std::mem::take(&mut process.stopped)
        {
            self.tell(pid, What::Continued);
        }
        stop.resume()
    }

    fn gone(&mut self, tid: i32, status: ExitStatus) {
        self.tracees.early.remove(&tid);
        self.flush_interrupted(tid, None);
        let Some(thread) = self.tracees.threads.remove(&tid) else {
            return;
        };
        let pid = thread.pid;
        if let Some(Pending { begun, inode }) = thread.call {
            self.tell_call(tid, pid, inode, begun.never());
        }
        if tid == pid && pid != self.first {
            self.tell(pid, What::Ended(status));
            self.tracees.processes.remove(&pid);
        }
    }
}

/// Whether a call with this result fails with EINTR once a handler ran: ERESTARTSYS unless it was
/// installed with SA_RESTART, ERESTARTNOHAND and ERESTART_RESTARTBLOCK always.
fn fails(number: i32, restart: bool) -> bool {
    match number {
        512 => !restart,
        513 => false,
        _ => true,
    }
}

/// The process that a thread belongs to.
fn process_of_thread(tid: i32) -> Option<i32> {
    let status = std::fs::read(format!("/proc/{tid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
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

/// What to say of a program that would have got its owner's rights and did not.
fn set_user_id(pid: i32) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    let ours = nix::unistd::geteuid();
    let would_change = file.mode() & libc::S_ISUID != 0 && file.uid() != ours.as_raw();
    (would_change && !ours.is_root()).then(|| {
        "it is a set-user-ID program: traced, it runs without its owner's rights (ptrace(2))"
            .to_owned()
    })
}
