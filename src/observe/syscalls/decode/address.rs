//! Socket addresses in a traced process's memory (`struct sockaddr`).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::Raw;

/// `struct sockaddr_storage`.
const MOST: usize = 128;

/// The address of `length` bytes there: `192.0.2.1:80`, `[2001:db8::1]:80`, a path.
pub(super) fn at(raw: &Raw<'_>, address: u64, length: u64) -> String {
    if address == 0 {
        return "NULL".to_owned();
    }
    let length = usize::try_from(length).unwrap_or(MOST).min(MOST);
    in_words(&raw.some(address, length))
}

/// The room that a caller has for an address, to be asked at the entry.
pub(super) fn room(name: &str, raw: &Raw<'_>) -> u64 {
    let place = match name {
        "accept" | "accept4" | "getsockname" | "getpeername" => raw.args[2],
        "recvfrom" => raw.args[5],
        "recvmsg" => raw.args[1].wrapping_add(8),
        _ => return 0,
    };
    raw.int_at(place)
        .and_then(|room| u64::try_from(room).ok())
        .unwrap_or(0)
}

/// As [`at`], where the kernel filled in address and length; nothing where there is none.
pub(super) fn filled_in(raw: &Raw<'_>, address: u64, length: u64) -> Option<String> {
    let length = u64::try_from(raw.int_at(length)?).ok()?;
    (address != 0 && length > 0).then(|| at(raw, address, length.min(raw.room)))
}

fn in_words(bytes: &[u8]) -> String {
    let Some(family) = field(bytes, 0).map(u16::from_ne_bytes) else {
        return "?".to_owned();
    };
    let port = field(bytes, 2).map(u16::from_be_bytes);
    let found = match (i32::from(family), port) {
        (libc::AF_INET, Some(port)) => field::<4>(bytes, 4)
            .map(|ip| SocketAddr::from(SocketAddrV4::new(Ipv4Addr::from(ip), port)).to_string()),
        (libc::AF_INET6, Some(port)) => field::<16>(bytes, 8).map(|ip| {
            let scope = field(bytes, 24).map_or(0, u32::from_ne_bytes);
            let address = SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope);
            SocketAddr::from(address).to_string()
        }),
        (libc::AF_UNIX, _) => Some(path(&bytes[2..])),
        (libc::AF_UNSPEC, _) => Some("AF_UNSPEC".to_owned()),
        _ => None,
    };
    found.unwrap_or_else(|| super::flags::family(family.into()))
}

/// A path, or an abstract name, which begins with a zero byte (`unix(7)`).
fn path(bytes: &[u8]) -> String {
    let (mark, name) = match bytes {
        [] => return "unnamed".to_owned(),
        [0, name @ ..] => ("@", name),
        name => ("", name),
    };
    let end = name.iter().position(|byte| *byte == 0);
    format!("{mark}{}", name[..end.unwrap_or(name.len())].escape_ascii())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
