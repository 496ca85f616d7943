//! Scenarios in Rust tests: what the crate's root shows.
//!
//! [`Scenario`] says what shall run, [`Run`] what came of it. Both hide the plain data that the
//! rest of the house works with, so that it can change.

mod error;
mod run;
mod scenario;

pub use error::{Error, ErrorKind};
pub use run::Run;
pub use scenario::Scenario;

use crate::driver::abilities;
use crate::driver::place::Unavailable;
use crate::lab::reexec;

/// Whether the wire can be had on this machine, tried and not guessed. Where it cannot, the error
/// says why and what would change it.
///
/// A test that is nothing without segments and complete paths asks first, and says that it did not
/// run:
///
/// ```
/// # fn main() -> Result<(), sockscope::Error> {
/// if let Err(why) = sockscope::wire() {
///     eprintln!("not tested here: {why}");
///     return Ok(());
/// }
/// let run = sockscope::Scenario::builtin("simultaneous-close")?.run()?;
/// run.assert_path("client.conn", "SYN_SENT >> CLOSING > TIME_WAIT");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Why there is none.
pub fn wire() -> Result<(), Unavailable> {
    let executable = reexec::own_executable().map_err(|error| Unavailable {
        why: error.to_string(),
        remedy: None,
    })?;
    match abilities::wire(&executable) {
        None => Ok(()),
        Some(missing) => Err(missing),
    }
}
