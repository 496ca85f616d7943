//! Carrying out the actions of a step.

use std::io::{stderr, stdin, stdout};
use std::ops::Range;
use std::os::fd::AsFd;
use std::time::Instant;

use super::{Broken, Driver, scaled};
use crate::event::{Kind, Packet, SignalFate, SignalOrigin, Source};
use crate::lab::LabError;
use crate::lab::protocol::Spawn;
use crate::lab::reexec;
use crate::lab::wire::Wire;
use crate::model::{HostName, ProcessName, ProgramName, signal_name};
use crate::observe::diag::DiagSocket;
use crate::observe::processes::inner_pid;
use crate::programs;
use crate::run::{Outcome, Stopped};
use crate::scenario::{Action, Spanned, expand, fill};
use crate::tolerance;

impl Driver<'_> {
    /// Carries out one action.
    pub(super) fn act(&mut self, action: &Spanned<Action>) -> Result<(), Broken> {
        self.session.pen.emit(
            Source::Driver,
            Kind::Acted {
                text: action.value.to_string(),
            },
        );
        let span = || Some(action.span.clone());
        let result = match &action.value {
            Action::Start(program) => self.start(program),
            Action::Type { program, line } => self.type_line(program, line),
            Action::CloseStdin(program) => self.close_stdin(program),
            Action::Signal { signal, to, tree } => self.signal(to, *signal, *tree),
            Action::Sysctl { host, key, value } => self.sysctl(host, key, value),
            on_wire => self.act_on_wire(on_wire, &action.span),
        };
        result.map_err(|problem| match problem {
            Broken::Stopped(stopped) | Broken::NotStarted(_, stopped) => Broken::Stopped(Stopped {
                span: stopped.span.or_else(span),
                ..stopped
            }),
            halt => halt,
        })
    }

    pub(super) fn start(&mut self, name: &ProgramName) -> Result<(), Broken> {
        let process = ProcessName::new(name.as_str());
        if self.session.processes.is_there(&process) {
            return Err(cannot(format!(
                "{name} still runs: it cannot be started again"
            )));
        }
        let Some(program) = self.scenario.programs.get(name) else {
            return Err(cannot(format!("the scenario has no program {name}")));
        };
        let command = self
            .options
            .programs
            .get(name)
            .unwrap_or(&program.command.value);
        let expand = |text: &String| {
            expand(text, &self.places.values).map_err(|error| cannot(format!("{name}: {error}")))
        };
        let argv: Vec<String> = command.iter().map(expand).collect::<Result<_, _>>()?;
        let mut env = std::collections::BTreeMap::new();
        for (key, value) in &program.env {
            env.insert(key.clone(), expand(value)?);
        }
        let host = self.places.hosts.get(&program.host).copied().unwrap_or(0);
        let builtin = argv
            .first()
            .is_some_and(|word| programs::find(word).is_some());
        let spawned = match builtin {
            true => {
                let own = self.options.executable.to_string_lossy().into_owned();
                let mut with_own = vec![own, reexec::PROGRAM.to_owned()];
                with_own.extend(argv.iter().cloned());
                with_own
            }
            false => argv.clone(),
        };
        let request = Spawn {
            host,
            argv: spawned,
            env,
            dir: program.dir.clone(),
            session: !self.attached,
        };
        // Who is traced need not tell.
        let tells = builtin && !self.session.is_traced();
        let channel = tells.then(|| self.places.channel());
        let started = match self.attached {
            true => {
                let (stdin, stdout, stderr) = (stdin(), stdout(), stderr());
                let streams = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
                self.session.lab.start_on(request, streams)
            }
            false => self.session.lab.start(request, channel),
        };
        let started = match started {
            Ok(started) => started,
            Err(LabError::NotStarted(errno)) => return Err(not_started(&argv, errno)),
            Err(error) => return Err(Broken::Halt(error.into())),
        };
        let host_name = program.host.clone();
        let ns_pid = inner_pid(started.pid);
        self.session.pen.emit(
            Source::Driver,
            Kind::Spawned {
                process: process.clone(),
                pid: started.pid,
                ns_pid,
                host: host_name.clone(),
                command: argv,
            },
        );
        let pids = (started.pid, ns_pid);
        self.session
            .processes
            .started(process, pids, started.pidfd, host_name);
        if let Some(pipes) = started.pipes {
            self.session.connect(name.clone(), pipes);
        }
        // Known by now: it may be reaped.
        self.session
            .lab
            .sync()
            .map_err(|error| Broken::Halt(error.into()))
    }

    fn type_line(&mut self, program: &ProgramName, line: &str) -> Result<(), Broken> {
        let line = fill(line, &self.places.values);
        self.input(program, |input| input.type_line(&line))
    }

    fn close_stdin(&mut self, program: &ProgramName) -> Result<(), Broken> {
        self.input(program, |input| {
            input.close();
            Ok(())
        })
    }

    fn input(
        &mut self,
        program: &ProgramName,
        change: impl FnOnce(&mut super::streams::Input) -> nix::Result<()>,
    ) -> Result<(), Broken> {
        let pipes = self
            .session
            .pipes
            .iter_mut()
            .find(|p| p.program == *program);
        let Some(pipes) = pipes else {
            return Err(cannot(format!("{program} was not started")));
        };
        change(&mut pipes.input).map_err(|_| {
            cannot(format!(
                "nobody reads the standard input of {program} any more"
            ))
        })
    }

    /// With `tree` the descendants get it one after the other, each when the one before has done
    /// what it does: else chance decides who reaps whom.
    fn signal(&mut self, to: &ProcessName, signal: i32, tree: bool) -> Result<(), Broken> {
        let descendants = match tree {
            true => self.session.processes.descendants(to),
            false => Vec::new(),
        };
        self.send(to, signal, false)?;
        for descendant in descendants {
            self.session.settle()?;
            self.send(&descendant, signal, true)?;
        }
        Ok(())
    }

    fn send(&mut self, to: &ProcessName, signal: i32, may_be_gone: bool) -> Result<(), Broken> {
        self.session.will_send(to, signal);
        let (process, from, fate) = (to.clone(), SignalOrigin::Sockscope, SignalFate::Generated);
        let sent = Kind::Signal {
            process,
            signal,
            from,
            fate,
        };
        self.session.pen.emit(Source::Driver, sent);
        match self.session.processes.signal(to, signal) {
            Err(nix::Error::ESRCH) if may_be_gone => Ok(()),
            sent => sent.map_err(|errno| {
                let name = signal_name(signal);
                cannot(format!("{name} cannot be sent to {to}: {}", errno.desc()))
            }),
        }
    }

    fn sysctl(&mut self, host: &HostName, key: &str, value: &str) -> Result<(), Broken> {
        let index = self.host(host)?;
        match self.session.lab.sysctl(index, key, value) {
            Ok(()) => Ok(()),
            Err(LabError::Failed(why)) => Err(cannot(why)),
            Err(error) => Err(Broken::Halt(error.into())),
        }
    }

    fn host(&self, name: &HostName) -> Result<usize, Broken> {
        self.places
            .hosts
            .get(name)
            .copied()
            .ok_or_else(|| cannot(format!("the scenario has no host {name}")))
    }

    fn wire(&mut self) -> Result<&mut Wire, Broken> {
        let place = self.header.place;
        self.session.wire.as_mut().ok_or_else(|| {
            Broken::Stopped(Stopped {
                why: format!(
                    "this step acts on the wire, and there is none on the {}",
                    place.word()
                ),
                span: None,
                help: self
                    .header
                    .blind
                    .iter()
                    .find_map(|blind| blind.remedy.clone()),
                outcome: Outcome::Inconclusive,
                more: Vec::new(),
            })
        })
    }

    fn act_on_wire(&mut self, action: &Action, action_span: &Range<usize>) -> Result<(), Broken> {
        match action {
            Action::Hold(_)
            | Action::Drop(_)
            | Action::Delay { .. }
            | Action::Unreachable { .. } => {
                let mut action = action.clone();
                if let Action::Delay { by, .. } = &mut action {
                    *by = scaled(*by, self.options);
                }
                if let Some(order) = self.wire()?.order(&action) {
                    let step = self.session.pen.step();
                    self.orders.push((step, action_span.clone(), order));
                }
                Ok(())
            }
            Action::Release(what) => {
                if self.wire()?.release(what) == 0 && !self.release_ended_a_hold(what) {
                    return Err(cannot("nothing that fits is held".into()));
                }
                Ok(())
            }
            Action::Cut => self.cut(true, "the wire is cut already"),
            Action::Mend => self.cut(false, "the wire is not cut"),
            Action::Crash(host) => {
                let index = self.host(host)?;
                let lost = self.wire()?.crash(index);
                self.lose(lost, &format!("host {host} has crashed"));
                self.note(format!(
                    "host {host} crashed: nothing goes out or in any more"
                ));
                Ok(())
            }
            Action::Reboot(host) => self.reboot(host),
            _ => Ok(()),
        }
    }

    /// A release of everything also ends the order to hold, even when nothing waits yet.
    fn release_ended_a_hold(&self, what: &crate::scenario::Matcher) -> bool {
        what.count.is_none() && self.session.wire.is_some()
    }

    fn cut(&mut self, cut: bool, already: &str) -> Result<(), Broken> {
        let Some(lost) = self.wire()?.set_cut(cut) else {
            return Err(cannot(already.into()));
        };
        self.lose(lost, "the wire is cut");
        Ok(())
    }

    fn lose(&mut self, packets: Vec<Packet>, why: &str) {
        for packet in packets {
            let (packet, why) = (packet.id, why.to_owned());
            self.session
                .pen
                .emit(Source::Wire, Kind::Dropped { packet, why });
        }
    }

    fn note(&mut self, text: String) {
        self.session.pen.emit(Source::Driver, Kind::Note { text });
    }

    /// Replaces the host's namespace, connects the new one, then ends the processes of the old one.
    /// In this order nobody hears of their end: what their kernel sends for it goes nowhere.
    fn reboot(&mut self, host: &HostName) -> Result<(), Broken> {
        let index = self.host(host)?;
        let lost = self.wire()?.crash(index);
        self.lose(lost, &format!("host {host} reboots"));
        let fds = self
            .session
            .lab
            .reboot(index, true)
            .map_err(|error| Broken::Halt(error.into()))?;
        let diag = DiagSocket::from_fd(fds.diag).map_err(|error| cannot(error.to_string()))?;
        self.session
            .sockets
            .rebooted(index, diag, &mut self.session.pen);
        if let Some(tun) = fds.tun {
            self.wire()?.replace(index, tun);
        }
        self.session.processes.kill_host(host);
        let begun = Instant::now();
        while self.session.processes.any_alive(host) {
            self.session.wait(tolerance::TICK)?;
            self.session.settle()?;
            if begun.elapsed() > tolerance::STEP {
                return Err(cannot(format!("a process of host {host} does not end")));
            }
        }
        self.note(format!("host {host} is back, without memory"));
        Ok(())
    }
}

/// The scenario asks for something that cannot be done now.
fn cannot(why: String) -> Broken {
    Broken::Stopped(Stopped {
        why,
        span: None,
        help: None,
        outcome: Outcome::Inconclusive,
        more: Vec::new(),
    })
}

fn not_started(argv: &[String], errno: i32) -> Broken {
    let name = argv.first().map_or("", String::as_str);
    let why = nix::errno::Errno::from_raw(errno).desc();
    let help = match errno {
        libc::ENOENT if !name.contains('/') => Some(format!(
            "`{name}` is neither a built-in program nor a command in PATH"
        )),
        libc::EACCES => Some(format!("is `{name}` an executable file?")),
        _ => None,
    };
    let stopped = Stopped {
        why: format!("cannot start `{name}`: {why}"),
        span: None,
        help,
        outcome: Outcome::Inconclusive,
        more: Vec::new(),
    };
    Broken::NotStarted(errno, stopped)
}
