//! [`Arrival`]: from kernel events to what they mean for connections.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::belonging::Belonging;
use super::change::{Caller, Note};
use super::connections::{Connections, Told};
use super::remains::Remains;
use super::whose::{Whose, ask, whose};
use crate::event::ToldSegment;
use crate::live::filter::{Condition, Ends};
use crate::live::socket::{LiveSocket, Netns, Nobody, Owners};
use crate::model::{Evidence, SocketFacts, TcpState, Tuple};
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::inet_diag::{Binding, Protocol};
use crate::observe::process::{ProcRoot, ProcessWatch};
use crate::observe::tracepoints::{KernelEvent, SocketAddress, StateChange, What};

/// How many names of processes are remembered, and how long.
const NAMES: (usize, Duration) = (1024, Duration::from_secs(2));
/// For as long after the first look, what does not fit is that look's fault.
const UNSETTLED: Duration = Duration::from_millis(200);

/// What is needed to understand kernel events.
#[derive(Debug)]
pub(super) struct Arrival {
    root: ProcRoot,
    belonging: Belonging,
    names: HashMap<i32, (Arc<str>, Instant)>,
    netns: Option<Netns>,
    /// Whether every listener of the namespace by which a connection can come is known.
    listeners_known: bool,
    /// What happened until then is in the first look.
    pub(super) looked: Duration,
    /// The addresses of sockets of which something happened during the first look.
    pub(super) touched: Vec<Tuple>,
    pub(super) remains: Remains,
    /// Connections to whose changes something may be added: a port, holders.
    pub(super) changed: BTreeSet<u64>,
    /// Connections that have no local port yet.
    pub(super) portless: Vec<u64>,
    /// How many changes did not begin where the one before ended.
    pub(super) gaps: u64,
    /// How many events were left out that may be of sockets in another namespace.
    pub(super) unplaced: u64,
    /// Whether a dump has to tell what could not be decided.
    pub(super) must_audit: bool,
    /// Sockets that ended in this batch of events, and in the one before.
    closed: (HashMap<SocketAddress, Tuple>, HashMap<SocketAddress, Tuple>),
    pub(super) resets_sent: u64,
    pub(super) resets_received: u64,
    pub(super) retransmits: u64,
}

impl Arrival {
    pub(super) fn new(
        root: ProcRoot,
        belonging: Belonging,
        connections: &Connections,
        netns: Option<Netns>,
    ) -> Arrival {
        let hides_listeners = |condition: &Condition| {
            matches!(
                condition,
                Condition::End(Ends::Remote, _)
                    | Condition::Pid(_)
                    | Condition::Name(_)
                    | Condition::User(_)
            )
        };
        Arrival {
            root,
            belonging,
            names: HashMap::new(),
            netns,
            listeners_known: !connections.judge.lasting.has(hides_listeners),
            looked: Duration::ZERO,
            touched: Vec::new(),
            remains: Remains::default(),
            changed: BTreeSet::new(),
            portless: Vec::new(),
            gaps: 0,
            unplaced: 0,
            must_audit: false,
            closed: Default::default(),
            resets_sent: 0,
            resets_received: 0,
            retransmits: 0,
        }
    }

    pub(super) fn event(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
    ) -> Result<(), DiagError> {
        match &event.what {
            What::State(change) => self.state(connections, diag, event, change),
            What::Segment {
                what,
                socket,
                tuple,
            } if event.at > self.looked => {
                self.segment(connections, diag, event, (*what, *socket, *tuple))
            }
            _ => Ok(()),
        }
    }

