//! The hidden subcommand that is a lab's first process.

/// Serves the lab whose control socket is standard input.
pub(crate) fn main() -> u8 {
    u8::try_from(sockscope::lab::reexec::be_first_process()).unwrap_or(u8::MAX)
}
