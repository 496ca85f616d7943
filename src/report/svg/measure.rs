//! How wide a text will be, without a font at hand: estimated so that no common font is wider.

use unicode_width::UnicodeWidthChar;

/// The kind of letters that a text is set in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Face {
    /// All letters of one width, 0.6 em in the usual fonts.
    Mono,
    /// Letters of their own widths, bold.
    Heading,
}

/// The width of `text` in a font of this `size`, in the unit of the size.
pub(in crate::report) fn advance(text: &str, size: f64, face: Face) -> f64 {
    text.chars().map(|c| em(c, face)).sum::<f64>() * size
}

fn em(c: char, face: Face) -> f64 {
    match (c.width().unwrap_or(0), face) {
        (0, _) => 0.0,
        (1, Face::Mono) if is_everyday(c) => 0.605,
        (1, Face::Heading) if is_everyday(c) => match c {
            'm' | 'M' | 'w' | 'W' | '@' | '%' | '→' | '…' => 1.1,
            'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' => 0.46,
            ' ' => 0.36,
            'f' | 'r' | 't' | '-' | '/' => 0.52,
            'A'..='Z' => 0.84,
            _ => 0.74,
        },
        _ => 1.0,
    }
}

/// Whether every font has the letter at its ordinary width. Others come from fonts that nobody
/// knows: their text is told how wide to be (`textLength`).
pub(in crate::report) fn is_everyday(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{17f}' | '…' | '→' | '▸' | '✓' | '✗')
}

/// A text in lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::report) struct Folded {
    /// The lines.
    pub(in crate::report) lines: Vec<String>,
    /// The whole text, where the lines do not hold it.
    pub(in crate::report) whole: Option<String>,
}

/// `text` in lines of at most this `room`, no more of them than `most`; what is too long ends
/// in `…`. Lines break at blanks, and inside words that are longer than a line.
pub(in crate::report) fn fold(text: &str, room: f64, size: f64, face: Face, most: usize) -> Folded {
    let text = legible(text);
    let fits = |line: &str| advance(line, size, face) <= room;
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() && lines.len() <= most {
        let end = rest.find(' ').map_or(rest.len(), |at| at.max(1));
        let (word, after) = rest.split_at(end);
        let longer = format!("{line}{word}");
        if fits(longer.trim_end()) {
            line = longer;
            rest = after;
        } else if line.trim().is_empty() || advance(word, size, face) > room {
            let mut taken = 0;
            for (at, c) in word.char_indices() {
                let next = at + c.len_utf8();
                if !fits(&format!("{line}{}", &word[..next])) && (taken > 0 || !line.is_empty()) {
                    break;
                }
                taken = next;
            }
            line.push_str(&word[..taken]);
            rest = &rest[taken..];
            lines.push(std::mem::take(&mut line));
        } else {
            lines.push(std::mem::take(&mut line));
            rest = rest.trim_start_matches(' ');
        }
    }
    if !line.trim().is_empty() {
        lines.push(line);
    }
    let mut lines: Vec<String> = lines.into_iter().map(|l| l.trim().to_owned()).collect();
    if lines.len() <= most && rest.is_empty() {
        return Folded { lines, whole: None };
    }
    lines.truncate(most);
    if let Some(last) = lines.last_mut() {
        last.push('…');
        while !fits(last) && last.chars().count() > 1 {
            last.pop();
            last.pop();
            last.push('…');
        }
    }
    Folded {
        lines,
        whole: Some(text),
    }
}

/// `text` with nothing in it that XML forbids (XML 1.0 section 2.2). Control characters have
/// been made visible before; these would be the last ones.
pub(in crate::report) fn legible(text: &str) -> String {
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.replace(forbidden, "\u{fffd}")
}

/// A length of a picture, written with one decimal at most.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(in crate::report) struct Px(pub(in crate::report) f64);

impl std::fmt::Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Adding nought turns a negative one into a plain one.
        let tenths = (self.0 * 10.0).round() / 10.0 + 0.0;
        write!(f, "{tenths}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str, columns: usize, most: usize) -> Vec<String> {
        fold(text, columns as f64 * 6.05, 10.0, Face::Mono, most).lines
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(folded("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(folded("abcdefgh ij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(folded("one two three", 7, 1), ["one tw…"]);
        assert_eq!(folded("", 7, 1), Vec::<String>::new());
    }

    #[test]
    fn what_was_cut_is_kept_whole() {
        let long = fold("aaaa bbbb", 40.0, 10.0, Face::Mono, 1);
        assert_eq!(long.whole.as_deref(), Some("aaaa bbbb"));
        assert_eq!(fold("aaaa", 40.0, 10.0, Face::Mono, 1).whole, None);
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!(Px(12.0).to_string(), "12");
        assert_eq!(Px(-0.01).to_string(), "0");
        assert_eq!(Px(1.25).to_string(), "1.3");
    }

    proptest! {
        #[test]
        fn no_line_is_too_long(text in "\\PC{0,80}", room in 30.0..200.0, most in 1usize..5) {
            for face in [Face::Mono, Face::Heading] {
                let folded = fold(&text, room, 10.0, face, most);
                prop_assert!(folded.lines.len() <= most);
                for line in &folded.lines {
                    prop_assert!(advance(line, 10.0, face) <= room, "{line}");
                }
            }
        }

        #[test]
        fn no_letter_is_lost(text in "[a-c ]{0,60}", room in 30.0..200.0) {
            let folded = fold(&text, room, 10.0, Face::Mono, 99);
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&folded.lines.concat()), bare(&text));
        }
    }
}
