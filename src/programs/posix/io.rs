//! Reading, writing and waiting.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::SigSet;

use super::{Failure, reported};
use crate::event::CallResult;
use crate::programs::report;

/// As much text of a call's data as a record shows, in bytes.
const SHOWN: usize = 32;

/// Standard input.
pub(crate) fn stdin() -> std::io::Stdin {
    std::io::stdin()
}

/// `read(2)`; 0 is the end of the file.
pub(crate) fn read(fd: impl AsFd, buffer: &mut [u8]) -> Result<usize, Failure> {
    let number = fd.as_fd().as_raw_fd();
    let room = buffer.len();
    let result = nix::unistd::read(&fd, buffer);
    let (shown, outcome) = match result {
        Ok(0) => ("\"\"".to_owned(), CallResult::Eof),
        Ok(length) => (quoted(&buffer[..length]), CallResult::Value(length as i64)),
        Err(errno) => ("buf".to_owned(), CallResult::Errno(errno as i32)),
    };
    report::call("read", &format!("{number}, {shown}, {room}"), outcome);
    result.map_err(|errno| Failure {
        call: "read",
        errno,
    })
}

/// `write(2)`; it may take less than all.
pub(crate) fn write(fd: impl AsFd, bytes: &[u8]) -> Result<usize, Failure> {
    let number = fd.as_fd().as_raw_fd();
    let result = nix::unistd::write(&fd, bytes);
    report_bytes("write", number, bytes, "", result)
}

/// `writen` (UNP figure 3.16): writes until the kernel took all.
pub(crate) fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<(), Failure> {
    while !bytes.is_empty() {
        match write(&fd, bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(failure) if failure.is_interrupted() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Writes to standard output, unbuffered, so that a fork duplicates nothing. Not reported: the
/// reader of the output sees it.
pub(crate) fn print(mut bytes: &[u8]) -> Result<(), Failure> {
    let stdout = std::io::stdout();
    while !bytes.is_empty() {
        match nix::unistd::write(&stdout, bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(Errno::EINTR) => {}
            Err(errno) => {
                return Err(Failure {
                    call: "write to stdout",
                    errno,
                });
            }
        }
    }
    Ok(())
}

/// Lines from a descriptor that may deliver half a line, or several at once.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// The next line with its end, or at the end of the file what is left; nothing after that.
    pub(crate) fn next(&mut self, fd: impl AsFd) -> Result<Option<Vec<u8>>, Failure> {
        while !self.has_next() {
            match self.fill(&fd) {
                Err(failure) if failure.is_interrupted() => {}
                other => other?,
            }
        }
        Ok(self.take())
    }

    /// Whether [`Lines::take`] needs no further read.
    pub(crate) fn has_next(&self) -> bool {
        self.ended || self.pending.contains(&b'\n')
    }

    /// Reads once.
    pub(crate) fn fill(&mut self, fd: impl AsFd) -> Result<(), Failure> {
        let mut buffer = [0_u8; 4096];
        let length = read(fd, &mut buffer)?;
        self.ended = length == 0;
        self.pending.extend_from_slice(&buffer[..length]);
        Ok(())
    }

    /// The line that is there already.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let end = match self.pending.iter().position(|&byte| byte == b'\n') {
            Some(newline) => newline + 1,
            None => self.pending.len(),
        };
        if end == 0 {
            return None;
        }
        Some(self.pending.drain(..end).collect())
    }
}

/// Waits for a line on standard input and returns it; nothing at its end. It reads byte by byte:
/// the next line may be for another process that shares this standard input.
pub(crate) fn read_gate() -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    let mut byte = [0_u8; 1];
    loop {
        match nix::unistd::read(stdin(), &mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => return Ok(Some(line)),
            Ok(_) => {
                line.push(byte[0]);
                if byte[0] == b'\n' {
                    return Ok(Some(line));
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                return Err(Failure {
                    call: "read",
                    errno,
                });
            }
        }
    }
}

/// `poll(2)` without a time limit, restarted after a signal. A success is not reported: the calls
/// that follow tell.
pub(crate) fn poll<const N: usize>(
    wanted: [(BorrowedFd<'_>, PollFlags); N],
) -> Result<[PollFlags; N], Failure> {
    let mut fds = wanted.map(|(fd, flags)| PollFd::new(fd, flags));
    loop {
        match nix::poll::poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => return Ok(fds.map(|fd| fd.revents().unwrap_or(PollFlags::POLLNVAL))),
            Err(Errno::EINTR) => {}
            Err(errno) => {
                return Err(Failure {
                    call: "poll",
                    errno,
                });
            }
        }
    }
}

/// `ppoll(2)`: waits until `fd` is readable, with the signal mask `mask` just while waiting. With
/// no descriptor it is `sigsuspend(2)`.
pub(crate) fn wait_with_mask(fd: Option<BorrowedFd<'_>>, mask: SigSet) -> Result<(), Failure> {
    let mut fds: Vec<PollFd<'_>> = fd
        .iter()
        .map(|fd| PollFd::new(*fd, PollFlags::POLLIN))
        .collect();
    match nix::poll::ppoll(&mut fds, None, Some(mask)) {
        Ok(_) => Ok(()),
        failed => {
            let args = fd.map_or_else(String::new, |fd| fd.as_raw_fd().to_string());
            reported("ppoll", &args, failed, |_| 0).map(drop)
        }
    }
}

/// Reports a call that sent bytes.
pub(super) fn report_bytes(
    call: &'static str,
    number: RawFd,
    bytes: &[u8],
    whom: &str,
    result: nix::Result<usize>,
) -> Result<usize, Failure> {
    let args = format!("{number}, {}, {}{whom}", quoted(bytes), bytes.len());
    reported(call, &args, result, |taken| *taken as i64)
}

/// The beginning of the data as a C string: `"hello\n"`, `"xxxxxxxx"...`.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let more = if bytes.len() > SHOWN { "..." } else { "" };
    format!("\"{}\"{more}", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_quoted_escaped_and_cut() {
        assert_eq!(quoted(b"hi\x1b\xff\"\n"), r#""hi\x1b\xff\"\n""#);
        assert_eq!(quoted(&[b'x'; 40]), format!("\"{}\"...", "x".repeat(32)));
    }

    #[test]
    fn lines_are_put_together_and_taken_apart() {
        let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
        nix::unistd::write(&far, b"one\ntw").expect("room");
        let mut lines = Lines::default();
        assert_eq!(lines.next(&near), Ok(Some(b"one\n".to_vec())));
        nix::unistd::write(&far, b"o\n\nrest").expect("room");
        drop(far);
        assert_eq!(lines.next(&near), Ok(Some(b"two\n".to_vec())));
        assert_eq!(lines.next(&near), Ok(Some(b"\n".to_vec())));
        assert_eq!(lines.next(&near), Ok(Some(b"rest".to_vec())));
        assert_eq!(lines.next(&near), Ok(None));
    }
}
