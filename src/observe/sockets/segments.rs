//! What a segment does to the socket that sent or got it.

use super::{Answer, Sockets, Touched};
use crate::driver::recorder::Recorder;
use crate::event::{Cause, Kind, Source};
use crate::graph;
use crate::model::{Evidence, SocketFacts, TcpState, Tuple};
use crate::observe::diag::DiagError;
use crate::observe::holders::HoldersByInode;

impl Sockets {
    /// Asks for the one end of a connection that a segment has just left or reached. What the
    /// answer means is [`Sockets::learn`]'s: between a delivery and this question there is nothing,
    /// so that nothing else happens.
    pub fn ask(&self, host: usize, tuple: Tuple) -> Answer {
        Answer {
            host,
            tuple,
            facts: self.hosts[host].diag.query(tuple),
        }
    }

    /// Tells what an answer means.
    ///
    /// # Errors
    /// Those of sock_diag.
    pub fn learn(
        &mut self,
        answer: Answer,
        touched: Touched,
        holders: &mut dyn FnMut(&mut Recorder) -> HoldersByInode,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        let Answer { host, tuple, facts } = answer;
        let answer = facts?;
        let index = self.find(host, tuple);
        let cause = Some(touched.cause);
        match (answer, index) {
            (answer, Some(index)) if matches!(touched.cause, Cause::Received(_)) => {
                self.received(index, answer, touched, holders, pen);
            }
            (Some(facts), Some(index)) => self.saw(index, facts, cause, holders, pen),
            (Some(facts), None) => {
                let holders = holders(pen);
                self.appeared(host, facts, cause, &holders, pen);
            }
            (None, Some(index)) => self.gone(index, cause, pen),
            (None, None) => {}
        }
        Ok(())
    }

    /// A known socket got a segment. Its program may have reacted before the answer came: then
    /// only what the segment did is told now, as the only path there, and the rest when the
    /// program's own segment is met.
    pub(super) fn received(
        &mut self,
        index: usize,
        answer: Option<SocketFacts>,
        touched: Touched,
        holders: &mut dyn FnMut(&mut Recorder) -> HoldersByInode,
        pen: &mut Recorder,
    ) {
        let before = self.known[index].facts.state;
        let after = answer.as_ref().map_or(TcpState::Close, |facts| facts.state);
        let states = graph::received(before, after, touched.fin, touched.rst);
        if after == before || states.last() == Some(&after) {
            match answer {
                Some(facts) => self.saw(index, facts, Some(touched.cause), holders, pen),
                None => self.gone(index, Some(touched.cause), pen),
            }
            return;
        }
        for state in states {
            let known = &mut self.known[index];
            known.facts.state = state;
            known.timer_end = None;
            let (key, host, owner) = (known.key, known.host, known.owner.clone());
            let host = self.hosts[host].name_for(owner.as_ref());
            pen.emit(
                Source::Sampler,
                Kind::Socket {
                    key,
                    host,
                    state,
                    evidence: Evidence::Inferred,
                    facts: None,
                    owner,
                    cause: Some(touched.cause),
                },
            );
        }
    }
}
