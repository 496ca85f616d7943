//! The file as a whole: TOML to [`Scenario`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::error::{Fault, ScenarioError};
use super::meaning::{self, Names};
use super::reader::{Reader, entry};
use super::step_table::Said;
use super::{
    Host, Observe, Paths, Program, Scenario, SourceText, Spanned, Step, host_table, program_table,
    schema, step_table, suggest,
};
use crate::model::{HostName, ProgramName};

const NO_PROGRAMS: &str = "[programs] with NAME = \"COMMAND LINE\"";

/// Where faults of the file as a whole stand.
const WHOLE: Range<usize> = 0..0;

impl Scenario {
    /// Reads a scenario. `name` is the file's stem, `topic` the folder of a built-in one.
    ///
    /// # Errors
    /// Everything independent that is wrong, each with its place in the text.
    pub fn parse(text: SourceText, name: &str, topic: &str) -> Result<Scenario, ScenarioError> {
        let table = match DeTable::parse(&text.text) {
            Ok(table) => table,
            Err(error) => {
                let span = error.span().unwrap_or(WHOLE);
                let fault = Fault::new(span, format!("not TOML: {}", error.message()));
                return Err(ScenarioError {
                    faults: vec![fault],
                });
            }
        };
        let mut reader = Reader::new(&text.text);
        let read = read(&mut reader, table.get_ref());
        let mut faults = reader.faults;
        let Some(read) = read.filter(|_| faults.is_empty()) else {
            faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
            return Err(ScenarioError { faults });
        };
        Ok(Scenario {
            name: name.to_owned(),
            topic: topic.to_owned(),
            title: read.title,
            about: read.about,
            source_note: read.source_note,
            fix: read.fix,
            twin: read.twin,
            programs: read.programs,
            hosts: read.hosts,
            paths: read.paths,
            observe: read.observe,
            steps: read.steps,
            text,
        })
    }
}

/// What the file says.
struct Read {
    title: String,
    about: String,
    source_note: Option<String>,
    fix: Option<String>,
    twin: Option<String>,
    paths: Paths,
    observe: BTreeSet<Observe>,
    programs: BTreeMap<ProgramName, Program>,
    hosts: BTreeMap<HostName, Host>,
    steps: Vec<Step>,
}

/// Reads the table; nothing only where a fault was noted.
fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Read> {
    let meant = reader.only_keys(table, &schema::FILE, "a scenario");
    let is_missing = |key| entry(table, key).is_none() && !meant.contains(&key);
    if is_missing("title") {
        reader.fault(Fault::new(WHOLE, "the scenario has no title").help("title = \"…\""));
    }
    let title = title(reader, table);
    let about = reader.optional_text(table, "about").unwrap_or_default();
    let source_note = reader.optional_text(table, "source");
    let fix = reader.optional_text(table, "fix");
    let twin = reader.optional_text(table, "twin");
    let paths = paths(reader, table);
    let observe = observe(reader, table);

    let mut programs = BTreeMap::new();
    if let Some((_, value)) = entry(table, "programs")
        && let Some(table) = reader.table(value, "`programs`")
    {
        programs = program_table::read(reader, table);
    }
    let mut hosts = BTreeMap::new();
    if let Some((_, value)) = entry(table, "hosts")
        && let Some(table) = reader.table(value, "`hosts`")
    {
        hosts = host_table::read(reader, table);
    }
    let steps = steps(reader, table);

    if let Some((span, _)) = entry(table, "programs")
        .filter(|(_, v)| v.get_ref().as_table().is_some_and(DeTable::is_empty))
    {
        reader.fault(Fault::new(span, "the scenario has no programs").help(NO_PROGRAMS));
    } else if is_missing("programs") {
        reader.fault(Fault::new(WHOLE, "the scenario has no programs").help(NO_PROGRAMS));
    }
    if is_missing("step") {
        reader.fault(
            Fault::new(WHOLE, "the scenario has no steps")
                .help("[[step]] with do = \"start NAME\""),
        );
    }

    let mut used: BTreeSet<HostName> = programs.values().map(|p| p.host.clone()).collect();
    let known = used.iter().chain(hosts.keys()).cloned().collect();
    used.extend(meaning::placeholders(reader, programs.values(), &known));
    for (name, (span, _)) in &hosts {
        if !used.contains(name) {
            reader.fault(
                Fault::new(
                    span.clone(),
                    format!("no program runs on host `{name}`, and no command names it"),
                )
                .maybe_help(suggest::did_you_mean(
                    name.as_str(),
                    used.iter().map(HostName::as_str),
                )),
            );
        }
    }
    let names = Names {
        programs: programs
            .iter()
            .map(|(name, draft)| (name.clone(), draft.host.clone()))
            .collect(),
        hosts: used,
    };
    meaning::names(reader, &steps, &names);
    // A misspelt name would look like a program that is never started.
    if reader.faults.is_empty() {
        let started = meaning::order(reader, &steps);
        for (name, draft) in &programs {
            if !started.contains(name) {
                reader.fault(
                    Fault::new(
                        draft.span.clone(),
                        format!("program `{name}` is never started"),
                    )
                    .help(format!("add `start {name}` to a step, or leave it out")),
                );
            }
        }
    }

    Some(Read {
        title: title?,
        about,
        source_note,
        fix,
        twin,
        paths,
        observe,
        programs: programs
            .into_iter()
            .map(|(name, draft)| Some((name, draft.program?)))
            .collect::<Option<_>>()?,
        hosts: hosts
            .into_iter()
            .map(|(name, (_, host))| (name, host))
            .collect(),
        steps: steps.into_iter().map(|step| settle(step, &names)).collect(),
    })
}

