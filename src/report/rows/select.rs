//! From events to rows.

use std::collections::{HashMap, HashSet};

use super::happening::{self, Moment};
use super::{
    Arrow, Class, End, Happening, LaneCell, Lanes, Leg, Row, RowKind, Rung, Side, StepHead,
    condense,
};
use crate::event::{Cause, Event, Kind, Packet, PacketId, SocketKey};
use crate::model::{Holder, ProcessName, Role, TcpState, Tuple, UdpState};
use crate::report::datagram;
use crate::report::palette::Tone;
use crate::report::text::visible;
use crate::report::{Detail, WireDetail};
use crate::run::{Run, Verdict};
use crate::timeline::Endpoint;

/// The rows that show `run` in this detail.
pub fn select(run: &Run, detail: &Detail) -> Vec<Row> {
    let lanes = Lanes::of(run);
    let mut selector = Selector::new(run, detail, &lanes);
    for index in 0..run.timeline.events().len() {
        selector.take(index);
    }
    if detail.all {
        return selector.rows;
    }
    let titles = [lanes.title(Side::Left), lanes.title(Side::Right)];
    condense::condense(selector.rows, [&titles[0], &titles[1]])
}

/// Goes through the events once and remembers what it has shown.
struct Selector<'a> {
    run: &'a Run,
    detail: &'a Detail,
    lanes: &'a Lanes<'a>,
    events: &'a [Event],
    rows: Vec<Row>,
    /// Events that an earlier row shows already.
    used: HashSet<usize>,
    states: HashMap<SocketKey, TcpState>,
    holders: HashMap<SocketKey, (&'a [Holder], &'a [ProcessName])>,
    held_once: HashSet<SocketKey>,
    underway: HashMap<PacketId, &'a Packet>,
    actions: HashMap<usize, usize>,
    quiet: Vec<usize>,
    reaped: HashMap<&'a ProcessName, Vec<usize>>,
}

