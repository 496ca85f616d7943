//! What stands for a run's pids and ports: numbers that are the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::event::{ByPid, Event, Kind, SignalOrigin};
use crate::model::{ProcessName, SocketFacts};
use crate::run::{Place, Run};

/// The first port that stands for an ephemeral one.
const FIRST_PORT: u16 = 50001;
/// From this port on they are taken for ephemeral ones (`ip_local_port_range`, `ip(7)`), unless a
/// command line names them.
const EPHEMERAL: u16 = 20000;
/// The first pid of a normal run.
const FIRST_PID: i32 = 101;
/// The first number of a pid of nobody in the run, and of a thread.
const FIRST_STRANGER: i32 = 10_001;

/// What stands for what in one run.
#[derive(Debug, Default)]
pub(super) struct Names {
    ports: BTreeMap<u16, u16>,
    /// Ports that a command line names where it names the same ones every time.
    constant: BTreeSet<u16>,
    /// Ports that a command line names where it names other ones elsewhere.
    named: BTreeSet<u16>,
    /// The number of each process, by the pid that sockscope's own `/proc` has.
    pids: BTreeMap<i32, i32>,
    /// The number of each process, by the pid that programs see.
    inner: ByPid<i32>,
    /// Pids of nobody in the run, and thread ids.
    strangers: BTreeMap<i32, i32>,
    /// The threads of each process in the order of their first call.
    threads: BTreeMap<(ProcessName, i32), i32>,
    inodes: BTreeMap<u32, u32>,
}

impl Names {
    /// Gives every process and port of a run its number, in this order of the events. `anywhere`:
    /// the same number at every place, also to the ports that command lines name.
    pub(super) fn of(run: &Run, order: &[usize], anywhere: bool) -> Names {
        let mut names = Names::default();
        let events = run.timeline.events();
        let in_commands = events.iter().flat_map(in_command);
        match (anywhere, run.header.place) {
            (true, _) => names.named = in_commands.filter(|port| *port > 0).collect(),
            // There the port that `{port}` stands for is another one each time.
            (false, Place::Host) => {}
            (false, _) => names.constant = in_commands.collect(),
        }
        for index in order {
            names.meet(*index, &events[*index].kind);
        }
        names
    }

    fn meet(&mut self, index: usize, kind: &Kind) {
        match kind {
            Kind::Spawned {
                pid,
                ns_pid,
                command,
                ..
            } => {
                self.process(index, *pid, *ns_pid);
                for port in command.iter().filter_map(|word| port_in(word)) {
                    if self.named.contains(&port) {
                        self.port(port);
                    }
                }
            }
            Kind::Forked { pid, ns_pid, .. } => self.process(index, *pid, *ns_pid),
            Kind::Socket {
                facts: Some(SocketFacts { tuple, .. }),
                ..
            }
            | Kind::Datagram {
                facts: Some(SocketFacts { tuple, .. }),
                ..
            }
            | Kind::Told { tuple, .. } => self.ends(tuple.local, tuple.remote),
            Kind::Sent(packet) => self.ends(packet.src, packet.dst),
            Kind::Signal {
                from: SignalOrigin::Stranger { pid },
                ..
            } => {
                self.stranger(*pid);
            }
            _ => {}
        }
    }

    fn ends(&mut self, one: SocketAddr, other: SocketAddr) {
        self.port(one.port());
        self.port(other.port());
    }

    fn process(&mut self, index: usize, pid: i32, ns_pid: Option<i32>) {
        let number = self.pid(pid);
        // An older record has one pid only: the same, or one that no program names.
        let seen = ns_pid.unwrap_or(pid);
        self.inner.add(seen, index, number);
    }

    /// What stands for a port, in a field that holds one.
    pub(super) fn port(&mut self, port: u16) -> u16 {
        let is_ephemeral = port >= EPHEMERAL && !self.constant.contains(&port);
        if !is_ephemeral && !self.named.contains(&port) {
            return port;
        }
        let next = FIRST_PORT.saturating_add(u16::try_from(self.ports.len()).unwrap_or(u16::MAX));
        *self.ports.entry(port).or_insert(next)
    }

    /// What stands for a port that the run is known to have used.
    pub(super) fn known_port(&self, port: u16) -> Option<u16> {
        self.ports.get(&port).copied()
    }

    /// What stands for a pid as sockscope's own `/proc` has it.
    pub(super) fn pid(&mut self, pid: i32) -> i32 {
        number(&mut self.pids, pid, FIRST_PID)
    }

    /// What stands for the pid of a process of the run, as sockscope's own `/proc` has it.
    pub(super) fn known_pid(&self, pid: i32) -> Option<i32> {
        self.pids.get(&pid).copied()
    }

    /// What stands for the pid of a process of the run, as programs see it at this event.
    pub(super) fn known_inner(&self, pid: i32, event: usize) -> Option<i32> {
        self.inner.at(pid, event).copied()
    }

    /// What stands for a pid as programs see it, in a field that holds one. Negative ones are
    /// process groups; 0 and -1 are none (`kill(2)`, `waitpid(2)`), and 1 is init, wherever it is
    /// no process of the run.
    pub(super) fn inner(&mut self, pid: i32, event: usize) -> i32 {
        match pid {
            i32::MIN | -1 | 0 => pid,
            ..0 => -self.inner(-pid, event),
            _ => match self.known_inner(pid, event) {
                Some(number) => number,
                None if pid == 1 => 1,
                None => self.stranger(pid),
            },
        }
    }

    /// What stands for a pid of nobody in the run.
    pub(super) fn stranger(&mut self, pid: i32) -> i32 {
        number(&mut self.strangers, pid, FIRST_STRANGER)
    }

    /// What stands for a thread's id.
    pub(super) fn thread(&mut self, process: &ProcessName, tid: i32) -> i32 {
        number(&mut self.threads, (process.clone(), tid), FIRST_STRANGER)
    }

    /// What stands for an inode; 0 is none.
    pub(super) fn inode(&mut self, inode: u32) -> u32 {
        if inode == 0 {
            return 0;
        }
        let next = u32::try_from(self.inodes.len() + 1).unwrap_or(u32::MAX);
        *self.inodes.entry(inode).or_insert(next)
    }
}

/// The number of a key, the next one for a new key.
fn number<K: Ord>(numbers: &mut BTreeMap<K, i32>, key: K, first: i32) -> i32 {
    let next = first.saturating_add(i32::try_from(numbers.len()).unwrap_or(i32::MAX));
    *numbers.entry(key).or_insert(next)
}

/// The ports that an event's command line names: `9190`, `192.0.2.2:9190`.
fn in_command(event: &Event) -> Vec<u16> {
    let (Kind::Spawned { command, .. } | Kind::Executed { command, .. }) = &event.kind else {
        return Vec::new();
    };
    command.iter().filter_map(|word| port_in(word)).collect()
}

fn port_in(word: &str) -> Option<u16> {
    word.rsplit([':', '=']).next()?.parse().ok()
}
