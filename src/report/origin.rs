//! Where a run comes from: the user's file, and places in it.

use std::path::{Component, Path};

use crate::run::Run;
use crate::scenario::builtin;

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    /// Where a byte of a text stands. One outside it is taken as its end.
    pub(super) fn of(text: &str, byte: usize) -> Position {
        let before = &text[..boundary(text, byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// The nearest character boundary at or before `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The scenario's file as the user gave it, without `./` before it; nothing for a built-in
/// scenario, which has no file of the user's, and for a run without a scenario.
pub(super) fn file(run: &Run) -> Option<&str> {
    let mut path = run.header.file.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    (topic(run).is_none() && !path.is_empty()).then_some(path)
}

/// What the scenario belongs to: `sockscope.close` for a built-in one, `tests.net` for
/// `tests/net/mine.toml`, `sockscope` for a file without a folder.
pub(super) fn group(run: &Run) -> String {
    if let Some(topic) = topic(run) {
        return format!("sockscope.{topic}");
    }
    let folder = Path::new(&run.header.file).parent().map(Path::components);
    let parts: Vec<String> = folder
        .into_iter()
        .flatten()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().replace('.', "_")),
            _ => None,
        })
        .collect();
    match parts.is_empty() {
        true => "sockscope".to_owned(),
        false => parts.join("."),
    }
}

/// The topic of a built-in scenario.
fn topic(run: &Run) -> Option<&'static str> {
    let header = &run.header;
    let found = builtin::all()
        .iter()
        .find(|known| known.file == header.file && known.text == header.text);
    found.map(|known| known.topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_1() {
        let text = "a = 1\nä漢 = 2\n";
        for (byte, line, column) in [(0, 1, 1), (6, 2, 1), (8, 2, 2), (9, 2, 2), (11, 2, 3)] {
            assert_eq!(Position::of(text, byte), Position { line, column });
        }
        let end = Position { line: 3, column: 1 };
        assert_eq!(Position::of(text, 900), end);
    }
}
