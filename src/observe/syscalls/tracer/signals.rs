//! Signals that reach a traced process, and the calls that they interrupt.

use super::{Resumed, Tracer};
use crate::event::CallResult;
use crate::observe::syscalls::tracee::Interrupted;
use crate::observe::syscalls::{Disposition, What};
use crate::sys::ptrace::{GroupStop, SignalStop};

/// ERESTART_RESTARTBLOCK: `restart_syscall(2)` goes on with the call.
pub(super) const RESTART_BLOCK: i32 = 516;

impl Tracer {
    pub(super) fn signal(&mut self, stop: SignalStop) -> Resumed {
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
    pub(super) fn flush_interrupted(&mut self, tid: i32, disposition: Option<Disposition>) {
        let Some(thread) = self.tracees.threads.get_mut(&tid) else {
            return;
        };
        let Some(Interrupted {
            mut call,
            number,
            again,
        }) = thread.interrupted.take()
        else {
            return;
        };
        let pid = thread.pid;
        thread.resumable = None;
        call.result = match disposition {
            Some(Disposition::Caught { restart }) if fails(number, restart) => {
                CallResult::Errno(libc::EINTR)
            }
            _ => {
                thread.resumable = again;
                CallResult::Restarted(number)
            }
        };
        let inode = call.inode;
        self.tell_call(tid, pid, inode, call);
    }

    pub(super) fn group(&mut self, stop: GroupStop) -> Resumed {
        let tid = stop.tid();
        self.flush_interrupted(tid, None);
        if let Some(thread) = self.tracees.threads.get_mut(&tid) {
            thread.fresh = false;
        }
        if let Some(pid) = self.tracees.pid_of(tid)
            && let Some(process) = self.tracees.processes.get_mut(&pid)
            && !std::mem::replace(&mut process.stopped, true)
        {
            self.tell(pid, What::Stopped);
        }
        stop.rest()
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
