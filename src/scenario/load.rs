//! From the word on the command line to a scenario.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::builtin::{self, Builtin, UnknownScenario};
use super::error::{Fault, ScenarioError, render_at};
use super::{Scenario, SourceText};

/// The biggest scenario file, in bytes.
const BIGGEST: u64 = 1 << 20;

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No built-in scenario has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownScenario),
    /// The file cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// As the user wrote it.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// It is a directory.
    #[error("`{path}` is a directory")]
    Directory {
        /// As the user wrote it.
        path: String,
    },
    /// It is not UTF-8, as TOML has to be.
    #[error("`{path}` is not UTF-8 text (byte {at} is the first wrong one)")]
    NotUtf8 {
        /// As the user wrote it.
        path: String,
        /// The first byte that is wrong, counted from 0.
        at: usize,
    },
    /// It is bigger than a scenario can be: 1 MiB.
    #[error("`{path}` is bigger than 1 MiB: that is no scenario")]
    TooBig {
        /// As the user wrote it.
        path: String,
    },
    /// What it says is wrong.
    #[error("{}: {error}", source_text.name)]
    Wrong {
        /// The text that the error points into.
        source_text: SourceText,
        /// What is wrong.
        error: ScenarioError,
    },
}

impl LoadError {
    /// The whole text for the user, ending in a newline.
    pub fn render(&self, color: bool) -> String {
        if let LoadError::Wrong { source_text, error } = self {
            return error.render(source_text, color);
        }
        let fault = Fault::new(0..0, self.to_string()).maybe_help(self.help());
        render_unplaced(&fault, color)
    }

    /// What would help; of a wrong text each fault has its own.
    pub fn help(&self) -> Option<String> {
        match self {
            LoadError::Unknown(unknown) => {
                let list = "`sockscope list` names them all";
                let file = format!("{}.toml", unknown.name);
                Some(match unknown.suggestions[..] {
                    _ if Path::new(&file).is_file() => format!("did you mean `{file}`? {list}"),
                    [] => list.to_owned(),
                    _ => {
                        let near: Vec<String> = unknown
                            .suggestions
                            .iter()
                            .map(|s| format!("`{s}`"))
                            .collect();
                        format!("did you mean {}? {list}", near.join(" or "))
                    }
                })
            }
            LoadError::Directory { .. } => Some("name the .toml file in it".to_owned()),
            _ => None,
        }
    }
}

/// A fault without a file that it could point into.
fn render_unplaced(fault: &Fault, color: bool) -> String {
    let nowhere = SourceText {
        name: String::new(),
        text: String::new(),
    };
    let text = render_at(
        &nowhere,
        &fault.span,
        &fault.message,
        "",
        fault.help.as_deref(),
        color,
    );
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(1);
    lines.join("\n") + "\n"
}

/// Loads what the user named: a path when it contains `/` or ends in `.toml`, otherwise (and when
/// it is `topic/name` of one) a built-in scenario.
///
/// # Errors
/// When there is no such scenario, it cannot be read, or it is wrong.
pub fn load(argument: &str) -> Result<Scenario, LoadError> {
    let is_path = argument.contains('/') || argument.ends_with(".toml");
    match builtin::find(argument) {
        Ok(builtin) => built_in(builtin),
        Err(unknown) if !is_path => Err(unknown.into()),
        // `topic/name` with a slip in it.
        Err(unknown)
            if !unknown.suggestions.is_empty()
                && !argument.ends_with(".toml")
                && !Path::new(argument).exists() =>
        {
            Err(unknown.into())
        }
        Err(_) => load_file(Path::new(argument)),
    }
}

/// Loads a built-in scenario: `normal-close`, `close/normal-close`.
///
/// # Errors
/// When there is none of that name.
pub fn load_builtin(name: &str) -> Result<Scenario, LoadError> {
    built_in(builtin::find(name)?)
}

/// Loads a scenario of the user's own.
///
/// # Errors
/// When the file cannot be read, or is wrong.
pub fn load_file(path: &Path) -> Result<Scenario, LoadError> {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    load_text(read(path)?, &name.to_string_lossy(), "")
}

fn built_in(builtin: &Builtin) -> Result<Scenario, LoadError> {
    let source = SourceText {
        name: builtin.file.to_owned(),
        text: builtin.text.to_owned(),
    };
    load_text(source, builtin.name, builtin.topic)
}

/// Reads a scenario that is there already. `name` is the file's stem, `topic` the folder of a
/// built-in one.
///
/// # Errors
/// When it is wrong.
pub fn load_text(source: SourceText, name: &str, topic: &str) -> Result<Scenario, LoadError> {
    Scenario::parse(source.clone(), name, topic).map_err(|error| LoadError::Wrong {
        source_text: source,
        error,
    })
}

fn read(file: &Path) -> Result<SourceText, LoadError> {
    let path = file.to_string_lossy();
    let unreadable = |error: io::Error| LoadError::Unreadable {
        path: path.to_string(),
        error,
    };
    let file = File::open(file).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(LoadError::Directory {
            path: path.to_string(),
        });
    }
    let mut bytes = Vec::new();
    file.take(BIGGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BIGGEST) {
        return Err(LoadError::TooBig {
            path: path.to_string(),
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8 {
        path: path.to_string(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(SourceText {
        name: path.to_string(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_that_cannot_be_scenarios_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("bytes.toml"), b"title = \"\xff\"").expect("written");
        fs::write(path("big.toml"), vec![b'#'; (1 << 20) + 1]).expect("written");
        let load = |path: &str| load(path).expect_err("no scenario");
        assert!(matches!(
            load(&path("none.toml")),
            LoadError::Unreadable { .. }
        ));
        assert!(matches!(load(&path("")), LoadError::Directory { .. }));
        assert!(matches!(load("/dev/zero"), LoadError::TooBig { .. }));
        assert!(matches!(load(&path("big.toml")), LoadError::TooBig { .. }));
        assert!(matches!(
            load(&path("bytes.toml")),
            LoadError::NotUtf8 { at: 9, .. }
        ));
    }

    #[test]
    fn an_unknown_name_is_answered_with_near_ones() {
        let text = load("normalclose").expect_err("misspelt").render(false);
        assert_eq!(
            text,
            "error: unknown scenario `normalclose`\n  \
             = help: did you mean `normal-close`? `sockscope list` names them all\n"
        );
    }

    #[test]
    fn built_in_ones_are_loaded_by_name() {
        let scenario = load("close/normal-close").expect("built in");
        assert_eq!(scenario.name, "normal-close");
        assert_eq!(scenario.topic, "close");
        assert!(matches!(
            load("close/normal-clos"),
            Err(LoadError::Unknown(_))
        ));
    }
}
