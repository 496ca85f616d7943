//! `ptrace(2)`: a stop is a value, and what may be done in it is its methods.
//!
//! Everything here belongs to the calling thread: it alone may resume what it traces, and
//! [`wait`] tells of nobody else's.

use std::io::IoSliceMut;
use std::mem;
use std::ptr;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::model::ExitStatus;

/// Follow children by fork, vfork and clone; tell of exec and of what the seccomp filter picked;
/// mark stops of system calls.
const OPTIONS: libc::c_int = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESECCOMP;

/// `linux/ptrace.h`; not in every libc.
const PTRACE_GET_SYSCALL_INFO: libc::c_uint = 0x420e;
const PTRACE_SYSCALL_INFO_EXIT: u8 = 2;
const PTRACE_SYSCALL_INFO_SECCOMP: u8 = 3;

/// Something that [`wait`] tells.
#[derive(Debug)]
pub(crate) enum Waited {
    /// A thread is gone: the kernel has let its own parent know only now.
    Gone {
        /// The thread.
        tid: i32,
        /// How.
        status: ExitStatus,
    },
    /// A thread stands still until its stop is resumed.
    Stopped(Stop),
}

/// Why a thread stands still.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is about to make a call that the filter picked.
    Entry(Entry),
    /// A call has returned, and the thread has not seen the result yet.
    Exit(Exit),
    /// It made a new process or thread, which is traced as well.
    Born(Standing),
    /// It runs another program from now on.
    Executed(Standing),
    /// A signal is about to reach it.
    Signal(SignalStop),
    /// It and its process stopped by a signal, as `ps` shows by `T`.
    Group(GroupStop),
    /// Its first stop of all, or its process goes on after SIGCONT.
    Trap(Standing),
}

/// A stop in which the thread only can be let go.
#[derive(Debug)]
#[must_use = "the thread stands still until it is resumed"]
pub(crate) struct Standing(i32);

/// A stop at the entry of a call.
#[derive(Debug)]
#[must_use = "the thread stands still until it is resumed"]
pub(crate) struct Entry(i32);

/// A stop at the exit of a call.
#[derive(Debug)]
#[must_use = "the thread stands still until it is resumed"]
pub(crate) struct Exit(i32);

/// A stop before a signal is delivered.
#[derive(Debug)]
#[must_use = "the thread stands still until it is resumed"]
pub(crate) struct SignalStop {
    tid: i32,
    signal: i32,
}

/// A stop of the whole process by a signal.
#[derive(Debug)]
#[must_use = "the thread is held by the tracer until it is let rest"]
pub(crate) struct GroupStop(i32);

/// A call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The number, of the native ABI unless `foreign`.
    pub(crate) number: i64,
    /// The six registers.
    pub(crate) args: [u64; 6],
    /// Of another ABI than this build's, as a 32-bit program's.
    pub(crate) foreign: bool,
}

/// What is known of a signal (`siginfo_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalInfo {
    /// Why it was sent: `SI_USER`, `SI_KERNEL`, `CLD_EXITED` …
    pub(crate) code: i32,
    /// The sender's pid in the receiver's pid namespace; 0 for one outside of it. Only where the
    /// code says that a process sent it.
    pub(crate) sender: i32,
}

/// Begins to trace a process: it and all that it forks from now on, without stopping it.
///
/// # Errors
/// `EPERM` where it is not allowed (`ptrace(2)`: another's process, Yama, a container's seccomp
/// profile, or somebody traces it already), `ESRCH`.
pub(crate) fn seize(pid: i32) -> nix::Result<()> {
    request(libc::PTRACE_SEIZE, pid, 0, OPTIONS as usize)
}

/// Waits for the next thing that one of this thread's tracees does.
///
/// # Errors
/// `ECHILD` when there are no more of them.
pub(crate) fn wait() -> nix::Result<Waited> {
    loop {
        let options = libc::__WALL | libc::__WNOTHREAD;
        match super::wait::waitpid(-1, options) {
            Ok((tid, status)) => {
                if let Some(waited) = told(tid, status) {
                    return Ok(waited);
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn told(tid: i32, status: i32) -> Option<Waited> {
    if !libc::WIFSTOPPED(status) {
        let gone = libc::WIFEXITED(status) || libc::WIFSIGNALED(status);
        return gone.then(|| Waited::Gone {
            tid,
            status: ExitStatus::from_wait(status),
        });
    }
    let signal = libc::WSTOPSIG(status);
    let standing = Standing(tid);
    Some(Waited::Stopped(match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Stop::Entry(Entry(tid)),
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
            Stop::Born(standing)
        }
        libc::PTRACE_EVENT_EXEC => Stop::Executed(standing),
        libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => Stop::Group(GroupStop(tid)),
        0 if signal == libc::SIGTRAP | 0x80 => Stop::Exit(Exit(tid)),
        0 => Stop::Signal(SignalStop { tid, signal }),
        _ => Stop::Trap(standing),
    }))
}

impl Standing {
    /// The thread.
    pub(crate) fn tid(&self) -> i32 {
        self.0
    }

    /// The new process or thread of a [`Stop::Born`], or the former id of the thread of a
    /// [`Stop::Executed`].
    ///
    /// # Errors
    /// `ESRCH` when the thread was killed meanwhile.
    pub(crate) fn message(&self) -> nix::Result<i32> {
        let mut message: libc::c_ulong = 0;
        let place = ptr::from_mut(&mut message) as usize;
        request(libc::PTRACE_GETEVENTMSG, self.0, 0, place)?;
        Ok(i32::try_from(message).unwrap_or(0))
    }

    /// From now on the kernel kills it, and what it forks, when the tracer ends.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn end_with_tracer(&self) -> nix::Result<()> {
        let options = OPTIONS | libc::PTRACE_O_EXITKILL;
        request(libc::PTRACE_SETOPTIONS, self.0, 0, options as usize)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn resume(self) -> nix::Result<()> {
        request(libc::PTRACE_CONT, self.0, 0, 0)
    }

    /// Lets it finish the call in which it stopped; the next stop is [`Stop::Exit`], unless
    /// something ends it before.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn resume_to_exit(self) -> nix::Result<()> {
        request(libc::PTRACE_SYSCALL, self.0, 0, 0)
    }
}

impl Entry {
    /// The thread.
    pub(crate) fn tid(&self) -> i32 {
        self.0
    }

    /// What it asks for.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile; `EIO` before Linux 5.3.
    pub(crate) fn asked(&self) -> nix::Result<Asked> {
        let info = CallInfo::of(self.0)?;
        if info.op() != PTRACE_SYSCALL_INFO_SECCOMP {
            return Err(Errno::EIO);
        }
        let mut args = [0; 6];
        args.copy_from_slice(&info.0[4..10]);
        Ok(Asked {
            number: info.0[3] as i64,
            args,
            foreign: info.0[10] as u32 == super::seccomp::FOREIGN,
        })
    }

    /// Lets it make the call and go on.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn resume(self) -> nix::Result<()> {
        request(libc::PTRACE_CONT, self.0, 0, 0)
    }

    /// Lets it make the call; the next stop is [`Stop::Exit`], unless something ends it before.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn resume_to_exit(self) -> nix::Result<()> {
        request(libc::PTRACE_SYSCALL, self.0, 0, 0)
    }
}

