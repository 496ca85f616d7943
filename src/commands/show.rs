//! `sockscope show`: a scenario's file.

use std::path::Path;

use sockscope::run::Outcome;
use sockscope::scenario;

use super::{color_on_stderr, complain_rendered, print_bytes};
use crate::cli::Show;

pub(crate) fn main(arguments: &Show) -> u8 {
    let named = match arguments.scenario.to_str() {
        Some(word) => scenario::load(word),
        // No built-in one has such a name: it can be a path only.
        None => scenario::load_file(Path::new(&arguments.scenario)),
    };
    match named {
        Ok(scenario) => match print_bytes(scenario.text.text.as_bytes()) {
            Ok(()) => 0,
            Err(code) => code,
        },
        Err(error) => {
            complain_rendered(&error.render(color_on_stderr()));
            Outcome::Usage.exit_code()
        }
    }
}
