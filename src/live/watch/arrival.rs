//! [`Arrival`]: from kernel events to what they mean for connections.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::belonging::Belonging;
use super::change::{Caller, Note};
use super::connections::{Connections, Told};
use super::remains::Remains;
use crate::event::ToldSegment;
use crate::live::filter::{Condition, Ends};
use crate::live::socket::{LiveSocket, Netns, Nobody, Owners};
use crate::model::{Evidence, SocketFacts, TcpState, TimerKind, Tuple};
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::inet_diag::{Binding, Protocol};
use crate::observe::process::{ProcRoot, ProcessWatch};
use crate::observe::tracepoints::recorder::pids_are_ours;
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
    pids_are_ours: bool,
    names: HashMap<i32, (Arc<str>, Instant)>,
    netns: Option<Netns>,
    /// Whether every listener of the namespace by which a connection can come is known.
    listeners_known: bool,
    /// What happened until then is in the first look.
    pub(super) looked: Duration,
    /// Sockets of which something happened during the first look.
    pub(super) touched: Vec<(SocketAddress, Tuple)>,
    pub(super) remains: Remains,
    /// Connections to whose changes something may be added: a port, holders.
    pub(super) changed: BTreeSet<u64>,
    /// Connections that have no local port yet.
    pub(super) portless: Vec<u64>,
    /// How many changes did not begin where the one before ended.
    pub(super) gaps: u64,
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
            pids_are_ours: pids_are_ours(),
            names: HashMap::new(),
            netns,
            listeners_known: !connections.judge.lasting.has(hides_listeners),
            looked: Duration::ZERO,
            touched: Vec::new(),
            remains: Remains::default(),
            changed: BTreeSet::new(),
            portless: Vec::new(),
            gaps: 0,
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
                self.segment(connections, *what, *socket, *tuple);
                Ok(())
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
            self.touched.push((change.socket, change.tuple));
            return Ok(());
        }
        let begins = matches!(change.old, TcpState::Close | TcpState::Listen)
            && change.new != TcpState::Close;
        match self.known(connections, change) {
            Some(id) if begins => self.take_over(connections, id, event, change)?,
            Some(id) => return self.go_on(connections, diag, id, event, change),
            None if begins => {}
            // A stranger's, or nobody asked for it.
            None => return Ok(()),
        }
        if begins && self.known(connections, change).is_none() {
            self.begin(connections, diag, event, change)?;
        }
        Ok(())
    }

    fn known(&self, connections: &Connections, change: &StateChange) -> Option<u64> {
        let tuple = change.tuple.canonical();
        let by_address = connections.at_address(change.socket).filter(|id| {
            connections.known(*id).is_some_and(|known| {
                let same_peer = known.tuple().canonical().remote == tuple.remote;
                known.lacks_port()
                    || change.tuple.local.port() == 0
                    || known.tuple().canonical() == tuple
                    || (known.port_is_assumed && same_peer)
            })
        });
        // What the first look found has no address yet.
        by_address.or_else(|| {
            connections
                .with_tuple(tuple)
                .filter(|id| (connections.known(*id)).is_some_and(|known| known.address.is_none()))
        })
    }

    /// A socket begins with the addresses of a known one.
    fn take_over(
        &mut self,
        connections: &mut Connections,
        id: u64,
        event: &KernelEvent,
        change: &StateChange,
    ) -> Result<(), DiagError> {
        let Some(known) = connections.known(id) else {
            return Ok(());
        };
        if change.new == TcpState::SynRecv && known.state() == TcpState::SynRecv {
            // The request was there already; this is its child.
            connections.set_address(id, Some(change.socket));
            return Ok(());
        }
        if known.lacks_port() {
            // Where it went from there did not come through the filter.
            connections.forget(id);
            return Ok(());
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
        Ok(())
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
            facts: told_facts(change),
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
        connections.set_address(id, Some(change.socket));
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
        what: ToldSegment,
        socket: Option<SocketAddress>,
        tuple: Tuple,
    ) {
        let id = socket
            .and_then(|socket| connections.at_address(socket))
            .or_else(|| connections.with_tuple(tuple));
        let (note, count) = match what {
            ToldSegment::ResetSent => (Some(Note::ResetSent), &mut self.resets_sent),
            ToldSegment::ResetReceived => (Some(Note::ResetReceived), &mut self.resets_received),
            _ => (None, &mut self.retransmits),
        };
        if let Some(known) = id.and_then(|id| connections.known_mut(id)) {
            *count += 1;
            match note {
                Some(note) => known.note = Some(note),
                None => known.retransmits += 1,
            }
            return;
        }
        // close() sends its RST when the socket is closed already.
        let last = connections
            .telling()
            .iter_mut()
            .rev()
            .take(64)
            .find(|change| change.tuple.canonical() == tuple.canonical());
        if let Some(change) = last {
            *count += 1;
            change.note = change.note.or(note);
        }
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
        if event.in_process
            && !accepted
            && self.pids_are_ours
            && let Some(is_in) = self.belonging.has_process(event.pid)
        {
            return Ok(is_in);
        }
        if connections.with_tuple(change.tuple.reversed()).is_some() {
            return Ok(true);
        }
        if !self.belonging.has_address(change.tuple.local.ip()) {
            return Ok(false);
        }
        if accepted && connections.listeners_of(socket).next().is_some() {
            return Ok(true);
        }
        if diag.query(change.tuple)?.is_some() {
            return Ok(true);
        }
        // Gone already: only its listener could have told.
        Ok(accepted && !self.listeners_known)
    }

    fn caller(&mut self, event: &KernelEvent) -> Option<Caller> {
        if !event.in_process || !self.pids_are_ours || event.pid <= 0 {
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

/// What an event tells of a socket.
fn told_facts(change: &StateChange) -> SocketFacts {
    SocketFacts {
        tuple: change.tuple,
        state: change.new,
        recv_q: 0,
        send_q: 0,
        timer: TimerKind::Off,
        timer_ms: 0,
        retransmits: 0,
        cookie: 0,
        inode: 0,
        uid: 0,
        info: None,
    }
}
