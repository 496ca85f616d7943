//! A scenario: programs, steps, expectations. These types are what the file means; how it is
//! written is in `docs/scenario-format.md`.

mod action;
mod bound;
pub mod builtin;
mod duration;
mod endpoint;
mod error;
mod expectation;
mod file;
mod host_table;
mod literal;
mod load;
mod meaning;
mod names;
mod packets;
mod placeholder;
mod process;
mod program_table;
mod quoted;
mod reader;
#[cfg(test)]
mod round_trip;
mod schema;
pub mod select;
mod step_table;
mod suggest;
mod wire;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::event::TcpFlags;
pub use duration::{NotADuration, parse_duration, write_duration};
pub use error::{Fault, ScenarioError, render_at};
pub use load::{LoadError, load, load_builtin, load_file, load_text};
pub use placeholder::{PORTS, TemplateError, expand, fill};
pub use schema::schema_text;
pub use step_table::DEFAULT_WITHIN;

use crate::model::{
    EndpointName, HostName, ProcessName, ProgramName, TcpState, TimerKind, UdpState,
};

/// A value and where it stands in the scenario file, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The text that a scenario was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// How the user knows it: a path, or `scenarios/close/normal-close.toml` for a built-in one.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// What a scenario file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The file's stem: `normal-close`.
    pub name: String,
    /// The folder of a built-in one (`close`); empty for the user's own.
    pub topic: String,
    /// One line.
    pub title: String,
    /// The story.
    pub about: String,
    /// Where the story comes from: `UNP 5.8`.
    pub source_note: Option<String>,
    /// Of a bug: the line that mends it.
    pub fix: Option<String>,
    /// The scenario that shows the same with the fix, or without.
    pub twin: Option<String>,
    /// The programs by name.
    pub programs: BTreeMap<ProgramName, Program>,
    /// Settings of hosts by name; a host that a program names need not be here.
    pub hosts: BTreeMap<HostName, Host>,
    /// Whether settled states suffice where complete paths cannot be observed.
    pub paths: Paths,
    /// Observers that it wants besides those that always run.
    pub observe: BTreeSet<Observe>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Where all this was read from.
    pub text: SourceText,
}

/// An observer that runs only when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observe {
    /// System calls and signals, by `ptrace(2)`.
    Syscalls,
}

impl Observe {
    /// Observer and word, as scenario files write them.
    pub const NAMED: [(Observe, &'static str); 1] = [(Observe::Syscalls, "syscalls")];
}

/// Whether a path (`A > B`) must have been observed completely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paths {
    /// Yes; where it cannot be, the verdict is inconclusive.
    #[default]
    Complete,
    /// No: its last state, settled, and no contradiction suffice (`paths = "settled"`).
    Settled,
}

/// A program of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What to run, with placeholders: `chat-client {server} {port}`. The first word is a built-in
    /// program or a command.
    pub command: Spanned<Vec<String>>,
    /// Where it runs; by default `server` for a program called so or named `server…`, otherwise
    /// `client`.
    pub host: HostName,
    /// Environment on top of sockscope's own.
    pub env: BTreeMap<String, String>,
    /// Working directory; by default the user's.
    pub dir: Option<PathBuf>,
}

/// Settings of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// `net.*` sysctls of its namespace, by dotted name.
    pub sysctl: BTreeMap<String, String>,
    /// The least retransmission timeout (RFC 6298's RTO floor) on its route.
    pub rto_min: Option<Duration>,
    /// Whether ACKs are sent at once (the default in a lab), or delayed as Linux does by itself.
    pub quickack: Option<bool>,
}

/// A step: actions, then what must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The part of the story that happens here, for `sockscope explain`.
    pub tells: Option<String>,
    /// The actions; none: only wait for the expectations.
    pub actions: Vec<Spanned<Action>>,
    /// What must hold before the step ends.
    pub expect: Vec<Spanned<Expectation>>,
    /// What must not hold at any time of the step.
    pub never: Vec<Spanned<Expectation>>,
    /// How long to wait for the expectations, before `--timeout-scale`.
    pub within: Duration,
    /// Where the step stands.
    pub span: Range<usize>,
}

