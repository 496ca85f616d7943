//! [`Sampled`]: the source that looks again and again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::compare::{Difference, compare};
use super::connections::{Connections, Told};
use super::holders::Holders;
use super::stirrings::Stirrings;
use crate::driver::recorder::monotonic;
use crate::live::inventory::SocketTable;
use crate::live::socket::Owners;
use crate::observe::diag::DiagError;

/// The shortest and the longest pause between two looks at the counters that tell whether anything
/// can have happened.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));
/// How many times a dump's processor time it takes until the next one at least: a tenth of a core
/// while much happens.
const COST: u32 = 10;
/// While nothing can have happened, a dump is made so rarely: in time, and in times of its cost.
const QUIET: (Duration, u32) = (Duration::from_secs(30), 500);

/// Looks again and again: often while much changes, rarely while nothing does.
#[derive(Debug)]
pub(super) struct Sampled {
    stirrings: Stirrings,
    /// Whether something may have happened since the last dump.
    stirred: bool,
    pause: Duration,
    next: Instant,
    dumped: Instant,
    cost: Duration,
    dump: u32,
    /// How many dumps there were.
    pub(super) looks: u64,
}

impl Sampled {
    /// Of the namespace whose counters these are.
    pub(super) fn new(stirrings: Stirrings) -> Sampled {
        Sampled {
            stirrings,
            stirred: true,
            pause: PAUSE.0,
            next: Instant::now(),
            dumped: Instant::now(),
            cost: Duration::ZERO,
            dump: 0,
            looks: 0,
        }
    }

    /// How long until the next look.
    pub(super) fn rest(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Looks, if it is time.
    pub(super) fn look(
        &mut self,
        connections: &mut Connections,
        holders: &mut Holders,
        tables: &mut [SocketTable],
    ) -> Result<(), DiagError> {
        if !self.rest().is_zero() {
            return Ok(());
        }
        // Asked before the dump: what happens during it counts for the next one.
        let stirs = self.stirrings.any();
        self.stirred |= stirs;
        self.pause = match stirs {
            true => PAUSE.0,
            false => (self.pause * 3 / 2).min(PAUSE.1),
        };
        self.next = Instant::now() + self.pause;
        let earliest = match self.stirred {
            true => self.cost * COST,
            false => QUIET.0.max(self.cost * QUIET.1),
        };
        if self.looks > 0 && self.dumped.elapsed() < earliest {
            return Ok(());
        }
        self.stirred = false;
        let begun = processor_time();
        self.dump = self.dump.wrapping_add(1).max(1);
        self.looks += 1;
        let differences = compare(connections, tables, self.dump)?;
        // Looking for holders has a pace of its own.
        self.cost = processor_time().saturating_sub(begun);
        let at = monotonic();
        let mut changed = BTreeSet::new();
        for difference in differences {
            match difference {
                Difference::New(socket) => {
                    let id = connections.add(socket, Owners::NotAsked);
                    connections.appear(id, None, Told::seen(at));
                    changed.insert(id);
                }
                Difference::Other(id, socket) => {
                    let Some(known) = connections.known(id) else {
                        continue;
                    };
                    let (old, new) = (known.state(), socket.facts.state);
                    let taken = known.socket.facts.inode != socket.facts.inode;
                    connections.set_facts(id, socket.facts);
                    if old != new {
                        connections.change(id, old, Some(new), Told::seen(at));
                    }
                    if old != new || taken {
                        changed.insert(id);
                    }
                }
                Difference::Gone(id) => {
                    let old = connections.known(id).map(|known| known.state());
                    if let Some(old) = old {
                        connections.change(id, old, None, Told::seen(at));
                        changed.insert(id);
                    }
                }
            }
        }
        if let Some((table, _)) = tables.split_first() {
            holders.look(connections, &table.diag, &changed)?;
        }
        self.dumped = Instant::now();
        Ok(())
    }
}

/// What all threads of this process have used up.
pub(super) fn processor_time() -> Duration {
    // The kernel has this clock; the call cannot fail with it.
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
