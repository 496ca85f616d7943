//! `sockscope watch`: what changes in the machine's TCP sockets.

use std::io::{BufWriter, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::User;
use sockscope::driver::recorder::monotonic;
use sockscope::live::filter::{self, Filter, Until};
use sockscope::live::netns::Scope;
use sockscope::live::watch::{Change, Options, Summary, WatchError, Watcher};
use sockscope::model::Evidence;
use sockscope::observe::process::ProcRoot;
use sockscope::report::changes::{Clock, ending, line, record};
use sockscope::run::Outcome;

use super::{color_on_stderr, complain, complain_rendered, written};
use crate::cli::WatchOptions;

mod screen;

/// As much is written at once.
const BUFFER: usize = 64 * 1024;

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
        Err(error @ WatchError::NoTcp) => {
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
    let printing = Printing {
        options,
        clock,
        out: BufWriter::with_capacity(BUFFER, std::io::stdout()),
        summary: Summary::default(),
    };
    match printing.watch(watcher, until.as_ref(), &interrupt) {
        Ok(outcome) => outcome.exit_code(),
        Err(code) => code,
    }
}

fn filters(options: &WatchOptions) -> Result<(Filter, Option<Until>), u8> {
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
    out: BufWriter<std::io::Stdout>,
    summary: Summary,
}

impl Printing<'_> {
    fn watch(
        mut self,
        mut watcher: Watcher,
        until: Option<&Until>,
        interrupt: &SignalFd,
    ) -> Result<Outcome, u8> {
        let begun = Instant::now();
        let mut end = self.begin(&watcher)?;
        while end.is_none() {
            end = self.changes(&mut watcher)?;
            if watcher.connections().came_true() {
                end = end.or(Some(End::CameTrue));
            }
            let left = (self.options.limit).map(|limit| limit.saturating_sub(begun.elapsed()));
            if left == Some(Duration::ZERO) {
                end = end.or(Some(End::TimeIsUp));
            }
            if end.is_none() {
                let rest = watcher.rest().min(left.unwrap_or(Duration::MAX));
                end = rest_until(&watcher, interrupt, rest)?;
            }
        }
        // What happened until now is told.
        let end = match (self.changes(&mut watcher)?, end) {
            (Some(End::Unread), _) | (_, None) => End::Unread,
            (_, Some(end)) => end,
        };
        let came_true = until.map(|_| end == End::CameTrue);
        if end != End::Unread && self.options.summary {
            self.end(&mut watcher, came_true, begun.elapsed())?;
        }
        Ok(match (end, until) {
            (End::TimeIsUp, Some(_)) => Outcome::Failed,
            (End::Interrupted, Some(_)) => Outcome::Interrupted,
            _ => Outcome::Passed,
        })
    }

    /// The first line, and what is there.
    fn begin(&mut self, watcher: &Watcher) -> Result<Option<End>, u8> {
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
        if let Some(end) = self.put(&text)? {
            return Ok(Some(end));
        }
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
                if let Some(change) = change
                    && let Some(end) = self.change(&change)?
                {
                    return Ok(Some(end));
                }
            }
        }
        self.flush()
    }

    fn changes(&mut self, watcher: &mut Watcher) -> Result<Option<End>, u8> {
        let changes = watcher
            .changes()
            .map_err(|error| cannot(&error.to_string()))?;
        for change in &changes {
            self.summary.add(change);
            if let Some(end) = self.change(change)? {
                return Ok(Some(end));
            }
        }
        match changes.is_empty() {
            true => Ok(None),
            false => self.flush(),
        }
    }

    fn change(&mut self, change: &Change) -> Result<Option<End>, u8> {
        let text = match self.options.jsonl {
            true => {
                record::change(change, &self.clock).map_err(|error| cannot(&error.to_string()))?
            }
            false => line::render(change, &self.clock, &self.options.look, self.options.wrap),
        };
        self.put(&text)
    }

    fn end(
        &mut self,
        watcher: &mut Watcher,
        came_true: Option<bool>,
        took: Duration,
    ) -> Result<(), u8> {
        let totals = watcher.totals();
        let text = match self.options.jsonl {
            true => record::end(&self.summary, &totals, came_true, monotonic(), &self.clock)
                .map_err(|error| cannot(&error.to_string()))?,
            false => ending::render(&self.summary, &totals, took, &self.options.look),
        };
        self.put(&text)?;
        self.flush().map(drop)
    }

    fn put(&mut self, text: &str) -> Result<Option<End>, u8> {
        let result = self.out.write_all(text.as_bytes());
        went_away(result)
    }

    /// Whoever reads line by line gets each change at once.
    fn flush(&mut self) -> Result<Option<End>, u8> {
        let result = self.out.flush();
        went_away(result)
    }
}

/// Whether the reader went away, which ends the watch without a word.
fn went_away(result: std::io::Result<()>) -> Result<Option<End>, u8> {
    let broken = matches!(&result, Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe);
    written(result)?;
    Ok(broken.then_some(End::Unread))
}

/// Waits until something may have changed, somebody interrupts, or nobody reads any more.
fn rest_until(watcher: &Watcher, interrupt: &SignalFd, rest: Duration) -> Result<Option<End>, u8> {
    let stdout = std::io::stdout();
    let mut fds = vec![
        PollFd::new(interrupt.as_fd(), PollFlags::POLLIN),
        // Only errors: a pipe without a reader is one.
        PollFd::new(stdout.as_fd(), PollFlags::empty()),
    ];
    let sources = watcher.fds();
    fds.extend(sources.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)));
    // Up, so that the rest is over when poll returns.
    let ms = rest.as_micros().div_ceil(1000).min(1000);
    let timeout = PollTimeout::from(u16::try_from(ms).unwrap_or(u16::MAX));
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(cannot(&error.to_string())),
    }
    let has = |index: usize, flags: PollFlags| {
        let events = fds.get(index).and_then(PollFd::revents);
        events.is_some_and(|events| events.intersects(flags))
    };
    if has(0, PollFlags::POLLIN) {
        return Ok(Some(End::Interrupted));
    }
    if has(1, PollFlags::POLLERR) {
        return Ok(Some(End::Unread));
    }
    Ok(None)
}
