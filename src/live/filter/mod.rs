//! [`Filter`]: which sockets somebody means, as people type it: `:9190`, `name:nginx
//! state:close-wait`, `tcp and not listen`.
//!
//! | file | what it is for |
//! |---|---|
//! | `token` | words, quotation marks, parentheses, comparisons, each with its place |
//! | `parse` | the one parser; errors point |
//! | `words` | the words of the language |
//! | [`states`] | sets of TCP states, and the names that `ss(8)` has for some |
//! | [`ends`] | addresses, networks and ports |
//! | [`process`] | names and users of processes |
//! | [`matching`] | whether a socket is meant: yes, no, or not known |
//! | [`kernel`] | what of it the kernel can judge, before it sends anything |
//! | `lasting` | what of it holds for a whole life, and what tracepoints can judge |
//!
//! [`Filter`]'s `Display` writes what the parser reads as the same filter.

use std::fmt;

use crate::observe::inet_diag::{Family, Protocol};

pub mod ends;
pub mod kernel;
mod lasting;
pub mod matching;
pub mod parse;
pub mod process;
#[cfg(test)]
mod round_trip;
pub mod states;
mod token;
mod words;

pub use ends::{EndPattern, Ends};
pub use parse::{FilterError, Users, parse, parse_until};
pub use process::{NamePattern, User};
pub use states::StateSet;

/// Which sockets are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those for which this holds.
    Is(Condition),
    /// Those for which it does not.
    Not(Box<Filter>),
    /// Those for which all of them hold. None at all: every socket.
    All(Vec<Filter>),
    /// Those for which at least one holds.
    Any(Vec<Filter>),
}

/// One thing that is asked of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `:9190`, `10.0.0.0/8`, `local:[::1]:80`: the address and port of an end.
    End(Ends, EndPattern),
    /// `tcp`, `udp`
    Protocol(Protocol),
    /// `v4`, `v6`: the socket's family. A dual-stack socket is an IPv6 one.
    Family(Family),
    /// `state:close-wait`, `listen`, `connected`. As `ss(8)` has it, an unconnected UDP socket
    /// counts as CLOSE and a connected one as ESTABLISHED.
    State(StateSet),
    /// `pid:123`: a process that holds it.
    Pid(i32),
    /// `name:nginx`: the name of a process that holds it.
    Name(NamePattern),
    /// `user:www-data`: who made the socket, or a process that holds it.
    User(User),
    /// `recv-q>0`
    Gauge(Gauge, Comparison),
}

/// A number that the kernel tells of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gauge {
    /// Bytes received and not yet read; of a listener, connections not yet accepted.
    RecvQ,
    /// Bytes sent and not yet acknowledged; of a listener, its backlog.
    SendQ,
    /// Retransmissions or probes without an answer.
    Retransmits,
}

impl Gauge {
    /// Gauge and word.
    pub const NAMED: [(Gauge, &'static str); 3] = [
        (Gauge::RecvQ, "recv-q"),
        (Gauge::SendQ, "send-q"),
        (Gauge::Retransmits, "retransmits"),
    ];

    fn word(self) -> &'static str {
        Gauge::NAMED
            .iter()
            .find(|(gauge, _)| *gauge == self)
            .map_or("", |(_, word)| word)
    }
}

/// `>10`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// How.
    pub how: How,
    /// With what.
    pub number: u64,
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Comparison {
    /// Whether it holds for `value`.
    pub fn holds(self, value: u64) -> bool {
        match self.how {
            How::Less => value < self.number,
            How::AtMost => value <= self.number,
            How::Equal => value == self.number,
            How::Unequal => value != self.number,
            How::AtLeast => value >= self.number,
            How::More => value > self.number,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Less => "<",
            How::AtMost => "<=",
            How::Equal => "=",
            How::Unequal => "!=",
            How::AtLeast => ">=",
            How::More => ">",
        };
        write!(f, "{how}{}", self.number)
    }
}

/// A filter and how many sockets shall fit it: `state:close-wait count>10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Until {
    /// Which sockets count.
    pub filter: Filter,
    /// How many of them. Without it: at least one.
    pub count: Comparison,
}

impl Filter {
    /// Every socket.
    pub const EVERYTHING: Filter = Filter::All(Vec::new());

