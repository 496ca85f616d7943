//! A line of a scenario file with carets under it, as compilers print it.

use std::ops::Range;

use super::Look;
use super::origin::{Position, boundary};
use super::palette::Tone;
use super::text::{cut, escape, visible, width};

/// ` --> file:line:column`, the line that `span` (bytes of `text`) begins in, carets under the
/// span and `label` beside them. A span outside the text is cut to it.
pub(super) fn snippet(
    file: &str,
    text: &str,
    span: &Range<usize>,
    label: &str,
    look: &Look,
) -> Vec<String> {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end.max(start));
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let Position {
        line: number,
        column,
    } = Position::of(text, start);

    let margin = number.to_string().len().max(2);
    let room = look.columns().saturating_sub(margin + 4);
    let shown = |range: Range<usize>| look.glyphs(&visible(&text[range]));
    let before = shown(line_start..start);
    let marked = shown(start..end.min(line_end));
    let after = shown(end.min(line_end)..line_end);
    // Of a line that is too long, what stands before the span gives way first.
    let keep = room.saturating_sub(width(&marked)).max(8);
    let before = tail(&before, keep, look);
    let marked = cut_to(&marked, room.saturating_sub(width(&before)), look);
    let carets = width(&marked).max(1);
    let after = cut_to(&after, room.saturating_sub(width(&before) + carets), look);

    let bar = look.paint(Tone::Faint, "|");
    let blank = " ".repeat(margin);
    let mut lines = vec![
        format!(
            "{blank}{} {}:{number}:{column}",
            look.paint(Tone::Faint, "-->"),
            look.glyphs(&escape(file))
        ),
        format!("{blank} {bar}"),
        format!(
            "{} {bar} {before}{marked}{after}",
            look.paint(Tone::Faint, &format!("{number:>margin$}"))
        ),
    ];
    let under = format!(
        "{blank} {bar} {}{}",
        " ".repeat(width(&before)),
        look.paint(Tone::Bad, &"^".repeat(carets))
    );
    let label = look.glyphs(&visible(label));
    if width(&before) + carets + 1 + width(&label) <= room {
        lines.push(format!("{under} {}", look.paint(Tone::Bad, &label)));
    } else {
        lines.push(under);
        let label = cut_to(&label, room, look);
        lines.push(format!("{blank} {bar} {}", look.paint(Tone::Bad, &label)));
    }
    lines.push(format!("{blank} {bar}"));
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

fn cut_to(text: &str, columns: usize, look: &Look) -> String {
    if look.unicode || width(text) <= columns {
        return cut(text, columns);
    }
    // Three ASCII dots take the place of one ellipsis.
    let mut kept = cut(text, columns.saturating_sub(2));
    kept.pop();
    kept.push_str("...");
    kept
}

/// The end of `text`, in `columns`.
fn tail(text: &str, columns: usize, look: &Look) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let dots = look.glyphs("…");
    let room = columns.saturating_sub(width(&dots));
    let mut kept = text;
    while width(kept) > room {
        kept = kept.char_indices().nth(1).map_or("", |(at, _)| &kept[at..]);
    }
    format!("{dots}{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        width: 60,
        color: false,
        unicode: true,
    };

    #[test]
    fn carets_stand_under_the_span() {
        let text = "a = 1\n\tb = \"漢 wrong\"\n";
        let start = text.find("wrong").expect("a word");
        let lines = snippet("x.toml", text, &(start..start + 5), "here", &LOOK);
        assert_eq!(
            lines,
            [
                "  --> x.toml:2:9",
                "   |",
                " 2 |     b = \"漢 wrong\"",
                "   |             ^^^^^ here",
                "   |",
            ]
        );
    }

    #[test]
    fn a_span_outside_the_text_is_cut_to_it() {
        let lines = snippet("x.toml", "ä", &(1..900), "", &LOOK);
        assert_eq!(lines[2], " 1 | ä");
        assert_eq!(
            snippet("x.toml", "", &(7..9), "", &LOOK)[0],
            "  --> x.toml:1:1"
        );
    }

    #[test]
    fn a_long_line_keeps_its_span() {
        let text = format!("{}WRONG{}", "x".repeat(300), "y".repeat(300));
        let lines = snippet("x.toml", &text, &(300..305), "here", &LOOK);
        assert!(lines[2].contains("WRONG"));
        assert!(lines.iter().all(|line| width(line) <= 60));
    }
}
