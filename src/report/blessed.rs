//! What `--bless` changed: a unified diff of the scenario file, and what could not be blessed.

use similar::{ChangeTag, TextDiff};

use super::Look;
use super::grid::wrap;
use super::palette::Tone;
use super::text::{count, visible};
use crate::bless::{Blessed, Change};

/// Lines around a change that are shown with it.
const AROUND: usize = 3;

/// The diff of `file` from `old` to the blessed text, then what could not be blessed, then a line
/// of numbers. Ends in a newline.
pub fn render(file: &str, old: &str, blessed: &Blessed, look: &Look) -> String {
    let mut lines = diff(file, old, &blessed.text, look);
    if !lines.is_empty() {
        lines.push(String::new());
    }
    for kept in &blessed.kept {
        lines.extend(wrap(
            look,
            " ? ",
            &visible(&format!("left as it is: {kept}")),
            Tone::Closing,
        ));
    }
    let numbers = numbers(blessed);
    let text = match numbers.is_empty() {
        true => format!("nothing to change in {}", visible(file)),
        false => format!("{} in {}", numbers.join(", "), visible(file)),
    };
    let word = look.paint(Tone::Strong, "blessed");
    lines.push(format!(" {word}  {}", look.glyphs(&text)));
    lines.push(String::new());
    lines.join("\n")
}

fn numbers(blessed: &Blessed) -> Vec<String> {
    let number = |kind: fn(&Change) -> bool| blessed.changes.iter().filter(|c| kind(c)).count();
    [
        (number(|c| matches!(c, Change::Replaced { .. })), "replaced"),
        (number(|c| matches!(c, Change::Removed(_))), "removed"),
        (number(|c| matches!(c, Change::Added(_))), "added"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", count(number, "line")))
    .collect()
}

fn diff(file: &str, old: &str, new: &str, look: &Look) -> Vec<String> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
        if lines.is_empty() {
            let name = visible(file);
            lines.push(look.paint(Tone::Strong, &format!("--- {name}")));
            lines.push(look.paint(Tone::Strong, &format!("+++ {name}")));
        }
        lines.push(look.paint(Tone::Faint, &hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let (sign, tone) = match change.tag() {
                ChangeTag::Equal => (' ', Tone::Plain),
                ChangeTag::Delete => ('-', Tone::Bad),
                ChangeTag::Insert => ('+', Tone::Good),
            };
            let line = visible(change.value().trim_end_matches(['\n', '\r']));
            lines.push(look.paint(tone, &format!("{sign}{line}")));
        }
    }
    lines
}
