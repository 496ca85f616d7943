//! A scenario explained: its story beside the rows of an actual run.

use super::grid::wrap;
use super::ladder::Ladder;
use super::lane;
use super::palette::Tone;
use super::rows::{RowKind, select};
use super::text::{escape, visible, width};
use super::{Detail, Look};
use crate::model::{Role, TcpState};
use crate::programs;
use crate::run::{Outcome, Run, command_line};
use crate::scenario::Scenario;

/// The explanation, ending in a newline. `run` is a run of the scenario.
pub fn render(scenario: &Scenario, run: &Run, look: &Look, detail: &Detail) -> String {
    let mut lines = heading(scenario, look);
    lines.extend(section("the programs", look));
    lines.extend(program_lines(scenario, look));
    lines.extend(section("what happens", look));
    lines.extend(story(scenario, run, look, detail));
    lines.extend(section(
        "the states it visits (RFC 9293, section 3.3.2)",
        look,
    ));
    lines.extend(paths(run, look));
    lines.extend(closing(scenario, look));
    lines.push(String::new());
    lines.join("\n")
}

fn section(title: &str, look: &Look) -> Vec<String> {
    vec![String::new(), look.paint(Tone::Strong, title)]
}

fn heading(scenario: &Scenario, look: &Look) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {}",
        look.paint(Tone::Strong, &escape(&scenario.name)),
        look.glyphs(&visible(&scenario.title))
    )];
    for paragraph in scenario.about.split("\n\n") {
        lines.push(String::new());
        let text = visible(&paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.extend(wrap(look, "  ", &text, Tone::Plain));
    }
    lines
}

fn program_lines(scenario: &Scenario, look: &Look) -> Vec<String> {
    let name = scenario.programs.keys().map(|name| width(name.as_str()));
    let name = name.max().unwrap_or(0);
    let mut lines = Vec::new();
    for (program, what) in &scenario.programs {
        let command = command_line(&what.command.value);
        // Placeholders are what the reader knows from the file; their quotes are not.
        let command = command.replace('\'', "");
        let first = what.command.value.first();
        let summary = first
            .and_then(|word| programs::find(word))
            .map(|b| b.summary);
        let indent = format!("  {:name$}  ", escape(program.as_str()));
        let mut text = visible(&command);
        if let Some(summary) = summary {
            text.push_str(&format!(" — {summary}"));
        }
        lines.extend(wrap(look, &indent, &text, Tone::Plain));
    }
    lines
}

/// The rows step by step, each step begun by what it tells.
fn story(scenario: &Scenario, run: &Run, look: &Look, detail: &Detail) -> Vec<String> {
    let rows = select(run, detail);
    let ladder = Ladder::fit(run, &rows, look, detail);
    let mut lines = ladder.head();
    let begins = |row: &super::rows::Row| matches!(row.kind, RowKind::Step(_));
    let mut from = 0;
    while from < rows.len() {
        let to = rows[from + 1..]
            .iter()
            .position(begins)
            .map_or(rows.len(), |at| from + 1 + at);
        let head = usize::from(begins(&rows[from]));
        lines.extend(ladder.lines(&rows[from..from + head], &|_| false));
        let tells = scenario
            .steps
            .get(rows[from].step)
            .and_then(|step| step.tells.as_deref())
            .filter(|_| head == 1);
        if let Some(tells) = tells {
            let text = tells.split_whitespace().collect::<Vec<_>>().join(" ");
            lines.extend(wrap(look, "     ", &visible(&text), Tone::Closing));
        }
        lines.extend(ladder.lines(&rows[from + head..to], &|_| false));
        from = to;
    }
    lines.extend(lane::legend(&rows, look));
    if run.outcome() != Outcome::Passed {
        lines.push(String::new());
        let text = format!(
            "This run came out {}: `sockscope run {}` tells why.",
            run.outcome().word(),
            scenario.name
        );
        lines.extend(wrap(look, "  ", &text, Tone::Bad));
    }
    lines
}

/// The path of each connection's ends, and which states nobody visited.
fn paths(run: &Run, look: &Look) -> Vec<String> {
    /// Of many like connections, so many are shown.
    const SHOWN: usize = 8;
    let mut lines = Vec::new();
    let mut visited = Vec::new();
    let ends: Vec<_> = run
        .timeline
        .endpoints()
        .iter()
        .filter(|endpoint| endpoint.role != Role::Datagram)
        .collect();
    for (index, endpoint) in ends.iter().enumerate() {
        let mut states: Vec<TcpState> = endpoint.history.iter().map(|c| c.state).collect();
        states.dedup();
        visited.extend(states.iter().copied());
        if index < SHOWN {
            let words: Vec<&str> = states.iter().map(|state| state.name()).collect();
            let indent = format!("  {:18}", escape(endpoint.name.as_str()));
            let text = look.glyphs(&words.join(" → "));
            lines.extend(wrap(look, &indent, &text, Tone::Plain));
        }
    }
    if ends.len() > SHOWN {
        lines.push(format!("  and {} more", ends.len() - SHOWN));
    }
    let missing: Vec<&str> = TcpState::ALL
        .iter()
        .filter(|state| !visited.contains(state))
        .map(|state| state.name())
        .collect();
    if !missing.is_empty() && !ends.is_empty() {
        let text = format!("not here: {}", missing.join(", "));
        lines.extend(wrap(look, "  ", &text, Tone::Faint));
    }
    lines
}

fn closing(scenario: &Scenario, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(fix) = &scenario.fix {
        lines.extend(section("the fix", look));
        let text = visible(&fix.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.extend(wrap(look, "  ", &text, Tone::Plain));
    }
    if let Some(twin) = &scenario.twin {
        lines.extend(section("its twin", look));
        lines.push(format!("  sockscope explain {}", escape(twin)));
    }
    if let Some(source) = &scenario.source_note {
        lines.extend(section("further reading", look));
        lines.extend(wrap(look, "  ", &visible(source), Tone::Plain));
    }
    lines
}
