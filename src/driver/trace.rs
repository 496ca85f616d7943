//! Watching programs without a scenario: they run until they end, and nothing is expected of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;

use super::extra::not_run;
use super::place::{self, Opened};
use super::session::Halt;
use super::{Broken, Driver, Options};
use crate::model::{ExitStatus, HostName, ProcessName, ProgramName};
use crate::run::{Place, Run, StepResult, TRACE};
use crate::scenario::{Observe, Paths, Program, Scenario, SourceText, Spanned};
use crate::tolerance;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    scenario: Scenario,
    order: Vec<ProgramName>,
}

impl Plan {
    /// A command, in a lab on the host `server`, and perhaps a second one, on the host `client`.
    /// Each is named by its program's file name.
    pub fn new(command: Vec<String>, with: Option<Vec<String>>) -> Plan {
        let title = command.join(" ");
        let mut programs = BTreeMap::new();
        let mut order = Vec::new();
        let both = [(Some(command), "server"), (with, "client")];
        for (command, host) in both {
            let Some(command) = command else { continue };
            let mut name = ProgramName::new(file_name(&command));
            if programs.contains_key(&name) {
                name = ProgramName::new(format!("{name}-2"));
            }
            let program = Program {
                command: Spanned {
                    value: command,
                    span: 0..0,
                },
                host: HostName::from(host),
                env: BTreeMap::new(),
                dir: None,
            };
            programs.insert(name.clone(), program);
            order.push(name);
        }
        let scenario = Scenario {
            name: TRACE.to_owned(),
            topic: String::new(),
            title,
            about: String::new(),
            source_note: None,
            fix: None,
            twin: None,
            programs,
            hosts: BTreeMap::new(),
            paths: Paths::Complete,
            observe: BTreeSet::from([Observe::Syscalls]),
            steps: Vec::new(),
            text: SourceText {
                name: String::new(),
                text: String::new(),
            },
        };
        Plan { scenario, order }
    }

    /// The programs, as a scenario without steps.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }
}

/// The program's file name as a name of the run: letters, digits and `-`.
fn file_name(command: &[String]) -> String {
    let path = command.first().map_or("", String::as_str);
    let file = path.rsplit('/').next().unwrap_or(path);
    let safe: String = file
        .chars()
        .map(|c| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '-',
        })
        .collect();
    let safe = safe.trim_matches('-');
    match safe.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => safe.to_owned(),
        false => format!("program-{safe}").trim_matches('-').to_owned(),
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Traced {
    /// Everything that was seen.
    pub run: Run,
    /// How the first command ended.
    pub end: End,
}

/// How a traced command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, or by a signal.
    Ended(ExitStatus),
    /// It ended, and the kernel did not tell how; or it was ended with everything else.
    Unknown,
    /// It did not start: the errno of `execve(2)`.
    NotStarted(i32),
    /// It could not be watched: the run says why.
    Refused,
}

/// Runs the plan until every process has ended. Programs have sockscope's own standard streams
/// and stay in its session. The first signal that `interrupt` reads is the programs' to act on, at
/// the second everything is ended.
pub fn run(plan: &Plan, options: &Options, interrupt: &SignalFd) -> Traced {
    let begun = Instant::now();
    let scenario = &plan.scenario;
    let opened = place::open(scenario, options, Some(interrupt.as_fd()), None);
    let Opened {
        session,
        mut header,
        places,
        telling,
    } = match opened {
        Ok(opened) => opened,
        Err(refused) => {
            return Traced {
                run: not_run(*refused, begun),
                end: End::Refused,
            };
        }
    };
    if header.place != Place::Wire {
        // They share a network: what tells them apart is who listens.
        header.hosts = vec![HostName::from("lo")];
    }
    let driver = Driver {
        scenario,
        options,
        session,
        header,
        places,
        telling,
        paths: Paths::Complete,
        steps: Vec::new(),
        orders: Vec::new(),
        begins: None,
        past_failures: false,
        attached: true,
    };
    driver.watch(&plan.order, interrupt, begun)
}