    fn state(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        change: &StateChange,
    ) -> Result<(), DiagError> {
        if change.old == change.new {
            return Ok(());
        }
        if event.at <= self.looked {
            self.touched.push(change.tuple);
            return Ok(());
        }
        let begins = change.begins();
        let known = match self.known_at(connections, diag, event, change)? {
            Some(id) => Some(id),
            None => match self.known_by_tuple(connections, diag, event, change)? {
                (Some(id), Whose::Its) => {
                    if let Some(known) = connections.known_mut(id).filter(|_| !begins) {
                        known.address_is_assumed = true;
                    }
                    Some(id)
                }
                (None, _) => None,
                // Only a dump tells which of them it was.
                (Some(_), Whose::Siblings) => {
                    self.must_audit |= !begins;
                    None
                }
                (Some(_), Whose::Strangers) => return Ok(()),
                (Some(_), Whose::Unknown) => {
                    self.must_audit = true;
                    self.unplaced += 1;
                    return Ok(());
                }
            },
        };
        match known {
            Some(id) if begins => {
                if !self.take_over(connections, id, event, change) {
                    return Ok(());
                }
            }
            Some(id) => return self.go_on(connections, diag, id, event, change),
            None if begins => {}
            // A stranger's, or nobody asked for it.
            None => return Ok(()),
        }
        self.begin(connections, diag, event, change)
    }

    fn known_at(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        change: &StateChange,
    ) -> Result<Option<u64>, DiagError> {
        let tuple = change.tuple.canonical();
        let known = connections
            .at_address(change.socket)
            .and_then(|id| connections.known(id))
            .filter(|known| {
                let same_peer = known.tuple().canonical().remote == tuple.remote;
                known.lacks_port()
                    || change.tuple.local.port() == 0
                    || known.tuple().canonical() == tuple
                    || (known.port_is_assumed && same_peer)
            });
        let Some(known) = known else {
            return Ok(None);
        };
        let id = known.id;
        if !known.address_is_assumed || change.begins() {
            return Ok(Some(id));
        }
        // Two that did the same at the same time: the first thing that only one of them does
        // tells them apart.
        match whose(known, diag, &mut self.belonging, event, change)? {
            Whose::Strangers | Whose::Siblings => {
                connections.set_address(id, None);
                Ok(None)
            }
            Whose::Its | Whose::Unknown => Ok(Some(id)),
        }
    }

    /// The known one with the same addresses, and whether it can be meant: what the first look
    /// found has no address in the kernel's memory yet.
    fn known_by_tuple(
        &mut self,
        connections: &Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        change: &StateChange,
    ) -> Result<(Option<u64>, Whose), DiagError> {
        let known = connections
            .with_tuple(change.tuple)
            .and_then(|id| connections.known(id))
            .filter(|known| change.begins() || known.address.is_none());
        match known {
            // No event tells of it any more.
            Some(known) if known.remains && !change.begins() => {
                Ok((Some(known.id), Whose::Strangers))
            }
            Some(known) => {
                let whose = whose(known, diag, &mut self.belonging, event, change)?;
                Ok((Some(known.id), whose))
            }
            None => Ok((None, Whose::Unknown)),
        }
    }

    /// A socket begins where a known one was. Whether it is another one.
    fn take_over(
        &mut self,
        connections: &mut Connections,
        id: u64,
        event: &KernelEvent,
        change: &StateChange,
    ) -> bool {
        let Some(known) = connections.known(id) else {
            return true;
        };
        if change.new == TcpState::SynRecv && known.state() == TcpState::SynRecv {
            // The request was there already; this is its child.
            connections.set_address(id, Some(change.socket));
            return false;
        }
        if known.lacks_port() {
            // Where it went from there did not come through the filter.
            connections.forget(id);
            return true;
        }
        if !known.remains && self.is_settled(event) {
            self.gaps += 1;
        }
        let told = Told {
            at: event.at,
            evidence: Evidence::Inferred,
            caller: None,
        };
        let old = known.state();
        connections.change(id, old, None, told);
        true
    }

    fn begin(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        change: &StateChange,
    ) -> Result<(), DiagError> {
        let socket = LiveSocket {
            protocol: Protocol::Tcp,
            netns: self.netns,
            binding: Binding::default(),
            facts: SocketFacts::unasked(change.tuple, change.new),
        };
        let has_port = socket.facts.tuple.local.port() != 0;
        if has_port && !connections.judge.may_mean(&socket) {
            return Ok(());
        }
        if !self.belongs(connections, diag, event, change, &socket)? {
            return Ok(());
        }
        let caller = self.caller(event);
        let id = connections.add(socket, Owners::NotAsked);
        connections.set_address(id, Some(change.socket));
        if let (Some(known), Some(caller)) = (connections.known_mut(id), &caller) {
            known.worked_with(caller);
        }
        let old = match change.old {
            // The listener's state, not its own.
            TcpState::Listen => TcpState::Close,
            old => old,
        };
        let told = Told {
            at: event.at,
            evidence: Evidence::Traced,
            caller,
        };
        connections.appear(id, Some(old), told);
        self.changed.insert(id);
        if !has_port {
            self.portless.push(id);
        }
        Ok(())
    }

