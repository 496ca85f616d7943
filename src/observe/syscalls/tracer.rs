//! The tracer's thread: waits for stops, looks, tells, and lets go.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

use nix::errno::Errno;

use super::decode::{self, Effect, Ended, Memory, Syscall};
use super::files::{Behind, Hidden};
use super::looking;
use super::tracee::{Interrupted, Pending, Process, Told, Tracees};
use super::{Bell, News, What};
use crate::driver::recorder::monotonic;
use crate::event::{Call, CallResult};
use crate::sys::ptrace::{self, Entry, Exit, Stop, Waited, read_memory, seize};
use crate::sys::sigchld;

mod lives;
mod rights;
mod signals;

use signals::RESTART_BLOCK;

/// Seizes the first process, answers whether that worked, and traces until nothing is left.
pub(super) fn run(
    first: i32,
    looks: bool,
    answer: &SyncSender<nix::Result<()>>,
    news: Sender<News>,
    bell: Arc<Bell>,
) {
    let seized = seize(first);
    // It costs time, never truth, where this fails.
    let _ = sigchld::spare_stops();
    // Nobody waits any more if the run was given up meanwhile.
    let _ = answer.send(seized);
    if seized.is_err() {
        return;
    }
    let mut tracer = Tracer {
        first,
        looks,
        tracees: Tracees::default(),
        early: HashMap::new(),
        lost: Vec::new(),
        news,
        bell,
    };
    tracer.tracees.processes.insert(first, Process::default());
    tracer.tracees.add_thread(first, first);
    while let Ok(waited) = ptrace::wait() {
        tracer.take(waited);
    }
}

/// A tracee's memory, read while one of its threads stands still.
struct Remote {
    tid: i32,
    /// Why none of it may be read, once that was tried.
    refused: Cell<Option<Errno>>,
}

impl Remote {
    fn of(tid: i32) -> Remote {
        Remote {
            tid,
            refused: Cell::new(None),
        }
    }
}

impl Memory for Remote {
    fn read(&self, address: u64, into: &mut [u8]) -> nix::Result<usize> {
        let read = read_memory(self.tid, address, into);
        if let Err(errno @ (Errno::EPERM | Errno::EACCES | Errno::ENOSYS)) = read {
            self.refused.set(Some(errno));
        }
        read
    }
}

/// What a call is about, as far as a tracer of sockets cares.
enum Subject {
    /// A socket, with its inode.
    Socket(u32),
    /// No descriptor, or one that is no socket where only a socket will do.
    None,
    /// A descriptor that names nothing.
    Nothing,
    /// A descriptor from which signals are read.
    Signals,
    /// A file or the like, or nobody can tell: nothing to be told.
    Elsewhere,
}

