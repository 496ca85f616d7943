//! The lines of a record: header, events, steps and verdicts, end.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventLine;
use super::value::Utc;
use crate::event::{Aspect, Source};
use crate::model::Evidence;
use crate::run::{AskedEvents, Outcome, Place, Polarity};

mod model;

pub(super) use model::sha256;

/// One line of a record. A record is a header, its events, its steps, each with its verdicts
/// behind it, and an end; a file may hold several records, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// The first line of a record.
    Header(HeaderLine),
    /// Something that happened.
    Event(EventLine),
    /// A step that was begun. Its verdicts follow.
    Step(StepLine),
    /// An expectation of the step before, and what came of it.
    Verdict(VerdictLine),
    /// The last line of a record. Without it the record is cut.
    End(EndLine),
}

/// What ran, where, and who watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderLine {
    /// Which format this is: `sockscope-record/1`. A reader refuses a number that it does not
    /// know. Within a number, fields may be added.
    #[schemars(regex(pattern = "^sockscope-record/[0-9]+$"))]
    pub schema: String,
    /// The version of sockscope that ran it.
    pub sockscope: String,
    /// Which try of the scenario this is, counted from 1: `--retries` makes several, of which the
    /// last one decides. Their records follow each other.
    #[schemars(range(min = 1))]
    pub attempt: usize,
    /// The scenario.
    pub scenario: ScenarioText,
    /// Where the programs ran.
    pub place: Place,
    /// The kernel's release.
    pub kernel: String,
    /// The machine's architecture, as `uname(2)` names it: `x86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// When the run began, by the wall clock: what `at_ns` counts from. In UTC, as RFC 3339 writes
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Utc>,
    /// What the user asked for. Absent where nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedValue>,
    /// The hosts, the client's side first.
    pub hosts: Vec<String>,
    /// Who watched.
    pub observers: Vec<Source>,
    /// What could not be seen, and why. A `never` that depends on it is inconclusive.
    pub blind: Vec<BlindValue>,
    /// Settings of the lab that differ from a plain machine's, in words.
    pub settings: Vec<String>,
}

/// A scenario as it ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioText {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its file, as the user knows it.
    pub file: String,
    /// The SHA-256 of `text` in UTF-8, in hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// The file's text.
    pub text: String,
}

/// What the user asked of a run beside its scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AskedValue {
    /// `--net`; absent: the best place that could be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<Place>,
    /// `--syscalls`.
    pub syscalls: bool,
    /// `--events`.
    pub events: AskedEvents,
    /// `--settled`.
    pub settled: bool,
    /// `--timeout-scale`: what every duration of the scenario was multiplied by.
    pub timeout_scale: f64,
    /// `--server`, `--client`, `--program`: the commands that replaced programs of the scenario, as
    /// they were given. The `spawned` events have them with `{port}` and the like filled in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, Vec<String>>,
}

/// Something that could not be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlindValue {
    /// What.
    pub aspect: Aspect,
    /// Why.
    pub why: String,
    /// What would change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A part of the scenario's text: bytes of its UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Where it begins, counted from 0.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    /// Counted from 1.
    #[schemars(range(min = 1))]
    pub step: usize,
    /// Its actions as the file writes them, joined by `; `; empty: it only waited.
    pub text: String,
    /// Where it stands in the scenario's text.
    pub span: Span,
}

/// An expectation, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictLine {
    /// The step it belongs to, counted from 1.
    #[schemars(range(min = 1))]
    pub step: usize,
    /// Whether it must or must not hold.
    pub polarity: Polarity,
    /// As the file writes it.
    pub text: String,
    /// Where it stands in the scenario's text.
    pub span: Span,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: VerdictValue,
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum VerdictValue {
    /// It held.
    Pass {
        /// How that is known.
        evidence: Evidence,
    },
    /// It did not hold.
    Fail {
        /// What was expected, in words.
        expected: String,
        /// What was observed instead, in words.
        observed: String,
        /// Explanations and fixes that fit.
        notes: Vec<String>,
        /// The events that show it, by their `index`.
        events: Vec<usize>,
    },
    /// Nobody can say: an observer was blind.
    Inconclusive {
        /// Why.
        why: String,
        /// What would change it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remedy: Option<String>,
    },
    /// It was not judged, because the user is content without (`--settled`).
    Waived,
}

/// What the run came to, and what the record must hold to be whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndLine {
    /// What it came to.
    pub outcome: Outcome,
    /// The exit code of that.
    pub exit_code: u8,
    /// How long it took, from the first step to the last verdict, in nanoseconds.
    pub took_ns: u64,
    /// Why it could not go on, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StoppedValue>,
    /// What the record holds.
    pub counts: Counts,
}

/// Why a run could not go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoppedValue {
    /// What happened, in words.
    pub why: String,
    /// Where in the scenario's text, if it has to do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What else is wrong, where a scenario has more than one mistake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<MistakeValue>,
}

/// One more thing that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MistakeValue {
    /// What is wrong, in words.
    pub why: String,
    /// Where in the scenario's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What a record holds, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Events.
    pub events: usize,
    /// Steps that were begun.
    pub steps: usize,
    /// Verdicts.
    pub verdicts: usize,
    /// Packets that left a host.
    pub packets: usize,
    /// Packets that never arrived.
    pub dropped: usize,
    /// Processes that were started or forked.
    pub processes: usize,
    /// States that nobody saw, and that are the only path between two known ones.
    pub inferred: usize,
    /// Times that an observer missed something.
    pub gaps: usize,
}
