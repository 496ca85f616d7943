//! The clock and the pen: stamps events with time and step and puts them on the timeline.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::event::{Event, Kind, Source};
use crate::timeline::Timeline;

/// Stamps events and keeps them.
#[derive(Debug)]
pub struct Recorder {
    start: Duration,
    step: usize,
    timeline: Timeline,
}

/// `CLOCK_MONOTONIC` now.
pub fn monotonic() -> Duration {
    // The kernel has this clock; the call cannot fail with it.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder {
            start: monotonic(),
            step: 0,
            timeline: Timeline::default(),
        }
    }
}

impl Recorder {
    /// The timeline so far.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The step that runs.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Since the run began.
    pub fn elapsed(&self) -> Duration {
        monotonic().saturating_sub(self.start)
    }

    /// Begins a step.
    pub fn begin_step(&mut self, step: usize) {
        self.step = step;
        self.emit(Source::Driver, Kind::StepBegan);
    }

    /// Something happened just now.
    pub fn emit(&mut self, source: Source, kind: Kind) {
        self.push(self.elapsed(), source, kind);
    }

    /// Something happened at this time of `CLOCK_MONOTONIC`. What sockscope learns late keeps its
    /// place behind what it learned before, with the time of that: order is what the timeline
    /// promises.
    pub fn emit_at(&mut self, monotonic: Duration, source: Source, kind: Kind) {
        self.push(monotonic.saturating_sub(self.start), source, kind);
    }

    fn push(&mut self, at: Duration, source: Source, kind: Kind) {
        let last = self.timeline.events().last().map_or(at, |event| event.at);
        self.timeline.push(Event {
            at: at.max(last),
            step: self.step,
            source,
            kind,
        });
    }

    /// Gives the timeline away.
    pub fn finish(self) -> Timeline {
        self.timeline
    }
}
