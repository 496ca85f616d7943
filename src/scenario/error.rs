//! Errors that point into the scenario file, as a compiler prints them.

use std::fmt::Write as _;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

use super::SourceText;

/// How many errors are printed at once; the rest is counted.
const SHOWN: usize = 10;

/// The widest source line that is echoed whole, in columns.
const WIDEST: usize = 120;

/// The longest message that is printed whole, in characters.
const LONGEST: usize = 400;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes. `0..0`: the file as a whole.
    pub span: Range<usize>,
    /// What stands beside the carets; may be empty.
    pub label: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Fault {
    /// A fault without label and help.
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault {
            message: message.into(),
            span,
            label: String::new(),
            help: None,
        }
    }

    /// Adds what stands beside the carets.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Fault {
        self.label = label.into();
        self
    }

    /// Adds what would be right.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    /// Adds what would be right, where that is known.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Fault {
        self.help = help;
        self
    }
}

/// A scenario file that cannot be used: everything independent that is wrong with it, in the
/// order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.faults))]
pub struct ScenarioError {
    /// At least one.
    pub faults: Vec<Fault>,
}

fn summary(faults: &[Fault]) -> String {
    match faults {
        [] => "the scenario cannot be used".to_owned(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}

impl ScenarioError {
    /// The whole text for the user, ending in a newline.
    pub fn render(&self, source: &SourceText, color: bool) -> String {
        let mut text = String::new();
        for (index, fault) in self.faults.iter().take(SHOWN).enumerate() {
            if index > 0 {
                text.push('\n');
            }
            text.push_str(&render_at(
                source,
                &fault.span,
                &fault.message,
                &fault.label,
                fault.help.as_deref(),
                color,
            ));
        }
        if let Some(more) = self.faults.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            let plural = if more == 1 { "error" } else { "errors" };
            let _ = writeln!(text, "\n… and {more} more {plural}");
        }
        text
    }
}

/// Prints `message` and the source line that `span` (bytes) lies in, with carets under it, in the
/// manner of a compiler. A span outside the text is cut to it; `0..0` means the file as a whole
/// and shows no line. Control and bidirectional characters of the source are escaped.
pub fn render_at(
    source: &SourceText,
    span: &Range<usize>,
    message: &str,
    label: &str,
    help: Option<&str>,
    color: bool,
) -> String {
    let paint = Paint { color };
    let mut out = format!(
        "{}{}\n",
        paint.red("error"),
        paint.bold(&format!(": {}", visible(message)))
    );
    let name = visible(&source.name);
    if *span == (0..0) {
        let _ = writeln!(out, " {} {name}", paint.blue("-->"));
        if let Some(help) = help {
            let _ = writeln!(out, "  {} {}", paint.blue("="), help_line(help, paint));
        }
        return out;
    }
    let place = Place::find(&source.text, span);
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let echo = Echo::new(place.text, &place.within);
    let bar = paint.blue("|");
    let _ = writeln!(
        out,
        "{gutter}{} {name}:{}:{}",
        paint.blue("-->"),
        place.line,
        place.column
    );
    let _ = writeln!(out, "{gutter} {bar}");
    let _ = writeln!(out, "{} {bar} {}", paint.blue(&number), echo.text);
    let mut carets = "^".repeat(echo.width.max(1));
    if !label.is_empty() {
        carets.push(' ');
        carets.push_str(&visible(label));
    }
    let _ = writeln!(
        out,
        "{gutter} {bar} {}{}",
        " ".repeat(echo.before),
        paint.red(&carets)
    );
    if let Some(help) = help {
        let _ = writeln!(
            out,
            "{gutter} {} {}",
            paint.blue("="),
            help_line(help, paint)
        );
    }
    out
}

fn help_line(help: &str, paint: Paint) -> String {
    format!("{}: {}", paint.bold("help"), visible(help))
}

#[derive(Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn red(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    fn blue(self, text: &str) -> String {
        self.with(AnsiColor::Blue.on_default().bold(), text)
    }

    fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }
}

/// The line that a span begins in.
struct Place<'a> {
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    /// The line without its end.
    text: &'a str,
    /// The part of the span that lies in the line, in bytes from its begin.
    within: Range<usize>,
}

