//! `sockscope trace`: a command of the user's, and what its sockets and processes did.

use std::collections::BTreeMap;

use sockscope::driver::trace::{self, End, Plan};
use sockscope::driver::{self, Options};
use sockscope::model::ExitStatus;
use sockscope::report::table;

use super::complain;
use super::run::interrupts;
use crate::cli::TraceOptions;

/// Exit codes as `env(1)` has them, since the command's own is passed through.
const CANNOT: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

pub(crate) fn main(options: &TraceOptions) -> u8 {
    match try_main(options) {
        Ok(code) | Err(code) => code,
    }
}

fn try_main(options: &TraceOptions) -> Result<u8, u8> {
    let cannot = |what: &str, error: &dyn std::fmt::Display| {
        complain(&format!("{what}: {error}"));
        CANNOT
    };
    let with = options.with.clone().map_err(|error| {
        complain(&error);
        CANNOT
    })?;
    let executable = std::env::current_exe()
        .map_err(|error| cannot("cannot find sockscope's own executable", &error))?;
    let interrupt = interrupts().map_err(|error| cannot("cannot wait for signals", &error))?;
    let options_of_run = Options {
        executable,
        net: Some(options.net.unwrap_or(trace::PLACE)),
        timeout_scale: 1.0,
        settled: true,
        syscalls: true,
        programs: BTreeMap::new(),
    };
    let plan = Plan::new(options.command.clone(), with);
    let traced = trace::run(&plan, &options_of_run, &interrupt);
    if let Some(stopped) = &traced.run.stopped {
        complain(&stopped.why);
        if let Some(help) = &stopped.help {
            super::print_on_stderr(&format!("  = help: {help}\n"));
        }
    } else {
        super::print_on_stderr(&table::render(&traced.run, &options.look, &options.detail));
    }
    Ok(code(traced.end))
}

/// The command's own exit code, as a shell has it.
fn code(end: End) -> u8 {
    match end {
        End::Ended(ExitStatus::Exited(status)) => status as u8,
        End::Ended(ExitStatus::Signaled { signal, .. }) => 128_u8.wrapping_add(signal as u8),
        End::Unknown | End::Refused => CANNOT,
        End::NotStarted(libc::ENOENT) => NOT_FOUND,
        End::NotStarted(_) => NOT_EXECUTABLE,
    }
}
