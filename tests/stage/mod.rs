//! Runs built-in programs for a test and waits for what they report.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sockscope::event::{Call, CallResult};
use sockscope::programs::channel::Receiver;
use sockscope::programs::record::{REPORT_FD, Record, What};

/// After this a test has failed. Nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(20);

/// The side channel of a test and everything that came over it.
pub(crate) struct Stage {
    receiver: Receiver,
    sender: OwnedFd,
    pub(crate) log: Vec<(i32, Record)>,
}

/// A program that runs.
pub(crate) struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let (receiver, sender) = Receiver::pair().expect("a side channel");
        fcntl(&sender, FcntlArg::F_SETFD(FdFlag::empty())).expect("inheritable");
        Stage {
            receiver,
            sender,
            log: Vec::new(),
        }
    }

    /// Starts a program; the words of `line` are its name and arguments.
    pub(crate) fn start(&self, line: &str) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sockscope"))
            .arg("program")
            .args(line.split(' '))
            .env(REPORT_FD, self.sender.as_raw_fd().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sockscope starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Program { child, stdout }
    }

    /// Starts a server on a port of the kernel's choice, which it returns too.
    pub(crate) fn serve(&mut self, line: &str) -> (Program, u16) {
        let program = self.start(line);
        let pid = program.pid();
        let args = self.until("the port", |log| {
            calls(log, pid, "getsockname")
                .next()
                .map(|c| c.args.clone())
        });
        let port = args.rsplit(':').next().and_then(|p| p.parse().ok());
        (program, port.expect("a port"))
    }

    /// Waits until `find` finds something in the log.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        find: impl Fn(&[(i32, Record)]) -> Option<T>,
    ) -> T {
        let started = Instant::now();
        loop {
            for received in self.receiver.recv().expect("the side channel works") {
                let record = received.record.expect("a record");
                self.log.push((received.pid, record));
            }
            if let Some(found) = find(&self.log) {
                return found;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{what} did not come; so far:\n{:#?}",
                self.log
            );
            let mut fds = [PollFd::new(self.receiver.as_fd(), PollFlags::POLLIN)];
            nix::poll::poll(&mut fds, PollTimeout::from(1000_u16)).expect("poll");
        }
    }

    /// Waits for the `nth` (from 1) call of that name and result by that process; its place.
    pub(crate) fn until_call(
        &mut self,
        pid: i32,
        name: &str,
        result: CallResult,
        nth: usize,
    ) -> usize {
        self.until(&format!("{name} = {result:?} by {pid}"), |log| {
            log.iter()
                .enumerate()
                .filter(|(_, (who, record))| {
                    *who == pid && matches!(&record.what, What::Call(c) if c.name == name && c.result == result)
                })
                .nth(nth - 1)
                .map(|(index, _)| index)
        })
    }

    /// Waits for the `nth` child of that process; its pid.
    pub(crate) fn until_forked(&mut self, pid: i32, nth: usize) -> i32 {
        let child = self.until(&format!("child {nth} of {pid}"), |log| {
            log.iter()
                .filter_map(|(who, record)| match record.what {
                    What::Forked { pid: child } if *who == pid => Some(child),
                    _ => None,
                })
                .nth(nth - 1)
        });
        self.until("the child's first record", |log| {
            log.iter()
                .find(|(who, _)| *who == child)
                .map(|(_, first)| assert_eq!(first.what, What::Started))
        });
        child
    }

    /// Waits until the `nth` child of that process was collected by it: the call's arguments.
    pub(crate) fn until_collected(&mut self, pid: i32, child: i32) -> String {
        self.until(&format!("the end of {child}"), |log| {
            log.iter().find_map(|(who, record)| match &record.what {
                What::Call(c)
                    if *who == pid
                        && (c.name == "waitpid" || c.name == "wait")
                        && c.result == CallResult::Value(child.into()) =>
                {
                    Some(c.args.clone())
                }
                _ => None,
            })
        })
    }

    /// The calls of that name by that process so far.
    pub(crate) fn count(&self, pid: i32, name: &str) -> usize {
        calls(&self.log, pid, name).count()
    }
}

impl Program {
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().expect("a pid")
    }

    pub(crate) fn types(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("open");
        stdin.write_all(text.as_bytes()).expect("it reads");
    }

    /// Types and ends the input, beside the test.
    pub(crate) fn types_meanwhile(&mut self, text: String) -> std::thread::JoinHandle<()> {
        let mut stdin = self.child.stdin.take().expect("open");
        std::thread::spawn(move || stdin.write_all(text.as_bytes()).expect("it reads"))
    }

    /// The end of its standard input.
    pub(crate) fn ends_input(&mut self) {
        drop(self.child.stdin.take());
    }

    pub(crate) fn prints(&mut self, expected: &str) {
        let mut got = String::new();
        while got.len() < expected.len() {
            let before = got.len();
            self.await_output();
            self.stdout.read_line(&mut got).expect("text");
            assert_ne!(got.len(), before, "the output ended after {got:?}");
        }
        assert_eq!(got, expected);
    }

    fn await_output(&self) {
        if self.stdout.buffer().is_empty() {
            let mut fds = [PollFd::new(
                self.stdout.get_ref().as_fd(),
                PollFlags::POLLIN,
            )];
            let limit = PollTimeout::try_from(DEADLINE).expect("it fits");
            let ready = nix::poll::poll(&mut fds, limit).expect("poll");
            assert!(ready > 0, "no output came");
        }
    }

    /// A line whose text does not matter.
    pub(crate) fn prints_line(&mut self) {
        let mut line = String::new();
        self.await_output();
        self.stdout.read_line(&mut line).expect("text");
        assert!(line.ends_with('\n'), "the output ended after {line:?}");
    }

    /// Waits for its end: status, the rest of its output, its error output.
    pub(crate) fn ends(mut self) -> (ExitStatus, String, String) {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("it is ours") {
                Some(status) => break status,
                None => assert!(started.elapsed() < DEADLINE, "it does not end"),
            }
            std::thread::yield_now();
        };
        let (mut rest, mut errors) = (String::new(), String::new());
        self.stdout.read_to_string(&mut rest).expect("text");
        let mut stderr = self.child.stderr.take().expect("piped");
        stderr.read_to_string(&mut errors).expect("text");
        (status, rest, errors)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it lives");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; then both have nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The calls of that name by that process, in order.
pub(crate) fn calls<'a>(
    log: &'a [(i32, Record)],
    pid: i32,
    name: &'a str,
) -> impl Iterator<Item = &'a Call> {
    log.iter()
        .filter_map(move |(who, record)| match &record.what {
            What::Call(call) if *who == pid && call.name == name => Some(call),
            _ => None,
        })
}

/// The letter of `/proc/PID/stat`; nothing for a process that is gone.
pub(crate) fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(end + 2).map(|&letter| char::from(letter))
}

/// Waits until a process is a zombie or gone.
pub(crate) fn until_ended(pid: i32) -> Option<char> {
    let started = Instant::now();
    loop {
        match state_of(pid) {
            None => return None,
            Some('Z') => return Some('Z'),
            Some(other) => assert!(started.elapsed() < DEADLINE, "{pid} is still {other}"),
        }
        std::thread::yield_now();
    }
}

pub(crate) fn end(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("it lives");
}
