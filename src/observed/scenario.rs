//! A whole scenario that asserts what was seen of programs that ran without one.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::traced::{more_of_step, never_in_step};
use super::{of_step, telling};
use crate::check::Sight;
use crate::model::HostName;
use crate::run::{Place, Run};
use crate::scenario::{Paths, Program, Scenario};

/// What the user has to know of a scenario that was written by watching.
const HEAD: &str = "\
# Written by `sockscope trace`: what was seen, as expectations. What was typed to the programs is
# not known here: add `do = \"NAME types TEXT\"` where they wait for it.
";

/// Writes the scenario. `plan` has the programs; `input_ended`: their standard input was no
/// terminal, so that it came to its end by itself.
pub fn scenario(plan: &Scenario, run: &Run, input_ended: bool) -> String {
    let mut document = DocumentMut::new();
    document["title"] = value(run.header.title.as_str());
    document["observe"] = value(Array::from_iter(["syscalls"]));
    if run.header.place != Place::Wire {
        document["paths"] = value("settled");
    }
    let mut programs = Table::new();
    for (name, program) in &plan.programs {
        programs[name.as_str()] = Item::Table(program_table(program));
    }
    programs.set_implicit(true);
    document["programs"] = Item::Table(programs);
    let mut steps = ArrayOfTables::new();
    for step in steps_of(run, input_ended) {
        steps.push(step);
    }
    document["step"] = Item::ArrayOfTables(steps);
    let net = match run.header.place {
        Place::Wire => "",
        place => &format!("# Run it with --net {}.\n", place.word()),
    };
    format!("{HEAD}{net}\n{document}")
}

fn program_table(program: &Program) -> Table {
    let words = program.command.value.iter().map(String::as_str);
    // A NUL cannot be in an argument that was one.
    let command = shlex::try_join(words).unwrap_or_default();
    let mut table = Table::new();
    table["command"] = value(command);
    if program.host != HostName::from("client") {
        table["host"] = value(program.host.as_str());
    }
    table
}

fn steps_of(run: &Run, input_ended: bool) -> Vec<Table> {
    let telling = telling(run);
    let sight = Sight {
        place: run.header.place,
        blind: &run.header.blind,
        paths: match run.header.place {
            Place::Wire => Paths::Complete,
            Place::Loopback | Place::Host => Paths::Settled,
        },
        telling: &telling,
    };
    let mut steps = Vec::new();
    for (index, step) in run.steps.iter().enumerate() {
        let mut actions: Vec<String> = step
            .text
            .split("; ")
            .filter(|action| !action.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some(name) = step.text.strip_prefix("start ").filter(|_| input_ended) {
            actions.push(format!("close stdin of {name}"));
        }
        let mut expected = of_step(&run.timeline, index, &sight);
        expected.extend(more_of_step(&run.timeline, index, &sight));
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        if actions.is_empty() && expected.is_empty() {
            continue;
        }
        let mut table = Table::new();
        match actions.as_slice() {
            [] => {}
            [only] => table["do"] = value(only.as_str()),
            several => table["do"] = value(Array::from_iter(several)),
        }
        if !expected.is_empty() {
            table["expect"] = Item::Value(lines(&expected));
        }
        let never = never_in_step(&run.timeline, index, &sight);
        if !never.is_empty() {
            table["never"] = value(Array::from_iter(never.iter().map(ToString::to_string)));
        }
        steps.push(table);
    }
    steps
}

/// An array with a line for each.
fn lines(texts: &[String]) -> Value {
    let mut array = Array::from_iter(texts);
    for line in array.iter_mut() {
        line.decor_mut().set_prefix("\n  ");
    }
    array.set_trailing("\n");
    array.set_trailing_comma(true);
    Value::Array(array)
}
