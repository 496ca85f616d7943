//! Commands that replace programs of a scenario, checked before anything runs.

use std::collections::BTreeMap;

use super::header::host_names;
use crate::model::ProgramName;
use crate::scenario::{self, PORTS, Scenario};

/// Why a command cannot replace a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotReplace(String);

/// Whether every replaced program is one of the scenario's, and its command can be started: it has
/// a first word, and its placeholders stand for something.
///
/// # Errors
/// The first that is wrong, with what would be right.
pub fn check(
    programs: &BTreeMap<ProgramName, Vec<String>>,
    scenario: &Scenario,
) -> Result<(), CannotReplace> {
    for (name, words) in programs {
        if !scenario.programs.contains_key(name) {
            let known: Vec<&str> = scenario.programs.keys().map(|p| p.as_str()).collect();
            return Err(CannotReplace(format!(
                "scenario `{}` has no program `{name}`; it has {}",
                scenario.name,
                known.join(", ")
            )));
        }
        if words.is_empty() {
            return Err(CannotReplace(format!("the command for `{name}` is empty")));
        }
        let hosts = host_names(scenario);
        let values: BTreeMap<String, String> = hosts
            .iter()
            .flat_map(|host| [host.to_string(), format!("{host}6")])
            .chain(PORTS.iter().map(ToString::to_string))
            .map(|key| (key, String::new()))
            .collect();
        for word in words {
            scenario::expand(word, &values).map_err(|error| {
                let known: Vec<String> = values.keys().map(|name| format!("{{{name}}}")).collect();
                CannotReplace(format!(
                    "the command for `{name}`: {error}\n  = help: known are {}; a brace itself is \
                     written twice",
                    known.join(", ")
                ))
            })?;
        }
    }
    Ok(())
}
