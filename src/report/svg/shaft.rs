//! The way of a packet between the life lines, placed: whole, broken off, or in two parts where it
//! was held.

use super::LABEL;
use super::columns::Life;
use super::layout::Layout;
use super::measure::{Face, advance, fold};
use super::scene::{Point, Shaft, Tip, Wait};
use crate::report::arrow;
use crate::report::drawing::arrow_tone;
use crate::report::rows::{Arrow, End, Leg, Side};

/// How much lower an arrow ends than it began.
pub(super) const SLANT: f64 = 16.0;

/// Where a packet waits or is lost, as a part of its way.
pub(super) const HOLD: f64 = 0.72;

impl Layout<'_> {
    /// The packet whose row's arrow begins at this height.
    pub(super) fn shaft(&mut self, arrow: &Arrow, start: f64) -> Shaft {
        let [from, to] = self.columns.way(arrow).map(|life: &Life| life.x);
        let wire = self.columns.wire;
        // Near and far end of the wire as the packet sees it.
        let [near, far] = match arrow.toward {
            Side::Right => [wire.start, wire.end],
            Side::Left => [wire.end, wire.start],
        };
        let hold = near + (far - near) * HOLD;
        let id = arrow.packet.id;
        let resumed = (arrow.leg == Leg::Arrives)
            .then(|| self.held.remove(&id))
            .flatten();
        if let Some(held) = resumed {
            self.scene.waits.push(Wait {
                x: held.x,
                from: held.y,
                to: start,
            });
        }
        let from = match (arrow.leg, resumed) {
            (Leg::Arrives, Some(held)) => held.x,
            (Leg::Arrives, None) => hold,
            _ => from,
        };
        let (to, tip) = match arrow.end {
            End::Delivered => (to, Tip::Arrow),
            End::Dropped if arrow.leg == Leg::Arrives => (from + (far - from) * 0.45, Tip::Cross),
            End::Dropped => (near + (far - near) * HOLD, Tip::Cross),
            End::Held => (self.free_hold(hold, arrow.toward), Tip::Held),
            End::Underway => (self.free_hold(hold, arrow.toward), Tip::Underway),
        };
        // What is only a part of the way falls only a part of the slant.
        let fall = match arrow.leg {
            Leg::Arrives => SLANT,
            _ => SLANT * ((to - from) / (self.far_of(arrow) - from)).clamp(0.0, 1.0),
        };
        let [from, to] = [
            Point { x: from, y: start },
            Point {
                x: to,
                y: start + fall,
            },
        ];
        if matches!(tip, Tip::Held | Tip::Underway) {
            self.held.insert(id, to);
        }
        let label = arrow::label(arrow, self.columns.label);
        let room = wire.width() - 32.0;
        let label = fold(&label, room, LABEL, Face::Mono, 1);
        let width = label
            .lines
            .first()
            .map_or(0.0, |l| advance(l, LABEL, Face::Mono));
        let away = (far - near).signum();
        let label_x = match (arrow.leg, tip) {
            // Before the point where it waited: behind it there is no room.
            (Leg::Arrives, _) => from.x - away * (12.0 + width / 2.0),
            (_, Tip::Arrow) => wire.middle() - 8.0 * away,
            _ => f64::midpoint(near, to.x),
        };
        let middle = match arrow.leg {
            Leg::Arrives => from.y + 4.0,
            _ => from.y + (to.y - from.y) * ((label_x - from.x) / (to.x - from.x)) - 5.0,
        };
        Shaft {
            from,
            to,
            tip,
            resumed: arrow.leg == Leg::Arrives,
            tone: arrow_tone(arrow),
            label,
            label_at: Point {
                x: label_x,
                y: middle,
            },
        }
    }

    fn far_of(&self, arrow: &Arrow) -> f64 {
        let [_, to] = self.columns.way(arrow);
        to.x
    }

    /// Packets that wait at the same time wait beside each other.
    fn free_hold(&self, hold: f64, toward: Side) -> f64 {
        let step = match toward {
            Side::Right => -14.0,
            Side::Left => 14.0,
        };
        let taken = |x: f64| self.held.values().any(|held| (held.x - x).abs() < 7.0);
        let places = (0..6).map(|n| hold + step * f64::from(n));
        places.into_iter().find(|x| !taken(*x)).unwrap_or(hold)
    }
}
