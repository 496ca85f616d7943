//! The built-in scenarios by topic, a line each.

use super::Look;
use super::grid::{Cell, Column, Grid};
use super::palette::Tone;
use super::text::{escape, width};

/// A scenario as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The folder it is in: `close`.
    pub topic: String,
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
}

/// The list, topics in the order of their first entry. Ends in a newline.
pub fn render(entries: &[Entry], look: &Look) -> String {
    let name = entries.iter().map(|e| width(&e.name)).max().unwrap_or(0);
    let mut lines = Vec::new();
    let mut topics: Vec<&str> = Vec::new();
    for entry in entries {
        if !topics.contains(&entry.topic.as_str()) {
            topics.push(&entry.topic);
        }
    }
    for topic in topics {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(look.paint(Tone::Strong, &escape(topic)));
        let rest = look.columns().saturating_sub(name + 4).max(20);
        let mut grid = Grid::new(vec![
            Column::of(2).gap(""),
            Column::of(name).gap("  "),
            Column::of(rest),
        ]);
        for entry in entries.iter().filter(|e| e.topic == topic) {
            grid.push(vec![
                Cell::default(),
                Cell::new(escape(&entry.name), Tone::Plain),
                Cell::new(escape(&entry.title), Tone::Faint),
            ]);
        }
        lines.extend(grid.lines(look));
    }
    lines.push(String::new());
    lines.join("\n")
}
