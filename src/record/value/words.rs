//! States, timers and flags as words.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::event::TcpFlags;
use crate::model::{ProcState, TcpState, TimerKind};

/// A TCP state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateWord(pub TcpState);

impl Serialize for StateWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StateWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StateWord, D::Error> {
        let word = Cow::<str>::deserialize(deserializer)?;
        let unknown = numbered(&word, "UNKNOWN").map(TcpState::Unknown);
        let known = TcpState::ALL.into_iter().find(|s| s.name() == word);
        known
            .or(unknown)
            .map(StateWord)
            .ok_or_else(|| de::Error::custom(format_args!("`{word}` is no TCP state")))
    }
}

impl JsonSchema for StateWord {
    fn schema_name() -> Cow<'static, str> {
        "TcpState".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A TCP state as netstat(8) prints it; `UNKNOWN(13)` for a number of \
                            the kernel's that has no name.",
            "type": "string",
            "anyOf": [
                { "enum": TcpState::ALL.map(TcpState::name) },
                { "pattern": "^UNKNOWN\\([0-9]+\\)$" },
            ],
        })
    }
}

/// The number in `word(7)`.
fn numbered(text: &str, word: &str) -> Option<u8> {
    let number = text.strip_prefix(word)?.strip_prefix('(')?;
    number.strip_suffix(')')?.parse().ok()
}

/// The letter of a process's state, as `ps(1)` prints it: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StateLetter(pub char);

impl From<ProcState> for StateLetter {
    fn from(state: ProcState) -> StateLetter {
        StateLetter(state.letter())
    }
}

impl From<StateLetter> for ProcState {
    fn from(letter: StateLetter) -> ProcState {
        ProcState::from_letter(letter.0)
    }
}

/// The timer that runs on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerWord(pub TimerKind);

impl TimerWord {
    const NAMED: [(TimerKind, &'static str); 5] = [
        (TimerKind::Off, "off"),
        (TimerKind::Retransmit, "retransmit"),
        (TimerKind::KeepAlive, "keep_alive"),
        (TimerKind::TimeWait, "time_wait"),
        (TimerKind::Probe, "probe"),
    ];
}

impl Serialize for TimerWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = TimerWord::NAMED.iter().find(|(timer, _)| *timer == self.0);
        match (known, self.0) {
            (_, TimerKind::Unknown(number)) => {
                serializer.collect_str(&format_args!("unknown({number})"))
            }
            (known, _) => serializer.serialize_str(known.map_or("off", |(_, word)| word)),
        }
    }
}

impl<'de> Deserialize<'de> for TimerWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TimerWord, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let known = TimerWord::NAMED.iter().find(|(_, word)| *word == text);
        known
            .map(|(timer, _)| *timer)
            .or_else(|| numbered(&text, "unknown").map(TimerKind::Unknown))
            .map(TimerWord)
            .ok_or_else(|| de::Error::custom(format_args!("`{text}` is no timer")))
    }
}

impl JsonSchema for TimerWord {
    fn schema_name() -> Cow<'static, str> {
        "Timer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The timer that runs on a socket: `retransmit` (or loss probe), \
                            `keep_alive` (also FIN_WAIT2's of an orphan), `time_wait` (of a \
                            mini-socket), `probe` (zero window), `off`; `unknown(9)` for a number \
                            of the kernel's that has no name.",
            "type": "string",
            "anyOf": [
                { "enum": TimerWord::NAMED.map(|(_, word)| word) },
                { "pattern": "^unknown\\([0-9]+\\)$" },
            ],
        })
    }
}

/// The flags of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagWords(pub TcpFlags);

impl FlagWords {
    /// Behind the flags that reports name, those of RFC 3168.
    const CONGESTION: [(TcpFlags, &'static str); 2] =
        [(TcpFlags(0x40), "ECE"), (TcpFlags(0x80), "CWR")];

    fn named() -> impl Iterator<Item = (TcpFlags, &'static str)> {
        TcpFlags::NAMED.into_iter().chain(FlagWords::CONGESTION)
    }
}

impl Serialize for FlagWords {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let set = FlagWords::named().filter(|(flag, _)| self.0.has(*flag));
        serializer.collect_seq(set.map(|(_, name)| name))
    }
}

impl<'de> Deserialize<'de> for FlagWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FlagWords, D::Error> {
        let mut flags = TcpFlags::default();
        for word in Vec::<String>::deserialize(deserializer)? {
            let (flag, _) = FlagWords::named()
                .find(|(_, name)| *name == word)
                .ok_or_else(|| de::Error::custom(format_args!("`{word}` is no TCP flag")))?;
            flags = flags.with(flag);
        }
        Ok(FlagWords(flags))
    }
}

impl JsonSchema for FlagWords {
    fn schema_name() -> Cow<'static, str> {
        "TcpFlags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = FlagWords::named().map(|(_, name)| name).collect();
        json_schema!({
            "description": "The flags of a TCP header that are set.",
            "type": "array",
            "items": { "enum": names },
            "uniqueItems": true,
        })
    }
}