/// Something that a step does. [`fmt::Display`] writes it as the file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `start server`
    Start(ProgramName),
    /// `client types hello`
    Type {
        /// Who gets it on its standard input.
        program: ProgramName,
        /// The line, without its end.
        line: String,
    },
    /// `close stdin of client`
    CloseStdin(ProgramName),
    /// `send SIGKILL to server.child`; `send SIGTERM to server and its children`
    Signal {
        /// The signal's number.
        signal: i32,
        /// To whom.
        to: ProcessName,
        /// And to all its descendants.
        tree: bool,
    },
    /// `hold FIN from client`: until released.
    Hold(Matcher),
    /// `release all`, `release next`, `release FIN from client`
    Release(Matcher),
    /// `drop next FIN from client`, `drop all from server`
    Drop(Matcher),
    /// `delay data from client by 100ms`
    Delay {
        /// What.
        what: Matcher,
        /// For how long.
        by: Duration,
    },
    /// `answer next SYN from client with host-unreachable`: the segment is dropped and an ICMP
    /// message goes back.
    Unreachable {
        /// What.
        what: Matcher,
        /// Which message.
        code: UnreachableCode,
    },
    /// `cut wire`
    Cut,
    /// `mend wire`
    Mend,
    /// `crash server`: nothing goes out of the host or in any more.
    Crash(HostName),
    /// `reboot server`: the host is replaced by one without memory, at the same address.
    Reboot(HostName),
    /// `set server net.ipv4.tcp_fin_timeout = 1`
    Sysctl {
        /// Where.
        host: HostName,
        /// Which, by dotted name.
        key: String,
        /// The value.
        value: String,
    },
}

/// Which ICMP "destination unreachable" the wire sends back (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachableCode {
    /// `net-unreachable`
    Net,
    /// `host-unreachable`
    Host,
    /// `port-unreachable`
    Port,
    /// `admin-prohibited`
    Prohibited,
}

impl UnreachableCode {
    /// Word and code, as scenario files write them.
    pub const NAMED: [(UnreachableCode, &'static str); 4] = [
        (UnreachableCode::Net, "net-unreachable"),
        (UnreachableCode::Host, "host-unreachable"),
        (UnreachableCode::Port, "port-unreachable"),
        (UnreachableCode::Prohibited, "admin-prohibited"),
    ];
}

/// Which packets are meant: `next FIN from client`, `all`, `next 3 data from server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// How many that fit are let pass first: `3rd` is 2.
    pub skip: usize,
    /// How many: `next` is 1, `next 3` is 3, `all` (also when nothing is said) is none.
    pub count: Option<usize>,
    /// What they carry.
    pub what: PacketClass,
    /// Who sends them, a program's host or a host.
    pub from: Option<HostName>,
}

/// A class of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketClass {
    /// `packets`, or nothing said.
    Any,
    /// `SYN`, `SYN,ACK`, `FIN`, `RST`: all these flags set. `SYN` alone means without ACK. `ACK`
    /// alone means a bare acknowledgement: no other flag, no data.
    Flags(TcpFlags),
    /// `data`: payload.
    Data,
    /// `retransmission` (also `retransmit`, `retransmissions`, `retransmits`).
    Retransmission,
    /// `keepalive` probe.
    KeepAlive,
    /// `window probe`.
    WindowProbe,
    /// `UDP`, `datagrams`.
    Udp,
    /// `ICMP`.
    Icmp,
}

/// Something that must hold. [`fmt::Display`] writes it as the file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// `client.conn ESTABLISHED`, `client.conn ESTABLISHED > FIN_WAIT1 >> TIME_WAIT`
    Path {
        /// The endpoint.
        endpoint: EndpointName,
        /// The states.
        path: StatePath,
    },
    /// `client.udp connected`, `server.udp unconnected`, `client.udp gone`
    Datagram {
        /// The UDP socket.
        endpoint: EndpointName,
        /// What it settles in.
        state: UdpState,
    },
    /// `server.conn held by server, server.child`, `client.conn held by nobody`
    HeldBy {
        /// The endpoint.
        endpoint: EndpointName,
        /// Exactly these processes, in any order; none: nobody.
        holders: Vec<ProcessName>,
    },
    /// `server.conn recv-q = 5`, `client.conn retransmits >= 2`
    Gauge {
        /// The endpoint.
        endpoint: EndpointName,
        /// What is measured.
        gauge: Gauge,
        /// Against what.
        bound: Bound,
    },
    /// `client.conn timer timewait`
    Timer {
        /// The endpoint.
        endpoint: EndpointName,
        /// The timer.
        timer: TimerKind,
    },
    /// `server.child exited 0, reaped`, `client killed by SIGPIPE`, `server running`
    Process {
        /// The process.
        process: ProcessName,
        /// All of these hold.
        facts: Vec<ProcessFact>,
    },
    /// `any zombie`, `server zombies = 5`
    Zombies {
        /// Of which program; none: of all.
        of: Option<ProgramName>,
        /// How many.
        bound: Bound,
    },
    /// `server children = 5`: forked processes that are not reaped.
    Children {
        /// Of which program.
        of: ProgramName,
        /// How many.
        bound: Bound,
    },
    /// `client failed EPIPE`, `client failed write EPIPE`, `server failed accept ECONNABORTED`
    Failed {
        /// The process.
        process: ProcessName,
        /// Which call; none: any.
        call: Option<String>,
        /// The errno's number.
        errno: i32,
    },
    /// `client got EOF`
    GotEof(ProcessName),
    /// `server caught SIGCHLD`
    Caught {
        /// The process.
        process: ProcessName,
        /// The signal's number.
        signal: i32,
    },
    /// `client prints hello`: a line of its output, standard output or error, contains the text.
    Prints {
        /// The program (its children share the pipe).
        process: ProcessName,
        /// The text.
        text: String,
    },
    /// `wire RST from server`, `wire 3 retransmits from client`, `wire no FIN`
    Wire {
        /// How many in this step.
        bound: Bound,
        /// Of which packets (the matcher's own count is not used).
        what: Matcher,
    },
    /// `wire client SYN > server SYN,ACK > client ACK`: exactly these packets in this step, in
    /// this order.
    WireSequence(Vec<(HostName, PacketClass)>),
}

