//! [`Output`]: standard output that may not take anything for a while. A write that waits would
//! be deaf to signals, which come through a descriptor, and to the end of the time.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{Mode, SFlag, fstat};
use sockscope::tolerance::LAST_WORDS;

use super::End;
use crate::commands::complain;
use sockscope::run::Outcome;

/// As much is written at once.
const BUFFER: usize = 64 * 1024;
/// As much goes into a pipe that has room at all (`pipe(7)`: PIPE_BUF).
const ROOM: usize = 4096;

/// Standard output. What it does not take is kept.
pub(super) struct Output<'a> {
    way: Way,
    waiting: Vec<u8>,
    interrupt: &'a SignalFd,
    until: Option<Instant>,
    /// Why nothing is written any more.
    pub(super) end: Option<End>,
}

/// How to write without waiting. A flag on the descriptor itself would be a flag on those of all
/// who share it.
enum Way {
    /// A file takes everything.
    File,
    /// A pipe or a terminal, opened once more.
    Opened(OwnedFd),
    Socket,
    /// As much as there is room for, when there is some.
    Careful,
}

impl Way {
    fn of_stdout() -> Way {
        let stdout = std::io::stdout();
        let kind = fstat(&stdout).map_or(SFlag::empty(), |stat| {
            SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
        });
        match kind {
            SFlag::S_IFREG => Way::File,
            SFlag::S_IFSOCK => Way::Socket,
            _ => {
                let path = format!("/proc/self/fd/{}", stdout.as_raw_fd());
                let flags =
                    OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
                open(path.as_str(), flags, Mode::empty()).map_or(Way::Careful, Way::Opened)
            }
        }
    }

    /// Writes some of it, or says `EAGAIN`.
    fn write(&self, bytes: &[u8]) -> nix::Result<usize> {
        let stdout = std::io::stdout();
        match self {
            Way::File => nix::unistd::write(stdout, bytes),
            Way::Opened(fd) => nix::unistd::write(fd, bytes),
            Way::Socket => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                send(stdout.as_raw_fd(), bytes, flags)
            }
            Way::Careful => {
                let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
                match poll(&mut fds, PollTimeout::ZERO)? {
                    0 => Err(Errno::EAGAIN),
                    _ => nix::unistd::write(&stdout, &bytes[..bytes.len().min(ROOM)]),
                }
            }
        }
    }
}

impl<'a> Output<'a> {
    /// `until`: when the time is up.
    pub(super) fn new(interrupt: &'a SignalFd, until: Option<Instant>) -> Output<'a> {
        Output {
            way: Way::of_stdout(),
            waiting: Vec::with_capacity(BUFFER),
            interrupt,
            until,
            end: None,
        }
    }

    /// Writes it, or keeps it for now.
    pub(super) fn put(&mut self, text: &str) -> Result<(), u8> {
        self.waiting.extend_from_slice(text.as_bytes());
        match self.waiting.len() >= BUFFER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes what is kept, unless an end comes first: see [`Output::end`].
    pub(super) fn flush(&mut self) -> Result<(), u8> {
        while self.end.is_none() && !self.waiting.is_empty() {
            match self.way.write(&self.waiting) {
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => self.end = self.wait()?,
                // Whoever goes away ends the watch without a word.
                Err(Errno::EPIPE) => {
                    self.waiting.clear();
                    self.end = Some(End::Unread);
                }
                Err(errno) => return Err(cannot(&errno.to_string())),
            }
        }
        Ok(())
    }

    /// Waits until something can be written. An end, if that comes first.
    fn wait(&self) -> Result<Option<End>, u8> {
        let left = (self.until).map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(Some(End::TimeIsUp));
        }
        let stdout = std::io::stdout();
        let mut fds = [
            PollFd::new(self.interrupt.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdout.as_fd(), PollFlags::POLLOUT),
        ];
        match poll(&mut fds, timeout(left.unwrap_or(Duration::MAX))) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(cannot(&errno.to_string())),
        }
        let interrupted = fds[0]
            .revents()
            .is_some_and(|events| events.contains(PollFlags::POLLIN));
        Ok((interrupted && took_signal(self.interrupt)).then_some(End::Interrupted))
    }

    /// Writes the rest. Whoever has not taken it after a moment, or when somebody interrupts once
    /// more, does not get it, which is an error.
    pub(super) fn last_words(mut self) -> Result<(), u8> {
        self.end = None;
        self.until = Some(Instant::now() + LAST_WORDS);
        self.flush()?;
        match self.waiting.len() {
            0 => Ok(()),
            bytes => Err(cannot(&format!(
                "nobody takes it: the last {bytes} bytes are missing"
            ))),
        }
    }
}

/// A signal that has come is taken, so that the next one is noticed.
pub(super) fn took_signal(interrupt: &SignalFd) -> bool {
    matches!(interrupt.read_signal(), Ok(Some(_)))
}

/// Up, so that the rest is over when poll returns.
pub(super) fn timeout(rest: Duration) -> PollTimeout {
    let ms = rest.as_micros().div_ceil(1000).min(1000);
    PollTimeout::from(u16::try_from(ms).unwrap_or(u16::MAX))
}

fn cannot(error: &str) -> u8 {
    complain(&format!("standard output: {error}"));
    Outcome::Inconclusive.exit_code()
}
