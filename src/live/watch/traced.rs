//! [`Traced`]: the source that hears everything.

use std::time::{Duration, Instant};

use super::arrival::Arrival;
use super::belonging::Belonging;
use super::compare::{Difference, compare};
use super::connections::{Connections, Told};
use super::holders::Holders;
use super::pace::Pace;
use super::ports;
use super::sampled::processor_time;
use crate::driver::recorder::monotonic;
use crate::live::inventory::SocketTable;
use crate::live::netns::Scope;
use crate::live::socket::{LiveSocket, Owners};
use crate::model::TcpState;
use crate::observe::diag::{DiagError, DiagSocket};
use crate::observe::inet_diag::{Binding, Protocol, StateMask};
use crate::observe::process::ProcRoot;
use crate::observe::tracepoints::emptied::Emptied;
use crate::observe::tracepoints::{Config, Point, Unavailable};

/// How often what was recorded is taken out.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// How often losses are counted.
const COUNT_LOSSES: Duration = Duration::from_millis(500);
/// How often a dump is held against what is known: when nothing seems to be missing, and after a
/// loss.
const AUDIT: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(1));
/// How many times longer than a dump it takes until the next one: when nothing seems to be
/// missing, and after a loss.
const AUDIT_PACE: (u32, u32) = (1000, 20);

/// What is heard of sockets.
#[derive(Debug)]
pub(super) struct Traced {
    recorder: Emptied,
    arrival: Option<Arrival>,
    losses_counted: Instant,
    pub(super) lost: u64,
    /// Whether the count of losses itself failed.
    pub(super) blind: bool,
    audited: Instant,
    audit_cost: Duration,
    must_audit: bool,
    dump: u32,
    suspects: Vec<(Difference, u32)>,
    /// Changes that were found by looking, and of which no event told.
    pub(super) unheard: u64,
    ports: Pace,
}

impl Traced {
    /// Begins to record.
    pub(super) fn open(filter: Option<String>, ring: usize) -> Result<Traced, Unavailable> {
        let config = |filter| Config {
            points: vec![
                Point::SetState,
                Point::SendReset,
                Point::ReceiveReset,
                Point::Retransmit,
            ],
            ring,
            wake_after: u32::try_from(ring / 8).unwrap_or(u32::MAX),
            filter,
        };
        let recorder = match Emptied::open(&config(filter)) {
            // Too long for this kernel: everything is recorded, and judged here.
            Err(Unavailable::BadFilter(..)) => Emptied::open(&config(None))?,
            other => other?,
        };
        Ok(Traced {
            recorder,
            arrival: None,
            losses_counted: Instant::now(),
            lost: 0,
            blind: false,
            audited: Instant::now(),
            audit_cost: Duration::ZERO,
            must_audit: false,
            dump: 0,
            suspects: Vec::new(),
            unheard: 0,
            ports: Pace::new(0.01, Duration::from_millis(5)),
        })
    }

    /// The first look is done.
    pub(super) fn begin(
        &mut self,
        root: &ProcRoot,
        scope: Scope,
        connections: &mut Connections,
        table: &SocketTable,
        looking_took: Duration,
    ) -> Result<(), DiagError> {
        let belonging = Belonging::new(root, scope);
        let mut arrival = Arrival::new(root.clone(), belonging, connections, table.netns);
        let now = monotonic();
        arrival.looked = now;
        self.audit_cost = looking_took;
        self.audited = Instant::now();
        let remains: Vec<u64> = connections
            .iter()
            .filter(|known| {
                let facts = &known.socket.facts;
                facts.inode == 0 && matches!(facts.state, TcpState::TimeWait | TcpState::FinWait2)
            })
            .map(|known| known.id)
            .collect();
        for id in remains {
            arrival.remains.add(connections, id, now);
        }
        self.arrival = Some(arrival);
        self.take(connections, &table.diag)?;
        self.settle(connections, table)
    }

