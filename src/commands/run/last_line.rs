//! The terminal of a progress line.

use std::io;

use console::Term;
use indicatif::TermLike;

/// Standard error, a little narrower than it is, and without blanks at the end of a line: neither
/// the `^C` that a terminal writes behind it nor a smaller window shall break the line in two, of
/// which only one would be cleared.
#[derive(Debug)]
pub(super) struct LastLine(Term);

impl LastLine {
    pub(super) fn new() -> LastLine {
        LastLine(Term::buffered_stderr())
    }
}

impl TermLike for LastLine {
    fn width(&self) -> u16 {
        const CONTROL_CHARACTER: u16 = "^C".len() as u16;
        // Twice, for the impatient; and in the last column the cursor would wait to wrap.
        self.0.size().1.saturating_sub(2 * CONTROL_CHARACTER + 1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text.trim_end())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
