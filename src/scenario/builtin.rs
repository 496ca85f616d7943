//! The scenarios that are part of sockscope: every `.toml` file below `scenarios/`.

use super::suggest;

/// A built-in scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// The file's stem: `normal-close`.
    pub name: &'static str,
    /// The folder: `close`.
    pub topic: &'static str,
    /// The file: `scenarios/close/normal-close.toml`.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

// `build.rs` writes the table.
include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// No built-in scenario has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scenario `{name}`")]
pub struct UnknownScenario {
    /// What was asked for.
    pub name: String,
    /// Names that are near, the nearest first; at most three.
    pub suggestions: Vec<&'static str>,
}

/// All built-in scenarios, by topic and name.
pub fn all() -> &'static [Builtin] {
    ALL
}

/// The built-in scenario called `normal-close` or `close/normal-close`.
///
/// # Errors
/// When there is none, with the names that are near.
pub fn find(name: &str) -> Result<&'static Builtin, UnknownScenario> {
    let wanted = |builtin: &&Builtin| match name.rsplit_once('/') {
        Some((topic, stem)) => builtin.topic == topic && builtin.name == stem,
        None => builtin.name == name,
    };
    ALL.iter().find(wanted).ok_or_else(|| {
        let stem = name.rsplit_once('/').map_or(name, |(_, stem)| stem);
        let mut suggestions = suggest::ranked(stem, ALL.iter().map(|builtin| builtin.name));
        suggestions.truncate(3);
        UnknownScenario {
            name: name.to_owned(),
            suggestions,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Scenario, SourceText};
    use super::*;

    #[test]
    fn every_builtin_scenario_is_right() {
        assert!(!all().is_empty());
        for builtin in all() {
            let source = SourceText {
                name: builtin.file.to_owned(),
                text: builtin.text.to_owned(),
            };
            if let Err(error) = Scenario::parse(source.clone(), builtin.name, builtin.topic) {
                panic!("{}", error.render(&source, false));
            }
        }
    }

    #[test]
    fn found_by_name_and_by_topic_and_name() {
        let found = find("normal-close").expect("it is built in");
        assert_eq!(found.file, "scenarios/close/normal-close.toml");
        assert_eq!(find("close/normal-close"), Ok(found));
        assert!(find("crash/normal-close").is_err());
    }

    #[test]
    fn a_slip_of_the_fingers_is_corrected() {
        let error = find("normal-clsoe").expect_err("it is misspelt");
        assert_eq!(error.suggestions, ["normal-close"]);
    }
}
