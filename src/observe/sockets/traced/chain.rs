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
    /// Whether a socket's first change is this one: connect(2), or a listener's new connection.
    pub(super) fn begins_with(change: StateChange) -> bool {
        change.old == TcpState::Listen
            || change.old == TcpState::Close && change.new == TcpState::SynSent
    }

    /// Whether a change can be this socket's: it is no beginning, and the addresses are the same as
    /// far as they are known.
    pub(super) fn goes_on_with(&self, change: StateChange) -> bool {
        let other = self.has_ports() && change.tuple != self.tuple;
        !other && !Chain::begins_with(change)
    }

    /// Gives up a chain whose end was not told. Says so where it is one of the run's.
    pub(super) fn abandon(&mut self) -> Option<String> {
        let before = std::mem::replace(&mut self.state, TcpState::Close);
        let tuple = self.tuple;
        self.known?;
        Some(format!("of {tuple} the kernel told nothing after {before}"))
    }

    /// A chain that begins with this change. `caller`: the process for which the kernel worked.
    pub(super) fn begin(change: StateChange, link: Link, caller: Option<i32>) -> Chain {
        let connects = change.old == TcpState::Close && change.new == TcpState::SynSent;
        let accepted = change.old == TcpState::Listen;
        let tuple = change.tuple;
        let broken = (!Chain::begins_with(change))
            .then(|| format!("of {tuple} the kernel told nothing before {}", change.old));
        // Where it is joined midway, the state before is told, too.
        let before = Link {
            at: link.at,
            state: change.old,
        };
        let links: Vec<Link> = broken.iter().map(|_| before).chain([link]).collect();
        Chain {
            socket: change.socket,
            tuple,
            connected_by: caller.filter(|_| connects),
            known: None,
            was_reset: false,
            accepted,
            first: links[0].state,
            state: link.state,
            links,
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

#[cfg(test)]
mod tests {
    use super::*;
    use TcpState::{Close, CloseWait, Established, FinWait1, LastAck, SynRecv, SynSent};

    fn change(old: TcpState, new: TcpState) -> StateChange {
        let end = |port| ([127, 0, 0, 1], port).into();
        StateChange {
            socket: SocketAddress(1),
            old,
            new,
            tuple: Tuple {
                local: end(80),
                remote: end(5000),
            },
        }
    }

    fn link(state: TcpState) -> Link {
        let at = Duration::ZERO;
        Link { at, state }
    }

    fn add(chain: &mut Chain, old: TcpState, new: TcpState) {
        chain.add(change(old, new), link(new));
    }

    fn accepted() -> Chain {
        Chain::begin(change(TcpState::Listen, SynRecv), link(SynRecv), Some(7))
    }

    #[test]
    fn an_unbroken_chain_tells_every_state_once() {
        let mut chain = accepted();
        assert_eq!(chain.connected_by, None, "who had the CPU did not accept");
        add(&mut chain, SynRecv, Established);
        add(&mut chain, Established, CloseWait);
        assert_eq!(chain.take_break(), None);
        chain.skip_to(Established);
        let states: Vec<TcpState> = chain.take_links().iter().map(|l| l.state).collect();
        assert_eq!(states, [CloseWait]);
        assert!(chain.take_links().is_empty());
    }

    #[test]
    fn a_missing_change_breaks_the_chain() {
        let mut chain = accepted();
        add(&mut chain, SynRecv, Established);
        add(&mut chain, LastAck, Close);
        let states: Vec<TcpState> = chain.take_links().iter().map(|l| l.state).collect();
        assert_eq!(states, [SynRecv, Established, LastAck, Close]);
        let why = chain.take_break().expect("a break");
        assert!(why.ends_with("between ESTABLISHED and LAST_ACK"), "{why}");
        let late = Chain::begin(change(Established, FinWait1), link(FinWait1), None);
        assert!(late.broken.is_some(), "its beginning was not told");
        assert_eq!(late.first(), Established);
    }

    #[test]
    fn a_new_socket_in_an_old_place_is_another_one() {
        assert!(Chain::begins_with(change(Close, SynSent)));
        assert!(!Chain::begins_with(change(SynSent, Established)));
        assert!(accepted().goes_on_with(change(SynRecv, Established)));
        let mut elsewhere = change(SynRecv, Established);
        elsewhere.tuple.remote.set_port(5001);
        assert!(!accepted().goes_on_with(elsewhere));
        let mut chain = accepted();
        assert_eq!(chain.abandon(), None, "a stranger's is no gap");
        assert!(chain.is_over());
        let mut chain = accepted();
        chain.known = Some(0);
        assert!(chain.abandon().is_some());
    }
}
