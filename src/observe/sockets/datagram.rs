//! UDP sockets. They have no states on the way and send nothing when they come or go, so one look
//! at all of them is enough, and there is nothing to infer.

use nix::errno::Errno;

use super::{Known, Sockets, gauges};
use crate::driver::recorder::Recorder;
use crate::event::{Aspect, Kind, SocketKey, Source};
use crate::model::{ProgramName, SocketFacts, UdpState};
use crate::observe::diag::DiagError;
use crate::observe::holders::HoldersByInode;
use crate::observe::inet_diag::Protocol;

impl Sockets {
    /// Asks for the UDP sockets of a host: the first datagram gives a socket its port, so this is
    /// also asked when one leaves.
    ///
    /// # Errors
    /// Those of sock_diag. A kernel that cannot tell of UDP at all is no error: that is told once,
    /// as a gap.
    pub fn look_at_datagrams(
        &mut self,
        host: usize,
        holders: &mut dyn FnMut(&mut Recorder) -> HoldersByInode,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        if self.blind_to_datagrams {
            return Ok(());
        }
        let present = match self.hosts[host].diag.dump_udp() {
            Ok(present) => present,
            Err(error @ DiagError::Refused(Errno::ENOENT)) => {
                self.blind_to_datagrams = true;
                let why = format!("sock_diag: {error}: no CONFIG_INET_UDP_DIAG");
                let aspect = Aspect::Datagrams;
                pen.emit(Source::Sampler, Kind::Gap { aspect, why });
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for index in 0..self.known.len() {
            let known = &self.known[index];
            let is_there = |facts: &SocketFacts| facts.cookie == known.facts.cookie;
            if known.host == host
                && known.protocol == Protocol::Udp
                && !present.iter().any(is_there)
            {
                self.gone(index, None, pen);
            }
        }
        let mut held = None;
        for facts in present {
            let index = self.known.iter().position(|known| {
                known.host == host
                    && known.protocol == Protocol::Udp
                    && !known.gone
                    && known.facts.cookie == facts.cookie
            });
            if let Some(index) = index {
                self.saw_datagram(index, facts, pen);
                continue;
            }
            let held: &HoldersByInode = held.get_or_insert_with(|| holders(pen));
            if self.private || !held.of(facts.inode).is_empty() {
                let owner = self.owner_of_datagram(host, &facts, held);
                self.datagram_appeared(host, facts, owner, pen);
            }
        }
        Ok(())
    }

    /// Who holds it; else the only program there is.
    fn owner_of_datagram(
        &self,
        host: usize,
        facts: &SocketFacts,
        holders: &HoldersByInode,
    ) -> Option<ProgramName> {
        if let Some(holder) = holders.of(facts.inode).first() {
            return Some(holder.process.program());
        }
        match self.hosts[host].programs.as_slice() {
            [(only, _)] => Some(only.clone()),
            _ => None,
        }
    }

    fn datagram_appeared(
        &mut self,
        host: usize,
        facts: SocketFacts,
        owner: Option<ProgramName>,
        pen: &mut Recorder,
    ) {
        self.known.push(Known {
            key: SocketKey(self.known.len() as u32 + 1),
            host,
            protocol: Protocol::Udp,
            facts: facts.clone(),
            owner,
            holders: None,
            told_timer_ms: None,
            timer_end: None,
            gone: false,
        });
        let state = UdpState::of(facts.tuple);
        self.emit_datagram(self.known.len() - 1, state, Some(facts), pen);
    }

    fn saw_datagram(&mut self, index: usize, facts: SocketFacts, pen: &mut Recorder) {
        let known = &mut self.known[index];
        let key = known.key;
        let old = std::mem::replace(&mut known.facts, facts.clone());
        if old.tuple != facts.tuple {
            let state = UdpState::of(facts.tuple);
            self.emit_datagram(index, state, Some(facts), pen);
        } else if gauges(&old) != gauges(&facts) {
            pen.emit(Source::Sampler, Kind::Gauges { key, facts });
        }
    }

    pub(super) fn emit_datagram(
        &self,
        index: usize,
        state: UdpState,
        facts: Option<SocketFacts>,
        pen: &mut Recorder,
    ) {
        let known = &self.known[index];
        pen.emit(
            Source::Sampler,
            Kind::Datagram {
                key: known.key,
                host: self.hosts[known.host].name_for(known.owner.as_ref()),
                state,
                facts,
                owner: known.owner.clone(),
            },
        );
    }
}
