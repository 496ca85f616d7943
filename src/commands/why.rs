//! `sockscope why`: what is wrong with programs that run already, and who has to do what.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::unistd::User;
use sockscope::live::filter;
use sockscope::live::netns::tables;
use sockscope::live::why::{Conclusion, Why, why};
use sockscope::observe::process::ProcRoot;
use sockscope::report::github::Escapes;
use sockscope::report::why as report;
use sockscope::run::Outcome;

use super::streams::print_as;
use super::{color_on_stderr, complain, complain_rendered};
use crate::cli::{WhyFormat, WhyOptions};

pub(crate) fn main(options: &WhyOptions) -> u8 {
    let user_id = |name: &str| User::from_name(name).ok()?.map(|user| user.uid.as_raw());
    let filter = match filter::parse(&options.filter, &user_id) {
        Ok(filter) => filter,
        Err(error) => {
            complain_rendered(&error.render(color_on_stderr()));
            return Outcome::Usage.exit_code();
        }
    };
    let root = ProcRoot::default();
    let mut tables = match tables(&root, options.scope) {
        Ok(tables) => tables,
        Err(error) => return cannot(&error),
    };
    let found = why(
        &root,
        &mut tables,
        &filter,
        options.scope,
        options.watch,
        &mut pause,
    );
    let found = match found {
        Ok(found) => found,
        Err(error) => return cannot(&error),
    };
    match written(&found, options) {
        Ok(()) => code(found.conclusion()),
        Err(code) => code,
    }
}

fn written(found: &Why, options: &WhyOptions) -> Result<(), u8> {
    let (text, escapes) = match options.format {
        WhyFormat::Text => (Ok(report::render(found, &options.look)), Escapes::Visible),
        WhyFormat::Json => (report::record::json(found), Escapes::Json),
        WhyFormat::Jsonl => (report::record::json_lines(found), Escapes::Json),
    };
    print_as(&text.map_err(|error| cannot(&error))?, escapes)
}

fn code(conclusion: Conclusion) -> u8 {
    match conclusion {
        Conclusion::Found => Outcome::Failed.exit_code(),
        Conclusion::NothingWrong => Outcome::Passed.exit_code(),
        Conclusion::NotAllSeen => Outcome::Inconclusive.exit_code(),
        Conclusion::NothingMatched => Outcome::NothingMatched.exit_code(),
    }
}

fn cannot(error: &dyn std::error::Error) -> u8 {
    complain(&error.to_string());
    Outcome::Inconclusive.exit_code()
}

/// Waits until the time is over; nothing else can come.
fn pause(time: Duration) {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // Rounded up: not a millisecond early.
        let ms = left.as_millis() + u128::from(!left.is_zero());
        match poll(
            &mut [],
            PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX),
        ) {
            Err(Errno::EINTR) => {}
            _ if left.is_zero() => return,
            _ => {}
        }
    }
}
