//! An event as a line of a record.

use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{
    CauseValue, ExitValue, FactsValue, FlagWords, HolderValue, ParentValue, ResultValue,
    SenderValue, SignalValue, StateLetter, StateWord,
};
use crate::event::{Aspect, Event, SegmentRole, SignalFate, Source, Stream, ToldSegment};
use crate::model::{Evidence, UdpState};
use crate::timeline::Timeline;

mod inward;
mod outward;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventLine {
    /// Its number in this record, counted from 0. Verdicts refer to it.
    pub index: usize,
    /// When: nanoseconds since the run began, by `CLOCK_MONOTONIC`. Never less than the event's
    /// before.
    pub at_ns: u64,
    /// The step during which it happened, counted from 1.
    #[schemars(range(min = 1))]
    pub step: usize,
    /// Who noticed.
    pub source: Source,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A step of the scenario began.
    StepBegan,
    /// One action of the step was carried out.
    Acted {
        /// The action as the scenario file writes it.
        text: String,
    },
    /// Every process was blocked or gone, every pipe drained, no packet in flight: what was
    /// sampled just before is what lasts until something else happens.
    Quiet,
    /// A program of the scenario was started.
    Spawned {
        /// Its first process.
        process: String,
        /// Its pid as sockscope's own `/proc` shows it.
        pid: i32,
        /// The pid by which it knows itself, in the innermost pid namespace it is in: the one that
        /// the arguments and values of system calls name. Absent where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ns_pid: Option<i32>,
        /// Where it runs.
        host: String,
        /// Its command line.
        command: Vec<String>,
    },
    /// A process was forked.
    Forked {
        /// The new process.
        process: String,
        /// Its pid as sockscope's own `/proc` shows it.
        pid: i32,
        /// The pid by which it knows itself. Absent where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ns_pid: Option<i32>,
        /// Who forked it.
        parent: String,
    },
    /// A process's state letter changed.
    ProcessState {
        /// The process.
        process: String,
        /// Its state from now on.
        state: StateLetter,
    },
    /// A process ended. It stays a zombie until it is reaped.
    Exited {
        /// The process.
        process: String,
        /// How; absent where the kernel did not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<ExitValue>,
    },
    /// Somebody collected a process's exit status.
    Reaped {
        /// The process.
        process: String,
        /// Who.
        by: ParentValue,
    },
    /// A process got a new parent, because the old one ended.
    Adopted {
        /// The process.
        process: String,
        /// The new parent.
        by: ParentValue,
    },
    /// A TCP socket appeared or changed its state. CLOSE is the last one: the kernel knows it no
    /// more.
    Socket {
        /// The socket's number in this record.
        socket: u32,
        /// Its name: `client.conn`.
        endpoint: String,
        /// Where it lives.
        host: String,
        /// Its state from now on.
        state: StateWord,
        /// How the state is known.
        evidence: Evidence,
        /// The program it belongs to, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// What caused it, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<CauseValue>,
        /// The kernel's answer; absent for a state that was inferred and a socket that is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        facts: Option<FactsValue>,
    },
    /// A UDP socket appeared, was connected to a peer, or is gone.
    Datagram {
        /// The socket's number in this record.
        socket: u32,
        /// Its name: `client.udp`.
        endpoint: String,
        /// Where it lives.
        host: String,
        /// What it is from now on.
        state: UdpState,
        /// The program it belongs to, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// The kernel's answer; absent for a socket that is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        facts: Option<FactsValue>,
    },
    /// Queues, timer, retransmissions or the like changed, the state did not.
    Gauges {
        /// The socket's number in this record.
        socket: u32,
        /// Its name.
        endpoint: String,
        /// The kernel's answer.
        facts: FactsValue,
    },
    /// Who has the socket open changed.
    Holders {
        /// The socket's number in this record.
        socket: u32,
        /// Its name.
        endpoint: String,
        /// All of them, sorted; empty: nobody, the kernel finishes it.
        holders: Vec<HolderValue>,
        /// Processes whose descriptors could not be read: they may hold it too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<String>,
    },
    /// A packet left a host and is in sockscope's hands.
    Sent {
        /// Its number, counted from 1 in the order of leaving.
        packet: u32,
        /// The host that sent it; `wire` for a message that the wire itself sent.
        from: String,
        /// The host it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// Source address and port (port 0 where there are none).
        #[schemars(with = "String")]
        src: SocketAddr,
        /// Destination address and port.
        #[schemars(with = "String")]
        dst: SocketAddr,
        /// Payload bytes above the transport header.
        len: u32,
        /// What it carries.
        body: BodyValue,
    },
    /// The packet was handed to the other host.
    Delivered {
        /// The packet's number.
        packet: u32,
    },
    /// The packet is held back until a step releases it.
    Held {
        /// The packet's number.
        packet: u32,
    },
    /// The packet will never arrive.
    Dropped {
        /// The packet's number.
        packet: u32,
        /// Why, as the scenario says it.
        why: String,
    },
    /// A process wrote a line, or, at its end, the rest of one.
    Output {
        /// The process that was started; its children share the pipe.
        process: String,
        /// Which stream.
        stream: Stream,
        /// The line without its end; bytes that are no UTF-8 replaced by U+FFFD.
        text: String,
    },
    /// A process made a system call that matters, or a signal handler of it ran.
    Called {
        /// The process.
        process: String,
        /// The call's name (`write`), or the signal's (`SIGCHLD`) when a handler ran.
        call: String,
        /// Its arguments as one would write them: `4, SHUT_WR`.
        args: String,
        /// What it returned.
        result: ResultValue,
        /// The descriptor that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fd: Option<i32>,
        /// The inode of the socket behind that descriptor (`socket:[…]` in `/proc/PID/fd`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inode: Option<u32>,
        /// The inode of the socket behind the descriptor that it returned (`accept(2)`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opened: Option<u32>,
        /// The thread's id, where it is not the process's first one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<i32>,
    },
    /// A process replaced its program by another (`execve(2)`).
    Executed {
        /// The process.
        process: String,
        /// The new command line.
        command: Vec<String>,
    },
    /// A process has another name in `ps(1)` than before: by exec, or it named itself.
    Renamed {
        /// The process, by the name that it keeps within the run.
        process: String,
        /// What it calls itself now.
        comm: String,
    },
    /// A signal was sent to a process, or reached it.
    Signal {
        /// The process it is for.
        process: String,
        /// The signal.
        signal: SignalValue,
        /// Who sent it.
        sender: SenderValue,
        /// How far it has come.
        fate: SignalFate,
    },
    /// The kernel told of a segment that it sent or received.
    Told {
        /// The number of the socket, where it is one of the run's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        socket: Option<u32>,
        /// The socket's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// What became of the segment.
        what: ToldSegment,
        /// The local address and port.
        #[schemars(with = "String")]
        local: SocketAddr,
        /// The remote address and port.
        #[schemars(with = "String")]
        remote: SocketAddr,
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

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BodyValue {
    /// A TCP segment. Sequence numbers count from the initial one.
    Tcp {
        /// The flags that are set.
        flags: FlagWords,
        /// Relative sequence number.
        seq: u32,
        /// Relative acknowledgement number; meaningful with ACK.
        ack: u32,
        /// The window in bytes, scaled.
        window: u32,
        /// What it is apart from its flags.
        role: SegmentRole,
    },
    /// A UDP datagram.
    Udp,
    /// An ICMP or ICMPv6 message.
    Icmp {
        /// In words.
        text: String,
    },
    /// Anything else: a fragment, another protocol.
    Other {
        /// In words.
        text: String,
    },
}

impl EventLine {
    /// The line of an event of `timeline`, which names its endpoints.
    pub fn of(index: usize, event: &Event, timeline: &Timeline) -> EventLine {
        EventLine {
            index,
            at_ns: nanoseconds(event.at),
            step: event.step + 1,
            source: event.source,
            what: outward::what(event.kind.clone(), timeline),
        }
    }

    /// The event. A step of 0, which no record has, counts as the first.
    pub fn into_event(self) -> Event {
        Event {
            at: Duration::from_nanos(self.at_ns),
            step: self.step.saturating_sub(1),
            source: self.source,
            kind: self.what.into_kind(),
        }
    }
}

/// 584 years of nanoseconds fit.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
