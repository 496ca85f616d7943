//! Where the characters of a TOML string stand in the file.

use std::ops::Range;

/// A string of the file, and where each of its characters stands there.
#[derive(Clone, Debug)]
pub(crate) struct Quoted {
    /// The value, escapes resolved.
    pub(crate) value: String,
    /// Where it stands, without its quotes.
    pub(crate) span: Range<usize>,
    /// For each character its offset in the value and in the file, the end included. Nothing
    /// where the two could not be brought together.
    map: Option<Vec<(usize, usize)>>,
}

impl Quoted {
    /// `token` is the range of the string with its quotes.
    pub(crate) fn new(text: &str, token: Range<usize>, value: &str) -> Quoted {
        let raw = text.get(token.clone()).unwrap_or("");
        let quotes = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|q| raw.len() >= 2 * q.len() && raw.starts_with(q) && raw.ends_with(q))
            .unwrap_or("");
        let mut span = token.start + quotes.len()..token.end - quotes.len();
        if quotes.len() == 3 {
            // A newline right behind the opening quotes is no part of the value.
            let inner = &text[span.clone()];
            span.start += match inner.as_bytes() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => 0,
            };
        }
        let inner = &text[span.clone()];
        let map = walk(inner, span.start, quotes.starts_with('"'))
            .filter(|(decoded, _)| decoded == value)
            .map(|(_, map)| map);
        Quoted {
            value: value.to_owned(),
            span,
            map,
        }
    }

    /// The range of the file that holds `range` of the value; the whole string where that is not
    /// known.
    pub(crate) fn locate(&self, range: &Range<usize>) -> Range<usize> {
        let Some(map) = &self.map else {
            return self.span.clone();
        };
        let of = |offset: usize| {
            let index = map.partition_point(|(at, _)| *at < offset);
            map.get(index).map_or(self.span.end, |(_, file)| *file)
        };
        let start = of(range.start);
        start..of(range.end).max(start)
    }
}

/// The decoded text and for each of its characters where it stands. Nothing for an escape that
/// this does not know.
fn walk(raw: &str, base: usize, escapes: bool) -> Option<(String, Vec<(usize, usize)>)> {
    let mut decoded = String::new();
    let mut map = Vec::new();
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let at = base + raw.len() - rest.len();
        let mut tail = &rest[c.len_utf8()..];
        let (c, taken) = if c == '\\' && escapes {
            match escape(tail)? {
                Escape::Char(c, length) => (Some(c), length),
                Escape::LineEnd => (None, tail.len() - tail.trim_start().len()),
            }
        } else {
            (Some(c), 0)
        };
        tail = &tail[taken..];
        if let Some(c) = c {
            map.push((decoded.len(), at));
            decoded.push(c);
        }
        rest = tail;
    }
    map.push((decoded.len(), base + raw.len()));
    Some((decoded, map))
}

enum Escape {
    /// The character and how many bytes behind the backslash it took.
    Char(char, usize),
    /// A backslash at the end of a line: all white space behind it is left out.
    LineEnd,
}

fn escape(tail: &str) -> Option<Escape> {
    let letter = tail.chars().next()?;
    let digits = match letter {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => {
            let c = match letter {
                'b' => '\u{8}',
                't' => '\t',
                'n' => '\n',
                'f' => '\u{c}',
                'r' => '\r',
                'e' => '\u{1b}',
                '"' | '\\' => letter,
                c if c.is_whitespace() => return Some(Escape::LineEnd),
                _ => return None,
            };
            return Some(Escape::Char(c, 1));
        }
    };
    let number = u32::from_str_radix(tail.get(1..1 + digits)?, 16).ok()?;
    Some(Escape::Char(char::from_u32(number)?, 1 + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file has where the value has `needle`.
    fn found<'a>(file: &'a str, needle: &str) -> &'a str {
        let table = toml::de::DeTable::parse(file).expect("TOML");
        let value = &table.get_ref()["a"];
        let string = value.get_ref().as_str().expect("a string");
        let quoted = Quoted::new(file, value.span(), string);
        let at = string.find(needle).expect("the needle is there");
        &file[quoted.locate(&(at..at + needle.len()))]
    }

    #[test]
    fn words_are_found_in_every_kind_of_string() {
        assert_eq!(found("a = \"one two three\"", "two"), "two");
        assert_eq!(found("a = 'one two'", "two"), "two");
        assert_eq!(found("a = \"\"\"\none\ntwo\"\"\"", "two"), "two");
        assert_eq!(found("a = '''\none two'''", "two"), "two");
    }

    #[test]
    fn escapes_do_not_shift_the_words_behind_them() {
        assert_eq!(found(r#"a = "\"x\" \u00e4\t two""#, "two"), "two");
        assert_eq!(found(r#"a = "x \"y\" z""#, "\"y\""), r#"\"y\""#);
        assert_eq!(found("a = \"\"\"one \\\n   two\"\"\"", "two"), "two");
    }

    #[test]
    fn the_end_is_where_the_closing_quote_stands() {
        let file = "a = \"one\"";
        let quoted = Quoted::new(file, 4..9, "one");
        assert_eq!(quoted.locate(&(3..3)), 8..8);
    }
}
