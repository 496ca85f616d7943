//! The sockets of a run: which ones there are, what state each is in, who holds it. Asks the
//! kernel and turns the answers into events.

mod datagram;
mod discovery;
mod segments;
#[cfg(test)]
mod tests;
mod told;
mod traced;

use std::collections::HashMap;
use std::time::Duration;

use super::diag::{DiagError, DiagSocket};
use super::holders::HoldersByInode;
use super::inet_diag::Protocol;
use crate::driver::recorder::{Recorder, monotonic};
use crate::event::{Aspect, Cause, Kind, SocketKey, Source};
use crate::model::{
    Evidence, Holder, HostName, ProgramName, SocketFacts, TcpState, TimerKind, Tuple, UdpState,
};
use crate::tolerance;

/// What a program outside of the run is called, when a connection of the run ends there.
const STRANGER: &str = "stranger";

/// One socket that was seen.
#[derive(Debug)]
struct Known {
    key: SocketKey,
    host: usize,
    protocol: Protocol,
    facts: SocketFacts,
    owner: Option<ProgramName>,
    holders: Option<Vec<Holder>>,
    /// The timer's remaining time as it was told last, while timers are followed.
    told_timer_ms: Option<u32>,
    /// When the timer of the last facts ends, by `CLOCK_MONOTONIC`.
    timer_end: Option<Duration>,
    gone: bool,
}

/// When the socket's timer ends, by `CLOCK_MONOTONIC`, if it was asked for just now.
fn timer_end(facts: &SocketFacts) -> Option<Duration> {
    (facts.timer != TimerKind::Off)
        .then(|| monotonic() + Duration::from_millis(facts.timer_ms.into()))
}

/// A host as this tracker needs it.
#[derive(Debug)]
pub struct Host {
    /// Its name.
    pub name: HostName,
    /// A sock_diag socket in its namespace.
    pub diag: DiagSocket,
    /// The programs that run in it, each with the scenario's host that it belongs to: where there
    /// is no wire, all run in one place.
    pub programs: Vec<(ProgramName, HostName)>,
}

impl Host {
    fn name_for(&self, owner: Option<&ProgramName>) -> HostName {
        self.programs
            .iter()
            .find(|(program, _)| Some(program) == owner)
            .map_or_else(|| self.name.clone(), |(_, host)| host.clone())
    }
}

/// The segment for which a socket is asked.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// Whether it left or came.
    pub cause: Cause,
    /// Its FIN flag.
    pub fin: bool,
    /// Its RST flag.
    pub rst: bool,
}

/// What the kernel answered about one end of a connection.
#[derive(Debug)]
pub struct Answer {
    host: usize,
    tuple: Tuple,
    facts: Result<Option<SocketFacts>, DiagError>,
}

/// All sockets of a run.
#[derive(Debug)]
pub struct Sockets {
    hosts: Vec<Host>,
    known: Vec<Known>,
    /// Whether the hosts are the lab's alone: then every socket in them belongs to the run.
    private: bool,
    /// Whether timers that run down are told.
    follows_timers: bool,
    /// Whether the kernel cannot tell of UDP sockets.
    blind_to_datagrams: bool,
    /// What the kernel tells itself, where it is asked to.
    traced: Option<traced::Traced>,
}

impl Sockets {
    /// Nothing seen yet.
    pub fn new(hosts: Vec<Host>, private: bool) -> Sockets {
        Sockets {
            hosts,
            known: Vec::new(),
            private,
            follows_timers: false,
            blind_to_datagrams: false,
            traced: None,
        }
    }

    /// Whether to tell from now on how timers run down. A step that does not ask for it is spared
    /// the events.
    pub fn follow_timers(&mut self, follow: bool) {
        self.follows_timers = follow;
        for known in &mut self.known {
            known.told_timer_ms = None;
        }
    }

    /// Replaces the sock_diag socket of a host that was rebooted. Its old sockets are gone with
    /// its memory.
    pub fn rebooted(&mut self, host: usize, diag: DiagSocket, pen: &mut Recorder) {
        self.hosts[host].diag = diag;
        for index in 0..self.known.len() {
            if self.known[index].host == host && !self.known[index].gone {
                self.gone(index, None, pen);
            }
        }
    }

    /// Asks for everything: known sockets exactly, unknown ones by looking through the hosts.
    ///
    /// # Errors
    /// Those of sock_diag.
    pub fn sample(
        &mut self,
        holders: &HoldersByInode,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        for index in 0..self.known.len() {
            self.ask_again(index, holders, pen)?;
        }
        for host in 0..self.hosts.len() {
            self.discover(host, holders, pen)?;
            self.look_at_datagrams(host, &mut |_| holders.clone(), pen)?;
        }
        for index in 0..self.known.len() {
            self.note_holders(index, holders, pen);
        }
        Ok(())
    }

