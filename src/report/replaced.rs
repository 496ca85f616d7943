//! Programs that ran in place of the scenario's (`--server`, `--client`, `--program`).

use crate::run::{Run, command_line};

use super::text::visible;

/// A line for each program that was replaced, with the command as it ran:
/// `server: ./my-server 9190, in place of the scenario's`. One that was not started has its
/// command as it was given.
pub(super) fn replaced(run: &Run) -> Vec<String> {
    let asked = run.header.asked.iter().flat_map(|asked| &asked.programs);
    asked
        .map(|(program, given)| {
            let command = run.timeline.command_of(program).unwrap_or(given);
            format!(
                "{}: {}, in place of the scenario's",
                visible(program.as_str()),
                visible(&command_line(command))
            )
        })
        .collect()
}
