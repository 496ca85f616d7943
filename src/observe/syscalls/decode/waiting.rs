//! Calls that wait for children or descriptors.

use super::{Raw, flags};
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
        return format!("{whom}, {}", flags::named(raw.int(3), flags::WAIT));
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

/// As many descriptors of a `poll(2)` as are shown.
const SHOWN: u64 = 4;

/// poll, select and epoll_wait: what is waited for, and how long.
pub(super) fn polled(name: &str, raw: &Raw<'_>, returned: i64) -> String {
    match name {
        "poll" => format!("{}, {}", descriptors(raw, returned), timeout(raw.int(2))),
        "ppoll" => descriptors(raw, returned),
        "select" | "pselect6" => format!("{} descriptors", raw.int(0)),
        "epoll_wait" | "epoll_pwait" => {
            format!("{}, {}", raw.int(0), timeout(raw.int(3)))
        }
        _ => raw.int(0).to_string(),
    }
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
        let ready = i16::from_ne_bytes([bytes[6], bytes[7]]);
        words.push(match returned {
            1.. if ready != 0 => format!("{fd} {}", flags::named(i32::from(ready), READY)),
            _ => fd.to_string(),
        });
    }
    if count > SHOWN {
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

fn timeout(milliseconds: i32) -> String {
    match milliseconds {
        ..0 => "forever".to_owned(),
        some => format!("{some} ms"),
    }
}
