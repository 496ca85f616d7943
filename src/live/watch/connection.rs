//! [`Connection`]: one end of a connection that is watched, or a listener.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::change::{Caller, Change, Note};
use crate::live::socket::{LiveSocket, Owners};
use crate::model::{TcpState, Tuple};
use crate::observe::tracepoints::SocketAddress;

/// How many changes of a connection are kept.
const HISTORY: usize = 32;

/// Which end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A listener.
    Listener,
    /// The end that connected.
    Client,
    /// The end that a listener made.
    Server,
    /// Not known.
    Unknown,
}

/// One end of a connection, or a listener.
#[derive(Debug)]
pub struct Connection {
    /// Its number in this watch.
    pub id: u64,
    /// The socket as it was last heard of or asked for.
    pub socket: LiveSocket,
    /// Its holders, as of the last look.
    pub owners: Owners,
    /// Which end it is.
    pub role: Role,
    /// When it began, where that was told.
    pub began: Option<Duration>,
    /// When it came into its state, where that was told or seen.
    pub since: Option<Duration>,
    /// When it ended.
    pub ended: Option<Duration>,
    /// Retransmissions that the kernel told of.
    pub retransmits: u32,
    /// Its last changes, the oldest first. Empty unless histories are kept.
    pub history: VecDeque<Change>,
    /// How many changes it had.
    pub changes: u32,
    pub(super) address: Option<SocketAddress>,
    /// Whether that may be the place of another namespace's socket with the same addresses.
    pub(super) address_is_assumed: bool,
    /// Whether its local port may be that of another one that connects to the same address.
    pub(super) port_is_assumed: bool,
    /// Whether the kernel keeps only a small remainder of it.
    pub(super) remains: bool,
    /// Processes that were seen to work with it.
    pub(super) callers: Vec<Caller>,
    /// Changes that cannot be told yet: the port, or whether it is meant, is not known.
    pub(super) waiting: Vec<Change>,
    /// Whether it counts for `--until`.
    pub(super) counts: bool,
    pub(super) note: Option<Note>,
    /// The number of the last dump that had it.
    pub(super) mark: AtomicU32,
}

impl Connection {
    pub(super) fn new(id: u64, socket: LiveSocket, owners: Owners) -> Connection {
        let role = match socket.facts.state {
            TcpState::Listen => Role::Listener,
            TcpState::SynSent => Role::Client,
            TcpState::SynRecv => Role::Server,
            _ => Role::Unknown,
        };
        Connection {
            id,
            socket,
            owners,
            role,
            began: None,
            since: None,
            ended: None,
            retransmits: 0,
            history: VecDeque::new(),
            changes: 0,
            address: None,
            address_is_assumed: false,
            port_is_assumed: false,
            remains: false,
            callers: Vec::new(),
            waiting: Vec::new(),
            counts: false,
            note: None,
            mark: AtomicU32::new(0),
        }
    }

    /// Its state.
    pub fn state(&self) -> TcpState {
        self.socket.facts.state
    }

    /// Its addresses.
    pub fn tuple(&self) -> Tuple {
        self.socket.facts.tuple
    }

    /// Whether its local port is not known yet.
    pub(super) fn lacks_port(&self) -> bool {
        self.tuple().local.port() == 0
    }

    /// A process worked with it.
    pub(super) fn worked_with(&mut self, caller: &Caller) {
        /// As many are kept: a pre-forking server has more, and any of them will do.
        const KEPT: usize = 4;
        let known = self.callers.iter().any(|known| known.pid == caller.pid);
        if !known && self.callers.len() < KEPT {
            self.callers.push(caller.clone());
        }
    }

    /// It has these addresses, and had them in all that is to be told of it.
    pub(super) fn readdress(&mut self, tuple: Tuple) {
        self.socket.facts.tuple = tuple;
        for change in self.waiting.iter_mut().chain(&mut self.history) {
            change.tuple = tuple;
        }
    }

    pub(super) fn remember(&mut self, change: &Change) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(change.clone());
    }
}