/// A fact about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessFact {
    /// `running`: it has not ended (whatever its letter).
    Running,
    /// `stopped`: letter T.
    Stopped,
    /// `zombie`: ended and not reaped.
    Zombie,
    /// `exited N`
    Exited(i32),
    /// `killed by SIGPIPE`
    KilledBy(i32),
    /// `reaped`: its status was collected, whoever did it.
    Reaped,
    /// `reaped by parent`
    ReapedBy(Collector),
    /// `adopted`: its parent ended first.
    Adopted,
}

/// Who collects the status of an ended process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collector {
    /// `parent`: the process that forked it.
    Parent,
    /// `init`: the lab's first process, which starts the programs and adopts orphans.
    Init,
    /// `kernel`: nobody has to, since the parent ignores SIGCHLD.
    Kernel,
}

impl Collector {
    /// Collector and word, as scenario files write them.
    pub const NAMED: [(Collector, &'static str); 3] = [
        (Collector::Parent, "parent"),
        (Collector::Init, "init"),
        (Collector::Kernel, "kernel"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Collector::Parent => "parent",
            Collector::Init => "init",
            Collector::Kernel => "kernel",
        }
    }
}

/// Something measurable about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// `recv-q`
    RecvQ,
    /// `send-q`
    SendQ,
    /// `retransmits`
    Retransmits,
    /// `timer-ms`: until the timer expires.
    TimerMs,
}

impl Gauge {
    /// Gauge and word, as scenario files write them.
    pub const NAMED: [(Gauge, &'static str); 4] = [
        (Gauge::RecvQ, "recv-q"),
        (Gauge::SendQ, "send-q"),
        (Gauge::Retransmits, "retransmits"),
        (Gauge::TimerMs, "timer-ms"),
    ];
}

/// `= 5`, `>= 2`, `< 10`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The comparison.
    pub op: Comparison,
    /// The number.
    pub value: u64,
}

impl Bound {
    /// Whether `measured` is within the bound.
    pub fn holds(self, measured: u64) -> bool {
        match self.op {
            Comparison::Equal => measured == self.value,
            Comparison::AtLeast => measured >= self.value,
            Comparison::AtMost => measured <= self.value,
            Comparison::More => measured > self.value,
            Comparison::Less => measured < self.value,
        }
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `<`
    Less,
}

/// A path of states. One state alone is what the endpoint settles in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePath {
    /// The first state.
    pub first: TcpState,
    /// The others, each with the link that leads to it.
    pub rest: Vec<(Link, TcpState)>,
}

impl StatePath {
    /// The last state.
    pub fn last(&self) -> TcpState {
        self.rest.last().map_or(self.first, |(_, state)| *state)
    }

    /// Whether the path names this state.
    pub fn names(&self, state: TcpState) -> bool {
        self.first == state || self.rest.iter().any(|(_, named)| *named == state)
    }

    /// Whether it is a bare state.
    pub fn is_settled_state(&self) -> bool {
        self.rest.is_empty()
    }
}

/// How two states of a path follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `>`: directly.
    Direct,
    /// `>>`: any states between.
    Eventually,
}

impl fmt::Display for StatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        for (link, state) in &self.rest {
            let arrow = match link {
                Link::Direct => ">",
                Link::Eventually => ">>",
            };
            write!(f, " {arrow} {state}")?;
        }
        Ok(())
    }
}
