//! The sending side of the side channel. It never blocks and never fails: what does not fit into
//! the channel is counted, and the next record says how many were lost.
//!
//! Sending allocates nothing (the record is written into a buffer on the stack), so that a signal
//! handler may do it too.

use std::io::Write as _;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, send};
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::record::{RECORD_MAX, REPORT_FD};
use crate::event::CallResult;
use crate::model::ExitStatus;

static CHANNEL: OnceLock<OwnedFd> = OnceLock::new();
static LOST: AtomicU32 = AtomicU32::new(0);

/// [`super::record::Record`] with borrowed text.
#[derive(Serialize)]
struct Outgoing<'a> {
    at_ns: u64,
    lost: u32,
    what: OutgoingWhat<'a>,
}

/// [`super::record::What`] with borrowed text.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum OutgoingWhat<'a> {
    Started,
    Forked {
        pid: i32,
    },
    Call {
        name: &'a str,
        args: &'a str,
        result: CallResult,
    },
}

/// Takes the channel that the environment names; without one nothing is sent.
pub(crate) fn open() {
    let named = std::env::var(REPORT_FD).ok();
    if let Some(fd) = named.and_then(|number| number.parse().ok())
        && let Some(socket) = crate::sys::inherit::unix_socket(fd)
    {
        // A second call finds the channel open already.
        let _ = CHANNEL.set(socket);
    }
}

/// The process began.
pub(crate) fn started() {
    post(OutgoingWhat::Started);
}

/// `fork` returned `pid`.
pub(crate) fn forked(pid: i32) {
    post(OutgoingWhat::Forked { pid });
}

/// A call returned.
pub(crate) fn call(name: &str, args: &str, result: CallResult) {
    post(OutgoingWhat::Call { name, args, result });
}

/// A signal's handler runs. Async-signal-safe.
pub(crate) fn caught(signal: &str) {
    call(signal, "", CallResult::Nothing);
}

/// How a child was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// `wait(&status)`.
    Any,
    /// `waitpid(-1, &status, WNOHANG)`.
    AnyNow,
    /// `waitpid(pid, &status, 0)`.
    One,
}

/// A child was collected, `status` being the status word. Async-signal-safe.
pub(crate) fn collected(wait: Wait, pid: i32, status: i32) {
    let mut buffer = [0_u8; 96];
    let mut free = &mut buffer[..];
    let written = match wait {
        Wait::Any => write_ended(&mut free, status),
        Wait::AnyNow => write!(free, "-1, ")
            .and_then(|()| write_ended(&mut free, status))
            .and_then(|()| write!(free, ", WNOHANG")),
        Wait::One => write!(free, "{pid}, ")
            .and_then(|()| write_ended(&mut free, status))
            .and_then(|()| write!(free, ", 0")),
    };
    let unused = free.len();
    let used = buffer.len() - unused;
    let args = match (written, std::str::from_utf8(&buffer[..used])) {
        (Ok(()), Ok(text)) => text,
        _ => "",
    };
    let name = match wait {
        Wait::Any => "wait",
        Wait::AnyNow | Wait::One => "waitpid",
    };
    call(name, args, CallResult::Value(i64::from(pid)));
}

/// The status word in [`ExitStatus`]'s words, without its allocations.
fn write_ended(free: &mut &mut [u8], status: i32) -> std::io::Result<()> {
    match ExitStatus::from_wait(status) {
        ExitStatus::Exited(number) => write!(free, "exited {number}"),
        ExitStatus::Signaled { signal, .. } => match Signal::try_from(signal) {
            Ok(known) => write!(free, "killed by {}", known.as_str()),
            Err(_) => write!(free, "killed by signal {signal}"),
        },
    }
}

fn post(what: OutgoingWhat<'_>) {
    let Some(channel) = CHANNEL.get() else {
        return;
    };
    // The calls below may fail; the program must find errno as its own call left it.
    let errno = Errno::last_raw();
    let lost = LOST.swap(0, Ordering::SeqCst);
    if !send_to(channel, lost, what) {
        LOST.fetch_add(lost + 1, Ordering::SeqCst);
    }
    Errno::set_raw(errno);
}

fn send_to(channel: &OwnedFd, lost: u32, what: OutgoingWhat<'_>) -> bool {
    let Ok(now) = clock_gettime(ClockId::CLOCK_MONOTONIC) else {
        return false;
    };
    let at_ns = now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64;
    let mut buffer = [0_u8; RECORD_MAX];
    let mut free = &mut buffer[..];
    let record = Outgoing { at_ns, lost, what };
    if serde_json::to_writer(&mut free, &record).is_err() {
        return false;
    }
    let unused = free.len();
    let used = RECORD_MAX - unused;
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    send(channel.as_raw_fd(), &buffer[..used], flags).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Call;
    use crate::programs::record::{Record, What};

    fn read_back(what: OutgoingWhat<'_>) -> What {
        let bytes = serde_json::to_vec(&Outgoing {
            at_ns: 7,
            lost: 2,
            what,
        })
        .expect("a record is JSON");
        let record: Record = serde_json::from_slice(&bytes).expect("the receiver reads it");
        assert_eq!((record.at_ns, record.lost), (7, 2));
        record.what
    }

    #[test]
    fn what_is_sent_is_what_is_received() {
        assert_eq!(read_back(OutgoingWhat::Started), What::Started);
        assert_eq!(
            read_back(OutgoingWhat::Forked { pid: 5 }),
            What::Forked { pid: 5 }
        );
        for result in [
            CallResult::Value(-1),
            CallResult::Eof,
            CallResult::Errno(32),
            CallResult::Nothing,
        ] {
            let sent = OutgoingWhat::Call {
                name: "write",
                args: "4, \"\\x1b[2J\\n\", 5",
                result: result.clone(),
            };
            let expected = What::Call(Call {
                name: "write".to_owned(),
                args: "4, \"\\x1b[2J\\n\", 5".to_owned(),
                result,
                fd: None,
                inode: None,
                opened: None,
                thread: None,
            });
            assert_eq!(read_back(sent), expected);
        }
    }

    #[test]
    fn the_handlers_words_are_the_models() {
        for status in [0, 0x0300, 9, 15, 0x8b, 40] {
            let mut buffer = [0_u8; 64];
            let mut free = &mut buffer[..];
            write_ended(&mut free, status).expect("it fits");
            let used = 64 - free.len();
            assert_eq!(
                std::str::from_utf8(&buffer[..used]).expect("text"),
                ExitStatus::from_wait(status).to_string()
            );
        }
    }
}