fn title(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<String> {
    let (_, value) = entry(table, "title")?;
    let quoted = reader.filled_string(value, "`title`")?;
    if quoted.value.trim().contains('\n') {
        reader.fault(Fault::new(
            quoted.span.clone(),
            "the title is longer than one line",
        ));
    }
    Some(quoted.value.trim().to_owned())
}

fn paths(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Paths {
    let Some((_, value)) = entry(table, "paths") else {
        return Paths::default();
    };
    let Some(quoted) = reader.string(value, "`paths`") else {
        return Paths::default();
    };
    match quoted.value.as_str() {
        "complete" => Paths::Complete,
        "settled" => Paths::Settled,
        other => {
            let fault = Fault::new(quoted.span.clone(), format!("unknown word `{other}`"));
            reader.fault(fault.help(suggest::did_you_mean_or_list(
                other,
                &["complete", "settled"],
            )));
            Paths::default()
        }
    }
}

fn observe(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeSet<Observe> {
    let mut observe = BTreeSet::new();
    let Some((span, value)) = entry(table, "observe") else {
        return observe;
    };
    let DeValue::Array(array) = value.get_ref() else {
        let fault = Fault::new(span, "`observe` is a list of words");
        reader.fault(fault.help("observe = [\"syscalls\"]"));
        return observe;
    };
    for value in array.iter() {
        let Some(quoted) = reader.string(value, "an observer") else {
            continue;
        };
        let word = quoted.value.as_str();
        match Observe::NAMED.iter().find(|(_, name)| *name == word) {
            Some((observer, _)) => {
                observe.insert(*observer);
            }
            None => {
                let fault = Fault::new(quoted.span.clone(), format!("unknown observer `{word}`"));
                let known = Observe::NAMED.map(|(_, name)| name);
                reader.fault(fault.help(suggest::did_you_mean_or_list(word, &known)));
            }
        }
    }
    observe
}

fn steps(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Vec<step_table::Draft> {
    let Some((span, value)) = entry(table, "step") else {
        return Vec::new();
    };
    match value.get_ref() {
        DeValue::Array(array) if array.is_empty() => {
            reader.fault(Fault::new(span, "the scenario has no steps"));
            Vec::new()
        }
        DeValue::Array(array) => {
            let mut steps = Vec::new();
            for value in array.iter() {
                steps.extend(step_table::read(reader, value));
            }
            steps
        }
        _ => {
            reader.fault(
                Fault::new(span, "`step` must be an array of tables")
                    .help("each step begins with `[[step]]`, in double brackets"),
            );
            Vec::new()
        }
    }
}

/// The step with every host in its place.
fn settle(step: step_table::Draft, names: &Names) -> Step {
    fn all<T>(said: Vec<Said<T>>, names: &Names, settle: fn(&mut T, &Names)) -> Vec<Spanned<T>> {
        said.into_iter()
            .map(|mut said| {
                settle(&mut said.value, names);
                Spanned {
                    value: said.value,
                    span: said.quoted.span,
                }
            })
            .collect()
    }
    Step {
        tells: step.tells,
        actions: all(step.actions, names, meaning::settle_hosts_of_action),
        expect: all(step.expect, names, meaning::settle_hosts_of_expectation),
        never: all(step.never, names, meaning::settle_hosts_of_expectation),
        within: step.within,
        span: step.span,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Action, DEFAULT_WITHIN, Expectation};
    use super::*;

    fn parse(text: &str) -> Scenario {
        let source = SourceText {
            name: "x.toml".to_owned(),
            text: text.to_owned(),
        };
        Scenario::parse(source.clone(), "x", "t")
            .unwrap_or_else(|error| panic!("{}", error.render(&source, false)))
    }

    #[test]
    fn every_key_is_read() {
        let scenario = parse(
            r#"
title = " T "
about = "\nA\n"
source = "UNP 5.8"
paths = "settled"
[programs]
server2 = "'my server' {port}"
[programs.client]
command = "chat-client {far} {port}"
host = "near"
env = { RUST_LOG = "{{debug}}" }
dir = "/tmp"
[hosts.far]
rto_min = "200ms"
quickack = false
[hosts.near.sysctl]
net.ipv4.tcp_fin_timeout = 1
"net.ipv4.tcp_rmem" = "4096 131072 6291456"
[[step]]
do = ["start server2", "start client", "hold FIN from client", "crash far"]
expect = "client running"
never = "wire RST from server2"
within = "250ms"
[[step]]
do = "send KILL to server2.child and its children"
"#,
        );
        assert_eq!(scenario.title, "T");
        assert_eq!(scenario.about, "A");
        assert_eq!(scenario.source_note.as_deref(), Some("UNP 5.8"));
        assert_eq!(scenario.paths, Paths::Settled);
        let server = &scenario.programs[&ProgramName::from("server2")];
        assert_eq!(server.command.value, ["my server", "{port}"]);
        assert_eq!(server.host.as_str(), "server");
        let client = &scenario.programs[&ProgramName::from("client")];
        assert_eq!(client.host.as_str(), "near");
        assert_eq!(client.env["RUST_LOG"], "{{debug}}");
        let near = &scenario.hosts[&HostName::from("near")];
        assert_eq!(near.sysctl["net.ipv4.tcp_fin_timeout"], "1");
        assert_eq!(near.sysctl["net.ipv4.tcp_rmem"], "4096 131072 6291456");
        let far = &scenario.hosts[&HostName::from("far")];
        assert_eq!(far.rto_min, Some(Duration::from_millis(200)));
        assert_eq!(far.quickack, Some(false));
        assert_eq!(scenario.steps[0].within, Duration::from_millis(250));
        assert_eq!(scenario.steps[1].within, DEFAULT_WITHIN);
    }

    #[test]
    fn a_program_stands_for_its_host() {
        let scenario = parse(
            "title = 't'\n[programs]\nclient = {command = 'true', host = 'near'}\n[[step]]\n\
             do = ['start client', 'hold FIN from client']\n\
             expect = 'wire client SYN'\n",
        );
        let step = &scenario.steps[0];
        assert_eq!(
            step.actions[1].value,
            Action::parse("hold FIN from near").expect("right")
        );
        assert_eq!(
            step.expect[0].value,
            Expectation::parse("wire near SYN").expect("right")
        );
    }

    #[test]
    fn spans_hold_the_strings_without_their_quotes() {
        let scenario = parse(
            "title = 't'\n[programs]\nserver = \"x {port}\"\n[[step]]\ndo = \"start server\"\n",
        );
        let text = &scenario.text.text;
        let step = &scenario.steps[0];
        assert_eq!(&text[step.actions[0].span.clone()], "start server");
        assert_eq!(&text[step.span.clone()], "[[step]]");
        let command = &scenario.programs[&ProgramName::from("server")].command;
        assert_eq!(&text[command.span.clone()], "x {port}");
    }
}
