//! The Test Anything Protocol, version 14: a test point for each scenario, with a YAML block for
//! what was no plain pass. An inconclusive scenario is `not ok`.

use serde_json::{Value, json};

use super::Look;
use super::format::WriteError;
use super::origin::{self, Position};
use super::problem::{Problem, problems};
use super::text::visible;
use crate::run::Outcome;
use crate::suite::Case;

/// All test points after their plan. Ends in a newline.
///
/// # Errors
/// When a text cannot be quoted, which does not happen.
pub fn render(cases: &[Case], look: &Look) -> Result<String, WriteError> {
    let mut lines = vec!["TAP version 14".to_owned(), format!("1..{}", cases.len())];
    for (index, case) in cases.iter().enumerate() {
        let run = case.run();
        let ok = match case.outcome() {
            Outcome::Passed => "ok",
            _ => "not ok",
        };
        let name = look.glyphs(&visible(&run.header.scenario));
        // What a directive begins with must not be found in a name.
        let name = name.replace('\\', "\\\\").replace('#', "\\#");
        lines.push(format!("{ok} {} - {name}", index + 1));
        if case.outcome() != Outcome::Passed || case.is_flaky() {
            lines.push("  ---".to_owned());
            lines.extend(
                block(case, look)?
                    .into_iter()
                    .map(|line| format!("  {line}")),
            );
            lines.push("  ...".to_owned());
        }
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// The YAML of a case. Every value is written as JSON, which is YAML 1.2 as well.
fn block(case: &Case, look: &Look) -> Result<Vec<String>, WriteError> {
    let run = case.run();
    let word = match case.is_flaky() {
        true => "flaky",
        false => run.outcome().word(),
    };
    let mut lines = vec![
        format!("outcome: {word}"),
        format!("duration_ms: {:.3}", run.took.as_secs_f64() * 1000.0),
    ];
    if case.tries() > 1 {
        lines.push(format!("tries: {}", case.tries()));
    }
    if let Some(file) = origin::file(run) {
        lines.push(format!("file: {}", json!(look.glyphs(&visible(file)))));
    }
    // Of an only try nobody asks which it was.
    let last = (case.tries() > 1).then(|| case.tries());
    let earlier = case.earlier().iter().enumerate();
    let all = earlier
        .flat_map(|(index, run)| {
            problems(run)
                .into_iter()
                .map(move |p| (Some(index + 1), run, p))
        })
        .chain(problems(run).into_iter().map(|p| (last, run, p)));
    lines.push("problems:".to_owned());
    for (attempt, run, problem) in all {
        let mut first = "- ";
        for (key, value) in fields(attempt, &run.header.text, &problem, look) {
            lines.push(format!("{first}{key}: {}", serde_json::to_string(&value)?));
            first = "  ";
        }
    }
    Ok(lines)
}

fn fields(
    attempt: Option<usize>,
    text: &str,
    problem: &Problem,
    look: &Look,
) -> Vec<(&'static str, Value)> {
    let quoted = |text: &String| json!(look.glyphs(text));
    let mut fields = vec![("message", quoted(&problem.title))];
    if let Some(attempt) = attempt {
        fields.push(("try", json!(attempt)));
    }
    if let Some(step) = problem.step {
        fields.push(("step", json!(step)));
    }
    if let Some(span) = &problem.span {
        let Position { line, column } = Position::of(text, span.start);
        fields.extend([("line", json!(line)), ("column", json!(column))]);
    }
    if !problem.line.is_empty() {
        fields.push(("expectation", quoted(&problem.line)));
    }
    // A key stands once in a mapping; notes are many.
    let (notes, others): (Vec<_>, Vec<_>) = problem
        .remarks
        .iter()
        .partition(|(kind, _)| *kind == "note");
    fields.extend(others.into_iter().map(|(kind, text)| (*kind, quoted(text))));
    if !notes.is_empty() {
        let notes: Vec<Value> = notes.into_iter().map(|(_, text)| quoted(text)).collect();
        fields.push(("notes", json!(notes)));
    }
    fields
}
