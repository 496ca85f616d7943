//! The pipes of a program: lines out of its output, lines into its input.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::lab::close_for_good;

/// A line longer than this, in bytes, is cut into several.
const LONGEST_LINE: usize = 16 * 1024;
/// What is kept of one stream of one program, in bytes; the rest is read and counted.
const MOST_KEPT: usize = 1024 * 1024;
/// What is read in one go, in bytes, so that a flood in one pipe does not stop everything else.
const CHUNK: usize = 64 * 1024;

/// One output stream of a program.
#[derive(Debug)]
pub(super) struct Lines {
    fd: Option<OwnedFd>,
    partial: Vec<u8>,
    kept: usize,
    lost: usize,
}

impl Lines {
    /// Reads from a non-blocking descriptor.
    pub(super) fn new(fd: OwnedFd) -> Lines {
        Lines {
            fd: Some(fd),
            partial: Vec::new(),
            kept: 0,
            lost: 0,
        }
    }

    /// The descriptor to wait for, until the stream ends.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// The lines that are there now, without their ends; bytes that are no UTF-8 become U+FFFD.
    /// At the end of the stream the rest counts as a line. Says whether anything was read.
    pub(super) fn read(&mut self) -> (Vec<String>, bool) {
        let Some(fd) = &self.fd else {
            return (Vec::new(), false);
        };
        let mut buffer = [0; CHUNK];
        let mut lines = Vec::new();
        match nix::unistd::read(fd, &mut buffer) {
            Ok(0) => {
                self.fd = None;
                if !self.partial.is_empty() {
                    let rest = std::mem::take(&mut self.partial);
                    lines.push(text(&rest));
                }
                if self.lost > 0 {
                    lines.push(format!("… {} more bytes, not kept", self.lost));
                }
            }
            Ok(length) => self.split(&buffer[..length], &mut lines),
            Err(Errno::EAGAIN | Errno::EINTR) => return (lines, false),
            Err(_) => self.fd = None,
        }
        (lines, true)
    }

    fn split(&mut self, bytes: &[u8], lines: &mut Vec<String>) {
        if self.kept >= MOST_KEPT {
            self.lost += bytes.len();
            return;
        }
        self.kept += bytes.len();
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.partial);
                lines.push(text(&line));
            } else {
                self.partial.push(byte);
                if self.partial.len() >= LONGEST_LINE {
                    let line = std::mem::take(&mut self.partial);
                    lines.push(text(&line));
                }
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// A program's standard input. What its pipe does not take at once is kept.
#[derive(Debug)]
pub(super) struct Input {
    fd: Option<OwnedFd>,
    pending: Vec<u8>,
    close_after: bool,
}

impl Input {
    /// Writes to a non-blocking descriptor.
    pub(super) fn new(fd: OwnedFd) -> Input {
        Input {
            fd: Some(fd),
            pending: Vec::new(),
            close_after: false,
        }
    }

    /// Types a line.
    ///
    /// # Errors
    /// EPIPE when nobody reads it any more.
    pub(super) fn type_line(&mut self, line: &str) -> nix::Result<()> {
        if self.fd.is_none() || self.close_after {
            return Err(Errno::EPIPE);
        }
        self.pending.extend(line.as_bytes());
        self.pending.push(b'\n');
        self.flush()
    }

    /// Ends the input, after what was typed so far.
    pub(super) fn close(&mut self) {
        self.close_after = true;
        let _ = self.flush();
    }

    /// The descriptor to wait for being writable, while something is pending.
    pub(super) fn wants(&self) -> Option<BorrowedFd<'_>> {
        match self.pending.is_empty() {
            true => None,
            false => self.fd.as_ref().map(AsFd::as_fd),
        }
    }

    /// Writes what the pipe takes.
    ///
    /// # Errors
    /// EPIPE when nobody reads it any more.
    pub(super) fn flush(&mut self) -> nix::Result<()> {
        while let (Some(fd), false) = (&self.fd, self.pending.is_empty()) {
            match nix::unistd::write(fd, &self.pending) {
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => {
                    self.fd = None;
                    self.pending.clear();
                    return Err(error);
                }
            }
        }
        if self.close_after
            && let Some(fd) = self.fd.take()
        {
            close_for_good(fd);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::OFlag;
    use nix::unistd::{pipe2, write};

    #[test]
    fn lines_survive_their_pieces() {
        let (read, written) = pipe2(OFlag::O_NONBLOCK).expect("a pipe");
        let mut lines = Lines::new(read);
        write(&written, b"one\r\ntw").expect("written");
        assert_eq!(lines.read(), (vec!["one".to_owned()], true));
        write(&written, b"o\n\xff\x1b[31m").expect("written");
        assert_eq!(lines.read(), (vec!["two".to_owned()], true));
        assert_eq!(lines.read(), (Vec::new(), false));
        drop(written);
        assert_eq!(lines.read(), (vec!["\u{fffd}\u{1b}[31m".to_owned()], true));
        assert!(lines.fd().is_none());
    }

    #[test]
    fn input_keeps_what_the_pipe_does_not_take() {
        let (read, written) = pipe2(OFlag::O_NONBLOCK).expect("a pipe");
        let mut input = Input::new(written);
        let long = "x".repeat(100_000);
        input.type_line(&long).expect("kept");
        assert!(input.wants().is_some());
        input.close();
        let mut got = 0;
        let mut buffer = [0; 4096];
        loop {
            match nix::unistd::read(&read, &mut buffer) {
                Ok(0) => break,
                Ok(length) => got += length,
                Err(Errno::EAGAIN) => input.flush().expect("taken"),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(got, 100_001);
    }
}
