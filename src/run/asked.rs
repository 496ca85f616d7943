//! [`Asked`]: what the user asked of a run beside its scenario.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::model::ProgramName;

/// What the user asked of a run beside its scenario, as far as it changes what happens or what is
/// seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// `--net`; nothing: the best place that could be had.
    pub net: Option<Place>,
    /// `--syscalls`.
    pub syscalls: bool,
    /// `--events`.
    pub events: AskedEvents,
    /// `--settled`.
    pub settled: bool,
    /// `--timeout-scale`: what every duration of the scenario was multiplied by.
    pub timeout_scale: f64,
    /// `--server`, `--client`, `--program`: commands in place of the scenario's, as they were given.
    /// [`Kind::Spawned`](crate::event::Kind::Spawned) has them with `{port}` and the like filled in.
    pub programs: BTreeMap<ProgramName, Vec<String>>,
}

/// A command as one would type it: words in quotes where a shell needs them. Words with a NUL, which
/// none can have, are joined as they are.
pub(crate) fn command_line(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// When to record what the kernel tells itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskedEvents {
    /// Where they make up for the missing wire.
    Auto,
    /// Everywhere.
    On,
    /// Nowhere.
    #[default]
    Off,
}
