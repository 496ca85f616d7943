//! `sockscope watch`: what changes in the machine's TCP sockets.

use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signalfd::SignalFd;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::User;
use sockscope::driver::recorder::monotonic;
use sockscope::live::filter::{self, Filter, Until};
use sockscope::live::netns::Scope;
use sockscope::live::watch::{Change, Lost, Options, Summary, WatchError, Watcher};
use sockscope::model::Evidence;
use sockscope::observe::process::ProcRoot;
use sockscope::report::changes::{Clock, ending, line, record};
use sockscope::run::Outcome;

use self::output::{Output, timeout, took_signal};
use super::{color_on_stderr, complain, complain_rendered};
use crate::cli::WatchOptions;

mod output;
mod screen;

pub(crate) fn main(options: &WatchOptions) -> u8 {
    let (filter, until) = match filters(options) {
        Ok(filters) => filters,
        Err(code) => return code,
    };
    if options.tui && !screen::has_terminal() {
        complain("--tui needs a terminal; without it the changes are printed line by line");
        return Outcome::Usage.exit_code();
    }
    // From here on an interrupt ends the watch in good order.
    let interrupt = match super::run::interrupts() {
        Ok(interrupt) => interrupt,
        Err(error) => return cannot(&error.to_string()),
    };
    let watcher = Watcher::open(
        &ProcRoot::default(),
        Options {
            filter,
            until: until.clone(),
            scope: options.netns.map_or(Scope::Own, Scope::OfProcess),
            sample: options.sample,
            ring: options.ring,
            histories: options.tui,
        },
    );
    let watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error @ (WatchError::NoTcp | WatchError::UntilNoTcp)) => {
            complain(&error.to_string());
            return Outcome::Usage.exit_code();
        }
        Err(error) => return cannot(&error.to_string()),
    };
    let clock = Clock {
        origin: origin(),
        begun: monotonic(),
    };
    if options.tui {
        return screen::main(watcher, options, clock);
    }
    let begun = Instant::now();
    let printing = Printing {
        options,
        clock,
        begun,
        out: Output::new(
            &interrupt,
            options.limit.and_then(|limit| begun.checked_add(limit)),
        ),
        summary: Summary::default(),
        lost: Lost::default(),
    };
    match printing.watch(watcher, until.is_some(), &interrupt) {
        Ok(outcome) => outcome.exit_code(),
        Err(code) => code,
    }
}

fn filters(options: &WatchOptions) -> Result<(Filter, Option<Until>), u8> {
    if (options.until.as_deref()).is_some_and(|until| until.trim().is_empty()) {
        complain("--until needs a condition, such as 'state:close-wait count>10'");
        return Err(Outcome::Usage.exit_code());
    }
    let read = || {
        let filter = filter::parse(&options.filter, &user_id)?;
        let until = options
            .until
            .as_deref()
            .map(|until| filter::parse_until(until, &user_id));
        Ok((filter, until.transpose()?))
    };
    read().map_err(|error: filter::FilterError| {
        complain_rendered(&error.render(color_on_stderr()));
        Outcome::Usage.exit_code()
    })
}

fn user_id(name: &str) -> Option<u32> {
    User::from_name(name).ok()?.map(|user| user.uid.as_raw())
}

fn cannot(error: &str) -> u8 {
    complain(error);
    Outcome::Inconclusive.exit_code()
}

/// How far the clock of the day is ahead of the one that stamps changes.
fn origin() -> Duration {
    // The kernel has this clock; the call cannot fail with it.
    let day = clock_gettime(ClockId::CLOCK_REALTIME).map_or(Duration::ZERO, Duration::from);
    day.saturating_sub(monotonic())
}

/// Why a watch ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    CameTrue,
    TimeIsUp,
    Interrupted,
    /// Nobody reads any more.
    Unread,
}

struct Printing<'a> {
    options: &'a WatchOptions,
    clock: Clock,
    begun: Instant,
    out: Output<'a>,
    summary: Summary,
    /// What was told of losses.
    lost: Lost,
}

