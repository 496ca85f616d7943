//! From events to rows.

use std::collections::{HashMap, HashSet};

use super::happening::{self, Moment, Unheld};
use super::pids::{Named, Pids};
use super::threads::Threads;
use super::{
    Class, Happening, LaneCell, Lanes, Row, RowKind, Rung, Side, StepHead, WindowNews, condense,
    held, windows,
};
use crate::causes::{self, Causes};
use crate::event::{Cause, Event, Kind, Packet, PacketId, SocketKey, Source};
use crate::model::{Holder, ProcessName, Role, TcpState, Tuple, UdpState};
use crate::report::palette::Tone;
use crate::report::text::{escape, visible};
use crate::report::{Detail, datagram};
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

/// Each event in words, also those that change nothing; nothing for what rows show otherwise:
/// steps, states and segments.
pub(in crate::report) fn words(run: &Run) -> Vec<Option<String>> {
    let lanes = Lanes::of(run);
    let detail = Detail {
        all: true,
        ..Detail::default()
    };
    let mut selector = Selector::new(run, &detail, &lanes);
    let events = selector.events.iter().enumerate();
    events
        .map(|(index, event)| {
            selector.note_inode(event);
            match &event.kind {
                Kind::Socket { key, state, .. } => {
                    selector.states.insert(*key, *state);
                    None
                }
                Kind::Holders {
                    key,
                    holders,
                    unreadable,
                } => Some(selector.holding(*key, holders, unreadable)),
                _ => Some(selector.moment(index).tell(event)?.text),
            }
        })
        .collect()
}

