//! `sockscope program`: a built-in server or client, by hand.

use std::ffi::OsString;

use sockscope::programs;
use sockscope::run::Outcome;

use super::{complain, print};
use crate::cli::Program;

/// Runs `sockscope program NAME …`, before anything else looks at the arguments: from NAME on they
/// are the program's own, `--help` too. Nothing when the call is another one.
pub(crate) fn direct() -> Option<u8> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != "program" {
        return None;
    }
    let name = arguments.next()?.into_string().ok()?;
    programs::find(&name)?;
    let arguments: Vec<OsString> = arguments.collect();
    let status = programs::run(&name, &arguments);
    Some(u8::try_from(status).unwrap_or(1))
}

pub(crate) fn main(arguments: &Program) -> u8 {
    match &arguments.name {
        None => match print(&table()) {
            Ok(()) => 0,
            Err(code) => code,
        },
        Some(name) => {
            complain(&format!("no built-in program is called `{name}`"));
            complain_help();
            Outcome::Usage.exit_code()
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
