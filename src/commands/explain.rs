//! `sockscope explain`: a scenario by an actual run of it, or a TCP state.

use sockscope::driver::{self, Options};
use sockscope::model::TcpState;
use sockscope::report::{self, Detail, Look, WireDetail};
use sockscope::run::Outcome;
use sockscope::scenario::{self, Expectation, builtin};

use super::{color_on_stderr, complain, complain_rendered, print};
use crate::cli::{Explain, ExplainFormat};

pub(crate) fn main(arguments: &Explain) -> u8 {
    let look = Look::from(&arguments.look);
    let text = match arguments.subject.parse::<TcpState>() {
        Ok(state) => Ok(report::explain_state::render(
            state,
            &scenarios_with(state),
            &look,
        )),
        Err(_) => explain(arguments, &look),
    };
    match text.and_then(|text| print(&text)) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

fn explain(arguments: &Explain, look: &Look) -> Result<String, u8> {
    let scenario = scenario::load(&arguments.subject).map_err(|error| {
        complain_rendered(&error.render(color_on_stderr()));
        Outcome::Usage.exit_code()
    })?;
    let cannot = |error: &dyn std::fmt::Display| {
        complain(&error.to_string());
        Outcome::Inconclusive.exit_code()
    };
    let executable = std::env::current_exe().map_err(|error| cannot(&error))?;
    let interrupt = super::run::interrupts().map_err(|error| cannot(&error))?;
    let options = Options {
        executable,
        net: None,
        timeout_scale: 1.0,
        settled: false,
        events: Default::default(),
        syscalls: false,
        programs: Default::default(),
    };
    use std::os::fd::AsFd;
    let run = driver::run(&scenario, &options, Some(interrupt.as_fd()));
    if let Some(stopped) = run.stopped.as_ref().filter(|_| run.steps.is_empty()) {
        complain(&stopped.why);
        return Err(stopped.outcome.exit_code());
    }
    let detail = Detail {
        wire: WireDetail::Flags,
        ..Detail::default()
    };
    Ok(match arguments.format {
        ExplainFormat::Text => report::explain::render(&scenario, &run, look, &detail),
        ExplainFormat::Markdown => report::markdown::explain(&scenario, &run, look, &detail),
    })
}

/// The built-in scenarios whose expectations name a state.
fn scenarios_with(state: TcpState) -> Vec<&'static str> {
    builtin::all()
        .iter()
        .filter(|known| {
            scenario::load(known.name).is_ok_and(|scenario| {
                scenario.steps.iter().flat_map(|step| &step.expect).any(
                    |line| matches!(&line.value, Expectation::Path { path, .. } if path.names(state)),
                )
            })
        })
        .map(|known| known.name)
        .collect()
}
