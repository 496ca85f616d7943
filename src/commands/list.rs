//! `sockscope list`: the built-in scenarios by topic.

use sockscope::report::{self, Look};
use sockscope::scenario::select::Pattern;
use sockscope::scenario::{self, builtin};

use super::{complain_no_match, complain_rendered, print};
use crate::cli::List;

pub(crate) fn main(arguments: &List) -> u8 {
    let look = Look::from(&arguments.look);
    let wanted = match &arguments.filter {
        None => builtin::all().iter().collect(),
        Some(word) => match Pattern::filter(word).select() {
            Ok(found) => found,
            Err(none) => return complain_no_match(&none),
        },
    };
    let mut entries = Vec::new();
    for known in wanted {
        match scenario::load(known.name) {
            Ok(scenario) => entries.push(report::list::Entry {
                topic: known.topic.to_owned(),
                name: known.name.to_owned(),
                title: scenario.title,
            }),
            Err(error) => complain_rendered(&error.render(false)),
        }
    }
    match print(&report::list::render(&entries, &look)) {
        Ok(()) => 0,
        Err(code) => code,
    }
}
