//! Calls that send and receive.

use super::{Raw, address, flags, rights};

/// As much of a call's data as is shown, in bytes.
const SHOWN: usize = 32;

/// As many parts of a vector as are looked at.
const PARTS: u64 = 16;

/// What is sent, and to whom, as it is at the entry.
pub(super) fn sent(name: &str, raw: &Raw<'_>) -> String {
    let fd = raw.int(0);
    match name {
        "sendfile" => return format!("{fd}, {}, {}", raw.int(1), raw.args[3]),
        "sendmmsg" => return format!("{fd}, {} messages", raw.args[2] as u32),
        _ => {}
    }
    let data = match name {
        "writev" => vector(raw, raw.args[1], raw.args[2], u64::MAX),
        "sendmsg" => message(raw, raw.args[1], u64::MAX),
        _ => plain(raw, raw.args[1], raw.args[2], u64::MAX),
    };
    let mut text = format!("{fd}, {}, {}", data.quoted(u64::MAX), data.length());
    match name {
        "sendto" => {
            push_flags(&mut text, raw.int(3));
            if raw.args[4] != 0 {
                let to = address::at(raw, raw.args[4], u64::from(raw.args[5] as u32));
                text.push_str(&format!(", {to}"));
            }
        }
        "sendmsg" => {
            push_flags(&mut text, raw.int(2));
            if let (Some(name), Some(length)) = name_of(raw)
                && name != 0
                && length > 0
            {
                let to = address::at(raw, name, u64::from(length as u32));
                text.push_str(&format!(", {to}"));
            }
            text.push_str(&rights::passed(raw, raw.args[1]));
        }
        _ => {}
    }
    text
}

/// What was received, and from whom.
pub(super) fn received(name: &str, raw: &Raw<'_>, returned: i64) -> String {
    let fd = raw.int(0);
    if name == "recvmmsg" {
        return match returned {
            ..0 => format!("{fd}, {} messages", raw.args[2] as u32),
            count => format!("{fd}, {count} messages of {}", raw.args[2] as u32),
        };
    }
    let got = u64::try_from(returned).ok();
    let most = got.unwrap_or(0);
    let data = match name {
        "readv" => vector(raw, raw.args[1], raw.args[2], most),
        "recvmsg" => message(raw, raw.args[1], most),
        _ => plain(raw, raw.args[1], raw.args[2], most),
    };
    let bits = match name {
        "recvfrom" => raw.int(3),
        "recvmsg" => raw.int(2),
        _ => 0,
    };
    let shown = match got {
        // TCP throws the data away and leaves the buffer as it was (tcp(7)).
        Some(_) if bits & libc::MSG_TRUNC != 0 => "buf".to_owned(),
        Some(got) => data.quoted(got),
        None => "buf".to_owned(),
    };
    let mut text = format!("{fd}, {shown}, {}", data.length());
    push_flags(&mut text, bits);
    if got.is_some() {
        if let Some(from) = sender(name, raw) {
            text.push_str(&format!(", {from}"));
        }
        if name == "recvmsg" {
            text.push_str(&rights::passed(raw, raw.args[1]));
        }
    }
    text
}

/// Whether a result of 0 is the end of the stream: more was asked for, and it is no empty
/// datagram. Of that TCP tells no sender; a connected UDP socket that asks for none is taken for
/// a stream.
pub(super) fn is_at_end(name: &str, raw: &Raw<'_>) -> bool {
    let asked = match name {
        "read" | "recvfrom" => raw.args[2],
        "readv" => vector(raw, raw.args[1], raw.args[2], 0).length,
        "recvmsg" => message(raw, raw.args[1], 0).length,
        _ => 0,
    };
    asked > 0 && sender(name, raw).is_none()
}

/// Who sent it, where the kernel says.
fn sender(name: &str, raw: &Raw<'_>) -> Option<String> {
    match name {
        "recvfrom" => address::filled_in(raw, raw.args[4], raw.args[5]),
        "recvmsg" => {
            let (address, _) = name_of(raw);
            address::filled_in(raw, address?, raw.args[1].wrapping_add(8))
        }
        _ => None,
    }
}

/// `msg_name` and `msg_namelen` of a `struct msghdr`.
fn name_of(raw: &Raw<'_>) -> (Option<u64>, Option<i32>) {
    let header = raw.args[1];
    (raw.word_at(header), raw.int_at(header.wrapping_add(8)))
}

/// Data, or room for it.
struct Data {
    /// Its beginning, as far as it can be read.
    bytes: Vec<u8>,
    /// How long it is, in bytes.
    length: u64,
    /// Whether `length` is all of it: a vector may have more parts than are looked at, or lie
    /// where there is no memory.
    whole: bool,
}

impl Data {
    /// The length: `5`, `5+` where it is at least that.
    fn length(&self) -> String {
        match self.whole {
            true => self.length.to_string(),
            false => format!("{}+", self.length),
        }
    }

    /// The first bytes of at most `most`, as text in quotes; cut ones end with three dots.
    fn quoted(&self, most: u64) -> String {
        let there = match self.whole {
            true => self.length.min(most),
            false => most,
        };
        let text = format!("\"{}\"", self.bytes.escape_ascii());
        match there > self.bytes.len() as u64 {
            true if self.bytes.is_empty() => "?".to_owned(),
            true => format!("{text}..."),
            false => text,
        }
    }
}

/// What is at an address, at most `most` bytes.
fn plain(raw: &Raw<'_>, address: u64, length: u64, most: u64) -> Data {
    Data {
        bytes: raw.some(address, within(length.min(most))),
        length,
        whole: true,
    }
}

/// What a vector (`struct iovec`) names, at most `most` bytes.
fn vector(raw: &Raw<'_>, address: u64, count: u64, most: u64) -> Data {
    let table = raw.some(address, (count.min(PARTS) * 16) as usize);
    let mut data = Data {
        bytes: Vec::new(),
        length: 0,
        whole: table.len() as u64 / 16 == count,
    };
    // Once a part cannot be read, what follows is not what comes next.
    let mut readable = true;
    for part in table.chunks_exact(16) {
        let (base, size) = part.split_at(8);
        let (Ok(base), Ok(size)) = (base.try_into(), size.try_into()) else {
            break;
        };
        let (base, size) = (u64::from_ne_bytes(base), u64::from_ne_bytes(size));
        let left = most.saturating_sub(data.length);
        let wanted = within(size.min(left)).min(SHOWN - data.bytes.len());
        if readable {
            let bytes = raw.some(base, wanted);
            readable = bytes.len() == wanted;
            data.bytes.extend(bytes);
        }
        data.length = data.length.saturating_add(size);
    }
    data
}

/// The vector of a `struct msghdr`.
fn message(raw: &Raw<'_>, header: u64, most: u64) -> Data {
    match (
        raw.word_at(header.wrapping_add(16)),
        raw.word_at(header.wrapping_add(24)),
    ) {
        (Some(address), Some(count)) => vector(raw, address, count, most),
        _ => Data {
            bytes: Vec::new(),
            length: 0,
            whole: false,
        },
    }
}

fn push_flags(text: &mut String, value: i32) {
    if value != 0 {
        text.push_str(&format!(", {}", flags::named(value, flags::MESSAGE)));
    }
}

fn within(length: u64) -> usize {
    usize::try_from(length).unwrap_or(SHOWN).min(SHOWN)
}
