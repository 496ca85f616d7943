//! Calls that make, name, connect and end sockets.

use super::{Raw, address, flags};

/// `socket(2)`, `socketpair(2)`.
pub(super) fn made(name: &str, raw: &Raw<'_>, returned: i64) -> String {
    let family = flags::family(raw.int(0));
    let kind = flags::socket_type(raw.int(1));
    let protocol = protocol(raw.int(0), raw.int(2));
    let pair = || {
        let both: [u8; 8] = raw.bytes(raw.args[3])?;
        let (first, second) = both.split_at(4);
        let number = |bytes: &[u8]| Some(i32::from_ne_bytes(bytes.try_into().ok()?));
        Some(format!(", [{}, {}]", number(first)?, number(second)?))
    };
    let pair = match name {
        "socketpair" if returned == 0 => pair().unwrap_or_default(),
        _ => String::new(),
    };
    format!("{family}, {kind}, {protocol}{pair}")
}

fn protocol(family: i32, number: i32) -> String {
    let internet = matches!(family, libc::AF_INET | libc::AF_INET6);
    match number {
        libc::IPPROTO_TCP if internet => "IPPROTO_TCP".to_owned(),
        libc::IPPROTO_UDP if internet => "IPPROTO_UDP".to_owned(),
        libc::IPPROTO_MPTCP if internet => "IPPROTO_MPTCP".to_owned(),
        other => other.to_string(),
    }
}

/// `bind(2)`, `connect(2)`: the address as it is at the entry.
pub(super) fn named(raw: &Raw<'_>) -> String {
    let address = address::at(raw, raw.args[1], u64::from(raw.args[2] as u32));
    format!("{}, {address}", raw.int(0))
}

/// accept, accept4, getsockname, getpeername: with the address where the program asked for it.
pub(super) fn filled_in(name: &str, raw: &Raw<'_>, returned: i64) -> String {
    let mut text = raw.int(0).to_string();
    if returned >= 0
        && let Some(address) = address::filled_in(raw, raw.args[1], raw.args[2])
    {
        text.push_str(&format!(", {address}"));
    }
    if name == "accept4" && raw.int(3) != 0 {
        text.push_str(&format!(", {}", flags::named(raw.int(3), flags::SOCKET)));
    }
    text
}

/// `shutdown(2)`.
pub(super) fn shutdown(raw: &Raw<'_>) -> String {
    let how = match raw.int(1) {
        libc::SHUT_RD => "SHUT_RD".to_owned(),
        libc::SHUT_WR => "SHUT_WR".to_owned(),
        libc::SHUT_RDWR => "SHUT_RDWR".to_owned(),
        other => other.to_string(),
    };
    format!("{}, {how}", raw.int(0))
}
