//! [`Event`]: the contract between what observes and everything after it.
//!
//! Observers and the driver make events; the [timeline](crate::timeline), the
//! [checks](crate::check) and the [reports](crate::report) read them and never reach back.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    Evidence, ExitStatus, Holder, HostName, ProcState, ProcessName, ProgramName, SocketFacts,
    TcpState, Tuple, UdpState,
};

mod packet;
mod pids;

pub use packet::{Body, Packet, Segment, SegmentRole, TcpFlags};
pub(crate) use pids::ByPid;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Since the run began, by `CLOCK_MONOTONIC`.
    pub at: Duration,
    /// The step during which it happened: an index into the scenario's steps.
    pub step: usize,
    /// Who noticed.
    pub source: Source,
    /// What happened.
    pub kind: Kind,
}

/// Who noticed an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// sockscope did it itself.
    Driver,
    /// Asked of the kernel: sock_diag, `/proc`, a pidfd.
    Sampler,
    /// A packet in sockscope's hands.
    Wire,
    /// A built-in program said so of its own system call.
    Program,
    /// A kernel tracepoint.
    Kernel,
    /// A traced system call.
    Syscalls,
}

/// Names one socket within a run: stable from the first sight to the end, also where the kernel
/// changes the cookie (request socket to its child).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SocketKey(pub u32);

/// Names one packet within a run, counted from 1 in the order of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PacketId(pub u32);

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A step began. [`Event::step`] is its index.
    StepBegan,
    /// The driver carried out one action of the step.
    Acted {
        /// The action as the scenario file writes it.
        text: String,
    },
    /// Every process was blocked or gone, every pipe drained, no packet in flight: what was
    /// sampled just before is what lasts until something else happens.
    Quiet,
    /// A program of the scenario was started.
    Spawned {
        /// Its first process; the name is the program's.
        process: ProcessName,
        /// As sockscope's own `/proc` shows it.
        pid: i32,
        /// By which it knows itself, in the innermost pid namespace it is in: what `getpid(2)` and
        /// its parent's `fork(2)` return where they share one. Nothing where nobody could ask.
        #[serde(default)]
        ns_pid: Option<i32>,
        /// Where it runs.
        host: HostName,
        /// Its command line.
        command: Vec<String>,
    },
    /// A process was forked.
    Forked {
        /// The new process.
        process: ProcessName,
        /// As sockscope's own `/proc` shows it.
        pid: i32,
        /// As [`Kind::Spawned`] has it.
        #[serde(default)]
        ns_pid: Option<i32>,
        /// Who forked it.
        parent: ProcessName,
    },
    /// A process's state letter changed, at a quiet point or for good.
    ProcessState {
        /// The process.
        process: ProcessName,
        /// Its state now.
        state: ProcState,
    },
    /// A process ended. It stays a zombie until [`Kind::Reaped`].
    Exited {
        /// The process.
        process: ProcessName,
        /// How, or nothing where the kernel did not tell.
        status: Option<ExitStatus>,
    },
    /// Somebody collected a process's exit status.
    Reaped {
        /// The process.
        process: ProcessName,
        /// Who.
        by: Reaper,
    },
    /// A process got a new parent, because the old one ended.
    Adopted {
        /// The process.
        process: ProcessName,
        /// The new parent.
        by: Reaper,
    },
    /// A socket appeared or changed its state. `CLOSE` is the last one: the kernel knows it no
    /// more.
    Socket {
        /// The socket.
        key: SocketKey,
        /// Where it lives.
        host: HostName,
        /// Its state now.
        state: TcpState,
        /// How the state is known.
        evidence: Evidence,
        /// The kernel's answer; nothing for a state that was inferred or a socket that is gone.
        facts: Option<SocketFacts>,
        /// The program it belongs to, where known.
        owner: Option<ProgramName>,
        /// What caused it, where known.
        cause: Option<Cause>,
    },
    /// A UDP socket appeared, was connected to a peer or to another one, or is gone.
    Datagram {
        /// The socket.
        key: SocketKey,
        /// Where it lives.
        host: HostName,
        /// What it is now.
        state: UdpState,
        /// The kernel's answer; nothing for a socket that is gone.
        facts: Option<SocketFacts>,
        /// The program it belongs to, where known.
        owner: Option<ProgramName>,
    },
    /// Queues, timer, retransmits or the like changed, the state did not.
    Gauges {
        /// The socket.
        key: SocketKey,
        /// The kernel's answer.
        facts: SocketFacts,
    },
    /// Who has the socket open changed. Empty: nobody, the kernel finishes it.
    Holders {
        /// The socket.
        key: SocketKey,
        /// All of them, sorted.
        holders: Vec<Holder>,
        /// Processes whose descriptors could not be read: they may hold it too.
        unreadable: Vec<ProcessName>,
    },
    /// A packet left a host and is in sockscope's hands.
    Sent(Packet),
    /// The packet was handed to the other host.
    Delivered {
        /// The packet.
        packet: PacketId,
    },
    /// The packet is held back until a step releases it.
    Held {
        /// The packet.
        packet: PacketId,
    },
    /// The packet will never arrive.
    Dropped {
        /// The packet.
        packet: PacketId,
        /// Why, as the scenario says it: `drop next FIN from client`, `the wire is cut`.
        why: String,
    },
    /// A process wrote a line (or, at its end, the rest of one).
    Output {
        /// The process that was started; its children share the pipe.
        process: ProcessName,
        /// Which stream.
        stream: Stream,
        /// The line without its end; bytes that are no UTF-8 replaced by U+FFFD.
        text: String,
    },
    /// A process made a system call that matters, or a signal handler of it ran.
    Called {
        /// The process.
        process: ProcessName,
        /// The call.
        call: Call,
    },
    /// A process replaced its program by another (`execve(2)`).
    Executed {
        /// The process.
        process: ProcessName,
        /// The new command line.
        command: Vec<String>,
    },
    /// A process has another name in `ps(1)` than before: by exec, or it named itself
    /// (`PR_SET_NAME`).
    Renamed {
        /// The process, by the name that it keeps within the run.
        process: ProcessName,
        /// What it calls itself now, at most 15 bytes.
        comm: String,
    },
    /// A signal was sent to a process, or reached it.
    Signal {
        /// The process it is for.
        process: ProcessName,
        /// The signal's number.
        signal: i32,
        /// Who sent it.
        from: SignalOrigin,
        /// How far it has come.
        fate: SignalFate,
    },
    /// The kernel told of a segment that it sent or received (tracepoints of the group `tcp`).
    /// Where there is a wire, the segment itself is on the timeline too.
    Told {
        /// The socket, where it is one of the run's; a reset may have none.
        key: Option<SocketKey>,
        /// What became of it.
        what: ToldSegment,
        /// The addresses, the local end first.
        tuple: Tuple,
    },
    /// Something worth saying that is none of the above.
    Note {
        /// In plain words.
        text: String,
    },
    /// An observer missed something: an absence can no longer be proven.
    Gap {
        /// What may have been missed.
        aspect: Aspect,
        /// Why.
        why: String,
    },
}