    fn go_on(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        id: u64,
        event: &KernelEvent,
        change: &StateChange,
    ) -> Result<(), DiagError> {
        let caller = self.caller(event);
        let Some(known) = connections.known_mut(id) else {
            return Ok(());
        };
        if let Some(caller) = &caller {
            known.worked_with(caller);
        }
        let (state, remains) = (known.state(), known.remains);
        let lacks_port = known.lacks_port() || known.port_is_assumed;
        if remains {
            return Ok(());
        }
        let is_assumed = known.address_is_assumed
            && self
                .belonging
                .has_caller(event, change.old == TcpState::Listen)
                != Some(true);
        connections.set_address(id, Some(change.socket));
        if let Some(known) = connections.known_mut(id) {
            known.address_is_assumed = is_assumed;
        }
        if lacks_port && change.tuple.local.port() != 0 {
            connections.set_tuple(id, change.tuple);
            let means = connections
                .known(id)
                .is_some_and(|known| connections.judge.may_mean(&known.socket));
            if !means {
                connections.forget(id);
                return Ok(());
            }
        }
        if state != change.old && self.is_settled(event) {
            self.gaps += 1;
        }
        self.changed.insert(id);
        let told = Told {
            at: event.at,
            evidence: Evidence::Traced,
            caller,
        };
        let may_leave_remains = change.new == TcpState::Close
            && matches!(change.old, TcpState::FinWait2 | TcpState::Closing);
        if may_leave_remains && self.leaves_remains(connections, diag, id, change, &told)? {
            return Ok(());
        }
        if change.new == TcpState::Close {
            self.closed.0.insert(change.socket, change.tuple);
        }
        connections.change(id, change.old, Some(change.new), told);
        Ok(())
    }

    /// The full socket is gone; the kernel may keep TIME_WAIT or FIN_WAIT2 in its place.
    fn leaves_remains(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        id: u64,
        change: &StateChange,
        told: &Told,
    ) -> Result<bool, DiagError> {
        let found = diag.query(change.tuple)?;
        let kept = found.filter(|facts| {
            facts.inode == 0 && matches!(facts.state, TcpState::TimeWait | TcpState::FinWait2)
        });
        let Some(facts) = kept else {
            return Ok(false);
        };
        let state = facts.state;
        connections.set_address(id, None);
        let nobody = connections.known(id).map(|known| {
            let socket = LiveSocket {
                facts: facts.clone(),
                ..known.socket.clone()
            };
            Nobody::of(&socket, false)
        });
        connections.set_facts(id, facts);
        if let Some(nobody) = nobody {
            connections.set_owners(id, Owners::Nobody(nobody));
        }
        if state != change.old {
            let told = Told {
                evidence: Evidence::Seen,
                ..told.clone()
            };
            connections.change(id, change.old, Some(state), told);
        }
        self.remains.add(connections, id, told.at);
        Ok(true)
    }

    fn segment(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        (what, socket, tuple): (ToldSegment, Option<SocketAddress>, Tuple),
    ) -> Result<(), DiagError> {
        let id = match socket.and_then(|socket| connections.at_address(socket)) {
            Some(id) => Some(id),
            None => self.segment_by_tuple(connections, diag, event, what, tuple)?,
        };
        let note = match what {
            ToldSegment::ResetSent => Some(Note::ResetSent),
            ToldSegment::ResetReceived => Some(Note::ResetReceived),
            _ => None,
        };
        if let Some(known) = id.and_then(|id| connections.known_mut(id)) {
            match note {
                Some(note) => known.note = Some(note),
                None => known.retransmits += 1,
            }
            self.count(what);
            return Ok(());
        }
        // close() sends its RST when the socket is closed already, maybe a batch later.
        let closed = |socket| {
            let (now, before) = &self.closed;
            now.get(&socket).or_else(|| before.get(&socket)).copied()
        };
        let Some(closed) = socket.and_then(closed) else {
            return Ok(());
        };
        if closed.canonical() != tuple.canonical() {
            return Ok(());
        }
        self.count(what);
        let telling = connections.telling().iter_mut().rev();
        let last = telling.take(64).find(|change| change.tuple == closed);
        if let Some(change) = last {
            change.note = change.note.or(note);
        }
        Ok(())
    }

