//! Annotations of GitHub Actions: workflow commands on standard output that point into the scenario
//! file. And texts in which there is none.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Look;
use super::origin::{self, Position};
use super::problem::{Problem, in_brief, problems};
use super::text::visible;
use crate::run::{Outcome, Run};
use crate::suite::Case;

/// How many annotations of one step GitHub shows.
const MOST: usize = 10;

/// At most ten annotations, a line each: an error for each problem, a warning for each flaky
/// scenario. Empty when all is well.
pub fn render(cases: &[Case], look: &Look) -> String {
    let mut lines = Vec::new();
    let mut why_none_began = BTreeSet::new();
    for case in told(cases) {
        let run = case.run();
        for problem in problems(run) {
            // What keeps many from beginning is said once.
            if !run.steps.is_empty() || why_none_began.insert(problem.sentence()) {
                lines.push(error(run, &problem, look));
            }
        }
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

/// The cases that are worth annotations. Where some cannot even be begun, the others were not
/// because of them.
fn told(cases: &[Case]) -> Vec<&Case> {
    let is_wrong = |case: &&Case| {
        let wrong = matches!(case.outcome(), Outcome::Usage | Outcome::NothingMatched);
        wrong && case.run().steps.is_empty()
    };
    let wrong: Vec<&Case> = cases.iter().filter(is_wrong).collect();
    match wrong.is_empty() {
        true => cases.iter().collect(),
        false => wrong,
    }
}

/// How a format can write a character so that the runner does not see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// As `\x3a`, in a text for people.
    Visible,
    /// As `\u003a`: JSON in lines that begin with something else.
    Json,
    /// As `&#58;`: XML and HTML.
    Markup,
    /// The text is made of commands.
    Commands,
}

impl Escapes {
    fn of(self, character: char) -> String {
        let code = u32::from(character);
        match self {
            Escapes::Visible => format!("\\x{code:02x}"),
            Escapes::Json => format!("\\u{code:04x}"),
            Escapes::Markup => format!("&#{code};"),
            Escapes::Commands => character.to_string(),
        }
    }
}

/// A text in which the runner finds no command. What programs write stands in reports, and a line
/// that begins with `::`, after blanks, or holds `##[` may be taken for one.
pub fn inert(text: &str, escapes: Escapes) -> Cow<'_, str> {
    // The runner takes a carriage return for the end of a line, too.
    let begins_a_command = |line: &str| line.trim_start().starts_with("::");
    let is_inert = || !text.contains("##[") && !text.split(['\n', '\r']).any(begins_a_command);
    if escapes == Escapes::Commands || is_inert() {
        return Cow::Borrowed(text);
    }
    let bracket = match escapes {
        // The second one, so that it is the same escape in words as a colon's.
        Escapes::Visible => format!("#{}[", escapes.of('#')),
        _ => format!("##{}", escapes.of('[')),
    };
    let mut safe = String::with_capacity(text.len());
    for line in text.replace("##[", &bracket).split_inclusive(['\n', '\r']) {
        let words = line.trim_start();
        match words.strip_prefix(':') {
            Some(rest) if begins_a_command(line) => {
                safe.push_str(&line[..line.len() - words.len()]);
                safe.push_str(&escapes.of(':'));
                safe.push_str(rest);
            }
            _ => safe.push_str(line),
        }
    }
    Cow::Owned(safe)
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

    const BITES: &str = " a ::b\n  ::error::x\n::y\r::z\n| ##[add-mask]z\n\n";

    #[test]
    fn no_command_is_left_in_a_text() {
        for (escapes, safe) in [
            (
                Escapes::Visible,
                " a ::b\n  \\x3a:error::x\n\\x3a:y\r\\x3a:z\n| #\\x23[add-mask]z\n\n",
            ),
            (
                Escapes::Markup,
                " a ::b\n  &#58;:error::x\n&#58;:y\r&#58;:z\n| ##&#91;add-mask]z\n\n",
            ),
            (Escapes::Commands, BITES),
        ] {
            assert_eq!(inert(BITES, escapes), safe);
            assert_eq!(inert("", escapes), "");
        }
    }

    #[test]
    fn json_is_the_same_value() {
        let text = serde_json::json!({ "a": BITES, "##[x]": "\\##[" }).to_string();
        let safe = inert(&text, Escapes::Json);
        assert!(text.contains("##[") && !safe.contains("##["), "{safe}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&safe), value(&text));
    }
}
