//! `sockscope show`: a scenario's file.

use sockscope::run::Outcome;
use sockscope::scenario;

use super::{color_on_stderr, complain_rendered, print_bytes};
use crate::cli::Show;

pub(crate) fn main(arguments: &Show) -> u8 {
    match scenario::load(&arguments.scenario) {
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
