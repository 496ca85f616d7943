//! [`Connections`]: everything that is watched.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::change::{Caller, Change};
use super::connection::{Connection, Role};
use super::judge::Judge;
use crate::live::listing::Row;
use crate::live::socket::{LiveSocket, Nobody, Owners};
use crate::model::{Evidence, TcpState, Tuple};
use crate::observe::tracepoints::SocketAddress;

/// How many connections that ended are kept, for whoever shows them.
const ENDED: usize = 1000;

/// Everything that is watched: connections and listeners.
#[derive(Debug)]
pub struct Connections {
    pub(super) judge: Judge,
    /// Boxed: a table that is half empty then wastes little.
    all: HashMap<u64, Box<Connection>>,
    by_address: HashMap<SocketAddress, u64>,
    by_tuple: HashMap<Tuple, u64>,
    by_cookie: HashMap<u64, u64>,
    listeners: HashMap<u16, Vec<u64>>,
    ended: VecDeque<Connection>,
    keep_histories: bool,
    next: u64,
    count: u64,
    came_true: Option<u64>,
    /// Changes of connections of which it never turned out whether they were meant.
    pub(super) undecided: u64,
    out: Vec<Change>,
}

/// How a change came to be known.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) at: Duration,
    pub(super) evidence: Evidence,
    pub(super) caller: Option<Caller>,
}

impl Told {
    pub(super) fn seen(at: Duration) -> Told {
        Told {
            at,
            evidence: Evidence::Seen,
            caller: None,
        }
    }
}

impl Connections {
    /// Those of a first look. `keep_histories`: also of those that ended.
    pub fn of(rows: Vec<Row>, judge: Judge, keep_histories: bool) -> Connections {
        let mut connections = Connections::new(judge, keep_histories);
        connections.all.reserve(rows.len());
        connections.by_tuple.reserve(rows.len());
        connections.by_cookie.reserve(rows.len());
        for row in rows {
            connections.add(row.socket, row.owners);
        }
        connections.begin();
        connections
    }

    fn new(judge: Judge, keep_histories: bool) -> Connections {
        Connections {
            judge,
            all: HashMap::new(),
            by_address: HashMap::new(),
            by_tuple: HashMap::new(),
            by_cookie: HashMap::new(),
            listeners: HashMap::new(),
            ended: VecDeque::new(),
            keep_histories,
            next: 1,
            count: 0,
            came_true: None,
            undecided: 0,
            out: Vec::new(),
        }
    }

