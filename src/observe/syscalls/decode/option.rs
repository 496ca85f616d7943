//! `setsockopt(2)` and `getsockopt(2)`.

use super::{Raw, span};
use crate::model::errno_name;

/// Level, option and value.
pub(super) fn arguments(name: &str, raw: &Raw<'_>, returned: i64) -> String {
    let (level, number) = (raw.int(1), raw.int(2));
    let length = match name {
        "setsockopt" => raw.int(4),
        _ if returned < 0 => 0,
        _ => raw.int_at(raw.args[4]).unwrap_or(0),
    };
    let words = format!("{}, {}", raw.int(0), option(level, number));
    let value = || raw.int_at(raw.args[3]);
    match (level, number) {
        (libc::SOL_SOCKET, libc::SO_LINGER) if length >= 8 => {
            let on = value();
            let seconds = raw.int_at(raw.args[3].wrapping_add(4));
            match (on, seconds) {
                (Some(on), Some(seconds)) => format!("{words}, {{{on}, {seconds}}}"),
                _ => words,
            }
        }
        (libc::SOL_SOCKET, libc::SO_ERROR) if length >= 4 => match value() {
            Some(0) | None => words,
            Some(errno) => format!("{words} = {}", errno_name(errno)),
        },
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) if length >= 16 => {
            match span::option(raw, raw.args[3]) {
                Some(time) => format!("{words}, {time}"),
                None => words,
            }
        }
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) | (libc::IPPROTO_TCP, libc::TCP_CONGESTION) => {
            let most = usize::try_from(length).unwrap_or(0).min(NAME);
            let bytes = raw.some(raw.args[3], most);
            let end = bytes.iter().position(|byte| *byte == 0);
            match &bytes[..end.unwrap_or(bytes.len())] {
                [] => words,
                name => format!("{words}, \"{}\"", name.escape_ascii()),
            }
        }
        _ if length == 1 => match raw.bytes::<1>(raw.args[3]) {
            Some([byte]) => format!("{words}, {byte}"),
            None => words,
        },
        _ if length == 4 => value().map_or_else(|| words.clone(), |v| format!("{words}, {v}")),
        _ => words,
    }
}

/// As long as names of devices (IFNAMSIZ) and of congestion control algorithms are, in bytes.
const NAME: usize = 16;

fn option(level: i32, number: i32) -> String {
    let known = match level {
        libc::SOL_SOCKET => find(SOCKET, number),
        libc::IPPROTO_TCP => find(TCP, number),
        libc::IPPROTO_IP => find(IP, number),
        libc::IPPROTO_IPV6 => find(IPV6, number),
        _ => None,
    };
    known.map_or_else(|| format!("level {level} option {number}"), str::to_owned)
}

