//! The scenario file as text whose lines are changed one by one; everything else stays.

use toml_edit::{Array, DocumentMut, Item, Key, RawString, Table, TableLike, Value};

use super::CannotBless;
use crate::run::Polarity;

/// A scenario file that is edited.
pub(super) struct Document {
    toml: DocumentMut,
    /// Whether every line ends as on Windows.
    carriage_returns: bool,
    /// Whether the last line ends.
    ends: bool,
}

/// What a scenario that was read has: a step with its lines.
fn lost(what: &str) -> CannotBless {
    CannotBless::Text(format!("{what} is not where it was read"))
}

fn key(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Expect => "expect",
        Polarity::Never => "never",
    }
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Document, CannotBless> {
        let toml = text
            .parse()
            .map_err(|error: toml_edit::TomlError| CannotBless::Text(error.message().to_owned()))?;
        let ends_of = |end: &str| text.matches(end).count();
        Ok(Document {
            toml,
            carriage_returns: text.contains('\n') && ends_of("\n") == ends_of("\r\n"),
            ends: text.ends_with('\n'),
        })
    }

    /// The file with its own ends of lines: those that are written are plain.
    pub(super) fn text(&self) -> String {
        let mut text = self.toml.to_string();
        if !self.ends && text.ends_with('\n') {
            text.pop();
        }
        match self.carriage_returns {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        }
    }

    fn step(&mut self, index: usize) -> Result<&mut dyn TableLike, CannotBless> {
        let found: Option<&mut dyn TableLike> = match self.toml.get_mut("step") {
            Some(Item::ArrayOfTables(steps)) => steps.get_mut(index).map(|t| t as _),
            Some(Item::Value(Value::Array(steps))) => steps
                .get_mut(index)
                .and_then(Value::as_inline_table_mut)
                .map(|t| t as _),
            _ => None,
        };
        found.ok_or_else(|| lost("a step"))
    }

    /// Puts another text in the place of the `at`th line of `expect`.
    pub(super) fn replace(
        &mut self,
        step: usize,
        at: usize,
        text: &str,
    ) -> Result<(), CannotBless> {
        let value = match self.step(step)?.get_mut("expect") {
            Some(Item::Value(Value::Array(lines))) => lines.get_mut(at),
            Some(Item::Value(only)) => Some(only).filter(|_| at == 0),
            _ => None,
        };
        let value = value.ok_or_else(|| lost("a line"))?;
        let decor = value.decor().clone();
        *value = Value::from(text);
        *value.decor_mut() = decor;
        Ok(())
    }

    /// Takes the `at`th line away. Comments around it stay.
    pub(super) fn remove(
        &mut self,
        step: usize,
        polarity: Polarity,
        at: usize,
    ) -> Result<(), CannotBless> {
        let table = self.step(step)?;
        match table.get_mut(key(polarity)) {
            Some(Item::Value(Value::Array(lines))) if at < lines.len() => take_line(lines, at),
            Some(Item::Value(only)) if at == 0 => {
                let decor = only.decor().clone();
                *only = Value::from(Array::new());
                *only.decor_mut() = decor;
            }
            _ => return Err(lost("a line")),
        }
        Ok(())
    }

    /// Gives a step without an `expect` line these, behind what it does.
    pub(super) fn add(&mut self, step: usize, lines: &[String]) -> Result<(), CannotBless> {
        let multiline = matches!(self.toml.get("step"), Some(Item::ArrayOfTables(_)));
        let table = self.step(step)?;
        let mut value = match lines {
            [only] => Value::from(only.as_str()),
            many => Value::from(array(many, multiline)),
        };
        if let Some(Item::Value(empty)) = table.get_mut("expect") {
            *value.decor_mut() = empty.decor().clone();
            *empty = value;
            return Ok(());
        }
        if let Some(Item::ArrayOfTables(steps)) = self.toml.get_mut("step")
            && let Some(table) = steps.get_mut(step)
        {
            insert_behind(table, "do", "expect", value);
        } else {
            self.step(step)?.insert("expect", Item::Value(value));
        }
        Ok(())
    }
}

/// Takes a line out of an array. What stands before it is in part the comment of the line above.
fn take_line(lines: &mut Array, at: usize) {
    let removed = lines.remove(at);
    let before = written(removed.decor().prefix());
    if !before.contains('#') {
        // The line that is the first one now begins where that one did.
        if let (0, Some(next)) = (at, lines.get_mut(at))
            && written(next.decor().prefix())
                .trim_start_matches(' ')
                .is_empty()
        {
            next.decor_mut().set_prefix(before);
        }
        return;
    }
    let comment = before
        .rsplit_once('\n')
        .map_or(before, |(comment, _)| comment);
    match lines.get_mut(at) {
        Some(next) => {
            let prefix = format!("{comment}{}", written(next.decor().prefix()));
            next.decor_mut().set_prefix(prefix);
        }
        None => {
            // A comment ends with its line.
            let after = match written(Some(lines.trailing())) {
                end if end.starts_with(['\n', ' ', '\r']) && end.contains('\n') => end,
                _ => "\n",
            };
            let trailing = format!("{comment}{after}");
            lines.set_trailing(trailing);
        }
    }
}