    /// Asks again for what changed during the first look. Whose events those were does not
    /// matter: the answer is of the watched namespace.
    fn settle(
        &mut self,
        connections: &mut Connections,
        table: &SocketTable,
    ) -> Result<(), DiagError> {
        let Some(arrival) = &mut self.arrival else {
            return Ok(());
        };
        for tuple in std::mem::take(&mut arrival.touched) {
            if tuple.local.port() == 0 {
                continue;
            }
            let found = table.diag.query(tuple)?;
            match (connections.with_tuple(tuple), found) {
                (Some(id), Some(facts)) => {
                    if let Some(known) = connections.known_mut(id) {
                        known.socket.facts.state = facts.state;
                    }
                    connections.set_facts(id, facts);
                }
                (Some(id), None) => connections.forget(id),
                (None, Some(facts)) => {
                    let socket = LiveSocket {
                        protocol: Protocol::Tcp,
                        netns: table.netns,
                        binding: Binding::default(),
                        facts,
                    };
                    if connections.judge.may_mean(&socket) {
                        connections.add(socket, Owners::NotAsked);
                    }
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// The rings' size in bytes, of each CPU.
    pub(super) fn ring(&self) -> usize {
        self.recorder.ring()
    }

    pub(super) fn arrival(&self) -> Option<&Arrival> {
        self.arrival.as_ref()
    }

    /// Takes in everything that happened.
    pub(super) fn look(
        &mut self,
        connections: &mut Connections,
        holders: &mut Holders,
        tables: &mut [SocketTable],
    ) -> Result<(), DiagError> {
        let Some((table, _)) = tables.split_first() else {
            return Ok(());
        };
        let now = monotonic();
        self.take(connections, &table.diag)?;
        let Some(arrival) = &mut self.arrival else {
            return Ok(());
        };
        arrival.remains.look(connections, &table.diag, now)?;
        if !arrival.portless.is_empty() && self.ports.allows() {
            let connecting = StateMask::of(TcpState::SynSent);
            let found = self.ports.spend(|| table.diag.dump(connecting))?;
            // Whoever the dump did not find connecting any more has told of it meanwhile.
            self.take(connections, &table.diag)?;
            if let Some(arrival) = &mut self.arrival {
                let waiting = std::mem::take(&mut arrival.portless);
                arrival.portless = ports::assign(connections, waiting, found, now);
            }
        }
        let Some(arrival) = &mut self.arrival else {
            return Ok(());
        };
        arrival.batch_ends();
        let changed = std::mem::take(&mut arrival.changed);
        self.verify(connections, table)?;
        holders.look(connections, &table.diag, &changed)?;
        self.count_losses();
        let (rest, pace) = match self.must_audit {
            true => (AUDIT.1, AUDIT_PACE.1),
            false => (AUDIT.0, AUDIT_PACE.0),
        };
        if self.suspects.is_empty() && self.audited.elapsed() >= rest.max(self.audit_cost * pace) {
            self.audit(connections, tables)?;
        }
        Ok(())
    }

    fn take(&mut self, connections: &mut Connections, diag: &DiagSocket) -> Result<(), DiagError> {
        let Some(arrival) = &mut self.arrival else {
            return Ok(());
        };
        let mut result = Ok(());
        self.recorder.drain_into(&mut |event| {
            if result.is_ok() {
                result = arrival.event(connections, diag, &event);
            }
        });
        self.must_audit |= std::mem::take(&mut arrival.must_audit);
        result
    }

    /// How many events are missing so far.
    pub(super) fn count_losses(&mut self) {
        if self.losses_counted.elapsed() < COUNT_LOSSES {
            return;
        }
        self.count_losses_now();
    }

    pub(super) fn count_losses_now(&mut self) {
        self.losses_counted = Instant::now();
        match self.recorder.lost() {
            Ok(lost) => {
                self.must_audit |= lost > self.lost;
                self.lost = lost;
            }
            Err(_) => self.blind = true,
        }
    }

    fn audit(
        &mut self,
        connections: &mut Connections,
        tables: &mut [SocketTable],
    ) -> Result<(), DiagError> {
        let begun = processor_time();
        self.dump = self.dump.wrapping_add(1).max(1);
        let found = compare(connections, tables, self.dump)?;
        self.suspects = found
            .into_iter()
            .map(|difference| {
                let changes = match &difference {
                    Difference::New(_) => 0,
                    Difference::Other(id, _) | Difference::Gone(id) => {
                        connections.known(*id).map_or(0, |known| known.changes)
                    }
                };
                (difference, changes)
            })
            .collect();
        self.audited = Instant::now();
        self.audit_cost = processor_time().saturating_sub(begun);
        self.must_audit = false;
        Ok(())
    }

    /// What the last audit found and no event has explained since is asked for once more, and
    /// told.
    fn verify(
        &mut self,
        connections: &mut Connections,
        table: &SocketTable,
    ) -> Result<(), DiagError> {
        let Some(arrival) = &mut self.arrival else {
            return Ok(());
        };
        for (difference, changes) in std::mem::take(&mut self.suspects) {
            let now = monotonic();
            let (id, there) = match difference {
                Difference::New(socket) => {
                    let told_otherwise = socket.facts.state == TcpState::SynRecv
                        || socket.facts.inode == 0
                        || connections.with_tuple(socket.facts.tuple).is_some();
                    let tuple = socket.facts.tuple;
                    let still = || table.diag.query_cookie(tuple, socket.facts.cookie);
                    if !told_otherwise && still()?.is_some() {
                        let id = connections.add(socket, Owners::NotAsked);
                        connections.appear(id, None, Told::seen(now));
                        arrival.changed.insert(id);
                        self.unheard += 1;
                    }
                    continue;
                }
                Difference::Other(id, socket) => (id, Some(socket)),
                Difference::Gone(id) => (id, None),
            };
            let Some(known) = connections.known(id) else {
                continue;
            };
            let (state, tuple) = (known.state(), known.tuple());
            if known.changes != changes || known.remains || known.lacks_port() {
                continue;
            }
            if let Some(socket) = &there
                && socket.facts.state == state
            {
                connections.set_facts(id, socket.facts.clone());
                continue;
            }
            match table.diag.query(tuple)? {
                Some(facts) if facts.state == state => {}
                Some(facts) => {
                    let new = facts.state;
                    let over = facts.inode == 0;
                    connections.set_facts(id, facts);
                    connections.change(id, state, Some(new), Told::seen(now));
                    if over && matches!(new, TcpState::TimeWait | TcpState::FinWait2) {
                        arrival.remains.add(connections, id, now);
                    }
                    self.unheard += 1;
                }
                None => {
                    connections.change(id, state, None, Told::seen(now));
                    self.unheard += 1;
                }
            }
        }
        Ok(())
    }
}
