//! `sockscope program`: a built-in server or client, by hand.

use sockscope::programs;
use sockscope::run::Outcome;

use super::{complain, print};
use crate::cli::Program;

pub(crate) fn main(arguments: &Program) -> u8 {
    match &arguments.name {
        None => match print(&table()) {
            Ok(()) => 0,
            Err(code) => code,
        },
        Some(name) if programs::find(name).is_none() => {
            complain(&format!("no built-in program is called `{name}`"));
            complain_help();
            Outcome::Usage.exit_code()
        }
        Some(name) => {
            let status = programs::run(name, &arguments.arguments);
            u8::try_from(status).unwrap_or(1)
        }
    }
}

fn complain_help() {
    super::complain_rendered("`sockscope program` lists them\n");
}

fn table() -> String {
    let longest = programs::ALL
        .iter()
        .map(|p| p.name.len())
        .max()
        .unwrap_or(0);
    programs::ALL
        .iter()
        .map(|p| format!("{:longest$}  {}\n", p.name, p.summary))
        .collect()
}
