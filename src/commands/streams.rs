//! What is written to standard output and standard error.

use std::borrow::Cow;
use std::io::Write;
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use sockscope::report::github::{Escapes, inert};
use sockscope::run::Outcome;

use super::actions::Actions;

/// The exit code when the reader of standard output went away and something was not done because
/// of it: as a shell tells of a process that SIGPIPE ended.
pub(crate) const UNREAD: u8 = 128 + Signal::SIGPIPE as u8;

/// Writes a text for people to standard output. A reader that went away early is no error: nobody
/// wants the rest.
///
/// # Errors
/// An exit code, when the text could not be written for another reason.
pub(crate) fn print(text: &str) -> Result<(), u8> {
    print_as(text, Escapes::Visible)
}

/// As [`print`], a text that a runner's commands are hidden in by these escapes.
pub(crate) fn print_as(text: &str, escapes: Escapes) -> Result<(), u8> {
    print_bytes(defused(text, escapes).as_bytes())
}

/// As [`print`], to the letter.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), u8> {
    let mut stdout = std::io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Prints what clap has to say: help, version, or what is wrong with the call. Returns the exit
/// code.
pub(crate) fn print_message(message: &clap::Error) -> u8 {
    let code = match message.use_stderr() {
        true => Outcome::Usage.exit_code(),
        false => Outcome::Passed.exit_code(),
    };
    match message.print() {
        // There is no place left to say that standard error is broken.
        _ if message.use_stderr() => code,
        result => written(result).err().unwrap_or(code),
    }
}

/// What a write to standard output comes to; a reader that went away is no error.
///
/// # Errors
/// An exit code, when it failed for another reason.
pub(crate) fn written(result: std::io::Result<()>) -> Result<(), u8> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            complain(&format!("standard output: {error}"));
            Err(Outcome::Inconclusive.exit_code())
        }
    }
}

/// Whether standard output is a pipe or a terminal whose other end is gone.
pub(crate) fn reader_is_gone() -> bool {
    let stdout = std::io::stdout();
    // Only errors are asked for: a pipe without a reader is one.
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
    poll(&mut fds, PollTimeout::ZERO).is_ok()
        && fds[0].revents().is_some_and(|found| found.intersects(gone))
}

/// Writes an error to standard error, where that is still possible.
pub(crate) fn complain(text: &str) {
    complain_rendered(&format!("error: {text}\n"));
}

/// Writes a warning to standard error, where that is still possible.
pub(crate) fn warn(text: &str) {
    complain_rendered(&format!("warning: {text}\n"));
}

/// Writes a finished text to standard error, where that is still possible.
pub(crate) fn complain_rendered(text: &str) {
    let text = defused(text, Escapes::Visible);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes annotations of GitHub Actions to standard error, which its runner reads as well.
pub(crate) fn annotate_on_stderr(commands: &str) {
    let _ = std::io::stderr().write_all(commands.as_bytes());
}

/// The text as a runner of GitHub Actions may read it, where one does.
pub(crate) fn defused(text: &str, escapes: Escapes) -> Cow<'_, str> {
    match Actions::are_there() {
        true => inert(text, escapes),
        false => Cow::Borrowed(text),
    }
}

/// Whether errors may be coloured.
pub(crate) fn color_on_stderr() -> bool {
    !matches!(
        anstream::AutoStream::choice(&std::io::stderr()),
        anstream::ColorChoice::Never
    )
}
