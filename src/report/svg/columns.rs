//! Where everything stands from left to right: times, notes, states, life lines, the wire.

use super::lifetime::{self, Lives};
use super::measure::{Face, advance};
use super::shaft::HOLD;
use super::{LABEL, NOTE, STATE};
use crate::event::Body;
use crate::model::{HostName, millis};
use crate::report::arrow::{self, LabelDetail};
use crate::report::lane::lane_text;
use crate::report::rows::{Arrow, Class, End, LaneCell, Lanes, Leg, Row, RowKind, Side};
use crate::report::{Detail, WireDetail};
use crate::run::{Place, Run};

/// Blank space around the picture.
pub(super) const MARGIN: f64 = 20.0;

/// From a life line to the states beside it, and from those to the notes.
pub(super) const GAP: f64 = 12.0;

/// The widest column of notes.
const NOTES: f64 = 216.0;

/// The widest column of states.
const STATES: f64 = 190.0;

/// The wire between its life lines: at least, and where the labels ask for more.
const WIRE: [f64; 2] = [240.0, 400.0];

/// What an arrow needs beside its label.
const TIPS: f64 = 44.0;

/// From one edge to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strip {
    pub(super) start: f64,
    pub(super) end: f64,
}

impl Strip {
    pub(super) fn width(self) -> f64 {
        self.end - self.start
    }

    pub(super) fn middle(self) -> f64 {
        f64::midpoint(self.start, self.end)
    }
}

/// The life line of a host, or of the programs of one side where there is one host only.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) x: f64,
    pub(super) side: Side,
    pub(super) host: Option<HostName>,
    pub(super) title: String,
    pub(super) states: Strip,
}

/// The columns of one picture.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// The right edge of the times.
    pub(super) time: f64,
    /// Notes of the left and of the right side.
    pub(super) notes: [Strip; 2],
    /// The lines of the processes of both sides, between their notes and their states.
    pub(super) processes: [Strip; 2],
    pub(super) lived: Lives,
    /// The life lines from left to right.
    pub(super) lives: Vec<Life>,
    /// Between the last life line of the left and the one of the right.
    pub(super) wire: Strip,
    /// How much the labels of segments tell.
    pub(super) label: LabelDetail,
    pub(super) width: f64,
}

impl Columns {
    pub(super) fn fit(run: &Run, rows: &[Row], detail: &Detail) -> Columns {
        let last = rows.last().map_or(String::new(), |row| millis(row.at));
        let time = MARGIN + mono(&last, NOTE).max(mono("000.0", NOTE));
        let mut lives = lives(run);
        let notes = [Side::Left, Side::Right].map(|side| widest_note(rows, side));

        let mut x = time + GAP;
        let left_notes = strip(&mut x, notes[0]);
        let lived = Lives::of(run);
        let left_processes = strip(&mut x, lifetime::room(&lived.all, Side::Left));
        let widths: Vec<f64> = (0..lives.len())
            .map(|at| widest_state(rows, &lives, at))
            .collect();
        for (life, width) in lives.iter_mut().zip(&widths) {
            if life.side == Side::Left {
                x += if x > time + GAP { GAP } else { 0.0 };
                life.states = strip(&mut x, *width);
                x += GAP;
                life.x = x;
            }
        }
        let (label, width) = wire(run, rows, detail);
        let wire = strip(&mut x, width);
        for (life, width) in lives.iter_mut().zip(&widths) {
            if life.side == Side::Right {
                life.x = x;
                x += GAP;
                life.states = strip(&mut x, *width);
            }
        }
        x += if notes[1] > 0.0 { GAP } else { 0.0 };
        let right_processes = strip(&mut x, lifetime::room(&lived.all, Side::Right));
        let right_notes = strip(&mut x, notes[1]);
        Columns {
            time,
            notes: [left_notes, right_notes],
            processes: [left_processes, right_processes],
            lived,
            lives,
            wire,
            label,
            width: x + MARGIN,
        }
    }

    /// All columns but the times.
    pub(super) fn body(&self) -> Strip {
        Strip {
            start: self.time + GAP,
            end: self.width - MARGIN,
        }
    }

    /// The life line on which a cell stands.
    pub(super) fn life_of_cell(&self, run: &Run, cell: &LaneCell, side: Side) -> usize {
        let endpoints = run.timeline.endpoints();
        let host = endpoints
            .iter()
            .find(|e| e.name == cell.endpoint)
            .map(|e| &e.host);
        life(&self.lives, host, side)
    }

