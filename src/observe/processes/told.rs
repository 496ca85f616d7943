//! Lives of processes as the kernel's tracepoints tell them: also of those that come and go
//! between two looks.

use std::collections::HashMap;
use std::time::Duration;

use super::{Processes, Watched, inner_pid};
use crate::driver::recorder::Recorder;
use crate::event::{Kind, Source};
use crate::model::{ProcState, ProgramName};
use crate::observe::process::ProcessWatch;
use crate::sys::pidfd::PidFd;

impl Processes {
    /// The program of every pid of the run.
    pub fn programs_by_pid(&self) -> HashMap<i32, ProgramName> {
        self.all
            .iter()
            .map(|process| (process.pid, process.name.program()))
            .collect()
    }

    /// The kernel told of a fork. Takes the child into the list if it is not there and its parent
    /// is; says whether it did.
    pub fn told_fork(&mut self, parent: i32, pid: i32, at: Duration, pen: &mut Recorder) -> bool {
        let alive = |of: i32| move |p: &Watched| p.pid == of && !p.reaped;
        let Some(parent) = self.all.iter().rposition(alive(parent)) else {
            return false;
        };
        if self.all.iter().any(alive(pid)) {
            return false;
        }
        // Gone already: then it has neither, and its end is told at the next look.
        let watch = ProcessWatch::open(&self.root, pid).ok().flatten();
        let pidfd = PidFd::open(pid).ok();
        let emit = |kind| pen.emit_at(at, Source::Kernel, kind);
        self.take_child(parent, (pid, inner_pid(pid)), pidfd, watch, emit);
        true
    }

    /// The kernel told that a process runs another program. Of a program that was just started
    /// that is its beginning, and known.
    pub fn told_exec(&mut self, pid: i32, file: String, at: Duration, pen: &mut Recorder) {
        let Some(process) = self.all.iter().rfind(|p| p.pid == pid && !p.reaped) else {
            return;
        };
        if at <= process.begun {
            return;
        }
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words: Vec<String> = command
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        // Every word ends with a NUL.
        words.pop();
        let kind = Kind::Executed {
            process: process.name.clone(),
            command: match words.is_empty() || process.state == ProcState::Zombie {
                true => vec![file],
                false => words,
            },
        };
        pen.emit_at(at, Source::Kernel, kind);
    }
}