/// Who collects a child's exit status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reaper {
    /// A process of the scenario, its parent.
    Process(ProcessName),
    /// The lab's first process, which starts the programs and adopts orphans, as init does.
    Init,
    /// The kernel at once: the parent ignores SIGCHLD (UNP section 5.9, `sigaction(2)`).
    Kernel,
    /// It was gone before anyone could look who.
    Unknown,
}

/// Who sent a signal (`siginfo_t`, `sigaction(2)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignalOrigin {
    /// A process of the run.
    Process(ProcessName),
    /// sockscope, because the scenario says so.
    Sockscope,
    /// The kernel: SIGCHLD, SIGPIPE, SIGSEGV …
    Kernel,
    /// A process outside of the run.
    Stranger {
        /// Its pid as sockscope's own `/proc` shows it.
        pid: i32,
    },
    /// Nobody could tell.
    Unknown,
}

/// How far a signal has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignalFate {
    /// It was sent and is pending, or the process blocks it.
    Generated,
    /// It reached the process, and its handler runs next.
    Caught,
    /// The process waited for it and took it: neither a handler nor the default
    /// (`sigwaitinfo(2)`).
    Accepted,
    /// It reached the process, and the default happens.
    Delivered,
    /// It was dropped at once, because the process ignores it.
    Ignored,
}

/// What the kernel tells of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToldSegment {
    /// An RST was sent (`tcp:tcp_send_reset`).
    ResetSent,
    /// An RST was received (`tcp:tcp_receive_reset`).
    ResetReceived,
    /// A segment was sent again (`tcp:tcp_retransmit_skb`).
    Retransmitted,
}

/// What caused a change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The segment that this end sent.
    Sent(PacketId),
    /// The segment that this end received.
    Received(PacketId),
    /// A timer expired.
    Timer,
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A system call and its result, or a signal that was caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The call's name (`write`), or the signal's (`SIGCHLD`) when a handler ran.
    pub name: String,
    /// Its arguments as one would write them: `4, SHUT_WR`.
    pub args: String,
    /// What it returned.
    pub result: CallResult,
    /// The descriptor that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
    /// The inode of the socket behind that descriptor (`socket:[…]` in `/proc/PID/fd`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u32>,
    /// The inode of the socket behind the descriptor that it returned (`accept(2)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u32>,
    /// The thread, where it is not the process's first one: its id as sockscope's own `/proc`
    /// shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<i32>,
}

/// What a system call returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallResult {
    /// A value: bytes, a descriptor, a pid.
    Value(i64),
    /// End of file: `read(2)` returned 0.
    Eof,
    /// It failed with this errno.
    Errno(i32),
    /// Nothing to return (a signal handler ran).
    Nothing,
    /// A signal interrupted it and the kernel begins it anew: one of the numbers that programs
    /// never see, 512 (`ERESTARTSYS`) to 516 (`ERESTART_RESTARTBLOCK`).
    Restarted(i32),
    /// It did not return: the process ended in it, or replaced itself.
    Never,
}

/// Who sends the ICMP messages of `answer`, in place of a host: no host is called so, since the
/// word is taken.
pub const WIRE: &str = "wire";

/// Something an observer can be blind to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Aspect {
    /// States of sockets between two samples.
    Paths,
    /// Segments on the wire.
    Segments,
    /// UDP sockets.
    Datagrams,
    /// Who has a socket open.
    Holders,
    /// Short-lived processes, exit statuses, who reaped.
    Processes,
    /// System calls and their errors.
    Calls,
}

impl Aspect {
    /// In words, as it stands behind "cannot see".
    pub fn words(self) -> &'static str {
        match self {
            Aspect::Paths => "states that last shorter than the time between two samples",
            Aspect::Segments => "segments",
            Aspect::Datagrams => "UDP sockets",
            Aspect::Holders => "all holders of a socket",
            Aspect::Processes => "short-lived processes",
            Aspect::Calls => "system calls",
        }
    }
}
