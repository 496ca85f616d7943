//! [`Ends`]: the connections that an expectation can have failed for that names none: those of its
//! processes, program or host, and their other ends.

use super::lack::{Lack, Missing, Whose};
use crate::diagnose::close::{OTHER_HOLDER, OWES_THE_CLOSE, UNANSWERED_FIN};
use crate::diagnose::finding::{About, Finding};
use crate::model::{ProcessName, ProgramName, Role, TcpState};
use crate::timeline::{Endpoint, Timeline};

/// The connections: indices into [`Timeline::endpoints`], ascending.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) what: Missing,
    /// By which it would have come.
    pub(super) own: Vec<usize>,
    /// Their other ends, and connections on their way to where it waits.
    pub(super) others: Vec<usize>,
}

impl Ends {
    pub(super) fn of(lack: &Lack, timeline: &Timeline) -> Ends {
        let select = |fits: &dyn Fn(&Endpoint) -> bool| -> Vec<usize> {
            let endpoints = timeline.endpoints().iter().zip(0..);
            let fitting = endpoints
                .filter(|(end, _)| end.role == Role::Connection && end.is_open() && fits(end));
            fitting.map(|(_, index)| index).collect()
        };
        let mut own = select(&|end| lack.of.has(end));
        // Without a connection it may wait for one.
        let awaits = own.is_empty();
        if awaits {
            own = select(&|end| lack.of.programs().any(|program| is_queued(end, &program)));
        }
        let endpoints = timeline.endpoints();
        let peers = own.iter().filter_map(|index| {
            let peer = timeline.peer(endpoints.get(*index)?)?;
            endpoints.iter().position(|end| end.key == peer.key)
        });
        let mut others: Vec<usize> = peers.collect();
        others.extend(select(&|end| {
            listeners_for(timeline, end).any(|(_, listener)| match &lack.of {
                Whose::Processes(_) => {
                    let mut programs = lack.of.programs();
                    awaits && programs.any(|program| listener.name.program() == program)
                }
                Whose::Program(program) => listener.name.program() == *program,
                Whose::Host(host) => host.as_ref().is_none_or(|host| listener.host == *host),
            })
        }));
        others.sort_unstable();
        others.dedup();
        Ends {
            what: lack.what,
            own,
            others,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.own.iter().chain(&self.others).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether a finding can be the reason. What a process has not closed is no reason that it got
    /// nothing, and whoever waits for data is not helped by a close.
    pub(super) fn admit(&self, finding: &Finding, timeline: &Timeline) -> bool {
        let About::Socket(key) = finding.about else {
            return true;
        };
        let endpoints = timeline.endpoints();
        let index = endpoints.iter().position(|end| u64::from(end.key.0) == key);
        let Some((index, end)) = index.and_then(|index| Some((index, endpoints.get(index)?)))
        else {
            return true;
        };
        let (own, other) = (self.own.contains(&index), self.others.contains(&index));
        let kind = finding.diagnosis;
        if kind == &OTHER_HOLDER {
            return match self.what {
                Missing::Data | Missing::End => other,
                Missing::Fin => end.state() == TcpState::Established,
            };
        }
        if kind == &OWES_THE_CLOSE {
            return match self.what {
                Missing::Data => other && has_half_closed(timeline, end),
                Missing::End => true,
                Missing::Fin => own,
            };
        }
        kind != &UNANSWERED_FIN || self.what == Missing::End && own
    }
}

impl Whose {
    /// Whether it would have come by this connection.
    fn has(&self, end: &Endpoint) -> bool {
        let mut held = end.holders.iter().flatten();
        match self {
            Whose::Processes(names) => held.any(|holder| names.contains(&holder.process)),
            Whose::Program(program) => {
                held.any(|holder| holder.process.program() == *program) || is_queued(end, program)
            }
            Whose::Host(host) => host.as_ref().is_none_or(|host| end.host == *host),
        }
    }

    fn programs(&self) -> impl Iterator<Item = ProgramName> {
        let names = match self {
            Whose::Processes(names) => names.as_slice(),
            Whose::Program(_) | Whose::Host(_) => &[],
        };
        names.iter().map(ProcessName::program)
    }
}

/// Whether a program has not accepted a connection yet.
fn is_queued(end: &Endpoint, program: &ProgramName) -> bool {
    let open = matches!(
        end.state(),
        TcpState::SynRecv | TcpState::Established | TcpState::CloseWait
    );
    open && end.name.program() == *program && end.holders.as_ref().is_some_and(Vec::is_empty)
}

/// Whether a process holds the other end, which sent its FIN and waits for what still comes.
fn has_half_closed(timeline: &Timeline, end: &Endpoint) -> bool {
    timeline.peer(end).is_some_and(|peer| {
        let is_held = peer.holders.as_ref().is_some_and(|held| !held.is_empty());
        peer.state() == TcpState::FinWait2 && is_held
    })
}

/// The listeners that a connection in SYN_SENT is on its way to, with their indices.
pub(super) fn listeners_for<'a>(
    timeline: &'a Timeline,
    end: &Endpoint,
) -> impl Iterator<Item = (usize, &'a Endpoint)> {
    let remote = end.tuple.map(|tuple| tuple.canonical().remote);
    let remote = remote.filter(|_| end.state() == TcpState::SynSent);
    let endpoints = timeline.endpoints().iter().enumerate();
    endpoints.filter(move |(_, other)| {
        let bound = other.tuple.map(|tuple| tuple.canonical().local);
        let same = bound.zip(remote).is_some_and(|(bound, remote)| {
            let ip = bound.ip();
            bound.port() == remote.port() && (ip.is_unspecified() || ip == remote.ip())
        });
        same && other.role == Role::Listener && other.is_open()
    })
}