fn find(names: &[(i32, &'static str)], number: i32) -> Option<&'static str> {
    let known = names.iter().find(|(known, _)| *known == number)?;
    Some(known.1)
}

const SOCKET: &[(i32, &str)] = &[
    (libc::SO_DEBUG, "SO_DEBUG"),
    (libc::SO_REUSEADDR, "SO_REUSEADDR"),
    (libc::SO_TYPE, "SO_TYPE"),
    (libc::SO_ERROR, "SO_ERROR"),
    (libc::SO_BROADCAST, "SO_BROADCAST"),
    (libc::SO_SNDBUF, "SO_SNDBUF"),
    (libc::SO_RCVBUF, "SO_RCVBUF"),
    (libc::SO_KEEPALIVE, "SO_KEEPALIVE"),
    (libc::SO_OOBINLINE, "SO_OOBINLINE"),
    (libc::SO_LINGER, "SO_LINGER"),
    (libc::SO_REUSEPORT, "SO_REUSEPORT"),
    (libc::SO_PASSCRED, "SO_PASSCRED"),
    (libc::SO_RCVLOWAT, "SO_RCVLOWAT"),
    (libc::SO_SNDLOWAT, "SO_SNDLOWAT"),
    (libc::SO_RCVTIMEO, "SO_RCVTIMEO"),
    (libc::SO_SNDTIMEO, "SO_SNDTIMEO"),
    (libc::SO_ACCEPTCONN, "SO_ACCEPTCONN"),
    (libc::SO_DOMAIN, "SO_DOMAIN"),
    (libc::SO_PROTOCOL, "SO_PROTOCOL"),
    (libc::SO_BINDTODEVICE, "SO_BINDTODEVICE"),
    (libc::SO_TIMESTAMP, "SO_TIMESTAMP"),
    (libc::SO_ATTACH_FILTER, "SO_ATTACH_FILTER"),
    (libc::SO_DETACH_FILTER, "SO_DETACH_FILTER"),
    (libc::SO_ATTACH_REUSEPORT_CBPF, "SO_ATTACH_REUSEPORT_CBPF"),
    (libc::SO_PRIORITY, "SO_PRIORITY"),
    (libc::SO_MARK, "SO_MARK"),
    (libc::SO_PEERCRED, "SO_PEERCRED"),
    (libc::SO_RCVBUFFORCE, "SO_RCVBUFFORCE"),
    (libc::SO_SNDBUFFORCE, "SO_SNDBUFFORCE"),
    (libc::SO_BUSY_POLL, "SO_BUSY_POLL"),
    (libc::SO_INCOMING_CPU, "SO_INCOMING_CPU"),
    (libc::SO_ZEROCOPY, "SO_ZEROCOPY"),
    (libc::SO_COOKIE, "SO_COOKIE"),
];

const TCP: &[(i32, &str)] = &[
    (libc::TCP_NODELAY, "TCP_NODELAY"),
    (libc::TCP_MAXSEG, "TCP_MAXSEG"),
    (libc::TCP_CORK, "TCP_CORK"),
    (libc::TCP_KEEPIDLE, "TCP_KEEPIDLE"),
    (libc::TCP_KEEPINTVL, "TCP_KEEPINTVL"),
    (libc::TCP_KEEPCNT, "TCP_KEEPCNT"),
    (libc::TCP_SYNCNT, "TCP_SYNCNT"),
    (libc::TCP_LINGER2, "TCP_LINGER2"),
    (libc::TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"),
    (libc::TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP"),
    (libc::TCP_INFO, "TCP_INFO"),
    (libc::TCP_QUICKACK, "TCP_QUICKACK"),
    (libc::TCP_CONGESTION, "TCP_CONGESTION"),
    (libc::TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"),
    (libc::TCP_FASTOPEN, "TCP_FASTOPEN"),
    (libc::TCP_FASTOPEN_CONNECT, "TCP_FASTOPEN_CONNECT"),
    (libc::TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"),
    (libc::TCP_THIN_LINEAR_TIMEOUTS, "TCP_THIN_LINEAR_TIMEOUTS"),
    (libc::TCP_REPAIR, "TCP_REPAIR"),
    (libc::TCP_ULP, "TCP_ULP"),
    (libc::TCP_SAVE_SYN, "TCP_SAVE_SYN"),
];

const IP: &[(i32, &str)] = &[
    (libc::IP_TOS, "IP_TOS"),
    (libc::IP_TTL, "IP_TTL"),
    (libc::IP_PKTINFO, "IP_PKTINFO"),
    (libc::IP_RECVERR, "IP_RECVERR"),
    (libc::IP_MTU_DISCOVER, "IP_MTU_DISCOVER"),
    (libc::IP_FREEBIND, "IP_FREEBIND"),
    (libc::IP_TRANSPARENT, "IP_TRANSPARENT"),
    (libc::IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT"),
    (libc::IP_RECVTOS, "IP_RECVTOS"),
    (libc::IP_ADD_MEMBERSHIP, "IP_ADD_MEMBERSHIP"),
];

const IPV6: &[(i32, &str)] = &[
    (libc::IPV6_V6ONLY, "IPV6_V6ONLY"),
    (libc::IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO"),
    (libc::IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"),
    (libc::IPV6_RECVERR, "IPV6_RECVERR"),
    (libc::IPV6_TCLASS, "IPV6_TCLASS"),
    (libc::IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER"),
];
