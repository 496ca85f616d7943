//! What of a timeline is worth showing, in order: [`select()`] turns events into [`Row`]s. Every
//! picture of a run draws the same rows.

mod calls;
mod condense;
mod effects;
mod happening;
mod held;
mod lanes;
mod pids;
mod segments;
mod select;
mod threads;
mod windows;

pub use lanes::{Lanes, Side};
pub use select::select;
pub(super) use select::words;
pub use windows::WindowNews;

use std::time::Duration;

use super::palette::Tone;
use crate::event::Packet;
use crate::model::{EndpointName, Evidence, TcpState};

/// One row of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The step it belongs to: an index into the run's steps.
    pub step: usize,
    /// When, since the run began.
    pub at: Duration,
    /// The events it shows: indices into the timeline.
    pub events: Vec<usize>,
    /// What it shows.
    pub kind: RowKind,
}

impl Row {
    /// The states and the segment, where it shows those.
    pub fn rung(&self) -> Option<&Rung> {
        match &self.kind {
            RowKind::Rung(rung) => Some(rung),
            _ => None,
        }
    }

    /// The happening, where it shows one.
    pub fn happening(&self) -> Option<&Happening> {
        match &self.kind {
            RowKind::Happening(happening) => Some(happening),
            _ => None,
        }
    }
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowKind {
    /// A step begins.
    Step(StepHead),
    /// States and the segment between them.
    Rung(Box<Rung>),
    /// Something that happened to a process, or was said.
    Happening(Happening),
    /// Rows that were left out, counted.
    Skipped(String),
}

/// The heading of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepHead {
    /// Counted from 1.
    pub number: usize,
    /// Its actions.
    pub text: String,
    /// Expectations that passed.
    pub passed: usize,
    /// Expectations that failed.
    pub failed: usize,
    /// Expectations of which nobody can say.
    pub inconclusive: usize,
}

/// States on either side, and the segment between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rung {
    /// The left end.
    pub left: Option<LaneCell>,
    /// The segment.
    pub arrow: Option<Arrow>,
    /// The right end.
    pub right: Option<LaneCell>,
}

impl Rung {
    /// The cell of one side.
    pub fn cell(&self, side: Side) -> Option<&LaneCell> {
        match side {
            Side::Left => self.left.as_ref(),
            Side::Right => self.right.as_ref(),
        }
    }

    pub(crate) fn cell_mut(&mut self, side: Side) -> &mut Option<LaneCell> {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    /// Whether an endpoint changes its state here.
    pub fn changes_a_state(&self) -> bool {
        [&self.left, &self.right]
            .into_iter()
            .flatten()
            .any(|cell| cell.state.is_some())
    }
}

/// One end of a connection in its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneCell {
    /// Which.
    pub endpoint: EndpointName,
    /// What tells it from the others in its lane; empty when it is the only one.
    pub label: String,
    /// The state it takes, and how that is known; nothing when it stays in its state.
    pub state: Option<(TcpState, Evidence)>,
    /// What the state means to the reader.
    pub tone: Tone,
}

/// A packet on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrow {
    /// The packet.
    pub packet: Packet,
    /// Where it goes.
    pub toward: Side,
    /// Which part of its way this row shows.
    pub leg: Leg,
    /// How this part ends.
    pub end: End,
    /// What it says of its sender's receive window, where that is news.
    pub window: Option<WindowNews>,
}

/// A part of a packet's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// From host to host.
    Whole,
    /// It leaves; its arrival is a row of its own.
    Leaves,
    /// It arrives; its leaving was an earlier row.
    Arrives,
}

/// How a packet's way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was handed to the other host.
    Delivered,
    /// It will never arrive.
    Dropped,
    /// It waits in sockscope's hands until a step releases it.
    Held,
    /// It is on the way.
    Underway,
}

/// Something that happened beside the states and segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// In words, escaped.
    pub text: String,
    /// What it means to the reader.
    pub tone: Tone,
    /// Where it happened; nothing: nowhere in particular.
    pub side: Option<Side>,
    /// What kind of thing.
    pub class: Class,
}

/// A kind of happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A process, a call, a holder, a packet's fate.
    Event,
    /// A line that a program wrote.
    Output,
    /// An action of a step that has several.
    Action,
    /// A remark.
    Note,
    /// Something was missed.
    Gap,
}