    /// All of them that are there, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.all.values().map(Box::as_ref)
    }

    /// Those that ended lately, the oldest first. None unless histories are kept.
    pub fn ended(&self) -> impl Iterator<Item = &Connection> {
        self.ended.iter()
    }

    /// The one with this number, also when it ended lately.
    pub fn get(&self, id: u64) -> Option<&Connection> {
        let ended = || self.ended.iter().find(|connection| connection.id == id);
        self.known(id).or_else(ended)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many of them count for `--until`.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many counted for `--until` when its condition held for the first time; nothing while it
    /// has not.
    pub fn came_true(&self) -> Option<u64> {
        self.came_true
    }

    /// Whether the connection is meant in the state that it is in.
    pub fn is_meant(&self, id: u64) -> bool {
        let connection = self.all.get(&id);
        connection.is_some_and(|connection| connection.fits(&self.judge.filter) == Some(true))
    }

    pub(super) fn known(&self, id: u64) -> Option<&Connection> {
        self.all.get(&id).map(Box::as_ref)
    }

    pub(super) fn known_mut(&mut self, id: u64) -> Option<&mut Connection> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    pub(super) fn at_address(&self, address: SocketAddress) -> Option<u64> {
        self.by_address.get(&address).copied()
    }

    pub(super) fn with_tuple(&self, tuple: Tuple) -> Option<u64> {
        self.by_tuple.get(&tuple.canonical()).copied()
    }

    pub(super) fn with_cookie(&self, cookie: u64) -> Option<u64> {
        self.by_cookie.get(&cookie).copied()
    }

    /// The listeners by which a connection to this address may come.
    pub(super) fn listeners_of(&self, socket: &LiveSocket) -> impl Iterator<Item = &Connection> {
        let port = socket.facts.tuple.local.port();
        let ids = self.listeners.get(&port).into_iter().flatten();
        ids.filter_map(|id| self.known(*id))
            .filter(|listener| socket.came_by(&listener.tuple()))
    }

    /// One more. One with the same addresses is no more.
    pub(super) fn add(&mut self, socket: LiveSocket, owners: Owners) -> u64 {
        let id = self.next;
        self.next += 1;
        let facts = &socket.facts;
        if facts.cookie != 0 {
            self.by_cookie.insert(facts.cookie, id);
        }
        if facts.tuple.local.port() != 0 {
            self.by_tuple.insert(facts.tuple.canonical(), id);
        }
        if facts.state == TcpState::Listen {
            let port = facts.tuple.local.port();
            self.listeners.entry(port).or_default().push(id);
        }
        let connection = Connection::new(id, socket, owners);
        self.all.insert(id, Box::new(connection));
        id
    }

    /// What the first look found is all there.
    fn begin(&mut self) {
        for connection in self.all.values_mut() {
            connection.counts = self.judge.counts(connection);
            self.count += u64::from(connection.counts);
        }
        self.notice();
    }

    /// Where it lies in the kernel's memory.
    pub(super) fn set_address(&mut self, id: u64, address: Option<SocketAddress>) {
        let Some(connection) = self.all.get_mut(&id) else {
            return;
        };
        if connection.address == address {
            return;
        }
        connection.address_is_assumed = false;
        let before = std::mem::replace(&mut connection.address, address);
        if let Some(before) = before
            && self.by_address.get(&before) == Some(&id)
        {
            self.by_address.remove(&before);
        }
        if let Some(address) = address {
            self.by_address.insert(address, id);
        }
    }

    /// Its addresses, once they are known; what was told of it without them is mended. Whoever was
    /// assumed to have them has those that this one was assumed to have.
    pub(super) fn set_tuple(&mut self, id: u64, tuple: Tuple) {
        let Some(connection) = self.all.get_mut(&id) else {
            return;
        };
        connection.port_is_assumed = false;
        let before = connection.tuple();
        if before == tuple {
            return;
        }
        connection.readdress(tuple);
        if self.by_tuple.get(&before.canonical()) == Some(&id) {
            self.by_tuple.remove(&before.canonical());
        }
        let other = self.by_tuple.insert(tuple.canonical(), id);
        if let Some(other) = other
            && let Some(connection) = self.all.get_mut(&other)
            && connection.port_is_assumed
        {
            connection.readdress(before);
            if before.local.port() != 0 {
                self.by_tuple.insert(before.canonical(), other);
            }
        }
    }

    /// Its addresses, or those of another one that connects to the same address.
    pub(super) fn assume_tuple(&mut self, id: u64, tuple: Tuple) {
        self.set_tuple(id, tuple);
        if let Some(connection) = self.all.get_mut(&id) {
            connection.port_is_assumed = true;
        }
    }

    /// What the kernel answered of it, without its state.
    pub(super) fn set_facts(&mut self, id: u64, facts: crate::model::SocketFacts) {
        let Some(connection) = self.all.get_mut(&id) else {
            return;
        };
        let state = connection.state();
        if connection.socket.facts.cookie == 0 && facts.cookie != 0 {
            self.by_cookie.insert(facts.cookie, id);
        }
        connection.socket.facts = facts;
        connection.socket.facts.state = state;
        self.recount(id);
    }

    /// Gives what is about to be told the holders that were found just now: `fresh` are the
    /// connections that were looked for.
    pub(super) fn complete(&mut self, fresh: &BTreeSet<u64>) {
        let mut done = BTreeSet::new();
        for change in self.out.iter_mut().rev() {
            let is_newest = done.insert(change.connection);
            let Some(known) = self.all.get(&change.connection) else {
                continue;
            };
            let is_fresh = fresh.contains(&change.connection);
            if is_newest && is_fresh && change.new == Some(known.state()) {
                change.owners = known.owners.clone();
                change.last_known = false;
            } else if is_fresh
                && change.owners == Owners::NotAsked
                // Nobody holds it now: that says nothing of before.
                && !known.owners.holders().is_empty()
            {
                change.owners = known.owners.clone();
            }
        }
    }

    /// What is about to be told with holders that were found before it happened.
    pub(super) fn last_known(&mut self) -> impl Iterator<Item = &mut Change> {
        self.out.iter_mut().filter(|change| change.last_known)
    }

    /// Who holds it now. What waited for that is told, or found not to be meant.
    pub(super) fn set_owners(&mut self, id: u64, owners: Owners) {
        if let Some(connection) = self.all.get_mut(&id) {
            connection.owners = owners;
        }
        self.release(id, false);
        self.recount(id);
    }

    /// It is in another state, or gone.
    pub(super) fn change(&mut self, id: u64, old: TcpState, new: Option<TcpState>, told: Told) {
        self.step(id, Some(old), new, told);
    }

    /// It has begun.
    pub(super) fn appear(&mut self, id: u64, old: Option<TcpState>, told: Told) {
        let state = self.known(id).map(Connection::state);
        if let Some(connection) = self.all.get_mut(&id)
            && old.is_some()
        {
            connection.began = Some(told.at);
        }
        self.step(id, old, state, told);
    }

    fn step(&mut self, id: u64, old: Option<TcpState>, new: Option<TcpState>, told: Told) {
        let Some(connection) = self.all.get_mut(&id) else {
            return;
        };
        let over = matches!(new, None | Some(TcpState::Close));
        let mirrored = connection.tuple().reversed().canonical();
        let both_ends = self.by_tuple.contains_key(&mirrored);
        if old != new {
            connection.owners = in_state(&connection.owners, new);
        }
        let owners = connection.owners.clone();
        let change = Change {
            at: told.at,
            connection: id,
            netns: connection.socket.netns,
            tuple: connection.tuple(),
            old,
            new,
            lasted: connection
                .since
                .filter(|_| old.is_some())
                .map(|since| told.at.saturating_sub(since)),
            age: connection
                .began
                .filter(|_| {
                    let waits = Some(TcpState::TimeWait);
                    new == waits || (over && old != waits)
                })
                .map(|began| told.at.saturating_sub(began)),
            role: connection.role,
            both_ends,
            last_known: !owners.holders().is_empty(),
            owners,
            caller: told.caller,
            evidence: told.evidence,
            note: connection.note.take(),
        };
        connection.since = Some(told.at);
        connection.changes += 1;
        if let Some(new) = new {
            connection.socket.facts.state = new;
        }
        if over {
            connection.ended = Some(told.at);
        }
        if self.keep_histories {
            connection.remember(&change);
        }
        connection.waiting.push(change);
        self.release(id, over);
        match over {
            true => self.remove(id),
            false => self.recount(id),
        }
    }

    /// Tells what waits, if it can be told: `whatever`: now or never.
    pub(super) fn release(&mut self, id: u64, whatever: bool) {
        let Some(connection) = self.all.get_mut(&id) else {
            return;
        };
        if connection.waiting.is_empty() || (connection.lacks_port() && !whatever) {
            return;
        }
        for mut change in std::mem::take(&mut connection.waiting) {
            let mut means = Some(false);
            for state in [change.old, change.new].into_iter().flatten() {
                match self.judge.means(connection, state) {
                    Some(true) => {
                        means = Some(true);
                        break;
                    }
                    Some(false) => {}
                    None => means = None,
                }
            }
            match means {
                Some(true) => {
                    if change.owners == Owners::NotAsked && !connection.owners.holders().is_empty()
                    {
                        change.owners = connection.owners.clone();
                    }
                    self.out.push(change);
                }
                Some(false) => {}
                None if whatever => self.undecided += 1,
                None => connection.waiting.push(change),
            }
        }
    }

    fn recount(&mut self, id: u64) {
        let Some(connection) = self.all.get_mut(&id) else {
            return;
        };
        let counts = self.judge.counts(connection);
        let before = std::mem::replace(&mut connection.counts, counts);
        self.count = self.count + u64::from(counts) - u64::from(before);
        self.notice();
    }

    /// Notices when the condition holds, be it for a moment only.
    pub(super) fn notice(&mut self) {
        let until = self.judge.until.as_ref();
        if until.is_some_and(|until| until.count.holds(self.count)) {
            self.came_true = self.came_true.or(Some(self.count));
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(connection) = self.all.remove(&id) else {
            return;
        };
        self.count -= u64::from(connection.counts);
        self.notice();
        let facts = &connection.socket.facts;
        if let Some(address) = connection.address
            && self.by_address.get(&address) == Some(&id)
        {
            self.by_address.remove(&address);
        }
        let tuple = facts.tuple.canonical();
        if self.by_tuple.get(&tuple) == Some(&id) {
            self.by_tuple.remove(&tuple);
        }
        if self.by_cookie.get(&facts.cookie) == Some(&id) {
            self.by_cookie.remove(&facts.cookie);
        }
        if connection.role == Role::Listener {
            let port = facts.tuple.local.port();
            if let Some(listeners) = self.listeners.get_mut(&port) {
                listeners.retain(|listener| *listener != id);
                if listeners.is_empty() {
                    self.listeners.remove(&port);
                }
            }
        }
        if self.keep_histories {
            if self.ended.len() == ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(*connection);
        }
    }

    /// Forgets it without a word: it is not ours, or no more than its remains can be followed.
    pub(super) fn forget(&mut self, id: u64) {
        let keep = std::mem::replace(&mut self.keep_histories, false);
        self.remove(id);
        self.keep_histories = keep;
    }

    /// Everything that was told since the last call, in the order of time.
    pub(super) fn told(&mut self) -> Vec<Change> {
        let mut told = std::mem::take(&mut self.out);
        // Stable: what happened to one connection stays in its order.
        told.sort_by_key(|change| change.at);
        told
    }

    /// What was told since the last call to [`Connections::told`], still to be mended.
    pub(super) fn telling(&mut self) -> &mut [Change] {
        &mut self.out
    }

    /// Marks it as there in this dump; whether it is as the dump has it.
    pub(super) fn mark(&self, id: u64, dump: u32, socket: &LiveSocket) -> bool {
        let Some(connection) = self.all.get(&id) else {
            return false;
        };
        connection.mark.store(dump, Ordering::Relaxed);
        let (known, now) = (&connection.socket.facts, &socket.facts);
        known.state == now.state
            && known.inode == now.inode
            && known.recv_q == now.recv_q
            && known.send_q == now.send_q
    }
}

/// What is known of who holds a socket once it is in another state.
fn in_state(owners: &Owners, new: Option<TcpState>) -> Owners {
    match (owners, new) {
        // Nobody can take it over again.
        (Owners::Nobody(Nobody::Orphan | Nobody::TimeWait), Some(TcpState::TimeWait)) => {
            Owners::Nobody(Nobody::TimeWait)
        }
        (Owners::Nobody(Nobody::Orphan | Nobody::TimeWait), _) => owners.clone(),
        // A process may have it now.
        (Owners::Nobody(_), _) => Owners::NotAsked,
        (Owners::NotAsked | Owners::Held { .. } | Owners::Unknown(_), _) => owners.clone(),
    }
}
