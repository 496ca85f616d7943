//! [`StateSet`]: sets of TCP states, with the names that `ss(8)` has for some of them.

use std::fmt;

use crate::model::TcpState;
use crate::observe::inet_diag::StateMask;

/// A set of TCP states, by the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateSet(u16);

impl StateSet {
    /// Every state, unknown ones too: `all`.
    pub const ALL: StateSet = StateSet(0b1111_1111_1111);
    /// A connection that exists or is being made: all but CLOSE and LISTEN.
    pub const CONNECTED: StateSet = StateSet::ALL
        .without(TcpState::Close)
        .without(TcpState::Listen);
    /// `connected` without SYN_SENT.
    pub const SYNCHRONIZED: StateSet = StateSet::CONNECTED.without(TcpState::SynSent);
    /// What the kernel keeps as a small socket: SYN_RECV and TIME_WAIT.
    pub const BUCKET: StateSet =
        StateSet(StateSet::bit(TcpState::SynRecv) | StateSet::bit(TcpState::TimeWait));
    /// All but `bucket`.
    pub const BIG: StateSet = StateSet::ALL
        .without(TcpState::SynRecv)
        .without(TcpState::TimeWait);

    /// Set and name, as `ss(8)` has them under STATE-FILTER.
    pub const NAMED: [(StateSet, &'static str); 5] = [
        (StateSet::ALL, "all"),
        (StateSet::CONNECTED, "connected"),
        (StateSet::SYNCHRONIZED, "synchronized"),
        (StateSet::BUCKET, "bucket"),
        (StateSet::BIG, "big"),
    ];

    const fn bit(state: TcpState) -> u16 {
        match state {
            TcpState::Established => 1,
            TcpState::SynSent => 1 << 1,
            TcpState::SynRecv => 1 << 2,
            TcpState::FinWait1 => 1 << 3,
            TcpState::FinWait2 => 1 << 4,
            TcpState::TimeWait => 1 << 5,
            TcpState::Close => 1 << 6,
            TcpState::CloseWait => 1 << 7,
            TcpState::LastAck => 1 << 8,
            TcpState::Listen => 1 << 9,
            TcpState::Closing => 1 << 10,
            TcpState::Unknown(_) => 1 << 11,
        }
    }

    const fn without(self, state: TcpState) -> StateSet {
        StateSet(self.0 & !StateSet::bit(state))
    }

    /// No state.
    pub fn none() -> StateSet {
        StateSet(0)
    }

    /// Only this state.
    pub fn of(state: TcpState) -> StateSet {
        StateSet(StateSet::bit(state))
    }

    /// The states of both.
    pub fn with(self, other: StateSet) -> StateSet {
        StateSet(self.0 | other.0)
    }

    /// The states that both have.
    pub fn within(self, other: StateSet) -> StateSet {
        StateSet(self.0 & other.0)
    }

    /// The states that this has not.
    pub fn others(self) -> StateSet {
        StateSet(StateSet::ALL.0 & !self.0)
    }

    /// Whether the state is in it.
    pub fn has(self, state: TcpState) -> bool {
        self.0 & StateSet::bit(state) != 0
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// As a dump of the kernel's takes it.
    pub fn mask(self) -> StateMask {
        TcpState::ALL
            .into_iter()
            .filter(|state| self.has(*state))
            .fold(StateMask::NONE, |mask, state| {
                mask.with(StateMask::of(state))
            })
    }

    /// The set that a word means: a state in any spelling, or one of `ss(8)`'s groups.
    pub fn from_word(word: &str) -> Option<StateSet> {
        let group = StateSet::NAMED
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(word))
            .map(|(set, _)| *set);
        // What ss calls CLOSE, and the table calls a UDP socket without a peer.
        let unconnected = ["unconnected", "unconn"]
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(word))
            .map(|_| StateSet::of(TcpState::Close));
        group
            .or(unconnected)
            .or_else(|| word.parse().ok().map(StateSet::of))
    }

    /// How a state is written in a filter: `close-wait`.
    pub fn word(state: TcpState) -> String {
        state.name().to_ascii_lowercase().replace('_', "-")
    }
}

impl fmt::Display for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = StateSet::NAMED.iter().find(|(set, _)| set == self) {
            return f.write_str(name);
        }
        let words: Vec<String> = TcpState::ALL
            .into_iter()
            .filter(|state| self.has(*state))
            .map(StateSet::word)
            .collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_those_of_ss() {
        let set = |word| StateSet::from_word(word).expect(word);
        assert!(set("connected").has(TcpState::SynSent));
        assert!(!set("connected").has(TcpState::Listen));
        assert!(!set("connected").has(TcpState::Close));
        assert!(!set("synchronized").has(TcpState::SynSent));
        assert_eq!(set("bucket").with(set("big")), set("all"));
        assert_eq!(set("bucket").within(set("big")), StateSet::none());
        assert_eq!(set("ESTAB"), StateSet::of(TcpState::Established));
        assert_eq!(StateSet::from_word("sleepy"), None);
    }

    #[test]
    fn every_state_but_unknown_ones_reaches_the_kernel() {
        assert_eq!(StateSet::ALL.mask(), StateMask::ALL);
        assert_eq!(StateSet::of(TcpState::Listen).mask(), StateMask::LISTEN);
        assert_eq!(StateSet::none().mask(), StateMask::NONE);
    }
}
