//! Annotations of GitHub Actions: workflow commands on standard output that point into the scenario
//! file.

use super::Look;
use super::origin::{self, Position};
use super::problem::{Problem, in_brief, problems};
use super::text::visible;
use crate::run::Run;
use crate::suite::Case;

/// How many annotations of one step GitHub shows.
const MOST: usize = 10;

/// At most ten annotations, a line each: an error for each problem, a warning for each flaky
/// scenario. Empty when all is well.
pub fn render(cases: &[Case], look: &Look) -> String {
    let mut lines = Vec::new();
    for case in cases {
        let run = case.run();
        lines.extend(
            problems(run)
                .iter()
                .map(|problem| error(run, problem, look)),
        );
    }
    for case in cases.iter().filter(|case| case.is_flaky()) {
        lines.push(warning(case, look));
    }
    if lines.len() > MOST {
        let more = lines.len() - (MOST - 1);
        lines.truncate(MOST - 1);
        let text = format!("{more} more problems are in the log");
        lines.push(command(
            "error",
            &[("title", "sockscope".to_owned())],
            &text,
            look,
        ));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// A text in which the runner finds no command. What programs write stands in tables, and a line
/// that begins with `::`, after blanks, or holds `##[` may be taken for one.
pub fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.replace("##[", "#\\x23[").split_inclusive('\n') {
        let words = line.trim_start();
        match words.strip_prefix("::") {
            Some(rest) => {
                safe.push_str(&line[..line.len() - words.len()]);
                safe.push_str("\\x3a:");
                safe.push_str(rest);
            }
            None => safe.push_str(line),
        }
    }
    safe
}

fn error(run: &Run, problem: &Problem, look: &Look) -> String {
    let mut text = problem.line.clone();
    for (kind, remark) in &problem.remarks {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{kind}: {remark}"));
    }
    if text.is_empty() {
        text.clone_from(&problem.title);
    }
    let title = format!("{}: {}", visible(&run.header.scenario), problem.title);
    let mut properties = place(run, problem);
    properties.push(("title", title));
    command("error", &properties, &text, look)
}

fn warning(case: &Case, look: &Look) -> String {
    let run = case.run();
    let mut text = super::summary::tries(case);
    let mut properties = Vec::new();
    for (index, earlier) in case.earlier().iter().enumerate() {
        let wrong = problems(earlier);
        if let (true, Some(first)) = (properties.is_empty(), wrong.first()) {
            properties = place(earlier, first);
        }
        text.push_str(&format!("\ntry {}: {}", index + 1, in_brief(&wrong)));
    }
    let title = format!("{}: flaky", visible(&run.header.scenario));
    properties.push(("title", title));
    command("warning", &properties, &text, look)
}

/// File, line and column. A built-in scenario has no file in the user's repository.
fn place(run: &Run, problem: &Problem) -> Vec<(&'static str, String)> {
    let Some(file) = origin::file(run) else {
        return Vec::new();
    };
    let mut properties = vec![("file", visible(file))];
    if let Some(span) = &problem.span {
        let text = &run.header.text;
        let (from, to) = (Position::of(text, span.start), Position::of(text, span.end));
        properties.push(("line", from.line.to_string()));
        // GitHub takes columns only where the annotation is within a line.
        if from.line == to.line {
            properties.push(("col", from.column.to_string()));
            properties.push(("endColumn", to.column.to_string()));
        }
    }
    properties
}

/// `::error file=…,title=…::text`
fn command(name: &str, properties: &[(&'static str, String)], text: &str, look: &Look) -> String {
    let properties: Vec<String> = properties
        .iter()
        .map(|(key, value)| format!("{key}={}", escape_property(&look.glyphs(value))))
        .collect();
    format!(
        "::{name} {}::{}",
        properties.join(","),
        escape_data(&look.glyphs(text))
    )
}

/// As the runner unescapes a command's text.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// As the runner unescapes a property's value.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_or_a_property() {
        assert_eq!(escape_data("50%\r\n::x,"), "50%25%0D%0A::x,");
        assert_eq!(escape_property("a:b,c%3A\n"), "a%3Ab%2Cc%253A%0A");
    }

    #[test]
    fn no_command_is_left_in_a_table() {
        let text = " a ::b\n  ::error::x\n::y\n| ##[add-mask]z\n\n";
        let safe = " a ::b\n  \\x3a:error::x\n\\x3a:y\n| #\\x23[add-mask]z\n\n";
        assert_eq!(inert(text), safe);
        assert_eq!(inert(""), "");
    }
}
