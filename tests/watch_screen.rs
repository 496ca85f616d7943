//! `sockscope watch --tui` on a terminal of the test's own.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
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

/// A terminal with a program on it.
struct Terminal {
    master: File,
    slave: OwnedFd,
    before: LocalFlags,
    output: Arc<Mutex<Vec<u8>>>,
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
        let output = Arc::new(Mutex::new(Vec::new()));
        let master = File::from(pty.master);
        let mut reader = master.try_clone().expect("a copy");
        let into = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                into.lock().expect("whole").extend(&buffer[..length]);
            }
        });
        Terminal {
            master,
            slave: pty.slave,
            before,
            output,
            child,
        }
    }

    fn watching(arguments: &[&str], width: u16, height: u16) -> Terminal {
        let mut command = Command::new(SOCKSCOPE);
        command.args(["watch", "--tui"]).args(arguments);
        let mut terminal = Terminal::with(&mut command, width, height);
        terminal.shows(ENTER);
        terminal
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().expect("whole")).into_owned()
    }

    /// Waits until it has been shown.
    fn shows(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.output().contains(text) {
            assert!(
                begun.elapsed() < PATIENCE,
                "no {text:?} in {:?}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has everything drawn again, not only what differs, until it is shown.
    fn shows_anew(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.output().contains(text) {
            assert!(
                begun.elapsed() < PATIENCE,
                "no {text:?} in {:?}",
                self.output()
            );
            self.forget();
            self.signal(Signal::SIGCONT);
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    fn forget(&self) {
        self.output.lock().expect("whole").clear();
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
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "it goes on: {:?}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        self.shows(LEAVE);
        self.shows(CURSOR);
        assert_eq!(self.local_flags(), self.before);
        let output = self.output();
        assert!(output.rfind(LEAVE) > output.rfind(ENTER), "{output:?}");
        (status, output)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let filter = format!(":{}", listener.local_addr().expect("address").port());
    (listener, filter)
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
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let (_listener, filter) = listener();
        let mut terminal = Terminal::watching(&[&filter], 80, 24);
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
    terminal.shows(LEAVE);
    let begun = Instant::now();
    while terminal.local_flags() != terminal.before {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    terminal.forget();
    terminal.signal(Signal::SIGCONT);
    terminal.shows(ENTER);
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
    terminal.shows_anew("1 shown");
    terminal.types("\r");
    terminal.shows_anew("Esc: none");
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
