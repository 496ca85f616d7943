//! What a scenario teaches: its story, what each step shows, the fix and the twin, read from the
//! text that a run keeps. An older record may hold a file that is no scenario any more; what can
//! be read of it is told all the same.

use toml::de::{DeTable, DeValue};

use crate::run::Run;

/// The words of a scenario file. Nothing in them is made visible or escaped yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lesson {
    /// The story in paragraphs.
    pub(super) about: Vec<String>,
    /// What each step shows, by its index.
    tells: Vec<Option<String>>,
    /// Whatever stands behind the story: title and text.
    pub(super) after: Vec<(&'static str, String)>,
}

/// What stands behind the story: keys and titles.
const AFTER: [(&str, &str); 3] = [
    ("fix", "The fix"),
    ("twin", "Its twin"),
    ("source", "Further reading"),
];

impl Lesson {
    /// What the scenario of a run teaches.
    pub(super) fn of(run: &Run) -> Lesson {
        let (table, _) = DeTable::parse_recoverable(&run.header.text);
        read(table.get_ref())
    }

    /// What a step shows.
    pub(super) fn tells(&self, step: usize) -> Option<&str> {
        self.tells.get(step)?.as_deref()
    }
}

fn read(table: &DeTable<'_>) -> Lesson {
    let steps = table.get("step").map(|value| value.get_ref());
    let steps = match steps {
        Some(DeValue::Array(steps)) => steps.iter().collect(),
        _ => Vec::new(),
    };
    Lesson {
        about: string(table, "about").map_or_else(Vec::new, |text| {
            let paragraphs = text.split("\n\n").map(joined);
            paragraphs.filter(|text| !text.is_empty()).collect()
        }),
        tells: steps
            .into_iter()
            .map(|step| string(step.get_ref().as_table()?, "tells").map(joined))
            .collect(),
        after: AFTER
            .iter()
            .filter_map(|(key, title)| Some((*title, string(table, key).map(joined)?)))
            .filter(|(_, text)| !text.is_empty())
            .collect(),
    }
}

fn string<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    table.get(key)?.get_ref().as_str()
}

/// The words of a text, whatever lines it was written in.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_told() {
        let text = "about = \"\"\"\nOne\ntwo.\n\nThree.\n\"\"\"\nfix = 'do it'\nstrange = 1\n\
                    [[step]]\n[[step]]\ntells = \"It\n   happens.\"\n";
        let text = text.replace("It\n   happens", "It happens");
        let table = DeTable::parse(&text).expect("TOML");
        let lesson = read(table.get_ref());
        assert_eq!(lesson.about, ["One two.", "Three."]);
        assert_eq!(lesson.tells(0), None);
        assert_eq!(lesson.tells(1), Some("It happens."));
        assert_eq!(lesson.after, [("The fix", "do it".to_owned())]);
    }
}
