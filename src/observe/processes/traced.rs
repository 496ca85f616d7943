//! What a tracer tells of the processes of a run.

use std::time::Duration;

use super::Processes;
use crate::driver::recorder::Recorder;
use crate::event::{Kind, Reaper, Source};
use crate::model::{ExitStatus, ProcState, ProcessName};
use crate::observe::process::ProcessWatch;
use crate::sys::pidfd::PidFd;

impl Processes {
    /// Whether from now on a tracer tells of all processes.
    pub fn are_traced(&mut self, traced: bool) {
        self.traced = traced;
    }

    /// Whether no tracer tells of this child: it lives and is not traced. One that ended may have
    /// been.
    pub(super) fn escaped_the_tracer(&self, pid: i32) -> bool {
        let path = self.root.path().join(format!("{pid}/status"));
        let Ok(status) = std::fs::read(path) else {
            return false;
        };
        let status = String::from_utf8_lossy(&status);
        let says = |key: &str, wanted: fn(&str) -> bool| {
            let mut lines = status.lines();
            lines.any(|line| {
                line.strip_prefix(key)
                    .is_some_and(|rest| wanted(rest.trim()))
            })
        };
        says("TracerPid:", |pid| pid == "0")
            && says("State:", |state| !state.starts_with(['Z', 'X']))
    }

    /// The newest process of this pid.
    pub fn name_of(&self, pid: i32) -> Option<&ProcessName> {
        let known = self.all.iter().rfind(|process| process.pid == pid)?;
        Some(&known.name)
    }

    /// The pid of the newest process of this name.
    pub fn pid_of(&self, name: &ProcessName) -> Option<i32> {
        self.find(name).map(|index| self.all[index].pid)
    }

    /// The newest process that knows itself by this pid.
    pub fn name_of_inner(&self, pid: i32) -> Option<&ProcessName> {
        let known = self.all.iter().rfind(|process| process.inner_pid == pid)?;
        Some(&known.name)
    }

    /// A process forked; `pidfd` was opened, and the pid by which the child knows itself was read,
    /// before the child ran.
    pub fn forked(
        &mut self,
        parent: i32,
        (child, inner): (i32, Option<i32>),
        pidfd: Option<PidFd>,
        pen: &mut Recorder,
    ) {
        let known = |process: &super::Watched| process.pid == child && !process.reaped;
        let Some(parent) = self.all.iter().rposition(|process| process.pid == parent) else {
            return;
        };
        if self.all.iter().any(known) {
            return;
        }
        let watch = ProcessWatch::open(&self.root, child).ok().flatten();
        let emit = |kind| pen.emit(Source::Sampler, kind);
        self.take_child(parent, (child, inner), pidfd, watch, emit);
    }

    /// A process collected the status of a child: `child` is the child's pid as the process knows
    /// it.
    pub fn collected(&mut self, by: i32, child: i32, pen: &mut Recorder) {
        let found = self
            .all
            .iter()
            .rposition(|process| process.inner_pid == child && process.ended && !process.reaped);
        let Some((index, by)) = found.zip(self.name_of(by).cloned()) else {
            return;
        };
        let status = self.zombie_status(index);
        self.finish(index, Reaper::Process(by), status, pen);
    }

    /// A process named itself.
    pub fn renamed(&mut self, pid: i32, comm: String, at: Duration, pen: &mut Recorder) {
        let Some(process) = self.all.iter_mut().rfind(|process| process.pid == pid) else {
            return;
        };
        if process.comm.as_ref() == Some(&comm) {
            return;
        }
        process.comm = Some(comm.clone());
        let process = process.name.clone();
        pen.emit_at(at, Source::Syscalls, Kind::Renamed { process, comm });
    }

    /// A signal stopped a process, or SIGCONT let it go on.
    pub fn stopped(&mut self, pid: i32, stopped: bool, pen: &mut Recorder) {
        let Some(process) = self.all.iter_mut().rfind(|process| process.pid == pid) else {
            return;
        };
        process.stopped = stopped;
        // It may go on before anybody samples.
        if stopped && process.state != ProcState::Stopped {
            process.state = ProcState::Stopped;
            pen.emit(
                Source::Syscalls,
                Kind::ProcessState {
                    process: process.name.clone(),
                    state: ProcState::Stopped,
                },
            );
        }
    }

    /// A process ended, and its parent knows from now on.
    pub fn end_traced(&mut self, pid: i32, status: ExitStatus, pen: &mut Recorder) {
        let Some(index) = self.all.iter().rposition(|process| process.pid == pid) else {
            return;
        };
        self.all[index].end_traced = true;
        self.ended(index, pen);
        let process = &mut self.all[index];
        process.tell_end(Some(status), pen);
    }
}
