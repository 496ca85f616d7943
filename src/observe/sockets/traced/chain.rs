//! [`Chain`]: one socket's changes of state, each beginning where the one before ended.

use std::time::Duration;

use crate::model::{TcpState, Tuple};
use crate::observe::tracepoints::{SocketAddress, StateChange};

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) at: Duration,
    /// The state from then on.
    pub(super) state: TcpState,
}

/// One socket's changes of state.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) socket: SocketAddress,
    /// The newest addresses: who connects gets its port later.
    pub(super) tuple: Tuple,
    /// Who called connect(2), which alone leads from CLOSE to SYN_SENT: the process on the CPU is
    /// the caller.
    pub(super) connected_by: Option<i32>,
    /// Which of the run's sockets it is, once that is certain.
    pub(super) known: Option<usize>,
    /// Whether an RST was sent or received.
    pub(super) was_reset: bool,
    accepted: bool,
    first: TcpState,
    state: TcpState,
    /// Not told yet.
    links: Vec<Link>,
    broken: Option<String>,
}

impl Chain {
    /// A chain that begins with this change. `caller`: the process for which the kernel worked.
    pub(super) fn begin(change: StateChange, link: Link, caller: Option<i32>) -> Chain {
        let connects = change.old == TcpState::Close && change.new == TcpState::SynSent;
        let accepted = change.old == TcpState::Listen;
        let tuple = change.tuple;
        let broken = (!connects && !accepted)
            .then(|| format!("of {tuple} the kernel told nothing before {}", change.old));
        Chain {
            socket: change.socket,
            tuple,
            connected_by: caller.filter(|_| connects),
            known: None,
            was_reset: false,
            accepted,
            first: link.state,
            state: link.state,
            links: vec![link],
            broken,
        }
    }

    /// Adds a change. One that does not begin where the last one ended breaks the chain.
    pub(super) fn add(&mut self, change: StateChange, link: Link) {
        if change.tuple.local.port() != 0 {
            self.tuple = change.tuple;
        }
        if change.old != self.state {
            let tuple = self.tuple;
            self.broken.get_or_insert_with(|| {
                let (before, old) = (self.state, change.old);
                format!("of {tuple} the kernel did not tell what came between {before} and {old}")
            });
            // That it was in this state the kernel does tell.
            let (at, state) = (link.at, change.old);
            self.links.push(Link { at, state });
        }
        self.links.push(link);
        self.state = link.state;
    }

    /// Whether both ends are known.
    pub(super) fn has_ports(&self) -> bool {
        self.tuple.local.port() != 0 && self.tuple.remote.port() != 0
    }

    /// Whether a listener made it.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Whether the full socket is closed.
    pub(super) fn is_over(&self) -> bool {
        self.state == TcpState::Close
    }

    /// Whether it began while somebody listened: whose it is may turn out later.
    pub(super) fn may_be_ours(&self) -> bool {
        self.accepted || self.connected_by.is_some()
    }

    /// The newest state.
    pub(super) fn state(&self) -> TcpState {
        self.state
    }

    /// The first state that was told.
    pub(super) fn first(&self) -> TcpState {
        self.first
    }

    /// Forgets what is told already: everything up to this state.
    pub(super) fn skip_to(&mut self, told: TcpState) {
        if let Some(last) = self.links.iter().position(|link| link.state == told) {
            self.links.drain(..=last);
        }
    }

    /// The changes that were not told yet.
    pub(super) fn take_links(&mut self) -> Vec<Link> {
        std::mem::take(&mut self.links)
    }

    /// Why the chain is broken, once.
    pub(super) fn take_break(&mut self) -> Option<String> {
        self.broken.take()
    }
}