    /// Those for which all parts hold. Parts that are such a list themselves become part of it.
    pub fn all(parts: impl IntoIterator<Item = Filter>) -> Filter {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Filter::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Filter::All(flat),
        }
    }

    /// Those for which at least one part holds; flat as [`Filter::all`].
    pub fn any(parts: impl IntoIterator<Item = Filter>) -> Filter {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Filter::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Filter::Any(flat),
        }
    }

    /// Whether it asks for processes, so that it cannot be answered without knowing the holders.
    pub fn asks_for_processes(&self) -> bool {
        match self {
            Filter::Is(condition) => {
                matches!(condition, Condition::Pid(_) | Condition::Name(_))
            }
            Filter::Not(part) => part.asks_for_processes(),
            Filter::All(parts) | Filter::Any(parts) => parts.iter().any(Filter::asks_for_processes),
        }
    }

    /// Whether it asks for users.
    pub fn asks_for_users(&self) -> bool {
        match self {
            Filter::Is(condition) => matches!(condition, Condition::User(_)),
            Filter::Not(part) => part.asks_for_users(),
            Filter::All(parts) | Filter::Any(parts) => parts.iter().any(Filter::asks_for_users),
        }
    }

    /// The pids of the only processes that have to be looked at to tell which sockets are meant;
    /// nothing when all have to be.
    pub fn named_pids(&self) -> Option<Vec<i32>> {
        let pids = self.pids()?;
        (!self.asks_beyond(&pids)).then_some(pids)
    }

    fn asks_beyond(&self, pids: &[i32]) -> bool {
        match self {
            Filter::Is(Condition::Name(_) | Condition::User(_)) => true,
            Filter::Is(Condition::Pid(pid)) => !pids.contains(pid),
            Filter::Is(_) => false,
            Filter::Not(part) => part.asks_beyond(pids),
            Filter::All(parts) | Filter::Any(parts) => {
                parts.iter().any(|part| part.asks_beyond(pids))
            }
        }
    }

    /// The pids of which one must hold every socket that is meant; nothing when others could.
    fn pids(&self) -> Option<Vec<i32>> {
        match self {
            Filter::Is(Condition::Pid(pid)) => Some(vec![*pid]),
            Filter::Is(_) | Filter::Not(_) => None,
            Filter::All(parts) => parts.iter().find_map(Filter::pids),
            Filter::Any(parts) => {
                let mut pids = Vec::new();
                for part in parts {
                    pids.extend(part.pids()?);
                }
                pids.sort_unstable();
                pids.dedup();
                Some(pids)
            }
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::Is(condition) => write!(f, "{condition}"),
            Filter::Not(part) => {
                f.write_str("not ")?;
                write_inside(part, f)
            }
            Filter::All(parts) => write_joined(parts, " and ", f),
            Filter::Any(parts) => write_joined(parts, " or ", f),
        }
    }
}

fn write_joined(parts: &[Filter], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        write_inside(part, f)?;
    }
    Ok(())
}

fn write_inside(part: &Filter, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match part {
        Filter::All(_) | Filter::Any(_) => write!(f, "({part})"),
        Filter::Is(_) | Filter::Not(_) => write!(f, "{part}"),
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::End(Ends::Either, pattern) => write!(f, "{pattern}"),
            Condition::End(Ends::Local, pattern) => write!(f, "local:{pattern}"),
            Condition::End(Ends::Remote, pattern) => write!(f, "remote:{pattern}"),
            Condition::Protocol(Protocol::Tcp) => f.write_str("tcp"),
            Condition::Protocol(Protocol::Udp) => f.write_str("udp"),
            Condition::Family(Family::V4) => f.write_str("v4"),
            Condition::Family(Family::V6) => f.write_str("v6"),
            Condition::State(states) => write!(f, "state:{states}"),
            Condition::Pid(pid) => write!(f, "pid:{pid}"),
            Condition::Name(name) => write!(f, "name:{name}"),
            Condition::User(user) => write!(f, "user:{user}"),
            Condition::Gauge(gauge, comparison) => write!(f, "{}{comparison}", gauge.word()),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.filter {
            Filter::All(parts) if parts.is_empty() => {}
            filter => {
                write_inside(filter, f)?;
                f.write_str(" and ")?;
            }
        }
        write!(f, "count{}", self.count)
    }
}
