//! One thin file per subcommand.

use std::io::Write;

use sockscope::run::Outcome;
use sockscope::scenario::select::NoMatch;

pub(crate) mod actions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod lab_init;
pub(crate) mod list;
pub(crate) mod ls;
pub(crate) mod new;
pub(crate) mod program;
pub(crate) mod records;
pub(crate) mod replay;
pub(crate) mod reports;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod step;
pub(crate) mod trace;
pub(crate) mod watch;
pub(crate) mod why;

/// Writes to standard output. A reader that went away early is no error: nobody wants the rest.
///
/// # Errors
/// An exit code, when the text could not be written for another reason.
pub(crate) fn print(text: &str) -> Result<(), u8> {
    let mut stdout = std::io::stdout().lock();
    written(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    )
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

/// Writes an error to standard error, where that is still possible.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "error: {text}");
}

/// Writes a warning to standard error, where that is still possible.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {text}");
}

/// Writes a finished error text to standard error.
pub(crate) fn complain_rendered(text: &str) {
    let _ = write!(std::io::stderr(), "{text}");
}

/// Says that no built-in scenario fits. Returns the exit code of that.
pub(crate) fn complain_no_match(none: &NoMatch) -> u8 {
    complain(&format!("{none}\n  = help: {}", none.help));
    Outcome::NothingMatched.exit_code()
}

/// Whether errors may be coloured.
pub(crate) fn color_on_stderr() -> bool {
    !matches!(
        anstream::AutoStream::choice(&std::io::stderr()),
        anstream::ColorChoice::Never
    )
}
