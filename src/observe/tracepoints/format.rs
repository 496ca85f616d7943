//! The `format` file of a tracepoint (`Documentation/trace/events.rst` of the kernel, section
//! "Event formats"): where each field lies in a record.

use thiserror::Error;

/// How a tracepoint's records look on this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// The tracepoint's name.
    pub name: String,
    /// Its number, as `perf_event_open(2)` wants it.
    pub id: u32,
    /// The fields, the common ones first.
    pub fields: Vec<Field>,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its C type, with the length of an array: `__u8[4]`.
    pub kind: String,
    /// Where it begins, in bytes from the record's start.
    pub offset: usize,
    /// How long it is, in bytes.
    pub size: usize,
    /// Whether its numbers have a sign.
    pub signed: bool,
}

/// The text is no format file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// It has no line `name:`.
    #[error("it has no name")]
    NoName,
    /// It has no line `ID:` with a number.
    #[error("it has no number")]
    NoId,
    /// A line `field:` that makes no sense.
    #[error("its field `{0}` makes no sense")]
    BadField(String),
}

impl Format {
    /// Reads a format file.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Format, FormatError> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        let name = value("name:").map(str::trim).ok_or(FormatError::NoName)?;
        let id = value("ID:").and_then(|id| id.trim().parse().ok());
        let fields = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("field:"))
            .map(|line| field(line).ok_or_else(|| FormatError::BadField(line.trim().to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Format {
            name: name.to_owned(),
            id: id.ok_or(FormatError::NoId)?,
            fields,
        })
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// `__u8 saddr[4]; offset:32; size:4; signed:0;`, with tabs between
fn field(line: &str) -> Option<Field> {
    let mut parts = line.split(';').map(str::trim);
    let declaration = parts.next()?;
    let (mut offset, mut size, mut signed) = (None, None, false);
    for part in parts {
        match part.split_once(':') {
            Some(("offset", number)) => offset = number.parse().ok(),
            Some(("size", number)) => size = number.parse().ok(),
            Some(("signed", number)) => signed = number == "1",
            _ => {}
        }
    }
    let (kind, name) = declaration.rsplit_once(|c: char| c.is_whitespace() || c == '*')?;
    let (name, array) = match name.split_once('[') {
        Some((name, length)) => (name, format!("[{length}")),
        None => (name, String::new()),
    };
    let kind = declaration[..kind.len() + usize::from(declaration[kind.len()..].starts_with('*'))]
        .trim_end();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(())?;
    Some(Field {
        name: name.to_owned(),
        kind: format!("{kind}{array}"),
        offset: offset?,
        size: size?,
        signed,
    })
}

impl Field {
    /// The field's bytes in a record; nothing when the record is too short.
    pub fn bytes<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let end = self.offset.checked_add(self.size)?;
        record.get(self.offset..end)
    }

    /// The field as a number, its sign extended.
    pub fn number(&self, record: &[u8]) -> Option<u64> {
        let bytes = self.bytes(record)?;
        let extend = |negative: bool, low: u64, bits: u32| match negative && self.signed {
            true => low | u64::MAX << bits,
            false => low,
        };
        match *bytes {
            [byte] => Some(extend(byte >> 7 == 1, byte.into(), 8)),
            [a, b] => {
                let number = u16::from_ne_bytes([a, b]);
                Some(extend(number >> 15 == 1, number.into(), 16))
            }
            [a, b, c, d] => {
                let number = u32::from_ne_bytes([a, b, c, d]);
                Some(extend(number >> 31 == 1, number.into(), 32))
            }
            _ => Some(u64::from_ne_bytes(bytes.try_into().ok()?)),
        }
    }

    /// The text of a `char[]` up to its first NUL, or of a `__data_loc char[]`, which says where
    /// in the record the text is (`include/trace/stages/stage1_struct_define.h`).
    pub fn text(&self, record: &[u8]) -> Option<String> {
        let bytes = match self.kind.starts_with("__data_loc") {
            true => {
                let place = usize::try_from(self.number(record)? & 0xffff_ffff).ok()?;
                let (offset, length) = (place & 0xffff, place >> 16);
                record.get(offset..offset.checked_add(length)?)?
            }
            false => self.bytes(record)?,
        };
        let end = bytes.iter().position(|byte| *byte == 0);
        let text = &bytes[..end.unwrap_or(bytes.len())];
        Some(String::from_utf8_lossy(text).into_owned())
    }
}
