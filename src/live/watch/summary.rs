//! [`Summary`]: what is told at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::change::{Change, Note};
use super::connection::Role;
use crate::model::TcpState;

/// How many life times are kept: of more, every second, fourth … one.
const LIVES: usize = 1 << 16;

/// What all changes come to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many changes there were.
    pub changes: u64,
    /// How often each change of state was made; nothing stands for not being there.
    pub transitions: BTreeMap<(Option<Order>, Option<Order>), u64>,
    /// How long connections lived.
    pub lives: Lives,
    /// Which end closed first.
    pub closed_first: BTreeMap<First, u64>,
}

/// A state in the order of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order(pub TcpState);

impl Order {
    fn rank(self) -> u16 {
        match self.0 {
            TcpState::Close => 0,
            TcpState::Listen => 1,
            TcpState::SynSent => 2,
            TcpState::SynRecv => 3,
            TcpState::Established => 4,
            TcpState::FinWait1 => 5,
            TcpState::FinWait2 => 6,
            TcpState::Closing => 7,
            TcpState::TimeWait => 8,
            TcpState::CloseWait => 9,
            TcpState::LastAck => 10,
            TcpState::Unknown(number) => 11 + u16::from(number),
        }
    }
}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Order) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Order) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum First {
    /// The end that connected.
    Client,
    /// The end that a listener made.
    Server,
    /// This machine's end, of whose beginning nothing is known.
    ThisEnd,
    /// The other machine's end, of whose beginning nothing is known.
    OtherEnd,
    /// An RST sent by this end.
    ResetSent,
    /// An RST received by this end.
    ResetReceived,
}

/// How long connections lived, from the first change to the last.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    /// How many.
    pub count: u64,
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub greatest: Duration,
    kept: Vec<Duration>,
    /// Every which one is kept.
    stride: u64,
}

impl Lives {
    fn add(&mut self, life: Duration) {
        if self.count == 0 {
            self.stride = 1;
            (self.least, self.greatest) = (life, life);
        }
        self.least = self.least.min(life);
        self.greatest = self.greatest.max(life);
        if self.count.is_multiple_of(self.stride) {
            self.kept.push(life);
        }
        self.count += 1;
        if self.kept.len() == LIVES {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// The median; of very many, that of those which were kept.
    pub fn median(&self) -> Duration {
        let mut kept = self.kept.clone();
        kept.sort_unstable();
        kept.get(kept.len() / 2).copied().unwrap_or_default()
    }
}

impl Summary {
    /// One more change.
    pub fn add(&mut self, change: &Change) {
        self.changes += 1;
        let kind = (change.old.map(Order), change.new.map(Order));
        *self.transitions.entry(kind).or_default() += 1;
        if change.role != Role::Listener
            && let Some(age) = change.age
        {
            self.lives.add(age);
        }
        if let Some(first) = closed_first(change) {
            *self.closed_first.entry(first).or_default() += 1;
        }
    }
}

/// Who ended the connection, where this change tells.
fn closed_first(change: &Change) -> Option<First> {
    let open = matches!(
        change.old,
        Some(TcpState::Established | TcpState::SynRecv | TcpState::SynSent)
    );
    if !open {
        return None;
    }
    let this = match change.role {
        Role::Client => First::Client,
        Role::Server => First::Server,
        Role::Listener | Role::Unknown => First::ThisEnd,
    };
    let other = match change.role {
        Role::Client => First::Server,
        Role::Server => First::Client,
        Role::Listener | Role::Unknown => First::OtherEnd,
    };
    match (change.new?, change.note) {
        (TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::TimeWait, _) => {
            Some(this)
        }
        // The other end tells it itself.
        (TcpState::CloseWait | TcpState::LastAck, _) if change.both_ends => None,
        (TcpState::CloseWait | TcpState::LastAck, _) => Some(other),
        // Refused: there was nothing to close.
        (TcpState::Close, _) if change.old == Some(TcpState::SynSent) => None,
        (TcpState::Close, Some(Note::ResetReceived)) => Some(First::ResetReceived),
        // The other end tells it itself.
        (TcpState::Close, Some(Note::ResetSent)) if change.both_ends => None,
        (TcpState::Close, Some(Note::ResetSent)) => Some(First::ResetSent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_lives_some_are_kept() {
        let mut lives = Lives::default();
        for ms in 0..500_000 {
            lives.add(Duration::from_millis(ms));
        }
        assert_eq!(lives.count, 500_000);
        assert_eq!(lives.least, Duration::ZERO);
        assert_eq!(lives.greatest, Duration::from_millis(499_999));
        assert!(lives.kept.len() < LIVES);
        let median = lives.median().as_millis() as i64;
        assert!((median - 250_000).abs() < 100, "{median}");
    }
}
