//! The words of the language.

use super::StateSet;
use crate::model::TcpState;

/// What stands before a `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Local,
    Remote,
    LocalPort,
    RemotePort,
    Port,
    Pid,
    Name,
    User,
    State,
}

/// Key and word; the first word of a key is the one that is shown.
pub(super) const KEYS: [(Key, &str); 17] = [
    (Key::Local, "local"),
    (Key::Local, "src"),
    (Key::Remote, "remote"),
    (Key::Remote, "dst"),
    (Key::Remote, "peer"),
    (Key::LocalPort, "sport"),
    (Key::RemotePort, "dport"),
    (Key::Port, "port"),
    (Key::Pid, "pid"),
    (Key::Name, "name"),
    (Key::Name, "comm"),
    (Key::Name, "command"),
    (Key::Name, "process"),
    (Key::User, "user"),
    (Key::User, "uid"),
    (Key::State, "state"),
    (Key::State, "st"),
];

/// The key that a word is, if it is one.
pub(super) fn key(word: &str) -> Option<Key> {
    KEYS.iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(word))
        .map(|(key, _)| *key)
}

/// Every word that can stand alone.
pub(super) fn plain() -> Vec<String> {
    let fixed = [
        "tcp", "udp", "tcp4", "tcp6", "udp4", "udp6", "v4", "v6", "ipv4", "ipv6", "inet", "inet6",
        "and", "or", "not",
    ];
    fixed
        .iter()
        .map(|word| (*word).to_owned())
        .chain(states())
        .collect()
}

/// Every word for a state or a group of them.
pub(super) fn states() -> Vec<String> {
    let groups = StateSet::NAMED.iter().map(|(_, name)| (*name).to_owned());
    TcpState::ALL
        .into_iter()
        .map(StateSet::word)
        .chain(groups)
        .chain(["unconnected".to_owned()])
        .collect()
}
