//! The processes of a run: the programs and everything they fork. Asks `/proc` and pidfds and
//! turns the answers into events.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::signal::Signal;

use super::holders::{HoldersByInode, holders_among};
use super::process::{ProcRoot, ProcessError, ProcessWatch, SignalMasks, Stat};
use crate::driver::recorder::{Recorder, monotonic};
use crate::event::{Aspect, Kind, Reaper, Source};
use crate::model::{ExitStatus, HostName, ProcState, ProcessName};
use crate::sys::pidfd::PidFd;

mod ends;
#[cfg(test)]
mod tests;
mod told;
mod traced;

/// One process of the run.
#[derive(Debug)]
struct Watched {
    name: ProcessName,
    pid: i32,
    /// The pid as the process itself knows it.
    inner_pid: i32,
    host: HostName,
    parent: Option<usize>,
    pidfd: Option<PidFd>,
    watch: Option<ProcessWatch>,
    ppid: i32,
    state: ProcState,
    /// What `ps` shows, since the first quiet point.
    comm: Option<String>,
    children: usize,
    ended: bool,
    told_end: bool,
    reaped: bool,
    /// Whether its parent ignored SIGCHLD when it ended: then the kernel reaps it.
    parent_ignores: bool,
    /// It did not come to rest in time: it is not waited for any more until it does.
    restless: bool,
    /// That was said of it already.
    told_restless: bool,
    /// It is gone, and it is open whether the lab's first process reaped it.
    awaits_word: bool,
    /// When a program was started, by `CLOCK_MONOTONIC`.
    begun: Duration,
    /// A signal stopped it, the tracer says: it rests, although `/proc` shows a tracer's stop.
    stopped: bool,
    /// The tracer has told of its end: until then its parent does not know.
    end_traced: bool,
    /// It may be inside the call that collected a child, which nobody has told yet: the child is
    /// gone, and since then it has not been seen to wait.
    collecting: bool,
}

impl Watched {
    /// A process that was just met, a program's first one: with its pid, and the one by which it
    /// knows itself where that could be read.
    fn new(
        name: ProcessName,
        (pid, inner): (i32, Option<i32>),
        pidfd: Option<PidFd>,
        watch: Option<ProcessWatch>,
        host: HostName,
    ) -> Watched {
        Watched {
            name,
            pid,
            inner_pid: inner.unwrap_or(pid),
            host,
            parent: None,
            pidfd,
            watch,
            ppid: 0,
            state: ProcState::Running,
            comm: None,
            children: 0,
            ended: false,
            told_end: false,
            reaped: false,
            parent_ignores: false,
            restless: false,
            told_restless: false,
            awaits_word: false,
            begun: Duration::ZERO,
            stopped: false,
            end_traced: false,
            collecting: false,
        }
    }

    /// Its state as it would be without the run's tracer: under one, whoever is stopped by a
    /// signal and whoever the tracer just looks at have the same letter.
    fn letter(&self, stat: &Stat, traced: bool) -> ProcState {
        match stat.state {
            ProcState::Traced if self.stopped => ProcState::Stopped,
            ProcState::Traced if traced => self.state,
            other => other,
        }
    }

    /// Tells that the process ended, once.
    fn tell_end(&mut self, status: Option<ExitStatus>, pen: &mut Recorder) {
        if std::mem::replace(&mut self.told_end, true) {
            return;
        }
        pen.emit(
            Source::Sampler,
            Kind::Exited {
                process: self.name.clone(),
                status,
            },
        );
    }
}

/// All processes of a run.
#[derive(Debug, Default)]
pub struct Processes {
    root: ProcRoot,
    all: Vec<Watched>,
    /// Whether a tracer tells of them too.
    traced: bool,
}

impl Processes {
    /// A program was started: its pid, and the one by which it knows itself, if that could be read.
    pub fn started(
        &mut self,
        name: ProcessName,
        pids: (i32, Option<i32>),
        pidfd: PidFd,
        host: HostName,
    ) {
        let watch = ProcessWatch::open(&self.root, pids.0).ok().flatten();
        self.all.push(Watched {
            begun: monotonic(),
            ..Watched::new(name, pids, Some(pidfd), watch, host)
        });
    }

