//! The scenarios of a call, and those that cannot be had.

use std::path::Path;

use sockscope::driver::{refused, replaced};
use sockscope::run::{Outcome, Place, Run};
use sockscope::scenario::select::{NoMatch, Pattern};
use sockscope::scenario::{self, LoadError, Scenario, builtin};
use sockscope::suite::Case;

use crate::cli::RunOptions;
use crate::commands::{color_on_stderr, complain, complain_no_match, complain_rendered};

/// What the words of a call name, in their order.
pub(super) struct Named(Vec<One>);

enum One {
    Fine(Box<Scenario>),
    /// A run that says what is wrong.
    Wrong(Box<Run>),
}

/// Loads everything that the user named, and complains of all that is wrong.
pub(super) fn load(options: &RunOptions) -> Named {
    let place = place(options);
    let mut named = Vec::new();
    if options.every_builtin {
        let all = builtin::all().iter().map(|known| known.name);
        named.extend(all.map(|name| one(name, place)));
    }
    for word in &options.scenarios {
        let Some(word) = word.to_str() else {
            // No built-in one has such a name: it can be a path only.
            let loaded = scenario::load_file(Path::new(word));
            named.push(match loaded {
                Ok(scenario) => One::Fine(Box::new(scenario)),
                Err(error) => unloaded(&word.to_string_lossy(), &error, place),
            });
            continue;
        };
        match Pattern::new(word) {
            None => named.push(one(word, place)),
            Some(pattern) => match pattern.select() {
                Ok(found) => {
                    named.extend(found.iter().map(|known| one(known.name, place)));
                }
                Err(none) => named.push(unmatched(&none, place)),
            },
        }
    }
    Named(named)
}

fn one(word: &str, place: Place) -> One {
    match scenario::load(word) {
        Ok(scenario) => One::Fine(Box::new(scenario)),
        Err(error) => unloaded(word, &error, place),
    }
}

fn unloaded(word: &str, error: &LoadError, place: Place) -> One {
    complain_rendered(&error.render(color_on_stderr()));
    let run = refused::unloaded(word, error, place);
    One::Wrong(Box::new(run))
}

fn unmatched(none: &NoMatch, place: Place) -> One {
    complain_no_match(none);
    One::Wrong(Box::new(refused::unmatched(none, place)))
}

/// Where a run would have been.
fn place(options: &RunOptions) -> Place {
    options.net.unwrap_or(Place::Wire)
}

impl Named {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The files that were read, or were to be.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = self.0.iter().map(|one| match one {
            One::Fine(scenario) if !scenario.topic.is_empty() => "",
            One::Fine(scenario) => &scenario.text.name,
            One::Wrong(run) => &run.header.file,
        });
        files.filter(|file| !file.is_empty()).map(Path::new)
    }

    /// The scenarios, when all is well with them and with the call. Otherwise none shall run, and
    /// there is a case for each that says why; `unwritable` is a reason that was told already.
    pub(super) fn ready(
        self,
        options: &RunOptions,
        unwritable: Option<&str>,
    ) -> Result<Vec<Scenario>, Vec<Case>> {
        let place = place(options);
        let for_all = wrong_call(options, self.len())
            .inspect(|why| complain(why))
            .map(|why| (why, Outcome::Usage))
            .or_else(|| Some((unwritable?.to_owned(), Outcome::Inconclusive)));
        let mut complained = for_all.is_some();
        let judged = self.0.into_iter().map(|one| match one {
            One::Wrong(run) => Err(run),
            One::Fine(scenario) => {
                if let Some((why, outcome)) = &for_all {
                    let held = refused::held_back(&scenario, why, *outcome, place);
                    return Err(Box::new(held));
                }
                match misfit(options, &scenario) {
                    None => Ok(*scenario),
                    Some(why) => {
                        // Of many scenarios it is mostly the same.
                        if !std::mem::replace(&mut complained, true) {
                            complain(&why);
                        }
                        let why = why.split("\n  = help: ").next().unwrap_or_default();
                        let held = refused::held_back(&scenario, why, Outcome::Usage, place);
                        Err(Box::new(held))
                    }
                }
            }
        });
        let judged: Vec<Result<Scenario, Box<Run>>> = judged.collect();
        if judged.iter().all(Result::is_ok) {
            return Ok(judged.into_iter().flatten().collect());
        }
        let cases = judged.into_iter().map(|one| match one {
            Err(run) => (*run).into(),
            Ok(scenario) => {
                let why = "not run: another scenario of the call cannot be";
                refused::held_back(&scenario, why, Outcome::Inconclusive, place).into()
            }
        });
        Err(cases.collect())
    }
}

/// What is wrong with a call, whatever the scenarios are.
fn wrong_call(options: &RunOptions, scenarios: usize) -> Option<String> {
    if let Err(why) = &options.programs {
        return Some(why.clone());
    }
    let packets_on_stdout = options.report.packets.as_deref() == Some(Path::new("-"));
    let why = match scenarios {
        _ if options.step && packets_on_stdout => {
            Some("--step and --quiz ask on standard output: --pcap needs a file")
        }
        1 => None,
        _ if options.step => Some("--step and --quiz take one scenario"),
        _ if options.report.style.is_some() => Some("--style takes one scenario"),
        _ => None,
    };
    why.map(str::to_owned)
}

/// Why the programs of the call are none of the scenario's.
fn misfit(options: &RunOptions, scenario: &Scenario) -> Option<String> {
    let programs = options.programs.as_ref().ok()?;
    let fault = replaced::check(programs, scenario).err()?;
    Some(fault.to_string())
}
