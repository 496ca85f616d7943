//! The text of `types` and `prints`: the rest of the string as it is, or in double quotes.

use super::error::Fault;
use super::words::Cursor;

/// Takes the rest of the string as text.
pub(crate) fn text(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    if cursor.peek().is_none() {
        return Err(cursor
            .expected("a text")
            .help("an empty text is written `\"\"`"));
    }
    let (rest, start) = cursor.rest();
    match rest.strip_prefix('"') {
        None => Ok(rest.to_owned()),
        Some(inner) => quoted(inner, start + 1),
    }
}

/// Reads what stands behind an opening quote, up to the closing one at the end.
fn quoted(inner: &str, start: usize) -> Result<String, Fault> {
    let mut text = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = inner[at + 1..].trim_end();
                if rest.is_empty() {
                    return Ok(text);
                }
                let from = start + at + 1;
                return Err(Fault::new(
                    from..from + rest.len(),
                    format!(
                        "unexpected `{}` behind the closing quote",
                        rest.trim_start()
                    ),
                )
                .help("a quote inside the quotes is written `\\\"`"));
            }
            '\\' => {
                let rest = &inner[at + 1..];
                let Some((decoded, length)) = escape(rest) else {
                    let shown = rest.chars().next().map_or(0, char::len_utf8);
                    return Err(Fault::new(
                        start + at..start + at + 1 + shown,
                        format!("unknown escape `\\{}`", &rest[..shown]),
                    )
                    .help("the escapes are \\n, \\t, \\\\, \\\" and \\x00 to \\x7f"));
                };
                text.push(decoded);
                // The escape is ASCII: as many characters as bytes.
                for _ in 0..length {
                    chars.next();
                }
            }
            other => text.push(other),
        }
    }
    Err(Fault::new(
        start - 1..start + inner.len(),
        "the closing quote is missing",
    )
    .help("a text that does not begin with a quote needs none"))
}

/// The character that an escape stands for, and its length behind the backslash.
fn escape(rest: &str) -> Option<(char, usize)> {
    Some(match rest.as_bytes().first()? {
        b'n' => ('\n', 1),
        b't' => ('\t', 1),
        b'\\' => ('\\', 1),
        b'"' => ('"', 1),
        b'x' => {
            let digits = rest.get(1..3)?;
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let byte = u8::from_str_radix(digits, 16).ok()?;
            (byte.is_ascii().then_some(char::from(byte))?, 3)
        }
        _ => return None,
    })
}

/// Writes a text as [`text`] reads it, in quotes only where it needs them.
pub(crate) fn write(text: &str) -> String {
    let plain = !text.is_empty()
        && !text.starts_with('"')
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(string: &str) -> Result<String, Fault> {
        text(&mut Cursor::new(string))
    }

    #[test]
    fn plain_text_is_taken_as_it_is() {
        assert_eq!(read("a > b, \"c\" \\n").as_deref(), Ok("a > b, \"c\" \\n"));
    }

    #[test]
    fn quoted_text_knows_escapes() {
        assert_eq!(
            read(r#""\ta\n\\\"\x1bä" "#).as_deref(),
            Ok("\ta\n\\\"\x1bä")
        );
        assert_eq!(read("\"\"").as_deref(), Ok(""));
    }

    #[test]
    fn broken_quotes_are_told() {
        for (string, span) in [
            ("\"abc", 0..4),
            (r#""a\qb""#, 2..4),
            (r#""\xff""#, 1..3),
            (r#""\x+1""#, 1..3),
            (r#""a\"#, 2..3),
            (r#""a" b"#, 3..5),
        ] {
            assert_eq!(read(string).map_err(|f| f.span), Err(span), "{string}");
        }
    }
}
