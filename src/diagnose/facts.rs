//! [`Facts`]: what a finding is about, as values: for whoever reads a program's output and not its
//! sentences.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::picture::{Picture, Process, Since, Socket};

/// What a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Facts {
    /// The network namespace (the inode of `/proc/PID/ns/net`), where several are looked at.
    pub netns: Option<u64>,
    /// The port, of a finding that is about one.
    pub port: Option<u16>,
    /// The sockets. What is wrong is wrong with the first.
    pub sockets: Vec<SocketFact>,
    /// The other end of the first socket's connection, where it is in sight.
    pub other_end: Option<SocketFact>,
    /// The processes, of a finding that is about these and not about what they hold.
    pub processes: Vec<ProcessFact>,
    /// Of what is counted between two looks, how many there are, or came.
    pub count: Option<u64>,
    /// How many there were at the first look.
    pub before: Option<u64>,
}

/// A socket of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SocketFact {
    /// The kernel's cookie, as in `sockscope ls`: the same for as long as the socket is there.
    pub cookie: u64,
    /// Its network namespace, where several are looked at.
    pub netns: Option<u64>,
    /// Its own address.
    pub local_address: Option<String>,
    /// Its own port.
    pub local_port: Option<u16>,
    /// The other end's address: all zeros of a listener.
    pub remote_address: Option<String>,
    /// The other end's port.
    pub remote_port: Option<u16>,
    /// Its state, as netstat calls it.
    pub state: String,
    /// At least so long in that state, in milliseconds, where the kernel tells.
    #[serde(rename = "age_ms", serialize_with = "milliseconds")]
    #[schemars(with = "Option<u64>")]
    pub age: Option<Duration>,
    /// Recv-Q: bytes that were not read; of a listener, connections that were not accepted.
    pub recv_q: Option<u32>,
    /// Send-Q: bytes that are not acknowledged; of a listener, its backlog.
    pub send_q: Option<u32>,
    /// Retransmissions or probes without an answer.
    pub retransmits: Option<u8>,
    /// Whether processes are known to hold it.
    pub held: HeldBy,
    /// Who has it open, all that are known.
    pub holders: Vec<HolderFact>,
    /// Whether nobody else can have it open.
    pub holders_complete: bool,
}

/// What is known of the holders of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// At least one process.
    Processes,
    /// No process.
    Nobody,
    /// Nobody could tell.
    Unknown,
}

/// A process and its descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HolderFact {
    /// The process.
    pub pid: i32,
    /// Its descriptor.
    pub fd: i32,
    /// What the process runs.
    pub name: String,
    /// Whether `execve(2)` closes the descriptor, where somebody looked.
    pub close_on_exec: Option<bool>,
}

/// A process of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProcessFact {
    /// Its pid.
    pub pid: i32,
    /// What it runs.
    pub name: String,
    /// Its state letter, as `ps` shows it.
    pub state: Option<char>,
    /// Its parent, where that is in sight.
    pub parent_pid: Option<i32>,
    /// What the parent runs.
    pub parent_name: Option<String>,
}

impl Facts {
    /// A socket with the other end of its connection.
    pub fn of_socket(picture: &Picture, socket: &Socket) -> Facts {
        Facts {
            other_end: picture
                .peer(socket)
                .map(|peer| SocketFact::of(picture, peer)),
            ..Facts::of_sockets(picture, [socket])
        }
    }

    /// Several sockets.
    pub fn of_sockets<'a>(
        picture: &Picture,
        sockets: impl IntoIterator<Item = &'a Socket>,
    ) -> Facts {
        let sockets = sockets.into_iter();
        let sockets: Vec<SocketFact> = sockets.map(|it| SocketFact::of(picture, it)).collect();
        Facts {
            netns: sockets.first().and_then(|socket| socket.netns),
            sockets,
            ..Facts::default()
        }
    }

    /// Several processes.
    pub fn of_processes<'a>(
        picture: &Picture,
        processes: impl IntoIterator<Item = &'a Process>,
    ) -> Facts {
        let processes = processes.into_iter();
        Facts {
            processes: processes.map(|it| ProcessFact::of(picture, it)).collect(),
            ..Facts::default()
        }
    }

    /// What came between two looks.
    pub fn counted(count: u64) -> Facts {
        Facts {
            count: Some(count),
            ..Facts::default()
        }
    }

    /// The same, of this port.
    #[must_use]
    pub fn on_port(self, port: u16) -> Facts {
        Facts {
            port: Some(port),
            ..self
        }
    }

    /// The same, with how many there were at the first look, and are at the second.
    #[must_use]
    pub fn grown(self, before: usize, count: usize) -> Facts {
        Facts {
            before: Some(before as u64),
            count: Some(count as u64),
            ..self
        }
    }

    /// At least so long the first socket has been in its state.
    pub fn age(&self) -> Option<Duration> {
        self.sockets.first()?.age
    }
}

impl SocketFact {
    fn of(picture: &Picture, socket: &Socket) -> SocketFact {
        let (local, remote) = match socket.tuple {
            Some(tuple) => (Some(tuple.local), Some(tuple.remote)),
            None => (None, None),
        };
        let asked = socket.facts.as_ref();
        let held = socket.holders.iter().flatten();
        let holders: Vec<HolderFact> = held
            .filter_map(|held| {
                let process = picture.processes.get(held.process)?;
                Some(HolderFact {
                    pid: process.pid,
                    fd: held.fd,
                    name: process.program.clone(),
                    close_on_exec: held.close_on_exec,
                })
            })
            .collect();
        SocketFact {
            cookie: socket.key,
            netns: socket.netns,
            local_address: local.map(|local| local.ip().to_string()),
            local_port: local.map(|local| local.port()),
            remote_address: remote.map(|remote| remote.ip().to_string()),
            remote_port: remote.map(|remote| remote.port()),
            state: socket.state.to_string(),
            age: match socket.since {
                Some(Since::AtLeast(age)) => Some(age),
                Some(Since::Step(_)) | None => None,
            },
            recv_q: asked.map(|facts| facts.recv_q),
            send_q: asked.map(|facts| facts.send_q),
            retransmits: asked.map(|facts| facts.retransmits),
            held: match (socket.held_by_nobody(), holders.is_empty()) {
                (true, _) => HeldBy::Nobody,
                (false, true) => HeldBy::Unknown,
                (false, false) => HeldBy::Processes,
            },
            holders,
            holders_complete: socket.holders.is_some() && !socket.more_holders,
        }
    }
}

impl ProcessFact {
    fn of(picture: &Picture, process: &Process) -> ProcessFact {
        let parent = process
            .parent
            .and_then(|index| picture.processes.get(index));
        ProcessFact {
            pid: process.pid,
            name: process.program.clone(),
            state: process.state.map(|state| state.letter()),
            parent_pid: parent.map(|parent| parent.pid),
            parent_name: parent.map(|parent| parent.program.clone()),
        }
    }
}

fn milliseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let ms = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    ms.serialize(serializer)
}
