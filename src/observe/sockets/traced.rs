//! What the kernel itself tells of the run's TCP sockets: every change of state, also of those
//! that last shorter than the time between two looks.
//!
//! A socket is known by its place in the kernel's memory from its first change to its last. It is
//! the run's when connect(2) was called by a process of the run, when it is the other end of one
//! that is the run's, or when a look has found it with these addresses. Mini-sockets (TIME_WAIT,
//! FIN_WAIT2 without a holder) are no sockets to the tracepoint: what comes after the full socket's
//! end is looked at.

mod asked;
mod chain;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use self::chain::{Chain, Link};
use super::{Known, Sockets, timer_end};
use crate::driver::recorder::Recorder;
use crate::event::{Aspect, Kind, SocketKey, Source, ToldSegment};
use crate::model::{Evidence, ProgramName, SocketFacts, TcpState, Tuple};
use crate::observe::holders::HoldersByInode;
use crate::observe::inet_diag::Protocol;
use crate::observe::tracepoints::shared::{Shared, Subscription};
use crate::observe::tracepoints::{KernelEvent, SocketAddress, StateChange, What};

/// Kernel events of sockets that belong to the run, or may.
#[derive(Debug)]
pub(super) struct Traced {
    events: Subscription,
    heard: VecDeque<KernelEvent>,
    chains: Vec<Chain>,
    /// The program of each pid of the run.
    programs: HashMap<i32, ProgramName>,
    /// How many events were lost, as told last.
    lost: u64,
    /// Sockets of which the kernel told nothing, or too little: said once of each.
    unchained: HashSet<SocketKey>,
    /// Sockets of which one look found nothing where a mini-socket was due: the next one decides.
    doubted: HashSet<SocketKey>,
}

impl Traced {
    fn listen(&mut self) {
        let events = self.events.drain();
        self.heard.extend(events.into_iter().filter(|event| {
            matches!(
                event.what,
                What::State(_) | What::Destroyed { .. } | What::Segment { .. }
            )
        }));
    }

    fn next(&mut self, until: Duration) -> Option<KernelEvent> {
        self.heard.front().filter(|event| event.at <= until)?;
        self.heard.pop_front()
    }
}

/// The program of whoever called connect(2), where it is one of the run.
fn program_of<'t>(
    programs: &'t HashMap<i32, ProgramName>,
    chain: &Chain,
) -> Option<&'t ProgramName> {
    programs.get(&chain.connected_by?)
}

impl Sockets {
    /// Follows what the kernel tells, from now on.
    pub fn trace(&mut self, shared: &Shared) {
        self.traced = Some(Traced {
            events: shared.subscribe(),
            heard: VecDeque::new(),
            chains: Vec::new(),
            programs: HashMap::new(),
            lost: 0,
            unchained: HashSet::new(),
            doubted: HashSet::new(),
        });
    }

    /// Takes what the kernel has recorded, to be told by [`Sockets::tell_traced`].
    pub fn listen(&mut self, programs: HashMap<i32, ProgramName>) {
        if let Some(traced) = &mut self.traced {
            traced.programs = programs;
            traced.listen();
        }
    }

    /// Tells what the kernel recorded up to this time of `CLOCK_MONOTONIC`.
    pub fn tell_traced(&mut self, until: Duration, pen: &mut Recorder) {
        while let Some(event) = self.traced.as_mut().and_then(|traced| traced.next(until)) {
            match event.what {
                What::State(change) => self.changed(&event, change, pen),
                What::Destroyed { socket, cookie, .. } => self.destroyed(socket, cookie, pen),
                What::Segment {
                    what,
                    socket,
                    tuple,
                } => self.told_segment(event.at, what, socket, tuple, pen),
                _ => {}
            }
        }
    }

    /// Tells of everything that happened before now.
    pub(super) fn catch_up(&mut self, pen: &mut Recorder) {
        if let Some(traced) = &mut self.traced {
            traced.listen();
            self.tell_traced(Duration::MAX, pen);
        }
    }

    /// Says when events were lost: no path is certain then.
    pub fn check_losses(&mut self, pen: &mut Recorder) {
        let Some(traced) = &mut self.traced else {
            return;
        };
        let why = match traced.events.lost() {
            Ok(lost) if lost == traced.lost => return,
            Ok(lost) => {
                let new = lost - traced.lost;
                traced.lost = lost;
                format!("{new} kernel events were lost")
            }
            Err(errno) => format!("lost kernel events cannot be counted: {}", errno.desc()),
        };
        gap(why, pen);
    }

