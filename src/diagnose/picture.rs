//! [`Picture`]: sockets with their holders, peers and processes, as plain data: what a rule looks
//! at, whether it comes from the timeline of a run or from programs that run already.

use std::fmt;
use std::time::Duration;

use crate::model::{Evidence, ProcState, SocketFacts, TcpState, Tuple};
use crate::observe::process::SignalMasks;

/// Sockets and processes at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The sockets.
    pub sockets: Vec<Socket>,
    /// The processes that hold them, their children and their parents.
    pub processes: Vec<Process>,
    /// UDP sockets, of which only the port is of interest.
    pub datagrams: Vec<Socket>,
    /// What the machine is set to.
    pub settings: Settings,
}

/// What the machine is set to (`sysctl(8)`), where it could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `net.ipv4.tcp_syn_retries`
    pub syn_retries: Option<u32>,
    /// `net.ipv4.tcp_syn_linear_timeouts` (Linux 6.5)
    pub syn_linear: Option<u32>,
    /// `net.ipv4.ip_local_port_range`: where `connect(2)` takes ports from.
    pub ephemeral: Option<(u16, u16)>,
}

impl Settings {
    /// Whether `connect(2)` may have taken this port for itself.
    pub fn is_ephemeral(&self, port: u16) -> bool {
        /// Linux's own range (`ip(7)`).
        const DEFAULT: (u16, u16) = (32_768, 60_999);
        let (from, to) = self.ephemeral.unwrap_or(DEFAULT);
        (from..=to).contains(&port)
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Socket {
    /// As reports call it: `server.conn`, or its addresses.
    pub name: String,
    /// Names it for good within its picture's machine or run.
    pub key: u64,
    /// Its network namespace or host, where there are several.
    pub place: Option<String>,
    /// The inode of its network namespace, where several are looked at.
    pub netns: Option<u64>,
    /// Its addresses, once known.
    pub tuple: Option<Tuple>,
    /// Its state.
    pub state: TcpState,
    /// How the state is known.
    pub known: Evidence,
    /// What the kernel says of it.
    pub facts: Option<SocketFacts>,
    /// Who has it open; nothing: nobody could tell.
    pub holders: Option<Vec<Held>>,
    /// Whether others may hold it that could not be seen.
    pub more_holders: bool,
    /// The other end, where it is in the picture: an index into [`Picture::sockets`].
    pub peer: Option<usize>,
    /// How long it has been in its state.
    pub since: Option<Since>,
    /// Whether a holder has just let go of it and others have not. Nothing: not known.
    pub let_go: Option<bool>,
    /// How often its SYN was sent again.
    pub sent_again: usize,
    /// Of a listener, what its namespace counted of connections that found its queue full.
    pub overflows: Option<Overflows>,
    /// What the kernel said of it at the first of several looks, if it was there.
    pub earlier: Option<SocketFacts>,
}

/// `ListenOverflows` and `ListenDrops` of `/proc/PID/net/netstat`: of the whole namespace, since
/// it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflows {
    /// Connections that found a queue full.
    pub overflows: u64,
    /// SYNs that were dropped for that or another reason.
    pub drops: u64,
}

/// Since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since this step of a run, counted from 0.
    Step(usize),
    /// For at least so long.
    AtLeast(Duration),
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Since::Step(step) => write!(f, "since step {}", step + 1),
            Since::AtLeast(time) => write!(f, "for at least {}", lapse(*time)),
        }
    }
}

/// A length of time for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub fn lapse(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A list in words, of many the first ones: `a`, `a and b`, `a, b and 119 more`. A server that
/// forks beforehand has hundreds of holders.
pub fn few(words: &[String]) -> String {
    /// So many are told one by one.
    const ALL: usize = 3;
    const FIRST: usize = 2;
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if words.len() <= ALL => format!("{} and {last}", first.join(", ")),
        many => {
            let first = many.get(..FIRST).unwrap_or(many);
            format!("{} and {} more", first.join(", "), many.len() - first.len())
        }
    }
}

/// A descriptor that a process has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The process: an index into [`Picture::processes`].
    pub process: usize,
    /// Its descriptor.
    pub fd: i32,
    /// Whether the descriptor is closed by `execve(2)`. Nothing: not known.
    pub close_on_exec: Option<bool>,
}

