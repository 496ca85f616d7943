//! Calls that wait for children or descriptors.

use super::{Raw, flags, span};
use crate::model::ExitStatus;

/// `wait4(2)`, `waitid(2)`.
pub(super) fn waited(name: &str, raw: &Raw<'_>, returned: i64) -> String {
    if name == "waitid" {
        let whom = match raw.args[0] as libc::idtype_t {
            libc::P_ALL => "P_ALL".to_owned(),
            libc::P_PID => format!("P_PID, {}", raw.int(1)),
            libc::P_PGID => format!("P_PGID, {}", raw.int(1)),
            libc::P_PIDFD => format!("P_PIDFD, {}", raw.int(1)),
            other => format!("{other}, {}", raw.int(1)),
        };
        let child = match returned {
            0 => raw.bytes(raw.args[2]).and_then(|info| child(&info)),
            _ => None,
        };
        let child = child.map_or_else(String::new, |child| format!("{child}, "));
        return format!("{whom}, {child}{}", flags::named(raw.int(3), flags::WAIT));
    }
    let status = match returned {
        1.. => raw.int_at(raw.args[1]).map(in_words),
        _ => None,
    };
    let status = status.unwrap_or_else(|| match raw.args[1] {
        0 => "NULL".to_owned(),
        _ => "status".to_owned(),
    });
    format!(
        "{}, {status}, {}",
        raw.int(0),
        flags::named(raw.int(2), flags::WAIT)
    )
}

/// The child that a `siginfo_t` tells of, and how it is (`waitid(2)`); nothing where WNOHANG found
/// none.
fn child(info: &[u8; 28]) -> Option<String> {
    let number = |at: usize| {
        let four = info.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_ne_bytes(four))
    };
    let (code, pid, status) = (number(8)?, number(16)?, number(24)?);
    if pid == 0 {
        return None;
    }
    let word = match code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_KILLED => status & 0x7f,
        libc::CLD_DUMPED => status & 0x7f | 0x80,
        libc::CLD_STOPPED | libc::CLD_TRAPPED => (status & 0xff) << 8 | 0x7f,
        libc::CLD_CONTINUED => 0xffff,
        _ => return Some(pid.to_string()),
    };
    Some(format!("{pid} {}", in_words(word)))
}

/// A status word, stopped and continued children included (`waitpid(2)`).
fn in_words(word: i32) -> String {
    if libc::WIFSTOPPED(word) {
        let signal = crate::model::signal_name(libc::WSTOPSIG(word));
        return format!("stopped by {signal}");
    }
    if libc::WIFCONTINUED(word) {
        return "continued".to_owned();
    }
    ExitStatus::from_wait(word).to_string()
}

/// As many descriptors and events as are shown.
const SHOWN: u64 = 4;

/// What the kernel overwrites: the sets of `select(2)`, and times that it counts down.
pub(super) fn asked(name: &str, raw: &Raw<'_>) -> String {
    match name {
        "ppoll" => span::timespec(raw, raw.args[2]),
        "select" => format!("{}, {}", sets(raw), span::timeval(raw, raw.args[4])),
        "pselect6" => format!("{}, {}", sets(raw), span::timespec(raw, raw.args[4])),
        "epoll_pwait2" => span::timespec(raw, raw.args[3]),
        _ => String::new(),
    }
}

/// poll, select and epoll_wait: what is waited for, how long, and what is ready.
pub(super) fn polled(name: &str, raw: &Raw<'_>, returned: i64, asked: &str) -> String {
    match name {
        "poll" => {
            let most = span::milliseconds(raw.int(2));
            format!("{}, {most}", descriptors(raw, returned))
        }
        "ppoll" => format!("{}, {asked}", descriptors(raw, returned)),
        "select" | "pselect6" if returned > 0 => format!("{asked}, ready {}", sets(raw)),
        "select" | "pselect6" => asked.to_owned(),
        "epoll_pwait2" => format!("{}, {asked}{}", raw.int(0), events(raw, returned)),
        _ => {
            let most = span::milliseconds(raw.int(3));
            format!("{}, {most}{}", raw.int(0), events(raw, returned))
        }
    }
}

