//! `sockscope watch --tui` on a terminal of the test's own: what is sent to it is drawn as a
//! terminal draws it, and the screen is read.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use sockscope::screen::terminal::Screen;
use support::SOCKSCOPE;

const PATIENCE: Duration = Duration::from_secs(30);
/// What enters and leaves the second screen, and shows the cursor again (xterm's control
/// sequences).
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";
/// Set for the test that runs as a program on a terminal.
const AS_PROGRAM: &str = "SOCKSCOPE_TEST_PANICS_ON_A_SCREEN";

/// What a program has sent to its terminal, and what the terminal shows of it.
struct Shown {
    bytes: Vec<u8>,
    screen: vt100::Parser,
}

/// A terminal with a program on it.
struct Terminal {
    master: File,
    slave: OwnedFd,
    before: LocalFlags,
    shown: Arc<Mutex<Shown>>,
    child: Child,
}

impl Terminal {
    fn with(command: &mut Command, width: u16, height: u16) -> Terminal {
        let size = Winsize {
            ws_row: height,
            ws_col: width,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).expect("a terminal");
        let before = tcgetattr(&pty.slave).expect("settings").local_flags;
        let end = || Stdio::from(pty.slave.try_clone().expect("a copy"));
        let child = command
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("it runs");
        let shown = Arc::new(Mutex::new(Shown {
            bytes: Vec::new(),
            screen: vt100::Parser::new(
                height.try_into().expect("rows"),
                width.try_into().expect("columns"),
                0,
            ),
        }));
        let master = File::from(pty.master);
        let mut reader = master.try_clone().expect("a copy");
        let into = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let mut shown = into.lock().expect("whole");
                shown.bytes.extend(&buffer[..length]);
                shown.screen.process(&buffer[..length]);
            }
        });
        Terminal {
            master,
            slave: pty.slave,
            before,
            shown,
            child,
        }
    }

    fn watching(arguments: &[&str], width: u16, height: u16) -> Terminal {
        let mut command = Command::new(SOCKSCOPE);
        command.args(["watch", "--tui"]).args(arguments);
        let terminal = Terminal::with(&mut command, width, height);
        terminal.sends(ENTER);
        terminal
    }

    /// All that was sent to it, control sequences too.
    fn sent(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("whole").bytes).into_owned()
    }

    /// What it shows now.
    fn screen(&self) -> String {
        self.shown.lock().expect("whole").screen.screen().contents()
    }

    /// Waits until it has been sent.
    fn sends(&self, text: &str) {
        wait_until(
            || self.sent().contains(text),
            || format!("no {text:?} in {:?}", self.sent()),
        );
    }

    /// Waits until the screen shows it.
    fn shows(&self, text: &str) {
        wait_until(
            || self.screen().contains(text),
            || format!("no {text:?} on the screen:\n{}", self.screen()),
        );
    }

    /// Takes note of nothing that was sent until now.
    fn forget(&self) {
        self.shown.lock().expect("whole").bytes.clear();
    }

    fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("typed");
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it runs");
    }

    fn local_flags(&self) -> LocalFlags {
        tcgetattr(self.slave.as_fd()).expect("settings").local_flags
    }

    /// Waits for the end, and makes sure that the terminal is as it was.
    fn ends(mut self) -> (ExitStatus, String) {
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().expect("a child");
                status.is_some()
            },
            || "it goes on".to_owned(),
        );
        self.sends(LEAVE);
        self.sends(CURSOR);
        assert_eq!(self.local_flags(), self.before);
        let sent = self.sent();
        assert!(sent.rfind(LEAVE) > sent.rfind(ENTER), "{sent:?}");
        (status.expect("it ended"), sent)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(mut holds: impl FnMut() -> bool, otherwise: impl FnOnce() -> String) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A listener on an address that nothing else uses, not even the connections of earlier tests
/// that are in TIME_WAIT still.
fn listener() -> (TcpListener, String) {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let own = NEXT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let address = Ipv4Addr::new(127, high.max(1), low, own);
    let listener = TcpListener::bind((address, 0)).expect("bind");
    (listener, address.to_string())
}

#[test]
fn q_gives_the_terminal_back() {
    let (_listener, filter) = listener();
    let mut terminal = Terminal::watching(&[&filter], 80, 24);
    terminal.shows("LISTEN");
    let flags = terminal.local_flags();
    assert!(!flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO));
    terminal.types("q");
    let (status, _) = terminal.ends();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        let (_listener, filter) = listener();
        let terminal = Terminal::watching(&[&filter], 80, 24);
        terminal.shows("LISTEN");
        terminal.signal(signal);
        let (status, _) = terminal.ends();
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[test]
fn a_stop_gives_the_terminal_back_until_it_goes_on() {
    let (_listener, filter) = listener();
    let mut terminal = Terminal::watching(&[&filter], 80, 24);
    terminal.shows("LISTEN");
    terminal.forget();
    terminal.types("\x1a");
    terminal.sends(LEAVE);
    wait_until(
        || terminal.local_flags() == terminal.before,
        || "its settings are not those of before".to_owned(),
    );
    terminal.forget();
    terminal.signal(Signal::SIGCONT);
    terminal.sends(ENTER);
    terminal.shows("LISTEN");
    terminal.types("q");
    terminal.ends();
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    let mut program = Command::new(std::env::current_exe().expect("this test"));
    program
        .args(["--exact", "panics_on_a_screen", "--ignored", "--nocapture"])
        .env(AS_PROGRAM, "1");
    let terminal = Terminal::with(&mut program, 80, 24);
    let (status, output) = terminal.ends();
    assert!(!status.success());
    assert!(output.find(LEAVE) < output.find("on purpose"), "{output:?}");
}

#[test]
#[ignore = "run by another test, on a terminal of its own"]
fn panics_on_a_screen() {
    if std::env::var_os(AS_PROGRAM).is_none() {
        return;
    }
    let _screen = Screen::enter().expect("a terminal");
    panic!("on purpose");
}

#[test]
fn a_filter_is_typed() {
    let (_first, first) = listener();
    let (_second, second) = listener();
    let both = format!("{first} or {second}");
    let mut terminal = Terminal::watching(&[&both], 80, 24);
    terminal.shows("2 shown");
    terminal.types(&format!("/{first}"));
    terminal.shows("1 shown");
    terminal.types("\r");
    terminal.shows("Esc: none");
    terminal.types("q");
    let (status, _) = terminal.ends();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_smallest_terminal_will_do() {
    let (_listener, filter) = listener();
    for (width, height) in [(20, 5), (1, 1), (3, 2)] {
        let mut terminal = Terminal::watching(&[&filter], width, height);
        for key in ["\r", "\x1b", "t", "?", "j", "G", "s", "r", "q"] {
            terminal.types(key);
            std::thread::sleep(Duration::from_millis(60));
        }
        let (status, _) = terminal.ends();
        assert_eq!(status.code(), Some(0), "{width}x{height}");
    }
}