    fn ask_again(
        &mut self,
        index: usize,
        holders: &HoldersByInode,
        pen: &mut Recorder,
    ) -> Result<(), DiagError> {
        let known = &self.known[index];
        // Listeners are looked at together, and so are UDP sockets.
        let together = known.facts.state == TcpState::Listen || known.protocol == Protocol::Udp;
        if known.gone || together {
            return Ok(());
        }
        let found = match self.traced {
            Some(_) => self.ask_traced(index, pen)?,
            None => Some(self.ask_exactly(index)?),
        };
        match found {
            Some(Some(facts)) => self.saw(index, facts, None, &mut |_| holders.clone(), pen),
            Some(None) => self.gone(index, None, pen),
            None => {}
        }
        Ok(())
    }

    fn ask_exactly(&self, index: usize) -> Result<Option<SocketFacts>, DiagError> {
        let known = &self.known[index];
        let diag = &self.hosts[known.host].diag;
        let mut found = diag.query(known.facts.tuple)?;
        // While a mini-socket takes over from its socket, a look-up may find neither.
        for _ in 1..tolerance::LOOKS_FOR_THE_VANISHED {
            if found.is_some() {
                break;
            }
            std::thread::yield_now();
            found = diag.query(known.facts.tuple)?;
        }
        // However often: the CPU on which that happens may be kept from going on.
        match found {
            Some(found) => Ok(Some(found)),
            None => diag.walk_to(known.facts.tuple),
        }
    }

    fn find(&self, host: usize, tuple: Tuple) -> Option<usize> {
        let wanted = tuple.canonical();
        self.known.iter().position(|known| {
            known.host == host
                && known.protocol == Protocol::Tcp
                && !known.gone
                && known.facts.tuple.canonical() == wanted
        })
    }

    fn find_facts(&self, host: usize, facts: &SocketFacts) -> Option<usize> {
        if facts.state == TcpState::Listen {
            return self.known.iter().position(|known| {
                known.host == host && !known.gone && known.facts.cookie == facts.cookie
            });
        }
        self.find(host, facts.tuple)
    }

    fn appeared(
        &mut self,
        host: usize,
        facts: SocketFacts,
        cause: Option<Cause>,
        holders: &HoldersByInode,
        pen: &mut Recorder,
    ) {
        if facts.state != TcpState::Listen {
            self.catch_up(pen);
            if self.find(host, facts.tuple).is_some()
                || self.adopt_traced(host, &facts, holders, pen)
            {
                return;
            }
        }
        let key = SocketKey(self.known.len() as u32 + 1);
        let owner = self.owner(host, &facts, holders);
        let state = facts.state;
        self.known.push(Known {
            key,
            host,
            protocol: Protocol::Tcp,
            timer_end: timer_end(&facts),
            facts: facts.clone(),
            owner: owner.clone(),
            holders: None,
            told_timer_ms: None,
            gone: false,
        });
        self.emit(key, host, state, Some(facts), owner, cause, pen);
        self.appeared_untold(self.known.len() - 1, pen);
    }

