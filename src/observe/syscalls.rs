//! System calls, signals, forks, execs and ends of the run's processes, by `ptrace(2)`.
//!
//! A thread of its own traces everything that the lab's first process forks from the moment on
//! when it is seized. Programs run under a seccomp filter, so that they stop at the calls that
//! matter ([`decode::all`]) and nowhere else. What happens is told over a channel, always before
//! the process goes on: whoever sees all processes blocked and the channel empty has heard
//! everything.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::event::Call;
use crate::model::{ExitStatus, TcpState, Tuple};
use crate::sys::pidfd::PidFd;
use crate::sys::seccomp;

pub mod decode;
mod files;
mod looking;
mod tracee;
mod tracer;

/// Something that happened to a traced process.
#[derive(Debug)]
pub struct News {
    /// When, by `CLOCK_MONOTONIC`.
    pub at: Duration,
    /// The process, as sockscope's own `/proc` shows it.
    pub pid: i32,
    /// What.
    pub what: What,
}

/// What happened to a traced process.
#[derive(Debug)]
pub enum What {
    /// A call returned, or never will.
    Called {
        /// The call.
        call: Call,
        /// Its TCP socket when it had returned, where sockets are looked at.
        seen: Option<Seen>,
    },
    /// It is about to close a TCP socket.
    Looked {
        /// The socket's inode.
        inode: u32,
        /// How it was just before.
        seen: Seen,
    },
    /// It forked.
    Forked {
        /// The new process's pid.
        child: i32,
        /// The pid that it has in its own pid namespace, where that could be read.
        inner: Option<i32>,
        /// The new process, opened before it ran.
        pidfd: Option<PidFd>,
    },
    /// It runs another program now.
    Executed {
        /// The new command line.
        command: Vec<String>,
    },
    /// A signal reached it.
    Signal {
        /// The number.
        signal: i32,
        /// `si_code`: who or what sent it.
        code: i32,
        /// The sender's pid as the process sees it; 0 for one outside of its pid namespace.
        sender: i32,
        /// What becomes of it.
        disposition: Disposition,
    },
    /// It waited for a signal and got it, instead of being interrupted by it
    /// (`sigwaitinfo(2)`).
    Accepted {
        /// The number.
        signal: i32,
        /// `si_code`: who or what sent it.
        code: i32,
        /// The sender's pid as the process sees it; 0 for one outside of its pid namespace.
        sender: i32,
    },
    /// It named itself.
    Renamed {
        /// At most 15 bytes.
        comm: String,
    },
    /// A signal stopped it.
    Stopped,
    /// SIGCONT let it go on.
    Continued,
    /// It ended; its parent is told only now.
    Ended(ExitStatus),
    /// Something worth saying.
    Note(String),
    /// From here on calls of it may be missed.
    Gap(String),
}

/// A TCP socket that was looked at while its process stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Addresses and ports.
    pub tuple: Tuple,
    /// The state.
    pub state: TcpState,
    /// The cookie, as sock_diag has it.
    pub cookie: u64,
}

/// What a process does with a signal (`sigaction(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// SIG_DFL.
    #[default]
    Default,
    /// SIG_IGN.
    Ignored,
    /// A handler.
    Caught {
        /// SA_RESTART: interrupted calls begin anew instead of failing with EINTR.
        restart: bool,
    },
}

/// Why tracing cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// ptrace is not allowed.
    #[error("ptrace is not permitted: {}", .0.desc())]
    Seize(Errno),
    /// No filter can stop programs at their calls.
    #[error("seccomp filters are not permitted: {}", .0.desc())]
    Filter(Errno),
    /// The thread could not be started.
    #[error("cannot start the tracer: {0}")]
    Start(Errno),
}

impl Refused {
    /// What would change it.
    pub fn remedy(&self) -> String {
        let scope = std::fs::read_to_string(YAMA).unwrap_or_default();
        match (self, scope.trim()) {
            (Refused::Seize(Errno::EPERM | Errno::EACCES), "3") => {
                "kernel.yama.ptrace_scope is 3: nobody may trace until the machine is booted with \
                 another value"
            }
            (Refused::Seize(Errno::EPERM | Errno::EACCES), "2") => {
                "sudo sysctl kernel.yama.ptrace_scope=1, or run as root; in a container: \
                 --cap-add SYS_PTRACE"
            }
            (Refused::Seize(Errno::EPERM | Errno::EACCES), _) => {
                "in a container, a seccomp profile that allows ptrace: --cap-add SYS_PTRACE; or \
                 run without --syscalls"
            }
            (Refused::Filter(Errno::EPERM | Errno::EACCES), _) => {
                "in a container, a seccomp profile that allows seccomp; or run without --syscalls"
            }
            (Refused::Filter(_), _) => {
                "a kernel with CONFIG_SECCOMP_FILTER; or run without --syscalls"
            }
            (Refused::Seize(_) | Refused::Start(_), _) => "run without --syscalls",
        }
        .to_owned()
    }
}

/// Whom the kernel lets trace whom (Yama, `ptrace(2)`).
const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// A tracer at work. It ends when the lab's processes have ended: drop the lab first.
#[derive(Debug)]
pub struct Tracing {
    news: mpsc::Receiver<News>,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes whoever waits for news: once, until they have listened.
#[derive(Debug)]
struct Bell {
    event: EventFd,
    rung: AtomicBool,
}

impl Bell {
    fn new() -> nix::Result<Bell> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Bell {
            event: EventFd::from_flags(flags)?,
            rung: AtomicBool::new(false),
        })
    }

    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // It cannot be full: one ring at a time.
            let _ = self.event.write(1);
        }
    }

    /// To be called before one listens: what comes after that rings again.
    fn silence(&self) {
        if self.rung.load(Ordering::Acquire) {
            let _ = self.event.read();
            self.rung.store(false, Ordering::Release);
        }
    }
}

impl Tracing {
    /// Traces whatever this process forks from now on: the lab's first process. `looks`: with
    /// each call on a socket the socket is looked at too.
    ///
    /// # Errors
    /// [`Refused`] where ptrace or a seccomp filter is not permitted.
    pub fn begin(first: i32, looks: bool) -> Result<Tracing, Refused> {
        seccomp::can_stop().map_err(Refused::Filter)?;
        let (sender, news) = mpsc::channel();
        let (answer, answered) = mpsc::sync_channel(1);
        let bell = Arc::new(Bell::new().map_err(Refused::Start)?);
        let ringer = Arc::clone(&bell);
        let thread = std::thread::Builder::new()
            .name("tracer".into())
            .spawn(move || tracer::run(first, looks, &answer, sender, ringer))
            .map_err(|error| Refused::Start(errno_of(&error)))?;
        match answered.recv() {
            Ok(Ok(())) => Ok(Tracing {
                news,
                bell,
                thread: Some(thread),
            }),
            Ok(Err(errno)) => Err(Refused::Seize(errno)),
            Err(mpsc::RecvError) => Err(Refused::Start(Errno::ECANCELED)),
        }
    }

    /// Everything that is there now, in the order of happening. It does not wait: poll
    /// [`Tracing::fd`] for that.
    pub fn heard(&self) -> Vec<News> {
        self.bell.silence();
        self.news.try_iter().collect()
    }

    /// Whether the tracer has ended: there is nothing left to trace.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Readable when there is something to hear.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.bell.event.as_fd()
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A tracer that panicked has said so on stderr; the kernel let its tracees go.
            let _ = thread.join();
        }
    }
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
