//! [`run`]: changes, keys and signals, until somebody leaves.

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use ratatui::crossterm::event::{Event, poll, read};

use super::app::{App, View};
use super::draw::draw;
use super::keys::Action;
use super::terminal::Screen;
use crate::driver::recorder::monotonic;
use crate::live::watch::{Change, How, Summary, WatchError, Watcher};
use crate::observe::process::ProcRoot;

/// How often the screen is drawn at most, and how many times longer than arranging its rows takes
/// until they are arranged again.
const DRAW: (Duration, u32) = (Duration::from_millis(50), 20);
/// How often it is drawn at least: durations go on.
const REDRAW: Duration = Duration::from_secs(1);
/// How often losses are asked for.
const LOSSES: Duration = Duration::from_secs(1);

/// Why the screen was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Somebody wanted to.
    Quit,
    /// A signal came.
    Signalled,
    /// The time is up.
    TimeIsUp,
    /// What was waited for came true.
    CameTrue,
}

/// The screen cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// The terminal does not answer.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The sockets could not be watched any more.
    #[error(transparent)]
    Watch(#[from] WatchError),
}

/// Shows what `watcher` sees until somebody leaves. `signals` are blocked for this thread and
/// come through the descriptor: SIGINT, SIGTERM, SIGHUP and SIGQUIT leave, SIGTSTP stops, SIGCONT draws
/// anew. The terminal is given back in any case.
///
/// # Errors
/// When the terminal or the kernel does not answer any more.
pub fn run(
    app: &mut App,
    watcher: &mut Watcher,
    summary: &mut Summary,
    signals: &SignalFd,
    limit: Option<Duration>,
    user_id: &dyn Fn(&str) -> Option<u32>,
) -> Result<Left, ScreenError> {
    let root = ProcRoot::default();
    let begun = Instant::now();
    let mut screen = Screen::enter()?;
    let mut pending: Vec<Change> = Vec::new();
    let mut arrange = true;
    let mut dirty = true;
    let mut next_arrange = begun;
    let mut drawn = begun;
    let mut losses = begun;
    loop {
        let changes = watcher.changes()?;
        changes.iter().for_each(|change| summary.add(change));
        pending.extend(changes);
        app.now = monotonic();
        if !app.held && !pending.is_empty() {
            app.take(&pending);
            pending.clear();
            arrange = true;
        }
        arrange |= app.fade();
        if losses.elapsed() >= LOSSES {
            losses = Instant::now();
            if matches!(watcher.how(), How::Traced { .. }) {
                app.lost = watcher.totals().lost;
            }
        }
        if watcher.connections().came_true().is_some() {
            return Ok(Left::CameTrue);
        }
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            return Ok(Left::TimeIsUp);
        }
        if app.view == View::Tree {
            dirty |= app.processes.look(&root, watcher.connections());
        }
        let now = Instant::now();
        if arrange && now >= next_arrange {
            app.arrange(watcher.connections());
            next_arrange = Instant::now() + DRAW.0.max(now.elapsed() * DRAW.1);
            arrange = false;
            dirty = true;
        }
        if dirty && drawn.elapsed() >= DRAW.0 || drawn.elapsed() >= REDRAW {
            screen.draw(|frame| draw(frame, app, watcher.connections()))?;
            drawn = Instant::now();
            dirty = false;
        }
        let rest = watcher.rest().min(DRAW.0);
        // One more key at once: whoever holds one down is not outrun.
        let mut waited = poll(rest)?;
        while waited {
            dirty = true;
            if let Event::Key(key) = read()? {
                match Action::of(key, app.typed.typing) {
                    Some(Action::Quit) => return Ok(Left::Quit),
                    Some(Action::Suspend) => screen.suspend()?,
                    Some(action) if app.act(action, user_id) => {
                        arrange = true;
                        next_arrange = Instant::now();
                    }
                    Some(_) | None => {}
                }
            }
            waited = poll(Duration::ZERO)?;
        }
        while let Some(signal) = signals.read_signal().map_err(io::Error::from)? {
            match Signal::try_from(signal.ssi_signo.cast_signed()) {
                Ok(Signal::SIGTSTP) => screen.suspend()?,
                Ok(Signal::SIGCONT) => screen.resume()?,
                _ => return Ok(Left::Signalled),
            }
            dirty = true;
        }
    }
}
