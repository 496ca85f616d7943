//! What a look finds of sockets that the kernel tells of, too: where both say the same, and where
//! the kernel has told too little.

use super::chain::Chain;
use super::{gap, program_of};
use crate::driver::recorder::Recorder;
use crate::model::{SocketFacts, TcpState, TimerKind};
use crate::observe::diag::DiagError;
use crate::observe::holders::HoldersByInode;
use crate::observe::sockets::Sockets;

impl Sockets {
    /// A look has found a connection that is not known. Where the kernel told of it, what it told
    /// comes first. Says whether it did.
    pub(in crate::observe::sockets) fn adopt_traced(
        &mut self,
        host: usize,
        facts: &SocketFacts,
        holders: &HoldersByInode,
        pen: &mut Recorder,
    ) -> bool {
        let Some(traced) = &self.traced else {
            return false;
        };
        let wanted = facts.tuple.canonical();
        let fits = |chain: &Chain| {
            let stranger = self.private
                && chain.connected_by.is_some()
                && program_of(&traced.programs, chain).is_none();
            chain.known.is_none()
                && !stranger
                && match chain.has_ports() {
                    true => chain.tuple.canonical() == wanted,
                    // It had no port yet when it began to connect.
                    false => {
                        chain.tuple.canonical().remote == wanted.remote
                            && chain.state() == facts.state
                            && chain.connected_by.is_some()
                    }
                }
        };
        let Some(index) = traced.chains.iter().position(fits) else {
            return false;
        };
        let owner = self.owner(host, facts, holders);
        let (tuple, first) = (facts.tuple, traced.chains[index].first());
        let known = self.meet_traced(host, SocketFacts::unasked(tuple, first), owner);
        self.attach(index, known, None);
        self.tell_chain(index, pen);
        true
    }

    /// Asks for a socket of which the kernel tells, too. What it told up to the answer is told
    /// before it. Nothing when the answer is overtaken already, or there is nothing to add.
    ///
    /// # Errors
    /// Those of sock_diag.
    pub(in crate::observe::sockets) fn ask_traced(
        &mut self,
        index: usize,
        pen: &mut Recorder,
    ) -> Result<Option<Option<SocketFacts>>, DiagError> {
        for _ in 0..2 {
            let before = self.known[index].facts.state;
            let found = self.ask_exactly(index)?;
            let now = found.as_ref().map_or(TcpState::Close, |facts| facts.state);
            if now == before {
                return Ok(Some(found));
            }
            self.catch_up(pen);
            if self.known[index].gone {
                return Ok(None);
            }
            if self.known[index].facts.state == before {
                if now == TcpState::Close && self.is_doubtful(index) {
                    return Ok(None);
                }
                self.should_have_been_told(index, now, pen);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A look has found a change of which the kernel has told nothing. A request socket and a
    /// mini-socket change so; of any other it is a gap.
    fn should_have_been_told(&mut self, index: usize, now: TcpState, pen: &mut Recorder) {
        let before = self.known[index].facts.state;
        let is_mini = match before {
            TcpState::SynRecv | TcpState::TimeWait => true,
            TcpState::FinWait2 | TcpState::Closing => !self.is_traced(index),
            _ => false,
        };
        let was_seen_as_mini = self.known[index].facts.timer == TimerKind::TimeWait;
        if !is_mini {
            self.untold(index, &format!("it went from {before} to {now}"), pen);
        } else if now == TcpState::Close && !was_seen_as_mini && before != TcpState::SynRecv {
            let why = format!("a TIME_WAIT behind {before} may have come and gone");
            gap(why, pen);
        }
    }

    /// While a mini-socket takes over from its socket, a look may find neither, for as long as the
    /// CPU that does it is kept from going on: one such look is not believed.
    fn is_doubtful(&mut self, index: usize) -> bool {
        let known = &self.known[index];
        let due = matches!(known.facts.state, TcpState::FinWait2 | TcpState::Closing)
            && known.facts.timer != TimerKind::TimeWait;
        let key = known.key;
        let traced = self.traced.as_mut().filter(|_| due);
        traced.is_some_and(|traced| traced.doubted.insert(key))
    }

    /// Whether a chain of changes goes on for this socket.
    pub(super) fn is_traced(&self, index: usize) -> bool {
        self.traced.as_ref().is_some_and(|traced| {
            let mut chains = traced.chains.iter();
            chains.any(|chain| chain.known == Some(index) && !chain.is_over())
        })
    }

    /// A look has found a socket of which the kernel has told nothing.
    pub(in crate::observe::sockets) fn appeared_untold(
        &mut self,
        index: usize,
        pen: &mut Recorder,
    ) {
        let state = self.known[index].facts.state;
        // A request socket is none yet.
        if self.traced.is_some() && !matches!(state, TcpState::Listen | TcpState::SynRecv) {
            self.untold(index, &format!("it is in {state}"), pen);
        }
    }

    fn untold(&mut self, index: usize, what: &str, pen: &mut Recorder) {
        let known = &self.known[index];
        let (key, tuple) = (known.key, known.facts.tuple);
        if let Some(traced) = &mut self.traced
            && traced.unchained.insert(key)
        {
            gap(
                format!("of {tuple} the kernel did not tell that {what}"),
                pen,
            );
        }
    }
}
