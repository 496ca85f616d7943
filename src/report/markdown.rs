//! A scenario explained, as Markdown.

use super::text::visible;
use super::{Detail, Look, table};
use crate::run::Run;
use crate::scenario::Scenario;

/// The explanation as Markdown, ending in a newline. The ladder is a code block, so that no word
/// of a program is taken for markup.
pub fn explain(scenario: &Scenario, run: &Run, look: &Look, detail: &Detail) -> String {
    let plain = Look {
        color: false,
        ..*look
    };
    let mut text = format!(
        "# {}\n\n{}\n",
        inline(&scenario.name),
        inline(&scenario.title)
    );
    for paragraph in scenario.about.split("\n\n") {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        text.push_str(&format!("\n{}\n", inline(&words.join(" "))));
    }
    text.push_str("\n## Programs\n\n");
    for (name, program) in &scenario.programs {
        text.push_str(&format!(
            "- `{}`: {}\n",
            name,
            code(&program.command.value.join(" "))
        ));
    }
    text.push_str("\n## What happens\n");
    if scenario.steps.iter().any(|step| step.tells.is_some()) {
        text.push('\n');
    }
    for (number, step) in scenario.steps.iter().enumerate() {
        if let Some(tells) = &step.tells {
            let words: Vec<&str> = tells.split_whitespace().collect();
            text.push_str(&format!("{}. {}\n", number + 1, inline(&words.join(" "))));
        }
    }
    let ladder = table::render(run, &plain, detail);
    text.push_str(&format!("\n{}\n", fenced(&ladder)));
    for (title, part) in [
        ("The fix", &scenario.fix),
        ("Its twin", &scenario.twin),
        ("Further reading", &scenario.source_note),
    ] {
        if let Some(part) = part {
            let words: Vec<&str> = part.split_whitespace().collect();
            text.push_str(&format!("\n## {title}\n\n{}\n", inline(&words.join(" "))));
        }
    }
    text
}

/// Text in which nothing is markup.
pub(super) fn inline(text: &str) -> String {
    let mut safe = String::new();
    for c in visible(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&'
        ) {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// A code span whose fence is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    match fence.len() {
        1 => format!("`{text}`"),
        _ => format!("{fence} {text} {fence}"),
    }
}

fn fenced(text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_inert() {
        assert_eq!(inline("a_b <i> `x`"), "a\\_b \\<i\\> \\`x\\`");
        assert_eq!(inline(r"a\n"), r"a\\n");
        assert_eq!(code("a `b` c"), "`` a `b` c ``");
        assert!(fenced("```\nx").starts_with("````text\n"));
    }
}
