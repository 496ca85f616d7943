//! One thin file per subcommand.

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
pub(crate) mod streams;
pub(crate) mod targets;
pub(crate) mod trace;
pub(crate) mod watch;
pub(crate) mod why;

pub(crate) use streams::{
    color_on_stderr, complain, complain_rendered, print, print_bytes, print_message, warn, written,
};

/// Says that no built-in scenario fits. Returns the exit code of that.
pub(crate) fn complain_no_match(none: &NoMatch) -> u8 {
    complain(&format!("{none}\n  = help: {}", none.help));
    Outcome::NothingMatched.exit_code()
}
