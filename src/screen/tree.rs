//! The processes that hold what is watched.

use ratatui::text::{Line, Span};

use super::app::App;
use super::draw::style;
use crate::model::ProcState;
use crate::report::{Tone, escape};

pub(super) fn lines(app: &App) -> Vec<Line<'static>> {
    if app.processes.lines.is_empty() {
        return vec![Line::raw(
            " No process that may be looked at holds any of them.",
        )];
    }
    let paint =
        |tone: Tone, text: String| Span::styled(app.look.glyphs(&text), style(&app.look, tone));
    app.processes
        .lines
        .iter()
        .map(|line| {
            let indent = "  ".repeat(line.depth.min(20));
            let holds: Vec<String> = line
                .holds
                .iter()
                .map(|(state, number)| format!("{number} {state}"))
                .collect();
            let (tone, state) = match line.state {
                ProcState::Zombie => (Tone::Bad, "Z <defunct>".to_owned()),
                other => (Tone::Faint, other.letter().to_string()),
            };
            let name = match holds.is_empty() {
                true => Tone::Faint,
                false => Tone::Plain,
            };
            Line::from(vec![
                paint(
                    name,
                    format!(" {indent}{} {} ", escape(&line.name), line.pid),
                ),
                paint(tone, state),
                paint(Tone::Plain, format!("  {}", holds.join(", "))),
            ])
        })
        .collect()
}
