//! [`to_writer`]: JSON in which nothing is hidden. JSON escapes control characters of ASCII alone;
//! others turn a line around or cannot be seen, and a terminal may be the first to read it.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::text::is_deceptive;

/// Writes a value as `serde_json::to_writer` does, with deceptive characters as `\\uXXXX`: the same
/// text to whoever parses it.
///
/// # Errors
/// Those of `out`.
pub(crate) fn to_writer(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Visible);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\x7f') {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_deceptive(*c)) {
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_escaped_and_read_back_as_it_was() {
        let text = "a\u{202e}b\u{200b}c\u{e0041}d\x7f\x1b\"漢";
        let mut out = Vec::new();
        to_writer(&mut out, &text).expect("written");
        let written = String::from_utf8(out).expect("text");
        assert_eq!(written, r#""a\u202eb\u200bc\udb40\udc41d\u007f\u001b\"漢""#);
        let read: String = serde_json::from_str(&written).expect("JSON");
        assert_eq!(read, text);
    }
}
