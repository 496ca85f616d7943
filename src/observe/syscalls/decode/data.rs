//! Calls that send and receive.

use super::{Raw, address, flags};

/// As much of a call's data as is shown, in bytes.
const SHOWN: usize = 32;

/// As many parts of a vector as are looked at.
const PARTS: u64 = 8;

/// What is sent, and to whom, as it is at the entry.
pub(super) fn sent(name: &str, raw: &Raw<'_>) -> String {
    let fd = raw.int(0);
    match name {
        "sendfile" => return format!("{fd}, {}, {}", raw.int(1), raw.args[3]),
        "sendmmsg" => return format!("{fd}, {} messages", raw.args[2] as u32),
        _ => {}
    }
    let (bytes, length) = match name {
        "writev" => vector(raw, raw.args[1], raw.args[2], u64::MAX),
        "sendmsg" => message(raw, raw.args[1], u64::MAX),
        _ => plain(raw, raw.args[1], raw.args[2]),
    };
    let mut text = format!("{fd}, {}, {length}", shown(&bytes, length));
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
            push_name(&mut text, raw);
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
    let (bytes, room) = match (name, got) {
        ("readv", got) => vector(raw, raw.args[1], raw.args[2], got.unwrap_or(0)),
        ("recvmsg", got) => message(raw, raw.args[1], got.unwrap_or(0)),
        (_, got) => (plain(raw, raw.args[1], got.unwrap_or(0)).0, raw.args[2]),
    };
    let data = match got {
        Some(length) => shown(&bytes, length),
        None => "buf".to_owned(),
    };
    let mut text = format!("{fd}, {data}, {room}");
    match name {
        "recvfrom" => {
            push_flags(&mut text, raw.int(3));
            if got.is_some()
                && let Some(from) = address::filled_in(raw, raw.args[4], raw.args[5])
            {
                text.push_str(&format!(", {from}"));
            }
        }
        "recvmsg" => {
            push_flags(&mut text, raw.int(2));
            if got.is_some() {
                push_name(&mut text, raw);
            }
        }
        _ => {}
    }
    text
}

fn plain(raw: &Raw<'_>, address: u64, length: u64) -> (Vec<u8>, u64) {
    (raw.some(address, within(length)), length)
}

/// The beginning of what a vector (`struct iovec`) names, at most `got` bytes, and its length.
fn vector(raw: &Raw<'_>, address: u64, count: u64, got: u64) -> (Vec<u8>, u64) {
    let mut bytes = Vec::new();
    let mut length = 0_u64;
    for index in 0..count.min(PARTS) {
        let part = address.wrapping_add(index * 16);
        let (Some(base), Some(size)) = (raw.word_at(part), raw.word_at(part.wrapping_add(8)))
        else {
            break;
        };
        let wanted = within(size.min(got.saturating_sub(length))).min(SHOWN - bytes.len());
        bytes.extend(raw.some(base, wanted));
        length = length.saturating_add(size);
    }
    (bytes, length)
}

/// The vector of a `struct msghdr`.
fn message(raw: &Raw<'_>, header: u64, got: u64) -> (Vec<u8>, u64) {
    match (
        raw.word_at(header.wrapping_add(16)),
        raw.word_at(header.wrapping_add(24)),
    ) {
        (Some(address), Some(count)) => vector(raw, address, count, got),
        _ => (Vec::new(), 0),
    }
}

/// The address in a `struct msghdr`.
fn push_name(text: &mut String, raw: &Raw<'_>) {
    let header = raw.args[1];
    if let (Some(name), Some(length)) = (raw.word_at(header), raw.int_at(header.wrapping_add(8)))
        && name != 0
        && length > 0
    {
        let name = address::at(raw, name, u64::from(length as u32));
        text.push_str(&format!(", {name}"));
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

/// Bytes as text in quotes; cut ones end with three dots.
fn shown(bytes: &[u8], length: u64) -> String {
    let text = format!("\"{}\"", bytes.escape_ascii());
    match length > bytes.len() as u64 {
        true => format!("{text}..."),
        false => text,
    }
}