impl Exit {
    /// The thread.
    pub(crate) fn tid(&self) -> i32 {
        self.0
    }

    /// What the call returned: a value, or an errno as a negative number, those from 512 on
    /// included, which programs never see.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn returned(&self) -> nix::Result<i64> {
        let info = CallInfo::of(self.0)?;
        match info.op() {
            PTRACE_SYSCALL_INFO_EXIT => Ok(info.0[3] as i64),
            _ => Err(Errno::EIO),
        }
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn resume(self) -> nix::Result<()> {
        request(libc::PTRACE_CONT, self.0, 0, 0)
    }
}

impl SignalStop {
    /// The thread.
    pub(crate) fn tid(&self) -> i32 {
        self.tid
    }

    /// The signal's number.
    pub(crate) fn signal(&self) -> i32 {
        self.signal
    }

    /// Where it comes from.
    ///
    /// # Errors
    /// `ESRCH` when the thread was killed meanwhile.
    pub(crate) fn info(&self) -> nix::Result<SignalInfo> {
        // SAFETY: siginfo_t consists of integers and pointers only: all zeros is a value.
        let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
        let place = ptr::from_mut(&mut info) as usize;
        request(libc::PTRACE_GETSIGINFO, self.tid, 0, place)?;
        Ok(SignalInfo {
            code: info.si_code,
            // SAFETY: the kernel filled the whole structure; where the signal has no sender these
            // bytes are another number.
            sender: unsafe { info.si_pid() },
        })
    }

    /// Delivers the signal and lets the thread go on.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn deliver(self) -> nix::Result<()> {
        request(libc::PTRACE_CONT, self.tid, 0, self.signal as usize)
    }
}

impl GroupStop {
    /// The thread.
    pub(crate) fn tid(&self) -> i32 {
        self.0
    }

    /// Lets it rest as it would without a tracer, until SIGCONT.
    ///
    /// # Errors
    /// `ESRCH` when it was killed meanwhile.
    pub(crate) fn rest(self) -> nix::Result<()> {
        request(libc::PTRACE_LISTEN, self.0, 0, 0)
    }
}

/// `struct ptrace_syscall_info` as numbers: 0 op and ABI, 1 instruction pointer, 2 stack pointer,
/// 3 number or result, 4 to 9 arguments, 10 the filter's data.
struct CallInfo([u64; 11]);

impl CallInfo {
    fn of(tid: i32) -> nix::Result<CallInfo> {
        let mut info = CallInfo([0; 11]);
        let place = info.0.as_mut_ptr() as usize;
        request(
            PTRACE_GET_SYSCALL_INFO as _,
            tid,
            mem::size_of_val(&info.0),
            place,
        )?;
        Ok(info)
    }

    /// The kernel wrote one byte.
    fn op(&self) -> u8 {
        self.0[0].to_ne_bytes()[0]
    }
}

#[cfg(target_env = "musl")]
type Request = libc::c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;

fn request(request: Request, tid: i32, address: usize, data: usize) -> nix::Result<()> {
    // SAFETY: of the requests made here the kernel reads or writes memory of ours for
    // PTRACE_GETEVENTMSG, PTRACE_GETSIGINFO and PTRACE_GET_SYSCALL_INFO only: there `data` is the
    // address of a local variable of the right type, whose size `address` says where one is asked
    // for.
    let result = unsafe { libc::ptrace(request, tid, address, data) };
    Errno::result(result).map(drop)
}

/// Reads a process's memory into `into`; how much could be read, which is less where it ends.
///
/// # Errors
/// `EFAULT` where there is none, `EPERM`, `ESRCH` (`process_vm_readv(2)`).
pub(crate) fn read_memory(pid: i32, address: u64, into: &mut [u8]) -> nix::Result<usize> {
    let base = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let remote = RemoteIoVec {
        base,
        len: into.len(),
    };
    process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(into)], &[remote])
}