/// Goes through the events once and remembers what it has shown.
pub(super) struct Selector<'a> {
    pub(super) run: &'a Run,
    pub(super) detail: &'a Detail,
    pub(super) lanes: &'a Lanes<'a>,
    pub(super) events: &'a [Event],
    pub(super) rows: Vec<Row>,
    /// Events that an earlier row shows already.
    pub(super) used: HashSet<usize>,
    states: HashMap<SocketKey, TcpState>,
    /// Of the sockets that had one when the kernel was asked last.
    inodes: HashMap<SocketKey, u32>,
    holders: HashMap<SocketKey, (&'a [Holder], &'a [ProcessName])>,
    held_once: HashSet<SocketKey>,
    pub(super) underway: HashMap<PacketId, &'a Packet>,
    pub(super) windows: HashMap<PacketId, WindowNews>,
    /// The last row of each side that says who holds a socket.
    shared: [Option<held::Shared>; 2],
    causes: Causes,
    threads: Threads<'a>,
    pids: Pids<'a>,
    actions: HashMap<usize, usize>,
    /// What each process installed last for each signal.
    actions_on: HashMap<(&'a ProcessName, &'a str), &'a String>,
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
            inodes: HashMap::new(),
            holders: HashMap::new(),
            held_once: HashSet::new(),
            underway: HashMap::new(),
            windows: windows::news(&run.timeline),
            shared: [None, None],
            causes: causes::read(&run.timeline),
            threads: Threads::of(events),
            pids: Pids::of(events),
            actions,
            actions_on: HashMap::new(),
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
        self.note_inode(event);
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

    fn note_inode(&mut self, event: &Event) {
        if let Kind::Socket {
            key,
            facts: Some(facts),
            ..
        }
        | Kind::Gauges { key, facts } = &event.kind
        {
            self.inodes.insert(*key, facts.inode);
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
        if !self.detail.all && self.is_said_again(event) {
            return;
        }
        if let Some(happening) = self.moment(index).tell(event) {
            self.push(index, RowKind::Happening(happening));
        }
    }

    /// What is known when an event comes.
    fn moment(&self, index: usize) -> Moment<'_> {
        let event = &self.events[index];
        let zombie = match &event.kind {
            Kind::Exited { process, .. } => self.stays_zombie(index, process),
            _ => false,
        };
        let links = &self.causes.links;
        let from = links.partition_point(|link| link.event < index);
        let to = links.partition_point(|link| link.event <= index);
        Moment {
            links: &links[from..to],
            subject: self.causes.subjects.get(&index).copied(),
            thread: match &event.kind {
                Kind::Called { process, call } => self.threads.number(process, call),
                _ => None,
            },
            named: match &event.kind {
                Kind::Called { call, .. } => self.pids.named(call, index),
                _ => Named::default(),
            },
            before: &self.events[..index],
            lanes: self.lanes,
            all: self.detail.all,
            zombie,
            traced: self.run.header.observers.contains(&Source::Syscalls),
            several_actions: self.actions.get(&event.step).is_some_and(|n| *n > 1),
        }
    }

    /// Whether a process installs for a signal what it had installed last: some libraries do so
    /// around each of their calls.
    fn is_said_again(&mut self, event: &'a Event) -> bool {
        let Kind::Called { process, call } = &event.kind else {
            return false;
        };
        let signal = call.args.split(',').next().unwrap_or_default();
        call.name == "rt_sigaction"
            && !call.args.ends_with("NULL")
            && self.actions_on.insert((process, signal), &call.args) == Some(&call.args)
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
    pub(super) fn change(&mut self, index: usize) -> Option<(Side, LaneCell)> {
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
            self.listener_gone(index, key);
            return;
        }
        let mut rung = Rung::default();
        *rung.cell_mut(side) = Some(cell);
        self.push(index, RowKind::Rung(Box::new(rung)));
        self.listener_gone(index, key);
        if cause == Some(Cause::Timer)
            && let Some(endpoint) = self.lanes.endpoint(key)
        {
            let happening = Happening {
                text: format!("{}: a timer expired", escape(endpoint.name.as_str())),
                tone: Tone::Plain,
                side: Some(side),
                class: Class::Event,
            };
            self.push(index, RowKind::Happening(happening));
        }
    }

    /// Says whose CLOSE it is when a listener without a label goes: it could be a connection's.
    fn listener_gone(&mut self, index: usize, key: SocketKey) {
        let closed = self.states.get(&key) == Some(&TcpState::Close);
        let Some(endpoint) = self.lanes.endpoint(key).filter(|_| closed) else {
            return;
        };
        if endpoint.role == Role::Listener && self.lanes.label(endpoint).is_empty() {
            let happening = Happening {
                text: format!("{} gone", escape(endpoint.name.as_str())),
                tone: Tone::Faint,
                side: Some(self.lanes.side(endpoint)),
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
        let text = self.holding(key, holders, unreadable);
        let state = self.states.get(&key).copied().unwrap_or(TcpState::Close);
        let gone = state == TcpState::Close && holders.is_empty();
        if (before == Some((holders, unreadable)) || gone) && !self.detail.all {
            return;
        }
        let Some(endpoint) = self.lanes.endpoint(key) else {
            return;
        };
        let side = self.lanes.side(endpoint);
        let said = match before {
            Some((before, [])) if unreadable.is_empty() => held::said(before, holders),
            _ => held::Said::whole(holders),
        };
        if self.detail.all || !unreadable.is_empty() {
            let text = format!("{} {text}", escape(endpoint.name.as_str()));
            self.push(index, held::row(side, text));
            return;
        }
        let words = said.words(|| text.clone());
        let name = escape(endpoint.name.as_str());
        // Several sockets of which one look says the same share a row.
        if let Some(shared) = &mut self.shared[side as usize]
            && shared.said == said
            && held::is_one_look(&self.events[shared.last..index])
            && let Some(row) = self.rows.get_mut(shared.row)
        {
            shared.names.push(name);
            shared.last = index;
            row.events.push(index);
            row.kind = held::row(side, held::together(&shared.names, &said, &words));
            return;
        }
        self.shared[side as usize] = Some(held::Shared {
            row: self.rows.len(),
            last: index,
            said,
            names: vec![name.clone()],
        });
        self.push(index, held::row(side, format!("{name} {words}")));
    }

    /// Who has the socket open from now on, in words.
    fn holding(
        &mut self,
        key: SocketKey,
        holders: &[Holder],
        unreadable: &[ProcessName],
    ) -> String {
        let held_before = self.held_once.contains(&key);
        if !holders.is_empty() {
            self.held_once.insert(key);
        }
        let state = self.states.get(&key).copied().unwrap_or(TcpState::Close);
        let inode = self.inodes.get(&key).copied().unwrap_or(0);
        let unheld = Unheld::of(state, inode, held_before);
        happening::holders(holders, unreadable, unheld)
    }
}
