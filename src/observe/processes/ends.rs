//! Ends of processes: noticed, told once, and who collected the status.

use nix::sys::signal::Signal;

use super::Processes;
use crate::driver::recorder::Recorder;
use crate::event::{Kind, Reaper, Source};
use crate::model::{ExitStatus, ProcState};
use crate::observe::process::{ProcessWatch, SignalMasks};
use crate::sys::pidfd::Life;

impl Processes {
    pub(super) fn look_for_end(&mut self, index: usize, pen: &mut Recorder) {
        let life = self.life(index);
        if life == Life::Alive || self.awaits_tracer(index) {
            return;
        }
        self.ended(index, pen);
        if life == Life::Reaped {
            self.reaped(index, None, pen);
        }
    }

    fn life(&self, index: usize) -> Life {
        let process = &self.all[index];
        match (
            &process.pidfd,
            process.watch.as_ref().map(ProcessWatch::stat),
        ) {
            // Before Linux 6.9 a pidfd does not tell of the reaping; /proc does.
            (_, Some(Ok(None))) | (None, None) => Life::Reaped,
            (Some(pidfd), _) => pidfd.life().unwrap_or(Life::Alive),
            (None, Some(Ok(Some(stat)))) if stat.state == ProcState::Zombie => Life::Ended,
            (None, Some(_)) => Life::Alive,
        }
    }

    /// Whether what the tracer has to tell of a process is not all heard: its last calls come
    /// before its end, and its parent does not know of that either.
    pub(super) fn awaits_tracer(&self, index: usize) -> bool {
        self.traced && !self.all[index].end_traced
    }

    pub(super) fn ended(&mut self, index: usize, pen: &mut Recorder) {
        if self.all[index].ended {
            return;
        }
        let status = self.zombie_status(index);
        let parent_ignores = self.all[index]
            .parent
            .and_then(|parent| self.masks(parent))
            .is_some_and(|masks| SignalMasks::has(masks.ignored, Signal::SIGCHLD as i32));
        let process = &mut self.all[index];
        process.ended = true;
        process.parent_ignores = parent_ignores;
        // Just being reaped, it tells neither as a zombie nor as a memory: soon it does.
        if status.is_some() {
            process.tell_end(status, pen);
        }
    }

    /// Whether a child of it ended and was not reaped.
    pub(super) fn has_zombie(&self, index: usize) -> bool {
        self.all[index].children > 0
            && self
                .all
                .iter()
                .any(|child| child.parent == Some(index) && child.ended && !child.reaped)
    }

    pub(super) fn masks(&self, index: usize) -> Option<SignalMasks> {
        self.all[index].watch.as_ref()?.signals().ok().flatten()
    }

    pub(super) fn zombie_status(&self, index: usize) -> Option<ExitStatus> {
        let process = &self.all[index];
        let from_stat = || process.watch.as_ref()?.stat().ok()??.exit;
        let from_pidfd = || process.pidfd.as_ref()?.exit_status().ok()?;
        from_stat().or_else(from_pidfd)
    }

    pub(super) fn reaped(
        &mut self,
        index: usize,
        told: Option<(Reaper, ExitStatus)>,
        pen: &mut Recorder,
    ) {
        if self.all[index].reaped {
            return;
        }
        // Its parent may have ended since it was looked at: who still lives now has reaped it.
        if let Some(parent) = self.all[index].parent.filter(|_| told.is_none()) {
            self.look_for_end(parent, pen);
            // What the tracer has to tell of the parent decides who reaped.
            if self.awaits_tracer(parent) && self.life(parent) != Life::Alive {
                return;
            }
        }
        // The first process tells itself whom it reaped: its word comes.
        if told.is_none() && self.init_may_reap(index) {
            self.all[index].awaits_word = true;
            return;
        }
        let (by, status) = match told {
            Some((by, status)) => (by, Some(status)),
            None if self.all[index].parent_ignores => (Reaper::Kernel, self.zombie_status(index)),
            None => {
                let by = match self.all[index].parent {
                    Some(parent) => {
                        self.all[parent].collecting = true;
                        Reaper::Process(self.all[parent].name.clone())
                    }
                    None => Reaper::Unknown,
                };
                (by, self.zombie_status(index))
            }
        };
        self.finish(index, by, status, pen);
    }

    pub(super) fn finish(
        &mut self,
        index: usize,
        by: Reaper,
        status: Option<ExitStatus>,
        pen: &mut Recorder,
    ) {
        let process = &mut self.all[index];
        process.reaped = true;
        process.tell_end(status, pen);
        // Nothing can be asked of it any more; a run may have thousands.
        process.watch = None;
        process.pidfd = None;
        pen.emit(
            Source::Sampler,
            Kind::Reaped {
                process: process.name.clone(),
                by,
            },
        );
    }

    /// Whether processes are gone and it is open whether the lab's first process reaped them.
    pub fn await_word(&self) -> bool {
        self.all.iter().any(|p| p.awaits_word && !p.reaped)
    }

    /// The first process has told everything it did so far: who is gone otherwise was reaped by
    /// its parent before that ended.
    pub fn no_more_words(&mut self, pen: &mut Recorder) {
        for index in 0..self.all.len() {
            let process = &self.all[index];
            let Some(parent) = process.parent.filter(|_| process.awaits_word) else {
                continue;
            };
            if !process.reaped {
                let by = Reaper::Process(self.all[parent].name.clone());
                self.finish(index, by, self.zombie_status(index), pen);
            }
        }
    }

    /// Whether the lab's first process may be the parent: of programs it is, of orphans too.
    pub(super) fn init_may_reap(&self, index: usize) -> bool {
        match self.all[index].parent {
            None => true,
            Some(parent) => self.all[parent].ended,
        }
    }

    /// The lab's first process reaped this one.
    pub fn reaped_by_init(&mut self, inner_pid: i32, status: ExitStatus, pen: &mut Recorder) {
        let found = self
            .all
            .iter()
            .rposition(|p| p.inner_pid == inner_pid && !p.reaped);
        if let Some(index) = found {
            self.ended(index, pen);
            self.reaped(index, Some((Reaper::Init, status)), pen);
        }
    }
}
