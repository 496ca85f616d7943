//! The hidden subcommand that is a lab's first process.

use std::os::fd::AsFd;

/// Serves the lab whose control socket is standard input.
pub(crate) fn main() -> u8 {
    match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(control) => {
            // The copy is the only one from here on: its closing is what ends the lab.
            let _ = nix::unistd::close(0);
            sockscope::lab::init::run(control)
        }
        Err(_) => 3,
    }
}