    fn changed(&mut self, event: &KernelEvent, change: StateChange, pen: &mut Recorder) {
        // Listeners last: they are looked at. close() in FIN_WAIT2 sets it once more.
        let of_listener = change.new == TcpState::Listen
            || change.old == TcpState::Listen && change.new == TcpState::Close;
        let Some(traced) = self.traced.as_mut().filter(|_| !of_listener) else {
            return;
        };
        if change.old == change.new {
            return;
        }
        let link = Link {
            at: event.at,
            state: change.new,
        };
        let open = traced
            .chains
            .iter()
            .position(|chain| chain.socket == change.socket && !chain.is_over());
        // A new socket lies where an old one lay, whose end was not told.
        let stale = open.filter(|index| !traced.chains[*index].goes_on_with(change));
        if let Some(stale) = stale.and_then(|index| traced.chains[index].abandon()) {
            gap(stale, pen);
        }
        let index = match open.filter(|_| stale.is_none()) {
            Some(index) => {
                traced.chains[index].add(change, link);
                index
            }
            None => {
                let caller = event.in_process.then_some(event.pid);
                traced.chains.push(Chain::begin(change, link, caller));
                traced.chains.len() - 1
            }
        };
        self.attribute(index, pen);
        self.tell_chain(index, pen);
    }

    /// Finds out whether a chain is the run's, and of which socket.
    fn attribute(&mut self, index: usize, pen: &mut Recorder) {
        let Some(traced) = &self.traced else {
            return;
        };
        let chain = &traced.chains[index];
        // Where a lab is private only its own processes connect.
        let own = program_of(&traced.programs, chain).cloned();
        if chain.known.is_some() || !chain.has_ports() {
            return;
        }
        let stranger = chain.connected_by.is_some() && own.is_none() && self.private;
        if stranger {
            return;
        }
        // The machine's own network, or the private loopback: there is one host.
        let host = 0;
        if let Some(known) = self.find(host, chain.tuple) {
            if self.is_traced(known) {
                let tuple = chain.tuple;
                let why = format!("another network has a connection {tuple} at the same time");
                gap(why, pen);
                return;
            }
            let told = self.known[known].facts.state;
            self.attach(index, known, Some(told));
            return;
        }
        let is_other_end = |other: &Chain| {
            other.known.is_some() && other.tuple.canonical() == chain.tuple.canonical().reversed()
        };
        let is_met = traced.chains.iter().any(is_other_end);
        // On the machine's own network the other end may be anybody's.
        let accepted = chain.is_accepted() && (is_met || self.may_be_accepted(host, chain.tuple));
        let is_strangers = is_met && !self.private;
        if own.is_none() && !accepted && !is_strangers {
            return;
        }
        let (tuple, state) = (chain.tuple, chain.first());
        if accepted && traced.has_double(index) {
            let why = format!("another network has a connection {tuple} at the same time");
            gap(why, pen);
        }
        let facts = SocketFacts::unasked(tuple, state);
        let owner = own.or_else(|| self.owner(host, &facts, &HoldersByInode::default()));
        let known = self.meet_traced(host, facts, owner);
        self.attach(index, known, None);
    }

    /// Whether a listener of the run on the machine's own network has such connections.
    fn may_be_accepted(&self, host: usize, tuple: Tuple) -> bool {
        let local = tuple.canonical().local;
        !self.private
            && self.known.iter().any(|known| {
                let listens = known.facts.tuple.canonical().local;
                known.host == host
                    && !known.gone
                    && known.facts.state == TcpState::Listen
                    && listens.port() == local.port()
                    && (listens.ip().is_unspecified() || listens.ip() == local.ip())
            })
    }

    /// Ties a chain to a socket. What was told of the socket before, up to this state, is not told
    /// again.
    fn attach(&mut self, index: usize, known: usize, told: Option<TcpState>) {
        let Some(traced) = &mut self.traced else {
            return;
        };
        let chain = &mut traced.chains[index];
        chain.known = Some(known);
        if let Some(told) = told {
            chain.skip_to(told);
        }
    }

    fn meet_traced(
        &mut self,
        host: usize,
        facts: SocketFacts,
        owner: Option<ProgramName>,
    ) -> usize {
        let key = SocketKey(self.known.len() as u32 + 1);
        self.known.push(Known {
            key,
            host,
            protocol: Protocol::Tcp,
            facts,
            owner,
            holders: None,
            told_timer_ms: None,
            timer_end: None,
            gone: false,
        });
        self.known.len() - 1
    }

    /// Tells the changes of a chain that were not told yet.
    fn tell_chain(&mut self, index: usize, pen: &mut Recorder) {
        let Some(chain) = self.traced.as_mut().map(|t| &mut t.chains[index]) else {
            return;
        };
        let Some(known) = chain.known else {
            return;
        };
        if let Some(why) = chain.take_break() {
            gap(why, pen);
        }
        let (links, was_reset) = (chain.take_links(), chain.was_reset);
        let last = links.len();
        for (nth, link) in links.into_iter().enumerate() {
            if link.state != TcpState::Close {
                self.tell_link(known, link, nth + 1 == last, pen);
                continue;
            }
            match self.known[known].facts.state {
                TcpState::FinWait2 | TcpState::Closing => {
                    self.look_for_mini_socket(known, link, was_reset, pen);
                }
                // A look has found the mini-socket before its full socket was closed.
                TcpState::TimeWait => {}
                _ => self.end_traced(known, link, pen),
            }
        }
    }