fn written(raw: Option<&RawString>) -> &str {
    raw.and_then(RawString::as_str).unwrap_or_default()
}

/// One line each where the place allows it.
fn array(lines: &[String], multiline: bool) -> Array {
    let mut array: Array = lines.iter().map(String::as_str).collect();
    if multiline {
        for value in array.iter_mut() {
            value.decor_mut().set_prefix("\n  ");
        }
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    array
}

/// Inserts an entry behind another one, or first where that one is not there.
fn insert_behind(table: &mut Table, behind: &str, name: &str, value: Value) {
    let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let from = keys.iter().position(|key| key == behind);
    let later = &keys[from.map_or(0, |at| at + 1)..];
    let moved: Vec<(Key, Item)> = later
        .iter()
        .filter_map(|key| table.remove_entry(key))
        .collect();
    table.insert(name, Item::Value(value));
    for (key, item) in moved {
        table.insert_formatted(&key, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a file\ntitle = 't'   # with comments\n\n[[step]]   # first\n\
                        do     = \"start server\" # go\nexpect = [\n  'a', # of a\n  \"b\",  # of b\n  \
                        # before c\n  'c'\n]\nnever  = 'n'\n[[step]]\ntells = 'x'\ndo = 'y'\n\
                        within = '2s' # long\n# end\n";

    fn edited(edit: impl FnOnce(&mut Document) -> Result<(), CannotBless>) -> String {
        let mut document = Document::parse(FILE).expect("TOML");
        edit(&mut document).expect("edited");
        document.text()
    }

    #[test]
    fn nothing_changes_by_itself() {
        assert_eq!(edited(|_| Ok(())), FILE);
        for text in [
            FILE.replace('\n', "\r\n"),
            FILE.trim_end().to_owned(),
            String::new(),
        ] {
            assert_eq!(Document::parse(&text).expect("TOML").text(), text);
        }
    }

    #[test]
    fn a_line_is_replaced_where_it_stands() {
        let text = edited(|document| document.replace(0, 1, "new"));
        assert_eq!(text, FILE.replace("\"b\"", "\"new\""));
    }

    #[test]
    fn a_removed_line_leaves_every_comment() {
        for at in 0..3 {
            let text = edited(|document| document.remove(0, Polarity::Expect, at));
            for comment in [
                "# of a",
                "# of b",
                "# before c",
                "# with comments",
                "# long",
            ] {
                assert!(text.contains(comment), "{at} {comment}:\n{text}");
            }
            Document::parse(&text).expect("still TOML");
        }
        let text = edited(|document| document.remove(0, Polarity::Expect, 0));
        assert_eq!(text, FILE.replace("\n  'a', # of a", " # of a"));
        let text = edited(|document| document.remove(0, Polarity::Never, 0));
        assert_eq!(text, FILE.replace("'n'", "[]"));
    }

    #[test]
    fn what_comes_first_stands_at_the_bracket() {
        let mut document = Document::parse("step = [{never=[\"a\", \"b\"]}]").expect("TOML");
        document.remove(0, Polarity::Never, 0).expect("removed");
        assert_eq!(document.text(), "step = [{never=[\"b\"]}]");
    }

    #[test]
    fn lines_are_added_behind_what_the_step_does() {
        let one = ["q".to_owned()];
        let text = edited(|document| document.add(1, &one));
        assert_eq!(
            text,
            FILE.replace("do = 'y'\n", "do = 'y'\nexpect = \"q\"\n")
        );
        let two = ["q".to_owned(), "r".to_owned()];
        let text = edited(|document| document.add(1, &two));
        let array = "do = 'y'\nexpect = [\n  \"q\",\n  \"r\",\n]\n";
        assert_eq!(text, FILE.replace("do = 'y'\n", array));
    }

    #[test]
    fn steps_may_be_an_array() {
        let mut document =
            Document::parse("step = [{do='x'}, {do='y', expect='a'}]").expect("TOML");
        document.add(0, &["q".into(), "r".into()]).expect("added");
        document.replace(1, 0, "b").expect("replaced");
        let text = document.text();
        assert!(
            text.contains("expect = [\"q\", \"r\"]") && text.contains("expect=\"b\""),
            "{text}"
        );
    }
}
