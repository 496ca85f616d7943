//! Sockets that nobody told of: found by looking through a host.

use super::{Protocol, Sockets, in_order_of_connecting};
use crate::driver::recorder::Recorder;
use crate::event::{Aspect, Kind, Source};
use crate::model::{TcpState, Tuple};
use crate::observe::diag::DiagError;
use crate::observe::holders::HoldersByInode;
use crate::observe::inet_diag::StateMask;
use crate::observe::inventory::{InventoryEntry, inventory};

impl Sockets {
    /// Looks for sockets that are not known yet, and for listeners that are gone.
    pub(super) fn discover(
        &mut self,
        host: usize,
        holders: &HoldersByInode,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        if !self.private {
            return self.discover_on_the_machine(host, holders, pen);
        }
        let listeners = self.hosts[host].diag.listeners()?;
        let present: Vec<u64> = listeners.iter().map(|facts| facts.cookie).collect();
        for index in 0..self.known.len() {
            let known = &self.known[index];
            if known.host == host
                && !known.gone
                && known.facts.state == TcpState::Listen
                && !present.contains(&known.facts.cookie)
            {
                self.gone(index, None, pen);
            }
        }
        let mut others = self.hosts[host].diag.dump(StateMask::CONNECTIONS)?;
        in_order_of_connecting(&mut others);
        for facts in listeners.into_iter().chain(others) {
            match self.find_facts(host, &facts) {
                // It was asked for just before, with what the kernel tells of it.
                Some(_) if self.traced.is_some() && facts.state != TcpState::Listen => {}
                Some(index) => self.saw(index, facts, None, &mut |_| holders.clone(), pen),
                None => self.appeared(host, facts, None, holders, pen),
            }
        }
        Ok(())
    }

    /// The same on the machine's own network, among the sockets of everybody else: the inventory
    /// tells which there are, and the kernel is asked only for those of the run.
    fn discover_on_the_machine(
        &mut self,
        host: usize,
        holders: &HoldersByInode,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        let entries = match inventory() {
            Ok(entries) => entries,
            Err(error) => {
                let (aspect, why) = (Aspect::Paths, error.to_string());
                pen.emit(Source::Sampler, Kind::Gap { aspect, why });
                return Ok(());
            }
        };
        for index in 0..self.known.len() {
            let known = &self.known[index];
            if known.facts.state != TcpState::Listen || known.gone {
                continue;
            }
            let is_there = |entry: &InventoryEntry| {
                entry.inode == known.facts.inode && entry.state == TcpState::Listen
            };
            if !entries.iter().any(is_there) {
                self.gone(index, None, pen);
                continue;
            }
            // With SO_REUSEPORT another listener may answer for it: that is not news of this one.
            let answer = self.hosts[host].diag.query(known.facts.tuple)?;
            if let Some(facts) = answer.filter(|facts| facts.cookie == known.facts.cookie) {
                self.saw(index, facts, None, &mut |_| holders.clone(), pen);
            }
        }
        let mut found = Vec::new();
        for entry in entries {
            let is_known = self.known.iter().any(|known| {
                !known.gone
                    && known.protocol == Protocol::Tcp
                    && known.facts.tuple == entry.tuple
                    && (entry.state != TcpState::Listen || known.facts.inode == entry.inode)
            });
            if !is_known && self.is_ours(host, entry.tuple, entry.inode, holders) {
                // Gone between the list and the question: it was there too shortly.
                found.extend(self.hosts[host].diag.query(entry.tuple)?);
            }
        }
        in_order_of_connecting(&mut found);
        found.sort_by_key(|facts| facts.state != TcpState::Listen);
        for facts in found {
            self.appeared(host, facts, None, holders, pen);
        }
        Ok(())
    }

    /// Whether a socket on the machine's own network belongs to the run: a process of the run holds
    /// it, or it is the other end (or a child) of one that does.
    fn is_ours(&self, host: usize, tuple: Tuple, inode: u32, holders: &HoldersByInode) -> bool {
        if !holders.of(inode).is_empty() {
            return true;
        }
        let tuple = tuple.canonical();
        self.known.iter().any(|known| {
            let other = known.facts.tuple.canonical();
            let child =
                known.facts.state == TcpState::Listen && other.local.port() == tuple.local.port();
            // A listener that was closed leaves its children behind; what nobody holds is no
            // stranger's new connection from that port.
            let left_behind = child && inode == 0;
            known.host == host
                && known.protocol == Protocol::Tcp
                && (left_behind || !known.gone && (child || other.reversed() == tuple))
        })
    }
}
