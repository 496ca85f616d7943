//! Kernel events: what the kernel itself records of sockets, signals and processes, by its
//! tracepoints. For root or CAP_PERFMON.
//!
//! | file | what it does |
//! |---|---|
//! | [`tracefs`] | finds the files that describe tracepoints |
//! | [`format`] | parses them: fields move between kernels |
//! | [`record`] | what lies in a ring: headers, samples |
//! | [`decode`] | from the raw bytes of a sample to plain values |
//! | [`recorder`] | [`KernelEvents`]: rings on every CPU, read in the order of time |
//! | [`emptied`] | a recorder that loses nothing while its reader is busy |
//! | [`shared`] | one recorder for several readers at once |
//! | [`unavailable`] | why it cannot be had, and what would change it |
//!
//! The thread that a record names is right for what a process does itself, and means nothing for
//! what an arriving segment does: that runs on top of whoever had the CPU. A socket is known by
//! its address in the kernel ([`SocketAddress`]), its addresses and its cookie.

use std::time::Duration;

use crate::event::ToldSegment;
use crate::model::{TcpState, Tuple};

mod addresses;
pub mod decode;
pub mod emptied;
pub mod format;
pub mod record;
pub mod recorder;
pub mod shared;
pub mod tracefs;
pub mod unavailable;

pub use recorder::{Config, KernelEvents};
pub use unavailable::Unavailable;

/// A tracepoint that sockscope understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// `sock:inet_sock_set_state`
    SetState,
    /// `tcp:tcp_destroy_sock`
    DestroySocket,
    /// `tcp:tcp_send_reset`
    SendReset,
    /// `tcp:tcp_receive_reset`
    ReceiveReset,
    /// `tcp:tcp_retransmit_skb`
    Retransmit,
    /// `signal:signal_generate`
    Signal,
    /// `task:task_newtask`, which alone tells a thread from a process.
    NewTask,
    /// `sched:sched_process_fork`
    Fork,
    /// `sched:sched_process_exec`
    Exec,
    /// `sched:sched_process_exit`
    Exit,
}

impl Point {
    /// Those that tell of TCP sockets.
    pub const SOCKETS: [Point; 5] = [
        Point::SetState,
        Point::DestroySocket,
        Point::SendReset,
        Point::ReceiveReset,
        Point::Retransmit,
    ];

    /// Those that tell of processes.
    pub const PROCESSES: [Point; 5] = [
        Point::Signal,
        Point::NewTask,
        Point::Fork,
        Point::Exec,
        Point::Exit,
    ];

    /// Group and name, as in tracefs.
    pub fn name(self) -> (&'static str, &'static str) {
        match self {
            Point::SetState => ("sock", "inet_sock_set_state"),
            Point::DestroySocket => ("tcp", "tcp_destroy_sock"),
            Point::SendReset => ("tcp", "tcp_send_reset"),
            Point::ReceiveReset => ("tcp", "tcp_receive_reset"),
            Point::Retransmit => ("tcp", "tcp_retransmit_skb"),
            Point::Signal => ("signal", "signal_generate"),
            Point::NewTask => ("task", "task_newtask"),
            Point::Fork => ("sched", "sched_process_fork"),
            Point::Exec => ("sched", "sched_process_exec"),
            Point::Exit => ("sched", "sched_process_exit"),
        }
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (group, name) = self.name();
        write!(f, "{group}:{name}")
    }
}

/// Something that the kernel recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelEvent {
    /// When, by `CLOCK_MONOTONIC`.
    pub at: Duration,
    /// On which CPU.
    pub cpu: u32,
    /// The process that had the CPU; see [`KernelEvent::in_process`].
    pub pid: i32,
    /// Its thread.
    pub thread: i32,
    /// Whether the kernel worked for that process then, and not for an interrupt or an arriving
    /// segment on top of it.
    pub in_process: bool,
    /// What.
    pub what: What,
}

/// Where a socket lies in the kernel's memory: its name from its making to its end, until another
/// one is made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketAddress(pub u64);

/// What the kernel recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A TCP socket's state was set, maybe to what it was.
    State(StateChange),
    /// A TCP socket is gone.
    Destroyed {
        /// Which.
        socket: SocketAddress,
        /// Its addresses.
        tuple: Tuple,
        /// Its cookie (`SO_COOKIE`, sock_diag).
        cookie: u64,
    },
    /// A segment that matters.
    Segment {
        /// What became of it.
        what: ToldSegment,
        /// The socket; a reset may have none.
        socket: Option<SocketAddress>,
        /// The addresses, the local end first.
        tuple: Tuple,
    },
    /// A signal was generated.
    Signal(Signal),
    /// A task was made: a process, or a thread of one.
    Task {
        /// Its id.
        id: i32,
        /// Whether it is a thread of the process that made it (`CLONE_THREAD`).
        is_thread: bool,
    },
    /// A thread forked.
    Forked {
        /// The thread that did.
        parent: i32,
        /// The new task; may be a thread: [`What::Task`] has said so before.
        child: i32,
    },
    /// A process runs another program.
    Executed {
        /// The process.
        pid: i32,
        /// The program's file.
        file: String,
    },
    /// A thread ended.
    Ended {
        /// The thread.
        thread: i32,
        /// Whether it was the last one of its process, where the kernel tells.
        last: Option<bool>,
    },
}

/// `sock:inet_sock_set_state`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Which socket.
    pub socket: SocketAddress,
    /// Its state before.
    pub old: TcpState,
    /// Its state now.
    pub new: TcpState,
    /// Its addresses; who just connects has no local port yet.
    pub tuple: Tuple,
}

/// `signal:signal_generate`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The signal's number.
    pub number: i32,
    /// `si_errno`.
    pub errno: i32,
    /// `si_code` (`sigaction(2)`): who sent it.
    pub code: i32,
    /// The name of the thread that it is for, at most 15 bytes.
    pub comm: String,
    /// The thread that it is for; of a signal for a whole process, any one of its threads.
    pub to: i32,
    /// Whether it is for the whole process.
    pub group: bool,
    /// What became of it.
    pub result: SignalResult,
}

/// What became of a signal that was generated (`include/trace/events/signal.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalResult {
    /// It is on its way.
    Delivered,
    /// The process ignores it.
    Ignored,
    /// The same one was pending already: they become one.
    AlreadyPending,
    /// It was dropped: the queue of real-time signals is full.
    Overflow,
    /// It is on its way, but its information was dropped.
    WithoutInformation,
    /// A number that this version does not know.
    Unknown(i32),
}

impl SignalResult {
    fn from_kernel(number: i32) -> SignalResult {
        match number {
            0 => SignalResult::Delivered,
            1 => SignalResult::Ignored,
            2 => SignalResult::AlreadyPending,
            3 => SignalResult::Overflow,
            4 => SignalResult::WithoutInformation,
            other => SignalResult::Unknown(other),
        }
    }
}