struct Tracer {
    /// Whether sockets are looked at when calls are made on them.
    looks: bool,
    /// The lab's first process: its forks are the programs, of itself nothing is told.
    first: i32,
    tracees: Tracees,
    /// Who stopped before its maker told of it, and the maker.
    early: HashMap<i32, i32>,
    /// Processes that were killed in their fork, the last one first.
    lost: Vec<lives::Lost>,
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
            Stop::Born(stop) => self.born(stop),
            Stop::Executed(stop) => self.executed(stop),
            Stop::Signal(stop) => self.signal(stop),
            Stop::Group(stop) => self.group(stop),
            Stop::Trap(stop) => self.trap(stop),
        };
    }

    /// Tells of a process that runs a program of the run.
    fn tell(&self, pid: i32, what: What) {
        let started = self.tracees.processes.get(&pid).is_some_and(|p| p.started);
        if started {
            self.send(pid, what);
        }
    }

    fn send(&self, pid: i32, what: What) {
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
        let Some(syscall) = decode::find(asked.number) else {
            return stop.resume();
        };
        let (inode, told) = match self.subject(tid, pid, syscall, &asked.args) {
            Subject::Elsewhere => return stop.resume(),
            Subject::Nothing => (None, Told::IfBad),
            Subject::Signals => (None, Told::Signals),
            Subject::Socket(inode) => (Some(inode), Told::Always),
            Subject::None => (None, Told::Always),
        };
        let started = self.tracees.processes.get(&pid).is_some_and(|p| p.started);
        // Between fork and exec nothing is the program's own.
        if !started {
            return stop.resume();
        }
        let memory = Remote::of(tid);
        let begun = syscall.begin(asked.args, &memory);
        self.say_if_hidden(pid, &memory);
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
        if begun.shared(&memory).unwrap_or(0) & libc::CLONE_UNTRACED != 0 {
            self.say_untraced(pid);
        }
        let Some(thread) = self.tracees.threads.get_mut(&tid) else {
            return stop.resume();
        };
        let resumed = begun.resumes().then(|| thread.resumable.take()).flatten();
        if begun.resumes() && resumed.is_none() {
            // It goes on with a call that does not matter, a sleep.
            return stop.resume();
        }
        thread.call = Some(resumed.unwrap_or(Pending {
            begun,
            inode,
            bore: false,
            told,
        }));
        stop.resume_to_exit()
    }

    /// What a call is about.
    fn subject(&mut self, tid: i32, pid: i32, syscall: &Syscall, args: &[u64; 6]) -> Subject {
        let Some(fd) = syscall.fd(args) else {
            return Subject::None;
        };
        let Some(process) = self.tracees.processes.get_mut(&pid) else {
            return Subject::Elsewhere;
        };
        let mut found = process.files.behind(tid, fd);
        if let Some(closed) = syscall.closes(args) {
            // dup2() closes what its second descriptor was.
            if !matches!(found, Ok(Behind::Socket(_)) | Err(Hidden)) && closed != fd {
                let second = process.files.behind(tid, closed);
                if matches!(second, Ok(Behind::Socket(_)) | Err(Hidden)) {
                    found = second;
                }
            }
            process.files.forget(closed);
        }
        let tried = syscall.is_tried_on_any_number() && !process.files.was_socket(fd);
        match found {
            Ok(Behind::Socket(inode)) => Subject::Socket(inode),
            Ok(_) if syscall.takes_only_sockets() => Subject::None,
            Ok(Behind::Nothing) if !tried => Subject::Nothing,
            Ok(Behind::Signals) if syscall.name == "read" => Subject::Signals,
            Ok(Behind::Signals | Behind::Other | Behind::Nothing) => Subject::Elsewhere,
            Err(Hidden) => {
                if !std::mem::replace(&mut process.said.hidden, true) {
                    let why = "its descriptors cannot be read (it is not dumpable, or its user may \
                               not read its file): its calls on sockets are missing";
                    self.tell(pid, What::Gap(why.into()));
                }
                Subject::Elsewhere
            }
        }
    }

    fn exit(&mut self, stop: Exit) -> Resumed {
        let tid = stop.tid();
        let pending = self
            .tracees
            .threads
            .get_mut(&tid)
            .and_then(|thread| Some((thread.pid, thread.call.take()?)));
        let (Some((pid, pending)), Ok(returned)) = (pending, stop.returned()) else {
            return stop.resume();
        };
        // Only of a call that is interrupted is anything left to tell.
        let again = (returned == -i64::from(RESTART_BLOCK)).then(|| pending.clone());
        let Pending {
            begun, inode, told, ..
        } = pending;
        let (closed, opened) = (begun.closes(), begun.opens(returned));
        let memory = Remote::of(tid);
        if told == Told::Signals {
            for effect in begun.accepted(returned, &memory) {
                self.tell_effect(tid, pid, effect);
            }
            return stop.resume();
        }
        let Ended { mut call, effect } = begun.end(returned, &memory);
        self.say_if_hidden(pid, &memory);
        if let Some(process) = self.tracees.processes.get_mut(&pid) {
            // Another thread may have asked for it after the entry.
            if let Some(fd) = closed {
                process.files.forget(fd);
            }
            if let Some(fd) = opened {
                process.files.forget(fd);
                if call.name.starts_with("accept") {
                    call.opened = process.files.socket(tid, fd).ok().flatten();
                }
            }
        }
        self.follow(pid, &effect);
        if told == Told::IfBad && call.result != CallResult::Errno(libc::EBADF) {
            return stop.resume();
        }
        if let CallResult::Restarted(number) = call.result {
            if let Some(thread) = self.tracees.threads.get_mut(&tid) {
                let call = Call { inode, ..call };
                thread.interrupted = Some(Interrupted {
                    call,
                    number,
                    again,
                });
            }
        } else {
            self.tell_call(tid, pid, inode, call);
        }
        self.tell_effect(tid, pid, effect);
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
            Effect::None
            | Effect::Confined
            | Effect::Ring
            | Effect::WantsTracer
            | Effect::Named(_)
            | Effect::Accepted { .. } => {}
        }
    }

    /// What else a call did: to its process, or to whoever wants to observe it.
    fn tell_effect(&self, tid: i32, pid: i32, effect: Effect) {
        match effect {
            // Other threads have names of their own, which are not the process's.
            Effect::Named(comm) if tid == pid => self.tell(pid, What::Renamed { comm }),
            Effect::Accepted {
                signal,
                code,
                sender,
            } => self.tell(
                pid,
                What::Accepted {
                    signal,
                    code,
                    sender,
                },
            ),
            Effect::Confined => self.tell(
                pid,
                What::Gap(
                    "it confines itself by seccomp: a call that its filter refuses does not reach \
                     the tracer"
                        .into(),
                ),
            ),
            Effect::Ring => self.tell(
                pid,
                What::Gap("it uses io_uring: what it does by that is no system call".into()),
            ),
            Effect::WantsTracer => self.tell(
                pid,
                What::Note(
                    "it asked to be traced and was refused: sockscope traces it, and there can be \
                     only one tracer (ptrace(2)); run it without --syscalls"
                        .into(),
                ),
            ),
            Effect::None | Effect::Handler { .. } | Effect::ClosedMany | Effect::Named(_) => {}
        }
    }

    /// Where a process's memory may not be read, its calls are told with less.
    fn say_if_hidden(&mut self, pid: i32, memory: &Remote) {
        let Some(errno) = memory.refused.get() else {
            return;
        };
        let said = self
            .tracees
            .processes
            .get_mut(&pid)
            .map(|process| std::mem::replace(&mut process.said.memory, true));
        if said == Some(false) {
            let why = format!(
                "its memory cannot be read (process_vm_readv: {}): arguments are shown as ?, and \
                 what is waited for, which signals are handled and what is sent is missing",
                errno.desc()
            );
            self.tell(pid, What::Gap(why));
        }
    }

    fn foreign(&mut self, pid: i32) {
        let said = self
            .tracees
            .processes
            .get_mut(&pid)
            .map(|process| std::mem::replace(&mut process.said.foreign, true));
        if said == Some(false) {
            let why = "it is a 32-bit program (or makes calls of another ABI): its system calls \
                       are not decoded";
            self.tell(pid, What::Gap(why.into()));
        }
    }

    fn say_untraced(&self, pid: i32) {
        let why = "it makes a process that no tracer can follow (CLONE_UNTRACED): calls of that \
                   one fail with ENOSYS";
        self.tell(pid, What::Gap(why.into()));
    }
}
