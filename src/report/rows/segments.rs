//! The rows of packets: leaving and arrival in one row where nothing comes between, otherwise in
//! two.

use super::select::Selector;
use super::{Arrow, End, LaneCell, Leg, Row, RowKind, Rung, Side};
use crate::event::{Cause, Kind, Packet};
use crate::report::WireDetail;
use crate::report::palette::Tone;
use crate::timeline::Endpoint;

impl<'a> Selector<'a> {
    /// A packet leaves: one row for its whole way when it arrives before anything else moves.
    pub(super) fn packet_leaves(&mut self, index: usize, packet: &'a Packet) {
        let fate = self.look_ahead(index, packet);
        let (leg, end) = match fate.end {
            End::Delivered | End::Dropped => (Leg::Whole, fate.end),
            End::Held | End::Underway => {
                self.underway.insert(packet.id, packet);
                (Leg::Leaves, fate.end)
            }
        };
        self.draw(index, packet, leg, end, &fate);
        self.used.extend(fate.shown);
    }

    /// A packet that left in an earlier row arrives, or is lost after all.
    pub(super) fn packet_arrives(&mut self, index: usize, packet: &'a Packet) {
        let dropped = matches!(self.events[index].kind, Kind::Dropped { .. });
        let mut fate = self.look_ahead(index, packet);
        fate.end = if dropped {
            End::Dropped
        } else {
            End::Delivered
        };
        self.draw(index, packet, Leg::Arrives, fate.end, &fate);
        self.used.extend(fate.shown);
    }

    /// What becomes of `packet` from `index` on, until another packet moves or another socket
    /// changes.
    fn look_ahead(&self, index: usize, packet: &Packet) -> Fate {
        let mut fate = Fate {
            end: End::Underway,
            states: Vec::new(),
            shown: Vec::new(),
        };
        for (later, event) in self.events.iter().enumerate().skip(index + 1) {
            match &event.kind {
                Kind::Socket {
                    cause: Some(Cause::Sent(id) | Cause::Received(id)),
                    ..
                } if *id == packet.id => {
                    fate.states.push(later);
                    fate.shown.push(later);
                }
                Kind::Delivered { packet: id } if *id == packet.id => {
                    fate.end = End::Delivered;
                    fate.shown.push(later);
                }
                // The reason is a row of its own.
                Kind::Dropped { packet: id, .. } if *id == packet.id => {
                    fate.end = End::Dropped;
                    break;
                }
                Kind::Held { packet: id } if *id == packet.id => {
                    fate.end = End::Held;
                    fate.shown.push(later);
                    break;
                }
                // A burst: the others that leave with it do not cross it.
                Kind::Sent(other) if other.from == packet.from && fate.end == End::Underway => {}
                Kind::Delivered { .. } => {}
                Kind::StepBegan
                | Kind::Quiet
                | Kind::Sent(_)
                | Kind::Socket { .. }
                | Kind::Dropped { .. }
                | Kind::Held { .. } => break,
                _ => {}
            }
        }
        fate
    }

    /// The rung of a packet, and one more for every further state that it leads to.
    fn draw(&mut self, index: usize, packet: &Packet, leg: Leg, end: End, fate: &Fate) {
        let mut queues: [Vec<(usize, LaneCell)>; 2] = [Vec::new(), Vec::new()];
        for state in &fate.states {
            if let Some((side, cell)) = self.change(*state) {
                queues[side as usize].push((*state, cell));
            }
        }
        let [mut left, mut right] = queues.map(Vec::into_iter);
        let mut first = true;
        loop {
            let mut events = if first { vec![index] } else { Vec::new() };
            let mut rung = Rung::default();
            for (queue, side) in [(&mut left, Side::Left), (&mut right, Side::Right)] {
                if let Some((event, cell)) = queue.next() {
                    events.push(event);
                    *rung.cell_mut(side) = Some(cell);
                }
            }
            if first {
                events.extend(fate.shown.iter().filter(|e| !fate.states.contains(e)));
                self.add_arrow(index, &mut rung, packet, leg, end);
            }
            if events.is_empty() {
                return;
            }
            first = false;
            let no_wire = self.detail.wire == WireDetail::Off;
            if no_wire && !rung.changes_a_state() {
                continue;
            }
            let event = &self.events[index];
            self.rows.push(Row {
                step: event.step,
                at: event.at,
                events,
                kind: RowKind::Rung(Box::new(rung)),
            });
        }
    }

    fn add_arrow(&self, index: usize, rung: &mut Rung, packet: &Packet, leg: Leg, end: End) {
        if self.detail.wire == WireDetail::Off {
            return;
        }
        let (from, to) = self.lanes.way(packet);
        let [sender, receiver] = self.run.timeline.ends(packet);
        for (side, endpoint) in [(from, sender), (to, receiver)] {
            // Where a lane has several endpoints, say whose packet it is.
            if rung.cell(side).is_some() {
                continue;
            }
            // A SYN that nobody answers arrives at no socket, even if a later one leads to one.
            let exists = |endpoint: &&Endpoint| {
                let first = endpoint.history.first();
                first.is_none_or(|change| change.event <= index)
            };
            if let Some(endpoint) = endpoint.filter(exists) {
                let label = self.lanes.label(endpoint);
                if !label.is_empty() {
                    *rung.cell_mut(side) = Some(LaneCell {
                        endpoint: endpoint.name.clone(),
                        label,
                        state: None,
                        tone: Tone::Faint,
                    });
                }
            }
        }
        rung.arrow = Some(Arrow {
            packet: packet.clone(),
            toward: from.other(),
            leg,
            end,
            window: self.windows.get(&packet.id).copied(),
        });
    }
}

/// What becomes of a packet.
struct Fate {
    end: End,
    /// The changes of state that it leads to: indices into the timeline.
    states: Vec<usize>,
    /// The events that its row shows.
    shown: Vec<usize>,
}