    /// The life lines from which a packet comes and to which it goes.
    pub(super) fn way(&self, arrow: &Arrow) -> [&Life; 2] {
        let from = life(&self.lives, Some(&arrow.packet.from), arrow.toward.other());
        let to = life(&self.lives, arrow.packet.to.as_ref(), arrow.toward);
        [&self.lives[from], &self.lives[to]]
    }
}

/// The life line of a host; the nearest one of the side where it has none of its own.
fn life(lives: &[Life], host: Option<&HostName>, side: Side) -> usize {
    let own = lives
        .iter()
        .position(|life| life.side == side && life.host.is_some() && life.host.as_ref() == host);
    let nearest = || match side {
        Side::Left => lives.iter().rposition(|life| life.side == side),
        Side::Right => lives.iter().position(|life| life.side == side),
    };
    own.or_else(nearest).unwrap_or(0)
}

fn lives(run: &Run) -> Vec<Life> {
    let lanes = Lanes::of(run);
    let nowhere = Strip {
        start: 0.0,
        end: 0.0,
    };
    let line = |side, host, title| Life {
        x: 0.0,
        side,
        host,
        title,
        states: nowhere,
    };
    match run.header.hosts.split_last() {
        Some((last, others)) if others.len() > 1 => {
            let named = |side, host: &HostName| {
                let title = crate::report::text::escape(host.as_str());
                line(side, Some(host.clone()), title)
            };
            let mut lives: Vec<Life> = others.iter().map(|h| named(Side::Left, h)).collect();
            lives.push(named(Side::Right, last));
            lives
        }
        _ => [Side::Left, Side::Right]
            .map(|side| line(side, None, lanes.title(side)))
            .to_vec(),
    }
}

fn strip(x: &mut f64, width: f64) -> Strip {
    let start = *x;
    *x += width;
    Strip { start, end: *x }
}

fn mono(text: &str, size: f64) -> f64 {
    advance(text, size, Face::Mono)
}

fn widest_note(rows: &[Row], side: Side) -> f64 {
    rows.iter()
        .filter_map(Row::happening)
        .filter(|h| h.side == Some(side) && matches!(h.class, Class::Event | Class::Output))
        .map(|h| mono(&h.text, NOTE) + 10.0)
        .fold(0.0, f64::max)
        .min(NOTES)
}

fn widest_state(rows: &[Row], lives: &[Life], at: usize) -> f64 {
    let side = lives[at].side;
    // Which line a cell is on is not known before the lines are; the widest of the side does.
    let states = rows
        .iter()
        .filter_map(|row| row.rung()?.cell(side))
        .map(|cell| mono(&lane_text(cell), STATE) + 16.0);
    states
        .chain([mono("ESTABLISHED", STATE) + 16.0])
        .fold(0.0, f64::max)
        .min(STATES)
}

/// The most telling labels that fit, and the room that they need.
fn wire(run: &Run, rows: &[Row], detail: &Detail) -> (LabelDetail, f64) {
    let [least, most] = WIRE;
    if run.header.place != Place::Wire || detail.wire == WireDetail::Off {
        return (LabelDetail::Flags, least);
    }
    let widest = |label: LabelDetail, segments: bool| {
        rows.iter()
            .filter_map(|row| match &row.kind {
                RowKind::Rung(rung) => rung.arrow.as_ref(),
                _ => None,
            })
            .filter(|arrow| matches!(arrow.packet.body, Body::Tcp(_)) == segments)
            .map(|arrow| {
                let words = mono(&arrow::label(arrow, label), LABEL);
                match (arrow.leg, arrow.end) {
                    (Leg::Whole, End::Delivered) => words + TIPS,
                    _ => (words + TIPS) / HOLD,
                }
            })
            .fold(0.0, f64::max)
    };
    let label = match detail.wire {
        WireDetail::Full => LabelDetail::ALL
            .into_iter()
            .find(|label| widest(*label, true) <= most)
            .unwrap_or(LabelDetail::Flags),
        WireDetail::Flags | WireDetail::Off => LabelDetail::Flags,
    };
    let width = widest(label, true).max(widest(label, false));
    (label, width.clamp(least, most))
}
