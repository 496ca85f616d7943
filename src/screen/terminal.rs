//! [`Screen`]: the terminal taken over, and given back whatever happens.

use std::io::{self, Stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, raise};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// Whether the terminal is taken over now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The whole terminal: the alternate screen, without echo, without a cursor. Dropping it gives
/// the terminal back, and so does a panic, before it is told.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard input or output is no terminal.
    pub fn enter() -> io::Result<Screen> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                before(info);
            }));
        });
        take()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()));
        match terminal {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Draws anew what differs.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }

    /// Gives the terminal back, stops this process as Ctrl-Z does, and takes the terminal over
    /// again once somebody lets it go on.
    ///
    /// # Errors
    /// When the terminal is gone meanwhile.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // SIGTSTP itself is blocked: it comes as a message.
        raise(Signal::SIGSTOP)?;
        self.resume()
    }

    /// Takes the terminal over again: somebody else may have changed it.
    ///
    /// # Errors
    /// As [`Screen::enter`].
    pub fn resume(&mut self) -> io::Result<()> {
        // Knows nothing of what is on the screen, so that all of it is drawn. Asking the terminal
        // where its cursor is, as Terminal::clear does, could wait for an answer in vain.
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        take()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(
        io::stdout(),
        EnterAlternateScreen,
        Clear(ClearType::All),
        Hide
    );
    if entered.is_err() {
        give_back();
    }
    entered
}

fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Each part is worth a try; where the terminal is gone there is nobody to tell.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