impl<'a> Selector<'a> {
    fn new(run: &'a Run, detail: &'a Detail, lanes: &'a Lanes<'a>) -> Selector<'a> {
        let events = run.timeline.events();
        let mut actions: HashMap<usize, usize> = HashMap::new();
        let mut quiet = Vec::new();
        let mut reaped: HashMap<&ProcessName, Vec<usize>> = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            match &event.kind {
                Kind::Acted { .. } => *actions.entry(event.step).or_default() += 1,
                Kind::Quiet => quiet.push(index),
                Kind::Reaped { process, .. } => reaped.entry(process).or_default().push(index),
                _ => {}
            }
        }
        Selector {
            run,
            detail,
            lanes,
            events,
            rows: Vec::new(),
            used: HashSet::new(),
            states: HashMap::new(),
            holders: HashMap::new(),
            held_once: HashSet::new(),
            underway: HashMap::new(),
            actions,
            quiet,
            reaped,
        }
    }

    fn take(&mut self, index: usize) {
        let event = &self.events[index];
        if self.used.contains(&index) {
            // Only --all repeats what a rung has shown already.
            if !(self.detail.all && matches!(event.kind, Kind::Delivered { .. })) {
                return;
            }
        }
        match &event.kind {
            Kind::StepBegan => self.push(index, RowKind::Step(self.step_head(event.step))),
            Kind::Socket { key, cause, .. } => self.state_alone(index, *key, *cause),
            Kind::Datagram {
                key, state, facts, ..
            } => {
                let tuple = facts.as_ref().map(|facts| facts.tuple);
                self.datagram(index, *key, *state, tuple);
            }
            Kind::Sent(packet) => self.packet_leaves(index, packet),
            Kind::Delivered { packet } | Kind::Dropped { packet, .. } => {
                if let Some(packet) = self.underway.remove(packet) {
                    self.packet_arrives(index, packet);
                }
                self.tell(index);
            }
            Kind::Holders {
                key,
                holders,
                unreadable,
            } => self.holders(index, *key, holders, unreadable),
            _ => self.tell(index),
        }
    }

    fn push(&mut self, index: usize, kind: RowKind) {
        let event = &self.events[index];
        self.rows.push(Row {
            step: event.step,
            at: event.at,
            events: vec![index],
            kind,
        });
    }

    fn tell(&mut self, index: usize) {
        let event = &self.events[index];
        let zombie = match &event.kind {
            Kind::Exited { process, .. } => self.stays_zombie(index, process),
            _ => false,
        };
        let moment = Moment {
            lanes: self.lanes,
            all: self.detail.all,
            zombie,
            several_actions: self.actions.get(&event.step).is_some_and(|n| *n > 1),
        };
        if let Some(happening) = moment.tell(event) {
            self.push(index, RowKind::Happening(happening));
        }
    }

    fn step_head(&self, step: usize) -> StepHead {
        let result = self.run.steps.get(step);
        let count = |wanted: fn(&Verdict) -> bool| {
            result.map_or(0, |r| {
                r.checks.iter().filter(|c| wanted(&c.verdict)).count()
            })
        };
        let text = match result {
            Some(result) if result.text.is_empty() => "wait".to_owned(),
            Some(result) => visible(&result.text),
            None => self.actions_of(step),
        };
        StepHead {
            number: step + 1,
            text,
            passed: count(|v| matches!(v, Verdict::Pass(_))),
            failed: count(|v| matches!(v, Verdict::Fail(_))),
            inconclusive: count(|v| matches!(v, Verdict::Inconclusive { .. })),
        }
    }

    /// The actions of a step that has no result: the run stopped in it.
    fn actions_of(&self, step: usize) -> String {
        let texts: Vec<String> = self
            .run
            .timeline
            .events_in(step)
            .filter_map(|(_, event)| match &event.kind {
                Kind::Acted { text } => Some(visible(text)),
                _ => None,
            })
            .collect();
        texts.join("; ")
    }

    /// Whether nothing was about to happen while an event's effect still held: a quiet point, or
    /// the end of the run, came before `until`.
    fn lasts(&self, from: usize, until: Option<usize>) -> bool {
        let Some(until) = until else { return true };
        let next = self.quiet.partition_point(|quiet| *quiet < from);
        self.quiet.get(next).is_some_and(|quiet| *quiet < until)
    }

    fn stays_zombie(&self, index: usize, process: &ProcessName) -> bool {
        let reaped = self
            .reaped
            .get(process)
            .and_then(|at| at.iter().copied().find(|at| *at > index));
        self.lasts(index, reaped)
    }

    fn cell(&self, index: usize, endpoint: &Endpoint, state: TcpState) -> LaneCell {
        let position = endpoint.history.iter().position(|c| c.event == index);
        let evidence = position.map_or(crate::model::Evidence::Seen, |at| {
            endpoint.history[at].evidence
        });
        let next = position.and_then(|at| {
            endpoint.history[at + 1..]
                .iter()
                .find(|c| c.state != state)
                .map(|c| c.event)
        });
        LaneCell {
            endpoint: endpoint.name.clone(),
            label: self.lanes.label(endpoint),
            state: Some((state, evidence)),
            tone: Tone::of_state(state, self.lasts(index, next)),
        }
    }

    /// The cell for a change of state; nothing when it changes nothing that is to be seen.
    fn change(&mut self, index: usize) -> Option<(Side, LaneCell)> {
        let Kind::Socket { key, state, .. } = &self.events[index].kind else {
            return None;
        };
        let before = self.states.insert(*key, *state);
        if before == Some(*state) && !self.detail.all {
            return None;
        }
        let endpoint = self.lanes.endpoint(*key)?;
        Some((
            self.lanes.side(endpoint),
            self.cell(index, endpoint, *state),
        ))
    }

    /// A state that no row of a segment shows. Both ends seen in one sample share a row.
    fn state_alone(&mut self, index: usize, key: SocketKey, cause: Option<Cause>) {
        let at = self.events[index].at;
        let Some((side, cell)) = self.change(index) else {
            return;
        };
        if let Some(last) = self.rows.last_mut()
            && last.at == at
            && let RowKind::Rung(rung) = &mut last.kind
            && rung.arrow.is_none()
            && rung.cell(side).is_none()
            && cause != Some(Cause::Timer)
        {
            *rung.cell_mut(side) = Some(cell);
            last.events.push(index);
            return;
        }
        let mut rung = Rung::default();
        *rung.cell_mut(side) = Some(cell);
        self.push(index, RowKind::Rung(Box::new(rung)));
        if cause == Some(Cause::Timer)
            && let Some(endpoint) = self.lanes.endpoint(key)
        {
            let happening = Happening {
                text: format!("{}: a timer expired", endpoint.name),
                tone: Tone::Plain,
                side: Some(side),
                class: Class::Event,
            };
            self.push(index, RowKind::Happening(happening));
        }
    }

    /// What a UDP socket is now: words in its lane, since it has no states.
    fn datagram(&mut self, index: usize, key: SocketKey, state: UdpState, tuple: Option<Tuple>) {
        let Some(endpoint) = self.lanes.endpoint(key) else {
            return;
        };
        let name = match self.lanes.label(endpoint) {
            label if label.is_empty() => Role::Datagram.word().to_owned(),
            label => label,
        };
        let mut rung = Rung::default();
        *rung.cell_mut(self.lanes.side(endpoint)) = Some(LaneCell {
            endpoint: endpoint.name.clone(),
            label: format!("{name} {}", datagram::words(state, tuple)),
            state: None,
            tone: datagram::tone(state),
        });
        self.push(index, RowKind::Rung(Box::new(rung)));
    }

    fn holders(
        &mut self,
        index: usize,
        key: SocketKey,
        holders: &'a [Holder],
        unreadable: &'a [ProcessName],
    ) {
        let before = self.holders.insert(key, (holders, unreadable));
        let held_before = self.held_once.contains(&key);
        if !holders.is_empty() {
            self.held_once.insert(key);
        }
        let state = self.states.get(&key).copied().unwrap_or(TcpState::Close);
        let gone = state == TcpState::Close && holders.is_empty();
        if (before == Some((holders, unreadable)) || gone) && !self.detail.all {
            return;
        }
        let Some(endpoint) = self.lanes.endpoint(key) else {
            return;
        };
        let happening = Happening {
            text: format!(
                "{} {}",
                endpoint.name,
                happening::holders(holders, unreadable, state, held_before)
            ),
            tone: Tone::Faint,
            side: Some(self.lanes.side(endpoint)),
            class: Class::Event,
        };
        self.push(index, RowKind::Happening(happening));
    }

    /// A packet leaves: one row for its whole way when it arrives before anything else moves.
    fn packet_leaves(&mut self, index: usize, packet: &'a Packet) {
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
    fn packet_arrives(&mut self, index: usize, packet: &'a Packet) {
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
                Kind::Sent(other) if other.from == packet.from => {}
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
                self.add_arrow(&mut rung, packet, leg, end);
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

    fn add_arrow(&self, rung: &mut Rung, packet: &Packet, leg: Leg, end: End) {
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
            if let Some(endpoint) = endpoint {
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
