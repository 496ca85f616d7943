//! `sockscope diff`: two records in, the first difference out.

use std::path::Path;

use sockscope::compare::{self, Terms};
use sockscope::record::Accept;
use sockscope::report::{Look, difference, escape};
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
    let terms = Terms {
        evidence: arguments.evidence,
        ignore: arguments.ignore.iter().map(|part| part.0).collect(),
    };
    let elsewhere = other_scenarios([&left, &right], names);
    if let Some(text) = &elsewhere {
        print(text)?;
    }
    let mut partly = String::new();
    for (left, right) in pairs(&left, &right) {
        let compared = compare::compare(left.run(), right.run(), &terms);
        let scenario = &left.run().header.scenario;
        if let Some(found) = &compared.difference {
            let mut text = difference::unlike(&compared.unlike, scenario, names, &look);
            if elsewhere.is_some() || !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&difference::render(found, names, &look));
            print(&text)?;
            return Ok(1);
        }
        if !compared.lost.is_empty() {
            partly.push_str(&difference::unlike(
                &compared.unlike,
                scenario,
                names,
                &look,
            ));
            partly.push_str(&difference::same_in_part(&compared.lost, &look));
        }
    }
    print(&partly)?;
    Ok(match (elsewhere, partly.is_empty()) {
        (Some(_), _) => 1,
        (None, false) => Outcome::Inconclusive.exit_code(),
        (None, true) => 0,
    })
}

/// The cases of both that are of the same scenario: the first with the first, and so on.
fn pairs<'a>(left: &'a [Case], right: &'a [Case]) -> Vec<(&'a Case, &'a Case)> {
    let mut free: Vec<&Case> = right.iter().collect();
    let mut pairs = Vec::new();
    for case in left {
        let scenario = &case.run().header.scenario;
        let same = |other: &&Case| other.run().header.scenario == *scenario;
        if let Some(at) = free.iter().position(same) {
            pairs.push((case, free.remove(at)));
        }
    }
    pairs
}

/// What is to say when the records are not of the same scenarios.
fn other_scenarios(cases: [&Vec<Case>; 2], names: [&str; 2]) -> Option<String> {
    let paired = pairs(cases[0], cases[1]);
    if paired.len() == cases[0].len() && paired.len() == cases[1].len() {
        return None;
    }
    let both = paired.iter().map(|(left, _)| name(left));
    let both = both.collect::<Vec<String>>().join(", ");
    let [left, right] = cases.map(|cases| {
        let names = cases.iter().map(name);
        names.collect::<Vec<String>>().join(", ")
    });
    let [one, other] = names;
    let compared = match both.is_empty() {
        true => String::new(),
        false => format!("  compared: {both}\n"),
    };
    Some(format!(
        "the scenarios differ\n  {one}: {left}\n  {other}: {right}\n{compared}"
    ))
}

fn name(case: &Case) -> String {
    escape(&case.run().header.scenario)
}