    /// The known one with these addresses of which an event without a known address tells.
    fn segment_by_tuple(
        &mut self,
        connections: &Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        what: ToldSegment,
        tuple: Tuple,
    ) -> Result<Option<u64>, DiagError> {
        let known = connections
            .with_tuple(tuple)
            .and_then(|id| connections.known(id))
            .filter(|known| known.address.is_none());
        let Some(known) = known else {
            return Ok(None);
        };
        if self.belonging.has_caller(event, false) == Some(false) {
            return Ok(None);
        }
        let told = match ask(known, diag)? {
            // Whoever gets or sends an RST is not what it was.
            Some(found) if what != ToldSegment::Retransmitted => {
                found.state != known.state() || known.state() == TcpState::TimeWait
            }
            Some(found) => found.retransmits > 0,
            None => true,
        };
        Ok(Some(known.id).filter(|_| told))
    }

    fn count(&mut self, what: ToldSegment) {
        match what {
            ToldSegment::ResetSent => self.resets_sent += 1,
            ToldSegment::ResetReceived => self.resets_received += 1,
            _ => self.retransmits += 1,
        }
    }

    /// All events of a batch were taken in.
    pub(super) fn batch_ends(&mut self) {
        self.closed.1 = std::mem::take(&mut self.closed.0);
    }

    /// Whether the socket is in the namespace that is watched.
    fn belongs(
        &mut self,
        connections: &Connections,
        diag: &DiagSocket,
        event: &KernelEvent,
        change: &StateChange,
        socket: &LiveSocket,
    ) -> Result<bool, DiagError> {
        let accepted = change.old == TcpState::Listen;
        if let Some(is_in) = self.belonging.has_caller(event, accepted) {
            return Ok(is_in);
        }
        if connections.with_tuple(change.tuple.reversed()).is_some() {
            return Ok(true);
        }
        let local = change.tuple.local.ip();
        if !self.belonging.has_address(local) {
            return Ok(false);
        }
        let listens = accepted && connections.listeners_of(socket).next().is_some();
        // Every namespace has a loopback, but what goes over it stays in it.
        let is_everywhere = local.to_canonical().is_loopback();
        if listens && !is_everywhere || diag.query(change.tuple)?.is_some() {
            return Ok(true);
        }
        // Gone already: only its listener could have told.
        let may_belong = listens || (accepted && !self.listeners_known);
        if may_belong && is_everywhere && !self.belonging.is_alone() {
            self.unplaced += 1;
            return Ok(false);
        }
        Ok(may_belong)
    }

    fn caller(&mut self, event: &KernelEvent) -> Option<Caller> {
        if !self.belonging.knows_caller(event) {
            return None;
        }
        let pid = event.pid;
        if let Some((name, at)) = self.names.get(&pid)
            && at.elapsed() < NAMES.1
        {
            let name = Arc::clone(name);
            return Some(Caller { pid, name });
        }
        let stat = ProcessWatch::open(&self.root, pid)
            .ok()
            .flatten()
            .and_then(|watch| watch.stat().ok().flatten());
        let name: Arc<str> = stat.map_or_else(|| "".into(), |stat| stat.comm.into());
        if self.names.len() >= NAMES.0 {
            self.names.clear();
        }
        self.names.insert(pid, (Arc::clone(&name), Instant::now()));
        Some(Caller { pid, name })
    }

    fn is_settled(&self, event: &KernelEvent) -> bool {
        event.at > self.looked + UNSETTLED
    }
}