impl<'a> Place<'a> {
    fn find(text: &'a str, span: &Range<usize>) -> Place<'a> {
        let start = boundary(text, span.start);
        let end = boundary(text, span.end).max(start);
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let stop = text[begin..].find('\n').map_or(text.len(), |at| begin + at);
        let line = text[begin..stop]
            .strip_suffix('\r')
            .unwrap_or(&text[begin..stop]);
        let from = (start - begin).min(line.len());
        Place {
            line: 1 + text[..begin].matches('\n').count(),
            column: 1 + line[..from].chars().count(),
            text: line,
            within: from..(end - begin).clamp(from, line.len()),
        }
    }
}

/// The nearest begin of a character at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// A source line as it is printed, and where the carets go, in columns.
struct Echo {
    text: String,
    before: usize,
    width: usize,
}

impl Echo {
    fn new(line: &str, within: &Range<usize>) -> Echo {
        let mut echo = Echo {
            text: String::new(),
            before: 0,
            width: 0,
        };
        let lead = columns(&line[..within.start]);
        // A long line is cut so that the carets stay in sight.
        let skip = if columns(line) > WIDEST {
            lead.saturating_sub(WIDEST / 3)
        } else {
            0
        };
        if skip > 0 {
            echo.text.push('…');
            echo.before = 1;
        }
        let (mut passed, mut shown) = (0, 0);
        for (at, c) in line.char_indices() {
            let printed = printed(c);
            let width = columns_of(&printed);
            passed += width;
            if passed <= skip {
                continue;
            }
            if shown + width > WIDEST {
                echo.text.push('…');
                break;
            }
            shown += width;
            if at < within.start {
                echo.before += width;
            } else if at < within.end {
                echo.width += width;
            }
            echo.text.push_str(&printed);
        }
        echo.text.truncate(echo.text.trim_end().len());
        echo
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| columns_of(&printed(c))).sum()
}

fn columns_of(printed: &str) -> usize {
    printed
        .chars()
        .map(|c| UnicodeWidthChar::width(c).unwrap_or(0))
        .sum()
}

/// A character as it is safe to print: tabs as spaces, control and direction characters escaped.
fn printed(c: char) -> String {
    match c {
        '\t' => "    ".to_owned(),
        c if c.is_control() => format!("\\x{:02x}", u32::from(c)),
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{061c}'
        | '\u{feff}' => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    }
}

/// A message as it is safe to print; one that quotes an endless word is cut.
fn visible(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(LONGEST).map(printed).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceText {
        SourceText {
            name: "x.toml".to_owned(),
            text: text.to_owned(),
        }
    }

    /// The source line and the caret line of what is printed for the first `needle`.
    fn lines(text: &str, needle: &str) -> (String, String) {
        let at = text.find(needle).expect("the needle is there");
        let printed = render_at(
            &source(text),
            &(at..at + needle.len()),
            "m",
            "",
            None,
            false,
        );
        let mut lines = printed.lines().skip(3);
        (
            lines.next().expect("source").to_owned(),
            lines.next().expect("carets").to_owned(),
        )
    }

    #[test]
    fn carets_stand_under_the_word() {
        assert_eq!(
            lines("a = 1\nb = \"two words\"\n", "words"),
            ("2 | b = \"two words\"".into(), "  |          ^^^^^".into())
        );
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_carets_in_place() {
        assert_eq!(
            lines("\tä漢字 word", "word"),
            ("1 |     ä漢字 word".into(), "  |           ^^^^".into())
        );
        assert_eq!(lines("漢字", "字").1, "  |   ^^");
    }

    #[test]
    fn control_characters_are_escaped() {
        let (line, carets) = lines("a\x1b[31m\u{202e}word", "word");
        assert_eq!(line, "1 | a\\x1b[31m\\u{202e}word");
        assert_eq!(carets.find('^'), line.find("word"));
    }

    #[test]
    fn long_lines_are_cut_around_the_carets() {
        let text = format!("{}word{}", "x".repeat(5000), "y".repeat(5000));
        let (line, carets) = lines(&text, "word");
        assert!(line.chars().count() < 140);
        let column = carets.find('^').expect("a caret");
        let under: String = line.chars().skip(column).take(4).collect();
        assert_eq!(under, "word");
    }

    #[test]
    fn endless_messages_are_cut() {
        let text = render_at(&source("a"), &(0..1), &"x".repeat(100_000), "", None, false);
        assert!(text.len() < 1000);
    }

    #[test]
    fn a_span_outside_the_text_is_cut_to_it() {
        for span in [5..900, 900..901, 3..3] {
            let text = render_at(&source("über"), &span, "m", "l", Some("h"), false);
            assert!(text.contains("^ l"), "{text}");
        }
    }

    #[test]
    fn colour_is_only_paint() {
        let at = 0..1;
        let plain = render_at(&source("a"), &at, "m", "l", Some("h"), false);
        let painted = render_at(&source("a"), &at, "m", "l", Some("h"), true);
        assert!(!plain.contains('\x1b'));
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
    }
}