/// A process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// As reports call it: `server.child`, or name and pid.
    pub name: String,
    /// Names it for good within its picture's machine or run.
    pub key: u64,
    /// Its pid as sockscope's own `/proc` shows it.
    pub pid: i32,
    /// What it runs.
    pub program: String,
    /// Its parent, where it is in the picture.
    pub parent: Option<usize>,
    /// Its state.
    pub state: Option<ProcState>,
    /// Whether it ended and was not waited for.
    pub zombie: bool,
    /// What it does with signals. Nothing: not known.
    pub signals: Option<SignalMasks>,
    /// The kernel function in which it waits, where that may be read.
    pub waits_in: Option<String>,
    /// The file that it executes, where that may be read.
    pub executes: Option<String>,
}

impl Process {
    /// `server 12 is S in do_wait`; nothing where its state is not known.
    pub fn doing(&self) -> Option<String> {
        let state = self.state?.letter();
        let at = self.waits_in.as_ref();
        let at = at.map_or_else(String::new, |name| format!(" in {name}"));
        Some(format!("{} is {state}{at}", self.name))
    }

    /// Whether it cannot run.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, Some(ProcState::Stopped | ProcState::Traced))
    }
}

impl Picture {
    /// The processes that hold a socket, each once, in the order of the holders.
    pub fn holding(&self, socket: &Socket) -> Vec<&Process> {
        let mut seen = Vec::new();
        for held in socket.holders.iter().flatten() {
            if !seen.contains(&held.process) {
                seen.push(held.process);
            }
        }
        seen.into_iter()
            .filter_map(|index| self.processes.get(index))
            .collect()
    }

    /// `server fd 4 and server.child fd 4`, of many the first ones; empty when nobody is known to
    /// hold it.
    pub fn holder_list(&self, socket: &Socket) -> String {
        let holders: Vec<String> = socket
            .holders
            .iter()
            .flatten()
            .filter_map(|held| {
                let process = self.processes.get(held.process)?;
                Some(format!("{} fd {}", process.name, held.fd))
            })
            .collect();
        few(&holders)
    }

    /// The names of the processes that hold a socket, joined; of many the first ones.
    pub fn holder_names(&self, socket: &Socket) -> String {
        let holding = self.holding(socket);
        let names: Vec<String> = holding.iter().map(|process| process.name.clone()).collect();
        few(&names)
    }

    /// How it is known what the other end of a socket does. One in another network namespace was
    /// found by its addresses, which may be in use elsewhere too.
    pub fn known_of_peer(&self, socket: &Socket, peer: &Socket) -> Evidence {
        match socket.netns == peer.netns {
            true => peer.known,
            false => Evidence::Inferred,
        }
    }

    /// The other end.
    pub fn peer(&self, socket: &Socket) -> Option<&Socket> {
        self.sockets.get(socket.peer?)
    }
}

impl Socket {
    /// Whether it is known that no process holds it.
    pub fn held_by_nobody(&self) -> bool {
        self.holders.as_ref().is_some_and(Vec::is_empty)
    }

    /// How many bytes its peer acknowledged since the first look. Nothing: not known.
    pub fn acknowledged(&self) -> Option<u64> {
        let (then, now) = (
            self.earlier.as_ref()?.info.as_deref()?,
            self.facts.as_ref()?.info.as_deref()?,
        );
        Some(now.bytes_acked.saturating_sub(then.bytes_acked))
    }

    /// How many bytes came from its peer since the first look. Nothing: not known.
    pub fn received(&self) -> Option<u64> {
        let (then, now) = (
            self.earlier.as_ref()?.info.as_deref()?,
            self.facts.as_ref()?.info.as_deref()?,
        );
        Some(now.bytes_received.saturating_sub(then.bytes_received))
    }

    /// Whether its program sent something since the first look: it was acknowledged, or waits in
    /// the queue. Nothing: not known.
    pub fn sends(&self) -> Option<bool> {
        let (then, now) = (self.earlier.as_ref()?, self.facts.as_ref()?);
        Some(self.acknowledged()? > 0 || now.send_q > then.send_q)
    }

    /// Whether its program read something since the first look. Nothing: not known.
    pub fn reads(&self) -> Option<bool> {
        let (then, now) = (self.earlier.as_ref()?, self.facts.as_ref()?);
        if now.recv_q < then.recv_q {
            return Some(true);
        }
        // What came less what waits is what was read.
        let more_waits = u64::from(now.recv_q - then.recv_q);
        Some(self.received()? > more_waits)
    }

    /// The other end's address, for people.
    pub fn remote(&self) -> String {
        self.tuple
            .map(|tuple| tuple.canonical().remote)
            .map_or_else(|| "the peer".to_owned(), |remote| remote.to_string())
    }
}
