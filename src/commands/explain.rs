//! `sockscope explain`: a scenario by an actual run of it, a TCP state, or a diagnosis.

use sockscope::diagnose::{self, Diagnosis};
use sockscope::driver::{self, Options};
use sockscope::model::TcpState;
use sockscope::report::{self, Detail, Look, WireDetail, explain_diagnosis};
use sockscope::run::Outcome;
use sockscope::scenario::{self, Expectation, LoadError, Scenario, builtin};

use super::{color_on_stderr, complain, complain_rendered, print};
use crate::cli::{Explain, ExplainFormat};

pub(crate) fn main(arguments: &Explain) -> u8 {
    let look = Look::from(&arguments.look);
    let word = &arguments.subject;
    let text = match word.parse::<TcpState>() {
        Ok(state) => Ok(explained(state, &look)),
        Err(_) => explain(arguments, &look),
    };
    match text.and_then(|text| print(&text)) {
        Ok(()) => 0,
        Err(code) => code,
    }
}

/// A state, and the diagnosis of the same name: `close-wait` is another spelling of CLOSE_WAIT.
fn explained(state: TcpState, look: &Look) -> String {
    let mut text = report::explain_state::render(state, &scenarios_about(state), look);
    let named = |diagnosis: &&&Diagnosis| diagnosis.key.parse() == Ok(state);
    if let Some(diagnosis) = diagnose::DIAGNOSES.iter().find(named) {
        text.push('\n');
        text.push_str(&explain_diagnosis::render(diagnosis, look));
    }
    text
}

fn explain(arguments: &Explain, look: &Look) -> Result<String, u8> {
    let diagnosis = diagnose::find(&arguments.subject).map(|found| match arguments.format {
        ExplainFormat::Text => explain_diagnosis::render(found, look),
        ExplainFormat::Markdown => explain_diagnosis::markdown(found),
    });
    let scenario = match (scenario::load(&arguments.subject), diagnosis) {
        (Ok(scenario), None) => scenario,
        // A diagnosis that has its scenario is explained by both.
        (Ok(scenario), Some(diagnosis)) => {
            return Ok(format!("{}\n{diagnosis}", run(&scenario, arguments, look)?));
        }
        (Err(LoadError::Unknown(_)), Some(diagnosis)) => return Ok(diagnosis),
        (Err(error), _) => {
            complain_rendered(&error.render(color_on_stderr()));
            let is_unknown = matches!(error, LoadError::Unknown(_));
            if let Some(near) = diagnose::near(&arguments.subject).filter(|_| is_unknown) {
                complain_rendered(&format!("  = help: did you mean the diagnosis `{near}`?\n"));
            }
            return Err(Outcome::Usage.exit_code());
        }
    };
    run(&scenario, arguments, look)
}

fn run(scenario: &Scenario, arguments: &Explain, look: &Look) -> Result<String, u8> {
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
    let run = driver::run(scenario, &options, Some(interrupt.as_fd()));
    if let Some(stopped) = run.stopped.as_ref().filter(|_| run.steps.is_empty()) {
        complain(&stopped.why);
        return Err(stopped.outcome.exit_code());
    }
    let detail = Detail {
        wire: WireDetail::Flags,
        ..Detail::default()
    };
    Ok(match arguments.format {
        ExplainFormat::Text => report::explain::render(scenario, &run, look, &detail),
        ExplainFormat::Markdown => report::markdown::explain(scenario, &run, look, &detail),
    })
}

/// The built-in scenarios that are about a state: whose title or story names it, and in which an
/// end rests in it, or where there is none such, passes it. Those whose title names it come first,
/// and of states that every connection visits not all are told.
fn scenarios_about(state: TcpState) -> Vec<&'static str> {
    const MOST: usize = 8;
    let names = |text: &str| {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| word == state.name())
    };
    let mut about: Vec<(bool, bool, &'static str)> = Vec::new();
    for known in builtin::all() {
        let Ok(scenario) = scenario::load(known.name) else {
            continue;
        };
        let paths = || {
            let lines = scenario.steps.iter().flat_map(|step| &step.expect);
            lines.filter_map(|line| match &line.value {
                Expectation::Path { path, .. } => Some(path),
                _ => None,
            })
        };
        let titled = names(&scenario.title);
        if (titled || names(&scenario.about)) && paths().any(|path| path.names(state)) {
            let rests = paths().any(|path| path.last() == state);
            about.push((!titled, rests, known.name));
        }
    }
    if about.iter().any(|(_, rests, _)| *rests) {
        about.retain(|(_, rests, _)| *rests);
    }
    about.sort_by_key(|(behind, ..)| *behind);
    about.truncate(MOST);
    about.into_iter().map(|(.., name)| name).collect()
}
