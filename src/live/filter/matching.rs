//! Whether a socket is meant: yes, no, or not known, because its holders could not all be seen.

use super::{Condition, Filter, Gauge};
use crate::live::socket::{LiveHolder, LiveProcess, LiveSocket};
use crate::model::{SocketFacts, TcpState, UdpState};
use crate::observe::inet_diag::{Family, Protocol};

/// A process that holds a socket, as a filter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Its pid.
    pub pid: i32,
    /// Its name.
    pub name: &'a str,
    /// The user that it runs as.
    pub uid: u32,
}

impl<'a> Seen<'a> {
    /// A process as `/proc` shows it.
    pub fn of(process: &'a LiveProcess) -> Seen<'a> {
        Seen {
            pid: process.pid,
            name: &process.name,
            uid: process.uid,
        }
    }
}

/// What is known of a socket.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its protocol.
    pub protocol: Protocol,
    /// What the kernel says of it.
    pub facts: &'a SocketFacts,
    /// The processes that are known to hold it.
    pub holders: &'a [Seen<'a>],
    /// Who else may hold it.
    pub others: Others<'a>,
}

/// Who may hold a socket besides those that are known to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Others<'a> {
    /// Processes whose descriptors could not be read.
    pub unread: &'a [Seen<'a>],
    /// Whether there may be processes of which nothing is known.
    pub unlisted: bool,
    /// Whether somebody holds it who is none of the processes that were seen.
    pub elsewhere: bool,
}

impl Others<'_> {
    /// Nobody.
    pub const NOBODY: Others<'static> = Others {
        unread: &[],
        unlisted: false,
        elsewhere: false,
    };
    /// Whoever.
    pub const ANYBODY: Others<'static> = Others {
        unread: &[],
        unlisted: true,
        elsewhere: true,
    };

    /// Nobody where the holders are `complete`.
    pub fn unless(complete: bool) -> Others<'static> {
        match complete {
            true => Others::NOBODY,
            false => Others::ANYBODY,
        }
    }
}

impl Subject<'_> {
    /// The state that a filter compares: a UDP socket has those that `ss(8)` borrows for it.
    fn state(&self) -> TcpState {
        match self.protocol {
            Protocol::Tcp => self.facts.state,
            Protocol::Udp => match UdpState::of(self.facts.tuple) {
                UdpState::Connected => TcpState::Established,
                UdpState::Unconnected | UdpState::Gone => TcpState::Close,
            },
        }
    }

    fn some_holder(&self, is: impl Fn(&Seen<'_>) -> bool) -> Option<bool> {
        match self.some_listed(is) {
            Some(false) if self.others.elsewhere => None,
            known => known,
        }
    }

    /// As [`Subject::some_holder`], of what only a process can be that `/proc` shows.
    fn some_listed(&self, is: impl Fn(&Seen<'_>) -> bool) -> Option<bool> {
        if self.holders.iter().any(&is) {
            return Some(true);
        }
        let possible = self.others.unlisted || self.others.unread.iter().any(&is);
        (!possible).then_some(false)
    }
}

impl Filter {
    /// Whether the socket is meant. Nothing when that depends on holders that could not be seen.
    pub fn matches(&self, subject: &Subject<'_>) -> Option<bool> {
        match self {
            Filter::Is(condition) => condition.holds(subject),
            Filter::Not(part) => part.matches(subject).map(|holds| !holds),
            Filter::All(parts) => {
                let mut all = Some(true);
                for part in parts {
                    match part.matches(subject) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => all = None,
                    }
                }
                all
            }
            Filter::Any(parts) => {
                let mut any = Some(false);
                for part in parts {
                    match part.matches(subject) {
                        Some(false) => {}
                        Some(true) => return Some(true),
                        None => any = None,
                    }
                }
                any
            }
        }
    }
}

impl Condition {
    fn holds(&self, subject: &Subject<'_>) -> Option<bool> {
        let facts = subject.facts;
        match self {
            Condition::End(ends, pattern) => Some(pattern.fits_tuple(*ends, &facts.tuple)),
            Condition::Protocol(protocol) => Some(subject.protocol == *protocol),
            Condition::Family(family) => {
                let is_v6 = facts.tuple.local.is_ipv6();
                Some(is_v6 == (*family == Family::V6))
            }
            Condition::State(states) => Some(states.has(subject.state())),
            Condition::Pid(pid) => subject.some_listed(|seen| seen.pid == *pid),
            Condition::Name(name) => subject.some_holder(|seen| name.fits(seen.name)),
            Condition::User(user) => {
                // A socket that only the kernel keeps has no owner any more: it says 0.
                let made_by = facts.inode != 0 && facts.uid == user.uid;
                match made_by {
                    true => Some(true),
                    false => subject.some_holder(|seen| seen.uid == user.uid),
                }
            }
            Condition::Gauge(gauge, comparison) => {
                let value = match gauge {
                    Gauge::RecvQ => facts.recv_q,
                    Gauge::SendQ => facts.send_q,
                    Gauge::Retransmits => u32::from(facts.retransmits),
                };
                Some(comparison.holds(u64::from(value)))
            }
        }
    }
}

/// Whether a filter fits a socket with these holders; nothing where that cannot be known.
pub(in crate::live) fn matches(
    filter: &Filter,
    socket: &LiveSocket,
    holders: &[LiveHolder],
    others: Others<'_>,
) -> Option<bool> {
    let seen: Vec<Seen<'_>> = holders
        .iter()
        .map(|holder| Seen::of(&holder.process))
        .collect();
    filter.matches(&Subject {
        protocol: socket.protocol,
        facts: &socket.facts,
        holders: &seen,
        others,
    })
}