impl Printing<'_> {
    fn watch(
        mut self,
        mut watcher: Watcher,
        waits: bool,
        interrupt: &SignalFd,
    ) -> Result<Outcome, u8> {
        self.begin(&watcher)?;
        let mut end = self.out.end;
        while end.is_none() {
            self.changes(&mut watcher)?;
            end = self.out.end;
            if watcher.connections().came_true().is_some() {
                end = end.or(Some(End::CameTrue));
            }
            let left = (self.options.limit).map(|limit| limit.saturating_sub(self.begun.elapsed()));
            if left == Some(Duration::ZERO) {
                end = end.or(Some(End::TimeIsUp));
            }
            if end.is_none() {
                let rest = watcher.rest().min(left.unwrap_or(Duration::MAX));
                end = rest_until(interrupt, rest)?;
            }
        }
        // What happened until now is told.
        if end != Some(End::Unread) {
            self.changes(&mut watcher)?;
        }
        let end = match (end, watcher.connections().came_true()) {
            (Some(End::Unread) | None, _) => End::Unread,
            // It held while there was no time to look.
            (Some(_), Some(_)) => End::CameTrue,
            (Some(end), None) => end,
        };
        let outcome = match (end, waits) {
            (End::TimeIsUp, true) => did_not_come_true(&mut watcher),
            (End::Interrupted, true) => Outcome::Interrupted,
            _ => Outcome::Passed,
        };
        if end == End::Unread {
            return Ok(outcome);
        }
        self.end(&mut watcher, waits.then_some(end == End::CameTrue))?;
        self.out.last_words()?;
        Ok(outcome)
    }

    /// The first line, and what is there.
    fn begin(&mut self, watcher: &Watcher) -> Result<(), u8> {
        let sockets = watcher.connections().len();
        let text = match self.options.jsonl {
            true => record::begin(watcher.how(), sockets, watcher.unseen(), &self.clock)
                .map_err(|error| cannot(&error.to_string()))?,
            false => {
                for note in line::unseen(watcher.unseen()) {
                    // There is no place left to say that standard error is broken.
                    let _ = writeln!(std::io::stderr(), "{note}");
                }
                line::beginning(watcher.how(), sockets) + "\n"
            }
        };
        self.out.put(&text)?;
        if self.options.initial {
            let mut ids: Vec<u64> = watcher.connections().iter().map(|one| one.id).collect();
            ids.sort_unstable();
            ids.retain(|id| watcher.connections().is_meant(*id));
            for id in ids {
                let change = watcher.connections().get(id).map(|one| Change {
                    at: self.clock.begun,
                    connection: id,
                    netns: one.socket.netns,
                    tuple: one.tuple(),
                    old: None,
                    new: Some(one.state()),
                    lasted: None,
                    age: None,
                    role: one.role,
                    both_ends: false,
                    owners: one.owners.clone(),
                    last_known: false,
                    caller: None,
                    evidence: Evidence::Seen,
                    note: None,
                });
                if let Some(change) = change {
                    self.change(&change)?;
                }
            }
        }
        self.out.flush()
    }

    fn changes(&mut self, watcher: &mut Watcher) -> Result<(), u8> {
        let changes = watcher
            .changes()
            .map_err(|error| cannot(&error.to_string()))?;
        for change in &changes {
            self.summary.add(change);
            self.change(change)?;
        }
        self.losses(watcher.lost())?;
        // Whoever reads line by line gets each change at once.
        self.out.flush()
    }

    fn change(&mut self, change: &Change) -> Result<(), u8> {
        let text = match self.options.jsonl {
            true => {
                record::change(change, &self.clock).map_err(|error| cannot(&error.to_string()))?
            }
            false => line::render(change, &self.clock, &self.options.look, self.options.wrap),
        };
        self.out.put(&text)
    }

    /// Tells what was lost since it was told last.
    fn losses(&mut self, lost: Lost) -> Result<(), u8> {
        let before = std::mem::replace(&mut self.lost, lost);
        if lost == before {
            return Ok(());
        }
        let at = monotonic();
        let text = match self.options.jsonl {
            true => record::lost(before, lost, at, &self.clock)
                .map_err(|error| cannot(&error.to_string()))?,
            false => line::lost(before, lost, at, &self.clock, &self.options.look),
        };
        self.out.put(&text)
    }

    fn end(&mut self, watcher: &mut Watcher, came_true: Option<bool>) -> Result<(), u8> {
        let totals = watcher.totals();
        self.losses(watcher.lost())?;
        let took = self.begun.elapsed();
        if self.options.jsonl && self.options.summary {
            let text = record::end(&self.summary, &totals, came_true, monotonic(), &self.clock)
                .map_err(|error| cannot(&error.to_string()))?;
            return self.out.put(&text);
        }
        if self.options.jsonl {
            return Ok(());
        }
        if self.options.summary {
            let text = ending::render(&self.summary, &totals, took, &self.options.look);
            self.out.put(&text)?;
        }
        match came_true {
            Some(_) => {
                let with = watcher.connections().came_true();
                self.out.put(&ending::until(with, &self.options.look))
            }
            None => Ok(()),
        }
    }
}

/// What it means that the condition was not seen coming true.
fn did_not_come_true(watcher: &mut Watcher) -> Outcome {
    match watcher.may_have_missed() {
        Some(why) => {
            complain(&format!(
                "--until was not seen coming true, but may have been: {why}"
            ));
            Outcome::Inconclusive
        }
        None => Outcome::Failed,
    }
}

/// Waits until something may have changed, somebody interrupts, or nobody reads any more.
fn rest_until(interrupt: &SignalFd, rest: Duration) -> Result<Option<End>, u8> {
    let stdout = std::io::stdout();
    let mut fds = vec![
        PollFd::new(interrupt.as_fd(), PollFlags::POLLIN),
        // Only errors: a pipe without a reader is one.
        PollFd::new(stdout.as_fd(), PollFlags::empty()),
    ];
    match poll(&mut fds, timeout(rest)) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(cannot(&error.to_string())),
    }
    let has = |index: usize, flags: PollFlags| {
        let events = fds.get(index).and_then(PollFd::revents);
        events.is_some_and(|events| events.intersects(flags))
    };
    if has(0, PollFlags::POLLIN) && took_signal(interrupt) {
        return Ok(Some(End::Interrupted));
    }
    if has(1, PollFlags::POLLERR) {
        return Ok(Some(End::Unread));
    }
    Ok(None)
}
