//! Calls that send and receive.

use std::fmt::Write;

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
    let mut text = data.described(fd, u64::MAX);
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
    let mut text = match got {
        Some(got) if bits & libc::MSG_TRUNC == 0 => data.described(fd, got),
        // It failed, or TCP threw the data away and left the buffer as it was (tcp(7)).
        _ => format!("{fd}, buf, {}", data.length()),
    };
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
    /// Its beginning, as far as it can be read, and how much of it that is.
    bytes: [u8; SHOWN],
    read: usize,
    /// How long it is, in bytes.
    length: u64,
    /// Whether `length` is all of it: a vector may have more parts than are looked at, or lie
    /// where there is no memory.
    whole: bool,
}

impl Data {
    const NONE: Data = Data {
        bytes: [0; SHOWN],
        read: 0,
        length: 0,
        whole: true,
    };

    /// The length: `5`, `5+` where it is at least that.
    fn length(&self) -> String {
        match self.whole {
            true => self.length.to_string(),
            false => format!("{}+", self.length),
        }
    }

    /// The descriptor, the first bytes of at most `most` as text in quotes, and the length. Cut
    /// ones end with three dots. Every call that moves data comes through here while its process
    /// stands still: the text is made in one piece.
    fn described(&self, fd: i32, most: u64) -> String {
        let there = match self.whole {
            true => self.length.min(most),
            false => most,
        };
        let cut = there > self.read as u64;
        let mut text = String::with_capacity(self.read * 4 + 32);
        // Writing into a String does not fail.
        let _ = write!(text, "{fd}, ");
        if cut && self.read == 0 {
            text.push('?');
        } else {
            text.push('"');
            let bytes = &self.bytes[..self.read];
            let escaped = bytes.iter().copied().flat_map(std::ascii::escape_default);
            text.extend(escaped.map(char::from));
            text.push('"');
            if cut {
                text.push_str("...");
            }
        }
        let _ = write!(text, ", {}", self.length);
        if !self.whole {
            text.push('+');
        }
        text
    }
}

/// What is at an address, at most `most` bytes.
fn plain(raw: &Raw<'_>, address: u64, length: u64, most: u64) -> Data {
    let mut data = Data {
        length,
        ..Data::NONE
    };
    data.read = raw.part(address, &mut data.bytes[..within(length.min(most))]);
    data
}

/// What a vector (`struct iovec`) names, at most `most` bytes.
fn vector(raw: &Raw<'_>, address: u64, count: u64, most: u64) -> Data {
    let table = raw.some(address, (count.min(PARTS) * 16) as usize);
    let mut data = Data {
        whole: table.len() as u64 / 16 == count,
        ..Data::NONE
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
        let wanted = within(size.min(left)).min(SHOWN - data.read);
        if readable {
            let room = &mut data.bytes[data.read..][..wanted];
            let read = raw.part(base, room);
            readable = read == wanted;
            data.read += read;
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
            whole: false,
            ..Data::NONE
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
