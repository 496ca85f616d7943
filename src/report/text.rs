//! Text from outside made safe and measured: what a program writes may hold escape codes, wide
//! characters or marks that turn the line around.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The glyphs that reports draw with, and what stands for them where only ASCII is safe.
const GLYPHS: [(char, &str); 17] = [
    ('→', "->"),
    ('…', "..."),
    ('·', "-"),
    ('─', "-"),
    ('┄', "."),
    ('│', "|"),
    ('├', "|"),
    ('┤', "|"),
    ('▶', ">"),
    ('◀', "<"),
    ('╳', "x"),
    ('■', "#"),
    ('▸', ">"),
    ('✓', "ok"),
    ('✗', "FAILED"),
    ('×', "x"),
    ('•', "*"),
];

/// How many columns `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Makes control characters, bidirectional controls and invisible characters visible as `\x1b`,
/// `\n`, `\u{202e}`; a backslash is doubled, so that the escapes cannot be faked.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        escape_char(c, &mut safe);
    }
    safe
}

/// A line of source made visible: as [`escape`], but a backslash is left as it is written and a
/// tab becomes blanks.
pub fn visible(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\\' => safe.push(c),
            '\t' => safe.push_str("    "),
            c => escape_char(c, &mut safe),
        }
    }
    safe
}

fn escape_char(c: char, into: &mut String) {
    match c {
        '\\' => into.push_str("\\\\"),
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        '\0'..='\x1f' | '\x7f' => into.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if is_deceptive(c) => into.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => into.push(c),
    }
}

/// Whether a character moves, hides or reorders others: C1 controls, bidirectional controls,
/// joiners, variation selectors, separators, tags and private or unassigned ones without a width.
/// And the noncharacters, which XML and YAML do not take.
pub(crate) fn is_deceptive(c: char) -> bool {
    const LAST_OF_A_PLANE: u32 = 0xfffe;
    u32::from(c) & LAST_OF_A_PLANE == LAST_OF_A_PLANE
        || matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || c.width().is_none()
}

/// `text` escaped and in quotation marks, cut to `columns`; a cut one says how long it is.
pub(crate) fn quote(text: &str, columns: usize) -> String {
    let mut safe = String::from("\"");
    let mut taken = 0;
    for c in text.chars() {
        let mut one = String::new();
        match c {
            '"' => one.push_str("\\\""),
            c => escape_char(c, &mut one),
        }
        taken += width(&one);
        if taken > columns {
            safe.push_str("…\" (");
            safe.push_str(&bytes(text.len() as u64));
            safe.push(')');
            return safe;
        }
        safe.push_str(&one);
    }
    safe.push('"');
    safe
}

/// `text` cut to `columns`, the last one of them `…`.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept) + c.width().unwrap_or(0) + 1 > columns {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// `text` in ASCII: the glyphs of reports by their stand-ins, everything else as `\u{e4}`.
pub(crate) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            plain.push(c);
        } else if let Some((_, stand_in)) = GLYPHS.iter().find(|(glyph, _)| *glyph == c) {
            plain.push_str(stand_in);
        } else {
            plain.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        }
    }
    plain
}

/// A number with its thousands apart: `65,536`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An amount of data: `6 bytes`, `65.5 kB`, `1.0 MB` (decimal).
pub(crate) fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        0..10_000 => format!("{} bytes", grouped(count)),
        10_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        assert_eq!(escape("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
        assert_eq!(
            escape("a\u{202e}b\u{200d}\u{9b}"),
            "a\\u{202e}b\\u{200d}\\u{9b}"
        );
        assert_eq!(escape("\\x1b"), "\\\\x1b");
        assert_eq!(escape("漢字 ä"), "漢字 ä");
        assert_eq!(
            escape("\u{ffff}\u{fdd0}\u{1fffe}"),
            "\\u{ffff}\\u{fdd0}\\u{1fffe}"
        );
    }

    #[test]
    fn quoted_text_is_cut_by_columns() {
        assert_eq!(quote("say \"hi\"", 40), "\"say \\\"hi\\\"\"");
        assert_eq!(quote("漢字漢字", 5), "\"漢字…\" (12 bytes)");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn only_ascii_is_left() {
        assert_eq!(ascii("a → b…漢"), "a -> b...\\u{6f22}");
    }

    #[test]
    fn amounts() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(65_536), "65.5 kB");
        assert_eq!(bytes(1_003_456), "1.0 MB");
        assert_eq!(count(1, "step"), "1 step");
        assert_eq!(count(1000, "step"), "1,000 steps");
    }
}
