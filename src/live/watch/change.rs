//! [`Change`]: one socket in another state than before.

use std::sync::Arc;
use std::time::Duration;

use super::connection::Role;
use crate::live::socket::{Netns, Owners};
use crate::model::{Evidence, TcpState, Tuple};

/// One socket in another state than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When, by `CLOCK_MONOTONIC`: of a traced change when it happened, otherwise when it was
    /// seen.
    pub at: Duration,
    /// Which connection: a number of this watch's.
    pub connection: u64,
    /// The namespace, where it is not this process's.
    pub netns: Option<Netns>,
    /// The addresses. The local port is 0 where it is not known: who connects gets it later.
    pub tuple: Tuple,
    /// The state before; nothing when the socket was not known.
    pub old: Option<TcpState>,
    /// The state now; nothing when the kernel does not know the socket any more.
    pub new: Option<TcpState>,
    /// How long it was in the old state, where it was seen coming into it.
    pub lasted: Option<Duration>,
    /// Of a connection that ended, or came into TIME_WAIT: how long it lived, where it was seen
    /// beginning.
    pub age: Option<Duration>,
    /// Which end it is.
    pub role: Role,
    /// Whether the other end is watched too.
    pub both_ends: bool,
    /// Who holds it.
    pub owners: Owners,
    /// Whether those held it before this change, and nobody could look since.
    pub last_known: bool,
    /// The process in whose system call it happened, where it was one.
    pub caller: Option<Caller>,
    /// How the new state is known.
    pub evidence: Evidence,
    /// What else belongs to it.
    pub note: Option<Note>,
}

/// A process that made a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its pid.
    pub pid: i32,
    /// Its name, as it gave it; empty when it was gone before it could be asked.
    pub name: Arc<str>,
}

/// What belongs to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// An RST went out.
    ResetSent,
    /// An RST came in.
    ResetReceived,
    /// The program is done with it; the kernel finishes it.
    Orphaned,
}

impl Note {
    /// In a few words.
    pub fn word(self) -> &'static str {
        match self {
            Note::ResetSent => "RST sent",
            Note::ResetReceived => "RST received",
            Note::Orphaned => "closed by its program",
        }
    }

    /// The key in machine-readable output.
    pub fn key(self) -> &'static str {
        match self {
            Note::ResetSent => "reset_sent",
            Note::ResetReceived => "reset_received",
            Note::Orphaned => "orphaned",
        }
    }
}

impl Change {
    /// Whether other states may have come between the old and the new one.
    pub fn may_skip(&self) -> bool {
        self.old.is_some() && self.evidence == Evidence::Seen && !self.is_remains()
    }

    /// Whether it is a step that the kernel makes without anything between: into TIME_WAIT, which
    /// it is asked for, or the end of it.
    fn is_remains(&self) -> bool {
        matches!(
            (self.old, self.new),
            (
                Some(TcpState::FinWait2 | TcpState::Closing),
                Some(TcpState::TimeWait)
            ) | (Some(TcpState::TimeWait), None)
        )
    }
}