    /// The program that a new socket belongs to: who holds it; else the owner of the listener that
    /// made it; else, on the machine's own network, a stranger for the other end of a connection;
    /// else the only program there is.
    fn owner(
        &self,
        host: usize,
        facts: &SocketFacts,
        holders: &HoldersByInode,
    ) -> Option<ProgramName> {
        if let Some(holder) = holders.of(facts.inode).first() {
            return Some(holder.process.program());
        }
        let port = facts.tuple.local.port();
        let listener = self.known.iter().find(|known| {
            known.host == host
                && known.facts.state == TcpState::Listen
                && known.facts.tuple.local.port() == port
        });
        match (listener, self.hosts[host].programs.as_slice()) {
            (Some(listener), _) => listener.owner.clone(),
            (None, _) if !self.private && self.is_the_other_end(host, facts.tuple) => {
                Some(ProgramName::new(STRANGER))
            }
            (None, [(only, _)]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    /// Whether a socket of the run has these addresses the other way round.
    fn is_the_other_end(&self, host: usize, tuple: Tuple) -> bool {
        let other = tuple.reversed().canonical();
        self.known.iter().any(|known| {
            known.host == host
                && known.protocol == Protocol::Tcp
                && known.facts.tuple.canonical() == other
        })
    }

    fn saw(
        &mut self,
        index: usize,
        facts: SocketFacts,
        cause: Option<Cause>,
        holders: &mut dyn FnMut(&mut Recorder) -> HoldersByInode,
        pen: &mut Recorder,
    ) {
        let known = &self.known[index];
        // A request socket and its child may have different cookies; any other change of cookie
        // is a new socket on the old addresses.
        let same = known.facts.cookie == facts.cookie
            || known.facts.state == TcpState::SynRecv
            || known.facts.cookie == 0;
        if !same {
            let host = known.host;
            self.gone(index, None, pen);
            let holders = holders(pen);
            self.appeared(host, facts, cause, &holders, pen);
            return;
        }
        let (key, host, owner) = (known.key, known.host, known.owner.clone());
        self.known[index].timer_end = timer_end(&facts);
        let old = std::mem::replace(&mut self.known[index].facts, facts.clone());
        if old.state != facts.state {
            self.emit(key, host, facts.state, Some(facts), owner, cause, pen);
        } else if gauges(&old) != gauges(&facts) || self.is_timer_news(index, facts.timer_ms) {
            self.known[index].told_timer_ms = Some(facts.timer_ms);
            pen.emit(Source::Sampler, Kind::Gauges { key, facts });
        }
    }

    /// Whether a timer is to be told: it was not in this step, it has run on, or it was set again.
    fn is_timer_news(&self, index: usize, timer_ms: u32) -> bool {
        self.follows_timers
            && self.known[index]
                .told_timer_ms
                .is_none_or(|told| timer_ms > told || told - timer_ms >= tolerance::TIMER_GRAIN_MS)
    }

    fn gone(&mut self, index: usize, cause: Option<Cause>, pen: &mut Recorder) {
        let known = &mut self.known[index];
        if known.gone {
            return;
        }
        known.gone = true;
        if known.protocol == Protocol::Udp {
            self.emit_datagram(index, UdpState::Gone, None, pen);
            return;
        }
        // Another end of it, such as a new connection on its addresses, is not the timer's.
        let state = matches!(known.facts.state, TcpState::TimeWait | TcpState::FinWait2);
        let ended = known
            .timer_end
            .is_some_and(|end| monotonic() + tolerance::JIFFY >= end);
        let cause = cause.or((state && ended).then_some(Cause::Timer));
        let (key, host, owner) = (known.key, known.host, known.owner.clone());
        self.emit(key, host, TcpState::Close, None, owner, cause, pen);
    }

    #[expect(clippy::too_many_arguments, reason = "they are the event's fields")]
    fn emit(
        &self,
        key: SocketKey,
        host: usize,
        state: TcpState,
        facts: Option<SocketFacts>,
        owner: Option<ProgramName>,
        cause: Option<Cause>,
        pen: &mut Recorder,
    ) {
        pen.emit(
            Source::Sampler,
            Kind::Socket {
                key,
                host: self.hosts[host].name_for(owner.as_ref()),
                state,
                evidence: Evidence::Seen,
                facts,
                owner,
                cause,
            },
        );
    }

    fn note_holders(&mut self, index: usize, holders: &HoldersByInode, pen: &mut Recorder) {
        let known = &mut self.known[index];
        let now = match known.gone {
            true => Vec::new(),
            false => holders.of(known.facts.inode).to_vec(),
        };
        if known.gone && known.holders.is_none() || known.holders.as_ref() == Some(&now) {
            return;
        }
        known.holders = Some(now.clone());
        pen.emit(
            Source::Sampler,
            Kind::Holders {
                key: known.key,
                holders: now,
                unreadable: holders.unreadable().to_vec(),
            },
        );
    }

    /// The index of a host by its name.
    pub fn host(&self, name: &HostName) -> Option<usize> {
        self.hosts.iter().position(|host| host.name == *name)
    }
}

/// What is worth an event of its own when it changes.
fn gauges(facts: &SocketFacts) -> (u32, u32, crate::model::TimerKind, u8, u32) {
    // The inode: accept() gives a connection to a process, the last close() takes it away.
    (
        facts.recv_q,
        facts.send_q,
        facts.timer,
        facts.retransmits,
        facts.inode,
    )
}

/// A sock_diag error as a gap in what was observed.
pub fn gap(error: &DiagError) -> Kind {
    Kind::Gap {
        aspect: Aspect::Paths,
        why: format!("sock_diag: {error}"),
    }
}

/// Sockets that are met in one look are named in the order in which their connections were begun:
/// by the inode of the end that connected, which was made first. An end that is not accepted yet
/// has none of its own.
fn in_order_of_connecting(sockets: &mut [SocketFacts]) {
    let inodes: HashMap<Tuple, u32> = sockets
        .iter()
        .map(|facts| (facts.tuple.canonical(), facts.inode))
        .collect();
    sockets.sort_by_key(|facts| {
        let peer = inodes.get(&facts.tuple.canonical().reversed()).copied();
        [Some(facts.inode), peer]
            .into_iter()
            .flatten()
            .filter(|inode| *inode != 0)
            .min()
            .unwrap_or(u32::MAX)
    });
}
