//! A scenario explained, as Markdown.

use super::{code, fenced, inline};
use crate::report::{Detail, Look, table};
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
