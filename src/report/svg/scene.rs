//! What a picture consists of, placed: plain data between the layout and the drawing.

use super::columns::Strip;
use super::measure::Folded;
use crate::model::Evidence;
use crate::report::palette::Tone;
use crate::report::rows::{Class, Side};

/// The ladder of one run.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// What stands behind the rows: the connection of a life line in its states.
    pub(super) bars: Vec<Bar>,
    /// Packets that wait, from their leaving to their arrival.
    pub(super) waits: Vec<Wait>,
    /// The processes.
    pub(super) lifetimes: Vec<Lifetime>,
    /// The rows from top to bottom.
    pub(super) rows: Vec<Placed>,
    /// Where the life lines end.
    pub(super) bottom: f64,
}

/// A state that an endpoint stays in for a while, along its life line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub(super) life: usize,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) tone: Tone,
    pub(super) looked: Looked,
}

/// How a state is known for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// It was this one all the time.
    Whole,
    /// It was inferred.
    Inferred,
    /// Between two samples: it may have been any other.
    Between,
    /// Its host is down.
    Down,
}

/// A process, along the notes of its side.
#[derive(Debug)]
pub(super) struct Lifetime {
    pub(super) name: String,
    pub(super) x: f64,
    pub(super) from: f64,
    /// Where it ended: from there on it is a zombie.
    pub(super) ended: f64,
    /// Where it was reaped.
    pub(super) to: f64,
    pub(super) reaped: bool,
    pub(super) fate: Fate,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It still ran.
    Runs,
    /// It ended and was reaped soon.
    Reaped,
    /// It ended, and nothing was about to reap it.
    Zombie,
}

/// A packet that waits in sockscope's hands.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) x: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// What one row shows.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// The time and its base line, where it differs from the row before.
    pub(super) time: Option<(f64, String)>,
    /// A failure points here: from and to.
    pub(super) mark: Option<Strip>,
    pub(super) shapes: Vec<Shape>,
}

/// One thing in a picture.
#[derive(Debug)]
pub(super) enum Shape {
    /// The heading of a step.
    Step {
        top: f64,
        height: f64,
        number: usize,
        text: Folded,
        tally: Vec<(String, Tone)>,
        /// What the step shows, in the words of the scenario.
        tells: Folded,
    },
    /// What stands beside a life line.
    State {
        life: usize,
        middle: f64,
        text: Folded,
        tone: Tone,
        form: Form,
    },
    /// A packet.
    Arrow(Shaft),
    /// A happening beside a life line, on the wire, or across.
    Note {
        top: f64,
        place: NotePlace,
        text: Folded,
        tone: Tone,
        /// The lines of the processes that it is about.
        knots: Vec<f64>,
    },
    /// A remark, an action, a gap or rows left out: across the picture.
    Across {
        top: f64,
        height: f64,
        class: Option<Class>,
        text: Folded,
        tone: Tone,
    },
}

/// How what stands beside a life line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A state, known so.
    State(Evidence),
    /// What a UDP socket is.
    Socket,
    /// Which endpoint a packet is of.
    Label,
}

/// Where a note stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NotePlace {
    /// Beside the life lines of a side.
    Beside(Side),
    /// Between the life lines.
    Wire,
}

/// A packet's way, or a part of it.
#[derive(Debug)]
pub(super) struct Shaft {
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) tip: Tip,
    /// Where it was held before.
    pub(super) resumed: bool,
    pub(super) tone: Tone,
    pub(super) label: Folded,
    /// The middle of the label's base line.
    pub(super) label_at: Point,
}

/// A point of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// How a shaft ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tip {
    /// It arrives.
    Arrow,
    /// It is lost.
    Cross,
    /// It is held.
    Held,
    /// It is on its way.
    Underway,
}
