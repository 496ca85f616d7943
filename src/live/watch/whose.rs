//! [`whose`]: whether an event of a socket that nobody has heard of yet is of a known one with the
//! same addresses. Each network namespace has its own `127.0.0.1` and its own listeners on
//! `0.0.0.0`, and kernel events do not say in which one they happened.

use super::belonging::Belonging;
use super::connection::Connection;
use crate::graph::{Between, between};
use crate::model::{SocketFacts, TcpState};
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::tracepoints::{KernelEvent, StateChange};

/// Whose event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The known one's; where a socket begins, the known one is over.
    Its,
    /// That of a socket in another namespace: the known one is as it was.
    Strangers,
    /// That of another listener on the same address of this namespace (`SO_REUSEPORT`).
    Siblings,
    /// It cannot be decided.
    Unknown,
}

/// Whose event it is, by the namespace of its caller and by what the watched namespace's kernel
/// says of the known one now.
pub(super) fn whose(
    known: &Connection,
    diag: &DiagSocket,
    belonging: &mut Belonging,
    event: &KernelEvent,
    change: &StateChange,
) -> Result<Whose, DiagError> {
    let is_here = belonging.has_caller(event, change.old == TcpState::Listen);
    if is_here == Some(false) {
        return Ok(Whose::Strangers);
    }
    let found = ask(known, diag)?;
    Ok(judge(known, found.as_ref(), change, is_here == Some(true)))
}

/// `is_here`: whether a process of the watched namespace made the call.
fn judge(
    known: &Connection,
    found: Option<&SocketFacts>,
    change: &StateChange,
    is_here: bool,
) -> Whose {
    let state = known.state();
    if change.begins() {
        return match found {
            None => Whose::Its,
            // The request was there already; this is its child.
            Some(_) if change.new == TcpState::SynRecv && state == TcpState::SynRecv => Whose::Its,
            Some(_) if state == TcpState::Listen && is_here => Whose::Siblings,
            // A namespace has but one socket with the addresses of a connection.
            Some(_) if known.socket.facts.cookie != 0 => Whose::Strangers,
            Some(_) => Whose::Unknown,
        };
    }
    let Some(found) = found else {
        return match change.old == state {
            true => Whose::Its,
            false => Whose::Unknown,
        };
    };
    // The small remainder of a socket has its state, and no inode.
    let remains = change.new == TcpState::Close
        && matches!(found.state, TcpState::TimeWait | TcpState::FinWait2)
        && found.inode == 0
        && known.socket.facts.inode != 0;
    match found.state == state && !remains {
        true if state == TcpState::Listen && is_here => Whose::Siblings,
        true => Whose::Strangers,
        false if change.old == state && (remains || leads(change.new, found.state)) => Whose::Its,
        false => Whose::Unknown,
    }
}

fn leads(from: TcpState, to: TcpState) -> bool {
    from == to || between(from, to, false) != Between::Impossible
}

/// The known one, as it is now. Listeners with the same address are told apart by their cookies,
/// which an exact query cannot do: the kernel answers with any of them.
pub(super) fn ask(known: &Connection, diag: &DiagSocket) -> Result<Option<SocketFacts>, DiagError> {
    let facts = &known.socket.facts;
    match (facts.cookie, facts.state) {
        (0, _) => diag.query(facts.tuple),
        (cookie, TcpState::Listen) => {
            let found = diag.query(facts.tuple)?;
            if found.as_ref().is_none_or(|found| found.cookie == cookie) {
                return Ok(found);
            }
            let listeners = diag.listeners()?;
            Ok(listeners.into_iter().find(|found| found.cookie == cookie))
        }
        (cookie, _) => diag.query_cookie(facts.tuple, cookie),
    }
}

impl StateChange {
    /// Whether a socket begins with it.
    pub(super) fn begins(&self) -> bool {
        matches!(self.old, TcpState::Close | TcpState::Listen) && self.new != TcpState::Close
    }
}