    /// The descriptors to wait for, with what to wait for: a process's end, then its reaping
    /// (which wakes nobody before Linux 6.9).
    pub fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.all.iter().filter(|p| !p.reaped).filter_map(|p| {
            let wanted = match p.ended {
                false => PollFlags::POLLIN,
                // POLLHUP comes unasked.
                true => PollFlags::empty(),
            };
            Some((p.pidfd.as_ref()?.as_fd(), wanted))
        })
    }

    /// Whether a process of this name lives or is a zombie.
    pub fn is_there(&self, name: &ProcessName) -> bool {
        self.find(name).is_some_and(|index| !self.all[index].reaped)
    }

    /// The newest process of this name.
    fn find(&self, name: &ProcessName) -> Option<usize> {
        self.all.iter().rposition(|p| p.name == *name)
    }

    /// Sends a signal to a process.
    ///
    /// # Errors
    /// ESRCH when there is no such process, or it is reaped already; others as
    /// `pidfd_send_signal(2)`.
    pub fn signal(&self, name: &ProcessName, signal: i32) -> nix::Result<()> {
        let target = self.find(name).ok_or(nix::Error::ESRCH)?;
        let pidfd = self.all[target].pidfd.as_ref().ok_or(nix::Error::ESRCH)?;
        pidfd.send_signal(signal)
    }

    /// What the living processes do with signals, where it may be read.
    pub fn signals(&self) -> BTreeMap<ProcessName, SignalMasks> {
        let living = self.all.iter().zip(0..).filter(|(p, _)| !p.ended);
        living
            .filter_map(|(process, index)| Some((process.name.clone(), self.masks(index)?)))
            .collect()
    }

    /// Everything that a process forked and that is not reaped, in the order of forking.
    pub fn descendants(&self, name: &ProcessName) -> Vec<ProcessName> {
        let Some(target) = self.find(name) else {
            return Vec::new();
        };
        (0..self.all.len())
            .filter(|&i| !self.all[i].reaped && self.descends(i, target))
            .map(|i| self.all[i].name.clone())
            .collect()
    }

    /// Kills every process of a host at once, as a crash does.
    pub fn kill_host(&self, host: &HostName) {
        for process in self.all.iter().filter(|p| p.host == *host && !p.ended) {
            if let Some(pidfd) = &process.pidfd {
                let _ = pidfd.send_signal(Signal::SIGKILL as i32);
            }
        }
    }

    /// Whether any process of a host has not ended.
    pub fn any_alive(&self, host: &HostName) -> bool {
        self.all.iter().any(|p| p.host == *host && !p.ended)
    }

    /// Whether any process lives or is a zombie.
    pub fn any_left(&self) -> bool {
        self.all.iter().any(|process| !process.reaped)
    }

    /// The programs' first processes that live.
    pub fn first_ones(&self) -> Vec<ProcessName> {
        let living = self.all.iter().filter(|p| !p.name.is_child() && !p.ended);
        living.map(|process| process.name.clone()).collect()
    }

    /// Whatever lives.
    pub fn living(&self) -> Vec<ProcessName> {
        let living = self.all.iter().filter(|process| !process.ended);
        living.map(|process| process.name.clone()).collect()
    }

    /// Whether one of them has this pid.
    pub fn has_pid(&self, pid: i32) -> bool {
        self.all
            .iter()
            .any(|process| process.pid == pid && !process.reaped)
    }

    fn descends(&self, mut index: usize, from: usize) -> bool {
        while let Some(parent) = self.all[index].parent {
            if parent == from {
                return true;
            }
            index = parent;
        }
        false
    }

    /// Looks for new children and for ends, and says whether every process is blocked, stopped or
    /// gone.
    pub fn look(&mut self, pen: &mut Recorder) -> bool {
        let mut quiet = true;
        let mut index = 0;
        // Children that are found are looked at in the same pass.
        while index < self.all.len() {
            quiet &= self.look_at(index, pen);
            index += 1;
        }
        quiet
    }

    fn look_at(&mut self, index: usize, pen: &mut Recorder) -> bool {
        if self.all[index].reaped {
            return true;
        }
        self.look_for_end(index, pen);
        let process = &self.all[index];
        if process.ended {
            // What the lab's first process has to reap, it reaps at once.
            return process.reaped || !self.init_may_reap(index);
        }
        let Some(watch) = &process.watch else {
            return true;
        };
        // A tracer tells of children in the order of events.
        let children = match self.traced {
            true => Ok(Vec::new()),
            false => watch.children(),
        };
        let looked = children.and_then(|children| {
            let quiet = match watch.stat()? {
                Some(stat) if stat.state == ProcState::Zombie && stat.threads <= 1 => false,
                Some(stat) => watch.is_quiet_given(&stat, process.stopped)?,
                None => false,
            };
            // A zombie is one once its parent has gone on and left it; and who took one away goes
            // on first.
            let may_reap = process.collecting || self.has_zombie(index);
            let quiet = quiet && (!may_reap || watch.is_off_cpu()?);
            Ok((children, quiet))
        });
        match looked {
            Ok((children, quiet)) => {
                let mut new = false;
                for pid in children {
                    new |= self.meet_child(index, pid, pen);
                }
                let process = &mut self.all[index];
                process.restless &= !quiet;
                process.collecting &= !quiet;
                (quiet || process.restless) && !new
            }
            Err(error) => {
                pen.emit(Source::Sampler, gap(&error));
                true
            }
        }
    }

    /// Takes a child into the list, if it is not there. Says whether it is new.
    fn meet_child(&mut self, parent: usize, pid: i32, pen: &mut Recorder) -> bool {
        if self.all.iter().any(|p| p.pid == pid && !p.reaped) {
            return false;
        }
        let watch = ProcessWatch::open(&self.root, pid).ok().flatten();
        let pidfd = PidFd::open(pid).ok();
        if watch.is_none() && pidfd.is_none() {
            return false;
        }
        // The tracer tells of it in a moment, or has done so and nobody listened yet.
        if self.traced && !self.escaped_the_tracer(pid) {
            return true;
        }
        let emit = |kind| pen.emit(Source::Sampler, kind);
        self.take_child(parent, (pid, inner_pid(pid)), pidfd, watch, emit);
        true
    }

    fn take_child(
        &mut self,
        parent: usize,
        (pid, inner): (i32, Option<i32>),
        pidfd: Option<PidFd>,
        watch: Option<ProcessWatch>,
        emit: impl FnOnce(Kind),
    ) {
        self.all[parent].children += 1;
        let name = self.all[parent].name.child(self.all[parent].children);
        emit(Kind::Forked {
            process: name.clone(),
            pid,
            ns_pid: inner,
            parent: self.all[parent].name.clone(),
        });
        let host = self.all[parent].host.clone();
        self.all.push(Watched {
            parent: Some(parent),
            ppid: self.all[parent].pid,
            ..Watched::new(name, (pid, inner), pidfd, watch, host)
        });
    }

    /// The process that a side channel's datagram came from; a new child is met by it.
    pub fn sender(&mut self, pid: i32, pen: &mut Recorder) -> Option<ProcessName> {
        if let Some(known) = self.all.iter().rfind(|p| p.pid == pid) {
            return Some(known.name.clone());
        }
        self.look(pen);
        self.all
            .iter()
            .rfind(|p| p.pid == pid)
            .map(|p| p.name.clone())
    }

    /// At a quiet point: tells which letters changed and who was adopted.
    pub fn sample(&mut self, pen: &mut Recorder) {
        for index in 0..self.all.len() {
            if self.all[index].ended {
                let status = self.zombie_status(index);
                self.all[index].tell_end(status, pen);
                continue;
            }
            let process = &self.all[index];
            match process.watch.as_ref().map(ProcessWatch::stat) {
                Some(Ok(Some(stat))) => self.note(index, &stat, pen),
                Some(Err(error)) => pen.emit(Source::Sampler, gap(&error)),
                Some(Ok(None)) | None => {}
            }
        }
    }

    fn note(&mut self, index: usize, stat: &Stat, pen: &mut Recorder) {
        let process = &self.all[index];
        let state = process.letter(stat, self.traced);
        let orphan = process.parent.is_some_and(|parent| self.all[parent].ended)
            && process.ppid != stat.ppid
            && process.ppid != 0;
        let process = &mut self.all[index];
        process.ppid = stat.ppid;
        if orphan {
            pen.emit(
                Source::Sampler,
                Kind::Adopted {
                    process: process.name.clone(),
                    by: Reaper::Init,
                },
            );
        }
        if process.comm.as_ref() != Some(&stat.comm)
            && process.comm.replace(stat.comm.clone()).is_some()
        {
            pen.emit(
                Source::Sampler,
                Kind::Renamed {
                    process: process.name.clone(),
                    comm: stat.comm.clone(),
                },
            );
        }
        if process.state != state {
            process.state = state;
            pen.emit(
                Source::Sampler,
                Kind::ProcessState {
                    process: process.name.clone(),
                    state,
                },
            );
        }
    }

    /// Who has which socket open.
    pub fn holders(&self, pen: &mut Recorder) -> HoldersByInode {
        let living = self
            .all
            .iter()
            .filter(|p| !p.ended)
            .filter_map(|p| Some((&p.name, p.watch.as_ref()?)));
        holders_among(living).unwrap_or_else(|error| {
            pen.emit(
                Source::Sampler,
                Kind::Gap {
                    aspect: Aspect::Holders,
                    why: error.to_string(),
                },
            );
            HoldersByInode::default()
        })
    }

    /// Whether any process is not waited for, because it did not come to rest.
    pub fn any_restless(&self) -> bool {
        self.all
            .iter()
            .any(|process| process.restless && !process.ended)
    }

    /// Stops waiting for the processes that are busy now, and says so.
    pub fn give_up_waiting(&mut self, pen: &mut Recorder) {
        for process in self.all.iter_mut().filter(|p| !p.ended && !p.restless) {
            let quiet = process
                .watch
                .as_ref()
                .map(|watch| watch.is_quiet(process.stopped));
            if matches!(quiet, Some(Ok(false))) {
                process.restless = true;
                if std::mem::replace(&mut process.told_restless, true) {
                    continue;
                }
                let text = format!(
                    "{} does not come to rest: from here on its order among the others is chance",
                    process.name
                );
                pen.emit(Source::Sampler, Kind::Note { text });
            }
        }
    }
}

/// The pid by which a process knows itself (`NSpid`, `proc_pid_status(5)`); nothing once it was
/// reaped.
pub(crate) fn inner_pid(pid: i32) -> Option<i32> {
    let status = std::fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    String::from_utf8_lossy(&status)
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .and_then(|pids| pids.split_whitespace().last())
        .and_then(|inner| inner.parse().ok())
}

fn gap(error: &ProcessError) -> Kind {
    Kind::Gap {
        aspect: Aspect::Processes,
        why: error.to_string(),
    }
}
