//! [`Pilot`]: somebody who is asked before each step and each packet what shall happen.

use crate::event::Packet;
use crate::timeline::Timeline;

/// The moment at which a [`Pilot`] is asked: nothing moves, every process is blocked.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Everything so far.
    pub timeline: &'a Timeline,
    /// The step that runs or is about to begin.
    pub step: usize,
}

/// What shall happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Begin the step, deliver the packet.
    Go,
    /// Drop the packet; a step begins all the same.
    Drop,
    /// Go on without asking again.
    RunOn,
    /// End the run.
    Quit,
}

/// Decides at each step and packet. The time it takes does not count against a step's `within`.
pub trait Pilot {
    /// A step is about to begin; `text` is its actions as the file writes them.
    fn step(&mut self, moment: &Moment<'_>, text: &str) -> Choice;

    /// A packet is on the wire, about to be delivered.
    fn packet(&mut self, moment: &Moment<'_>, packet: &Packet) -> Choice;

    /// The packet was delivered.
    fn delivered(&mut self, moment: &Moment<'_>, packet: &Packet);
}
