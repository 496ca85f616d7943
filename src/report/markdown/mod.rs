//! Markdown: a scenario explained, and runs for pull requests and issues.

mod explain;
mod runs;

pub use explain::explain;
pub use runs::render;

use super::text::visible;

/// Text in which nothing is markup.
pub(super) fn inline(text: &str) -> String {
    let mut safe = String::new();
    for c in visible(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            // Nobody is called by what a program or a file says.
            '@' => safe.push_str("@<!-- -->"),
            c => safe.push(c),
        }
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
        assert_eq!(inline("@all"), "@<!-- -->all");
        assert_eq!(code("a `b` c"), "`` a `b` c ``");
        assert!(fenced("```\nx").starts_with("````text\n"));
    }
}