/// What `epoll_wait(2)` found. The number that comes with an event is the program's own: it need
/// not be a descriptor.
fn events(raw: &Raw<'_>, returned: i64) -> String {
    // The structure is packed on x86_64 only.
    let size = match cfg!(target_arch = "x86_64") {
        true => 12,
        false => 16,
    };
    let count = u64::try_from(returned).unwrap_or(0);
    let mut words = Vec::new();
    for index in 0..count.min(SHOWN) {
        let Some(bits) = raw.int_at(raw.args[1].wrapping_add(index * size)) else {
            break;
        };
        words.push(flags::named(bits, EVENTS));
    }
    if words.is_empty() {
        return String::new();
    }
    if count > words.len() as u64 {
        words.push("...".to_owned());
    }
    format!(", ready [{}]", words.join(", "))
}

/// The three sets of `select(2)`: `read [3, 5] write [4]`.
fn sets(raw: &Raw<'_>) -> String {
    let kinds = [("read", 1), ("write", 2), ("except", 3)];
    let words: Vec<String> = kinds
        .into_iter()
        .filter_map(|(kind, index)| Some(format!("{kind} {}", set(raw, raw.args[index])?)))
        .collect();
    match words.is_empty() {
        true => "nothing".to_owned(),
        false => words.join(" "),
    }
}

/// The members of an `fd_set` below the number that the call gives; nothing for an empty one.
fn set(raw: &Raw<'_>, address: u64) -> Option<String> {
    let end = usize::try_from(raw.int(0))
        .unwrap_or(0)
        .min(libc::FD_SETSIZE);
    if address == 0 || end == 0 {
        return None;
    }
    let bytes = raw.some(address, end.div_ceil(8));
    if bytes.is_empty() {
        return Some("?".to_owned());
    }
    let is_member = |fd: &usize| {
        bytes
            .get(fd / 8)
            .is_some_and(|byte| byte >> (fd % 8) & 1 == 1)
    };
    let mut members = (0..end).filter(is_member);
    let mut words: Vec<String> = members
        .by_ref()
        .take(SHOWN as usize)
        .map(|fd| fd.to_string())
        .collect();
    if members.next().is_some() {
        words.push("...".to_owned());
    }
    (!words.is_empty()).then(|| format!("[{}]", words.join(", ")))
}

/// `struct pollfd`s: the number, and what is ready.
fn descriptors(raw: &Raw<'_>, returned: i64) -> String {
    let count = raw.args[1];
    let mut words = Vec::new();
    for index in 0..count.min(SHOWN) {
        let Some(bytes) = raw.bytes::<8>(raw.args[0].wrapping_add(index * 8)) else {
            break;
        };
        let fd = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let ready = u16::from_ne_bytes([bytes[6], bytes[7]]);
        words.push(match returned {
            1.. if ready != 0 => format!("{fd} {}", flags::named(i32::from(ready), READY)),
            _ => fd.to_string(),
        });
    }
    if count > words.len() as u64 {
        words.push("...".to_owned());
    }
    format!("[{}]", words.join(", "))
}

const READY: &flags::Bits = &[
    (libc::POLLIN as i32, "POLLIN"),
    (libc::POLLPRI as i32, "POLLPRI"),
    (libc::POLLOUT as i32, "POLLOUT"),
    (libc::POLLERR as i32, "POLLERR"),
    (libc::POLLHUP as i32, "POLLHUP"),
    (libc::POLLNVAL as i32, "POLLNVAL"),
    (libc::POLLRDHUP as i32, "POLLRDHUP"),
];

const EVENTS: &flags::Bits = &[
    (libc::EPOLLIN, "EPOLLIN"),
    (libc::EPOLLPRI, "EPOLLPRI"),
    (libc::EPOLLOUT, "EPOLLOUT"),
    (libc::EPOLLERR, "EPOLLERR"),
    (libc::EPOLLHUP, "EPOLLHUP"),
    (libc::EPOLLRDHUP, "EPOLLRDHUP"),
];
