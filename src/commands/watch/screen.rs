//! `sockscope watch --tui`.

use std::io::{IsTerminal, Write};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sockscope::driver::recorder::monotonic;
use sockscope::live::watch::{How, Summary, Watcher};
use sockscope::report::changes::{Clock, ending, line};
use sockscope::run::Outcome;
use sockscope::screen::app::App;
use sockscope::screen::session::{Left, run};

use super::super::{complain, print};
use super::{cannot, did_not_come_true, user_id};
use crate::cli::WatchOptions;

/// Whether there is a terminal to draw on and to type at.
pub(super) fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

pub(super) fn main(mut watcher: Watcher, options: &WatchOptions, clock: Clock) -> u8 {
    let signals = match signals() {
        Ok(signals) => signals,
        Err(error) => return cannot(&error.to_string()),
    };
    let how = match watcher.how() {
        How::Traced { .. } => "by kernel events".to_owned(),
        How::Sampled(_) => "by sampling".to_owned(),
    };
    let mut app = App::new(options.filter.join(" "), how, clock, options.look);
    let mut summary = Summary::default();
    let left = run(
        &mut app,
        &mut watcher,
        &mut summary,
        &signals,
        options.limit,
        &user_id,
    );
    let left = match left {
        Ok(left) => left,
        Err(error) => {
            complain(&error.to_string());
            return Outcome::Inconclusive.exit_code();
        }
    };
    for note in line::unseen(watcher.unseen()) {
        // There is no place left to say that standard error is broken.
        let _ = writeln!(std::io::stderr(), "{note}");
    }
    if options.summary {
        let took = monotonic().saturating_sub(clock.begun);
        let text = ending::render(&summary, &watcher.totals(), took, &options.look);
        if let Err(code) = print(text.trim_start()) {
            return code;
        }
    }
    match (left, &options.until) {
        (Left::CameTrue, _) | (Left::Quit | Left::Signalled | Left::TimeIsUp, None) => {
            Outcome::Passed.exit_code()
        }
        (Left::TimeIsUp, Some(_)) => did_not_come_true(&mut watcher).exit_code(),
        (Left::Quit | Left::Signalled, Some(_)) => Outcome::Interrupted.exit_code(),
    }
}

/// What ends the screen, stops it, or lets it go on, as a descriptor.
fn signals() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGCONT,
    ] {
        mask.add(signal);
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}
