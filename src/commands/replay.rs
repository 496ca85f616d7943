//! `sockscope replay`: a record in, the reports of its runs out.

use std::path::Path;

use sockscope::record::Accept;
use sockscope::report::{escape, style, summary};
use sockscope::run::Outcome;
use sockscope::suite::{self, Case};

use super::reports::Reports;
use super::{complain, records, warn};
use crate::cli::Replay;

pub(crate) fn main(arguments: Replay) -> u8 {
    match try_main(arguments) {
        Ok(outcome) => outcome.exit_code(),
        Err(code) => code,
    }
}

fn try_main(arguments: Replay) -> Result<Outcome, u8> {
    let accept = match arguments.partial {
        true => Accept::Part,
        false => Accept::Whole,
    };
    let recording = records::open(&arguments.file, accept)?;
    let file = records::name(&arguments.file);
    let cases = match &arguments.scenario {
        Some(name) => named(recording.cases, name, &file)?,
        None => recording.cases,
    };
    let options = arguments.report.options(arguments.all, None);
    let read = Some(arguments.file.as_path()).filter(|file| *file != Path::new("-"));
    let reports = Reports::plan(&options, cases.len(), read)?;
    if let Some(error) = &recording.cut {
        let error = escape(&error.to_string());
        warn(&format!("{file}: {error}; shown is what comes before it"));
    }
    for doubt in &recording.doubts {
        let doubt = escape(&doubt.to_string());
        warn(&format!("{file}: {doubt}; it is shown as if it were right"));
    }
    match (options.style, cases.as_slice()) {
        (Some(style), [case]) => {
            reports.print_table(&style::render(case.run(), style, &options.look));
        }
        (Some(_), _) => {
            complain("--style takes one scenario\n  = help: choose one with --scenario NAME");
            return Err(Outcome::Usage.exit_code());
        }
        (None, cases) => {
            reports.print_table(&summary::render(cases, &options.look, &options.detail));
        }
    }
    reports.deliver(&cases, &options)?;
    if reports.unwritable().is_some() {
        return Ok(Outcome::Inconclusive);
    }
    Ok(match suite::outcome(&cases) {
        Outcome::Passed if recording.cut.is_some() || !recording.doubts.is_empty() => {
            Outcome::Inconclusive
        }
        outcome => outcome,
    })
}

/// The cases of a scenario, or an exit code when there is none.
fn named(cases: Vec<Case>, name: &str, file: &str) -> Result<Vec<Case>, u8> {
    let names: Vec<String> = cases.iter().map(|case| escape(scenario(case))).collect();
    let found: Vec<Case> = cases.into_iter().filter(|c| scenario(c) == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    complain(&format!(
        "{file} has no scenario `{}`\n  = help: it has {}",
        escape(name),
        names.join(", ")
    ));
    Err(Outcome::NothingMatched.exit_code())
}

fn scenario(case: &Case) -> &str {
    &case.run().header.scenario
}