    fn tell_link(&mut self, known: usize, link: Link, is_last: bool, pen: &mut Recorder) {
        let diag = &self.hosts[self.known[known].host].diag;
        let of = &mut self.known[known];
        if of.facts.state == TcpState::SynRecv {
            // The request socket's cookie, maybe not its child's.
            of.facts.cookie = 0;
        }
        of.facts.state = link.state;
        of.timer_end = None;
        // The kernel's answer goes with the state that it is about.
        let facts = match is_last && of.facts.cookie == 0 {
            true => diag.query(of.facts.tuple).ok().flatten(),
            false => None,
        };
        let facts = facts.filter(|facts| facts.state == link.state);
        if let Some(facts) = &facts {
            of.timer_end = timer_end(facts);
            of.facts = facts.clone();
        }
        self.emit_traced(known, link, facts, pen);
    }

    /// The full socket is gone, and a mini-socket may have taken over.
    fn look_for_mini_socket(
        &mut self,
        known: usize,
        link: Link,
        was_reset: bool,
        pen: &mut Recorder,
    ) {
        let cookie = self.known[known].facts.cookie;
        let found = match self.ask_exactly(known) {
            Ok(found) => found.filter(|found| cookie == 0 || cookie == found.cookie),
            Err(error) => {
                pen.emit(Source::Sampler, super::gap(&error));
                return;
            }
        };
        match found {
            Some(found) => {
                let mut nobody = |_: &mut Recorder| HoldersByInode::default();
                self.saw(known, found, None, &mut nobody, pen);
            }
            None if was_reset => self.end_traced(known, link, pen),
            // The next look decides: while a mini-socket takes over, neither may be found.
            None => {}
        }
    }

    fn end_traced(&mut self, known: usize, link: Link, pen: &mut Recorder) {
        self.known[known].gone = true;
        self.emit_traced(known, link, None, pen);
    }

    fn emit_traced(
        &self,
        known: usize,
        link: Link,
        facts: Option<SocketFacts>,
        pen: &mut Recorder,
    ) {
        let known = &self.known[known];
        let kind = Kind::Socket {
            key: known.key,
            host: self.hosts[known.host].name_for(known.owner.as_ref()),
            state: link.state,
            evidence: Evidence::Traced,
            facts,
            owner: known.owner.clone(),
            cause: None,
        };
        pen.emit_at(link.at, Source::Kernel, kind);
    }

    /// A socket's memory is free again. Its cookie says whether it was the one that it was taken
    /// for.
    fn destroyed(&mut self, socket: SocketAddress, cookie: u64, pen: &mut Recorder) {
        let Some(traced) = &mut self.traced else {
            return;
        };
        let ended = |chain: &&Chain| chain.socket == socket;
        let known = traced.chains.iter().rfind(ended).and_then(|c| c.known);
        if let Some(known) = known.map(|index| &self.known[index]) {
            let seen = known.facts.cookie;
            // A mini-socket has another one, when nobody had asked the full socket for its own.
            let is_full = known.facts.state == TcpState::Close || known.gone;
            if seen != 0 && seen != cookie && is_full {
                let tuple = known.facts.tuple;
                gap(format!("two sockets {tuple} were taken for one"), pen);
            }
        }
        // Short-lived ones whose process is not met yet may still turn out to be the run's.
        traced
            .chains
            .retain(|chain| chain.socket != socket || chain.known.is_none() && chain.may_be_ours());
    }

    fn told_segment(
        &mut self,
        at: Duration,
        what: ToldSegment,
        socket: Option<SocketAddress>,
        tuple: Tuple,
        pen: &mut Recorder,
    ) {
        let Some(traced) = &mut self.traced else {
            return;
        };
        let is_reset = matches!(what, ToldSegment::ResetSent | ToldSegment::ResetReceived);
        let chain = traced
            .chains
            .iter_mut()
            .rfind(|chain| Some(chain.socket) == socket);
        let mut known = None;
        if let Some(chain) = chain {
            chain.was_reset |= is_reset;
            known = chain.known;
        }
        // A port where nobody listens answers without a socket: to the other end it is known.
        let wanted = tuple.canonical().reversed();
        let to_one_of_ours = || {
            self.known.iter().any(|known| {
                known.protocol == Protocol::Tcp && known.facts.tuple.canonical() == wanted
            })
        };
        if known.is_none() && !(socket.is_none() && to_one_of_ours()) {
            return;
        }
        let key = known.map(|known| self.known[known].key);
        pen.emit_at(at, Source::Kernel, Kind::Told { key, what, tuple });
    }
}

impl Traced {
    /// Whether another open connection has the same addresses: it must be in another network.
    fn has_double(&self, index: usize) -> bool {
        let tuple = self.chains[index].tuple.canonical();
        self.chains.iter().enumerate().any(|(other, chain)| {
            other != index && !chain.is_over() && chain.tuple.canonical() == tuple
        })
    }
}

fn gap(why: String, pen: &mut Recorder) {
    let aspect = Aspect::Paths;
    pen.emit(Source::Kernel, Kind::Gap { aspect, why });
}