impl Driver<'_> {
    fn watch(mut self, order: &[ProgramName], interrupt: &SignalFd, begun: Instant) -> Traced {
        let broken = self.start_all(order, interrupt).err();
        let end = match (&broken, order.first()) {
            (Some(Broken::NotStarted(errno, _)), _) => End::NotStarted(*errno),
            (Some(_), _) | (None, None) => End::Refused,
            (None, Some(name)) => {
                let process = ProcessName::new(name.as_str());
                let timeline = self.session.pen.timeline();
                let status = timeline.process(&process).and_then(|known| known.status);
                status.map_or(End::Unknown, End::Ended)
            }
        };
        let stopped = broken.map(|broken| self.stopped(broken));
        let run = Run {
            header: self.header,
            timeline: self.session.pen.finish(),
            steps: self.steps,
            stopped,
            took: begun.elapsed(),
        };
        Traced { run, end }
    }

    fn start_all(&mut self, order: &[ProgramName], interrupt: &SignalFd) -> Result<(), Broken> {
        let mut interrupted = 0;
        for name in order {
            self.begin(format!("start {name}"));
            self.start(name)?;
            let over = self.settle_all_the_same(interrupt, &mut interrupted)?;
            if over.is_break() {
                return self.end_all();
            }
        }
        self.begin(String::new());
        while self.session.processes.any_left() {
            let halted =
                self.session
                    .settle()
                    .and_then(|()| match self.session.processes.any_left() {
                        true => self.session.wait(tolerance::TICK),
                        false => Ok(()),
                    });
            if self
                .is_over(halted, interrupt, &mut interrupted)?
                .is_break()
            {
                return self.end_all();
            }
        }
        Ok(())
    }

    fn begin(&mut self, text: String) {
        self.session.pen.begin_step(self.steps.len());
        self.steps.push(StepResult {
            text,
            span: 0..0,
            checks: Vec::new(),
        });
    }

    /// Waits until everything has settled, and again when a signal came in between.
    fn settle_all_the_same(
        &mut self,
        interrupt: &SignalFd,
        interrupted: &mut usize,
    ) -> Result<ControlFlow<()>, Broken> {
        loop {
            let halted = self.session.settle();
            let done = halted.is_ok();
            let over = self.is_over(halted, interrupt, interrupted)?;
            if over.is_break() || done {
                return Ok(over);
            }
        }
    }

    /// Passes a signal on to the commands. When they have ended already, nobody is left who would
    /// end what they left behind: then it is over.
    fn pass_on(&mut self, signal: Signal, they_have_it: bool) -> ControlFlow<()> {
        let living = self.session.processes.first_ones();
        if living.is_empty() {
            return ControlFlow::Break(());
        }
        let name = signal.as_str();
        let actions: Vec<String> = living
            .iter()
            .map(|process| format!("send {name} to {process}"))
            .collect();
        self.begin(actions.join("; "));
        for process in living.iter().filter(|_| !they_have_it) {
            self.session.will_send(process, signal as i32);
            // It may have ended meanwhile.
            let _ = self.session.processes.signal(process, signal as i32);
        }
        ControlFlow::Continue(())
    }

    /// Ends whatever still runs, and waits until it has ended.
    fn end_all(&mut self) -> Result<(), Broken> {
        let left = self.session.processes.living();
        let actions: Vec<String> = left
            .iter()
            .map(|process| format!("send SIGKILL to {process}"))
            .collect();
        self.begin(actions.join("; "));
        for process in &left {
            self.session.will_send(process, libc::SIGKILL);
            // It may have ended meanwhile.
            let _ = self.session.processes.signal(process, libc::SIGKILL);
        }
        match self.session.settle() {
            // There is nobody left to be told.
            Ok(()) | Err(Halt::Interrupted) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Passes the first signal on to the programs; at the second it is over.
    fn is_over(
        &mut self,
        halted: Result<(), Halt>,
        interrupt: &SignalFd,
        interrupted: &mut usize,
    ) -> Result<ControlFlow<()>, Broken> {
        match halted {
            Ok(()) => return Ok(ControlFlow::Continue(())),
            Err(Halt::Interrupted) => {}
            Err(other) => return Err(other.into()),
        }
        while let Ok(Some(came)) = interrupt.read_signal() {
            *interrupted += 1;
            if *interrupted == 1
                && let Ok(signal) = Signal::try_from(came.ssi_signo as i32)
            {
                // What the terminal sends, it sends to the programs too, and so does whoever of
                // them signals its process group.
                let from_them = || self.session.processes.has_pid(came.ssi_pid as i32);
                let they_have_it = came.ssi_code == libc::SI_KERNEL || from_them();
                if self.pass_on(signal, they_have_it).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(match *interrupted {
            0 | 1 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        })
    }
}

/// The place that a trace runs in unless another is asked for.
pub const PLACE: Place = Place::Host;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_by_their_files() {
        for (path, name) in [
            ("/usr/bin/curl", "curl"),
            ("./My_Server.py", "my-server-py"),
            ("7z", "program-7z"),
            ("/", "program"),
        ] {
            assert_eq!(file_name(&[path.to_owned()]), name);
        }
        let twice = |word: &str| vec![word.to_owned()];
        let plan = Plan::new(twice("nc"), Some(twice("/bin/nc")));
        let names: Vec<&str> = plan.order.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["nc", "nc-2"]);
    }
}
