//! Which side of the picture a host, an endpoint or a process belongs to, and by what name.

use crate::event::{Packet, SocketKey, WIRE};
use crate::model::{HostName, ProcessName, ProgramName, Role};
use crate::report::text::escape;
use crate::run::Run;
use crate::timeline::Endpoint;

/// A side of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's.
    Left,
    /// The server's.
    Right,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

/// How the endpoints of a lane are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// There is one of a kind.
    Unnamed,
    /// `conn2`
    Local,
    /// `client.conn2`
    Full,
}

/// The two lanes of a run: the last host at the right, all others at the left. On one host, the
/// programs that listen are at the right.
#[derive(Clone, Debug)]
pub struct Lanes<'a> {
    run: &'a Run,
    listening: Vec<ProgramName>,
    connections: [Naming; 2],
    listeners: [Naming; 2],
    datagrams: [Naming; 2],
}

impl<'a> Lanes<'a> {
    /// The lanes of `run`.
    pub fn of(run: &'a Run) -> Lanes<'a> {
        let listening = run
            .timeline
            .endpoints()
            .iter()
            .filter(|e| e.role == Role::Listener)
            .map(|e| e.name.program())
            .collect();
        let mut lanes = Lanes {
            run,
            listening,
            connections: [Naming::Unnamed; 2],
            listeners: [Naming::Unnamed; 2],
            datagrams: [Naming::Unnamed; 2],
        };
        for side in [Side::Left, Side::Right] {
            lanes.connections[side as usize] = lanes.naming(side, Role::Connection);
            lanes.listeners[side as usize] = lanes.naming(side, Role::Listener);
            lanes.datagrams[side as usize] = lanes.naming(side, Role::Datagram);
        }
        lanes
    }

    fn naming(&self, side: Side, role: Role) -> Naming {
        let mut programs: Vec<ProgramName> = self
            .run
            .timeline
            .endpoints()
            .iter()
            .filter(|e| e.role == role && self.side(e) == side)
            .map(|e| e.name.program())
            .collect();
        let endpoints = programs.len();
        programs.sort();
        programs.dedup();
        match (endpoints, programs.len()) {
            (0 | 1, _) => Naming::Unnamed,
            (_, 1) => Naming::Local,
            _ => Naming::Full,
        }
    }

    /// The side of an endpoint.
    pub fn side(&self, endpoint: &Endpoint) -> Side {
        self.side_of(&endpoint.host, &endpoint.name.program())
    }

    /// The side of a process; nothing when the run knows no such process.
    pub fn side_of_process(&self, name: &ProcessName) -> Option<Side> {
        let process = self.run.timeline.process(name)?;
        Some(self.side_of(&process.host, &name.program()))
    }

    /// Where a packet comes from and where it goes.
    pub fn way(&self, packet: &Packet) -> (Side, Side) {
        let to = packet.to.as_ref().map(|host| self.side_of_host(host));
        let from = match to {
            // What the wire sends itself comes from the far side, as a router's message does.
            Some(to) if packet.from.as_str() == WIRE => to.other(),
            _ => self.side_of_host(&packet.from),
        };
        (from, to.unwrap_or(from.other()))
    }

    fn side_of(&self, host: &HostName, program: &ProgramName) -> Side {
        let hosts = &self.run.header.hosts;
        if hosts.len() > 1 && hosts.contains(host) {
            return self.side_of_host(host);
        }
        let listens = self.listening.contains(program);
        // A stranger, the other end of a program that listens or connects.
        let is_opposite = !listens && self.listening.is_empty() && !self.runs(program);
        match listens || is_opposite {
            true => Side::Right,
            false => Side::Left,
        }
    }

    fn runs(&self, program: &ProgramName) -> bool {
        let mut processes = self.run.timeline.processes().iter();
        processes.any(|process| process.name.program() == *program)
    }

    fn side_of_host(&self, host: &HostName) -> Side {
        if self.run.header.hosts.last() == Some(host) {
            Side::Right
        } else {
            Side::Left
        }
    }

    /// What tells an endpoint from the others in its lane; empty when nothing needs to.
    pub fn label(&self, endpoint: &Endpoint) -> String {
        let side = self.side(endpoint) as usize;
        let naming = match endpoint.role {
            Role::Listener => self.listeners[side],
            Role::Connection => self.connections[side],
            Role::Datagram => self.datagrams[side],
        };
        match naming {
            Naming::Unnamed => String::new(),
            Naming::Local => escape(endpoint.name.local()),
            Naming::Full => escape(endpoint.name.as_str()),
        }
    }

    /// The heading of a lane: its hosts, or on one host its programs.
    pub fn title(&self, side: Side) -> String {
        let hosts = &self.run.header.hosts;
        let names: Vec<String> = match hosts.split_last() {
            Some((last, others)) if !others.is_empty() => match side {
                Side::Left => others.iter().map(HostName::to_string).collect(),
                Side::Right => vec![last.to_string()],
            },
            _ => self.programs(side),
        };
        escape(&names.join(", "))
    }

    fn programs(&self, side: Side) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for process in self.run.timeline.processes() {
            let program = process.name.program();
            let name = program.to_string();
            if self.side_of(&process.host, &program) == side && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The endpoint that events call so.
    pub(crate) fn endpoint(&self, key: SocketKey) -> Option<&'a Endpoint> {
        self.run.timeline.endpoint_by_key(key)
    }
}
