//! `sockscope diff`: two records in, the first difference out.

use std::path::Path;

use sockscope::compare;
use sockscope::record::Accept;
use sockscope::report::{self, Look, escape};
use sockscope::run::Outcome;
use sockscope::suite::Case;

use super::{complain, print, records};
use crate::cli::Diff;

pub(crate) fn main(arguments: &Diff) -> u8 {
    match try_main(arguments) {
        Ok(code) | Err(code) => code,
    }
}

fn try_main(arguments: &Diff) -> Result<u8, u8> {
    let files = [&arguments.left, &arguments.right];
    if files.iter().all(|file| file.as_path() == Path::new("-")) {
        complain("only one of the two records can come from standard input");
        return Err(Outcome::Usage.exit_code());
    }
    let left = records::open(files[0], Accept::Whole)?.cases;
    let right = records::open(files[1], Accept::Whole)?.cases;
    let look = Look::from(&arguments.look);
    let names = files.map(|file| records::name(file));
    let names = [names[0].as_str(), names[1].as_str()];
    if let Some(text) = other_scenarios([&left, &right], names) {
        print(&text)?;
        return Ok(1);
    }
    for (left, right) in left.iter().zip(&right) {
        let found = compare::difference(left.run(), right.run(), arguments.evidence);
        if let Some(difference) = found {
            print(&report::difference::render(&difference, names, &look))?;
            return Ok(1);
        }
    }
    Ok(0)
}

/// What is to say when the records are not of the same scenarios.
fn other_scenarios(cases: [&Vec<Case>; 2], names: [&str; 2]) -> Option<String> {
    let scenarios = cases.map(|cases| {
        let names = cases.iter().map(|case| escape(&case.run().header.scenario));
        names.collect::<Vec<String>>()
    });
    if scenarios[0] == scenarios[1] {
        return None;
    }
    let [left, right] = scenarios.map(|names| names.join(", "));
    let [one, other] = names;
    Some(format!(
        "the scenarios differ\n  {one}: {left}\n  {other}: {right}\n"
    ))
}
