//! `sockscope trace`: a command of the user's, and what its sockets and processes did.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use sockscope::driver::Options;
use sockscope::driver::events::Events;
use sockscope::driver::trace::{self, End, Plan};
use sockscope::model::ExitStatus;
use sockscope::observed;
use sockscope::output::{self, OutputError};
use sockscope::record;
use sockscope::report::table;
use sockscope::suite::Case;

use super::run::interrupts;
use super::targets::Targets;
use super::{complain, complain_rendered};
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
        events: Events::new(options.events),
        programs: BTreeMap::new(),
    };
    let files = [&options.output, &options.scenario, &options.save];
    let mut targets = Targets::default();
    for path in files.into_iter().flatten() {
        targets.add(path).map_err(|why| {
            complain(&why);
            CANNOT
        })?;
        output::check(path).map_err(not_written)?;
    }
    let plan = Plan::new(options.command.clone(), with);
    let traced = trace::run(&plan, &options_of_run, &interrupt);
    if let Some(stopped) = &traced.run.stopped {
        let help = stopped.help.as_ref();
        let help = help.map_or_else(String::new, |help| format!("\n  = help: {help}"));
        complain(&format!("{}{help}", stopped.why));
        // What was seen until then is told all the same.
        if traced.run.timeline.processes().is_empty() {
            return Ok(code(traced.end));
        }
    }
    // What fails is told, and the others are written all the same.
    let scenario = options.scenario.as_ref().map_or(Ok(()), |path| {
        let input_ended = !std::io::stdin().is_terminal();
        let text = observed::scenario(plan.scenario(), &traced.run, input_ended);
        output::write(path, text.as_bytes()).map_err(not_written)
    });
    let record = options.save.as_ref().map_or(Ok(()), |path| {
        let record = record::lines(&[Case::from(traced.run.clone())])
            .map_err(|error| cannot("cannot write the record", &error))?;
        output::write(path, record.as_bytes()).map_err(not_written)
    });
    let text = table::render(&traced.run, &options.look, &options.detail);
    let table = options.output.as_ref().map_or_else(
        || {
            complain_rendered(&text);
            Ok(())
        },
        |path| output::write(path, text.as_bytes()).map_err(not_written),
    );
    scenario.and(record).and(table)?;
    Ok(code(traced.end))
}

fn not_written(error: OutputError) -> u8 {
    complain(&error.to_string());
    CANNOT
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
