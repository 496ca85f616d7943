//! What runs now, on the last line of a terminal. Nobody sees it of a run that is quick.

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix::sys::stat::{SFlag, fstat};
use sockscope::report::{Look, escape};
use sockscope::scenario::Scenario;

use super::last_line::LastLine;

/// After which time it is worth a line: of one scenario, of several.
const LONG: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(400));

/// How often the line is drawn.
const FRAME: Duration = Duration::from_millis(120);

/// The line. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    look: Look,
    steps: Vec<String>,
    /// The scenarios that run, the oldest first.
    running: Mutex<Vec<String>>,
    /// Shows the line when it is time to; ends when the sender is gone.
    curtain: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Of one scenario: the step that it is in.
    pub(super) fn of_steps(scenario: &Scenario, look: &Look) -> Progress {
        let count = scenario.steps.len();
        let steps = scenario.steps.iter().enumerate().map(|(index, step)| {
            let actions: Vec<String> = step.actions.iter().map(|a| a.value.to_string()).collect();
            let what = match actions.is_empty() {
                true => "waiting".to_owned(),
                false => look.glyphs(&escape(&actions.join("; "))),
            };
            format!("step {} of {count}: {what}", index + 1)
        });
        let bar = ProgressBar::hidden();
        bar.set_message(look.glyphs(&format!("{}: starting", escape(&scenario.name))));
        Progress::begin(bar, "{spinner} {elapsed:>3}  {wide_msg}", look, LONG.0)
            .with(steps.collect())
    }

    /// Of several: which run, and how many are done.
    pub(super) fn of_scenarios(count: usize, look: &Look) -> Progress {
        let bar = ProgressBar::hidden();
        bar.set_length(count as u64);
        let template = "{spinner} {elapsed:>3}  {pos} of {len} done  {wide_msg}";
        Progress::begin(bar, template, look, LONG.1)
    }

    fn begin(bar: ProgressBar, template: &str, look: &Look, long: Duration) -> Progress {
        let mut progress = Progress {
            bar,
            look: *look,
            steps: Vec::new(),
            running: Mutex::default(),
            curtain: None,
        };
        let Ok(style) = ProgressStyle::with_template(template) else {
            return progress;
        };
        // The last one is for what is done, which is never shown.
        progress.bar.set_style(style.tick_chars(match look.unicode {
            true => "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ",
            false => "|/-\\ ",
        }));
        if is_welcome() {
            let (dropped, waiting) = mpsc::channel::<()>();
            let bar = progress.bar.clone();
            let thread = std::thread::spawn(move || {
                if waiting.recv_timeout(long) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(LastLine::new())));
                    bar.enable_steady_tick(FRAME);
                }
            });
            progress.curtain = Some((dropped, thread));
        }
        progress
    }

    fn with(mut self, steps: Vec<String>) -> Progress {
        self.steps = steps;
        self
    }

    /// A step begins.
    pub(super) fn step(&self, index: usize) {
        if let Some(text) = self.steps.get(index) {
            self.bar.set_message(text.clone());
        }
    }

    /// A scenario begins.
    pub(super) fn began(&self, name: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.push(self.look.glyphs(&escape(name)));
        self.bar.set_message(running.join(", "));
    }

    /// A scenario has ended.
    pub(super) fn ended(&self, name: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let name = self.look.glyphs(&escape(name));
        if let Some(at) = running.iter().position(|one| *one == name) {
            running.remove(at);
        }
        self.bar.inc(1);
        self.bar.set_message(running.join(", "));
    }

    /// Prints something while the line is out of the way.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((dropped, thread)) = self.curtain.take() {
            drop(dropped);
            // It does not panic, and a line that stays is no reason to do so.
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

/// Whether there is somebody to see it, whom it does not disturb: standard error is a terminal
/// that can rewrite a line, and standard output no pipe into a pager on the same terminal.
fn is_welcome() -> bool {
    let kind = fstat(std::io::stdout()).map(|stat| SFlag::from_bits_truncate(stat.st_mode));
    let piped = kind.map_or(true, |mode| mode & SFlag::S_IFMT == SFlag::S_IFIFO);
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    std::io::stderr().is_terminal() && !piped && !dumb
}
