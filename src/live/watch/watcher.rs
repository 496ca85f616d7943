//! [`Watcher`]: the first look, then whatever source can be had.

use std::time::{Duration, Instant};

use super::change::Change;
use super::connections::Connections;
use super::holders::Holders;
use super::judge::Judge;
use super::sampled::Sampled;
use super::stirrings::Stirrings;
use super::traced::{TICK, Traced};
use crate::live::filter::{Condition, Filter, Until};
use crate::live::listing::{ListError, Unseen, list};
use crate::live::netns::{NetnsError, Scope, Tables, tables};
use crate::observe::diag::DiagError;
use crate::observe::inet_diag::Protocol;
use crate::observe::process::ProcRoot;
use crate::observe::tracepoints::Unavailable;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which sockets' changes are told: those that it lets through before the change or after it.
    pub filter: Filter,
    /// What ends the watch.
    pub until: Option<Until>,
    /// The namespace; not [`Scope::All`].
    pub scope: Scope,
    /// Whether to look again and again although kernel events could be had.
    pub sample: bool,
    /// The memory for kernel events, of each CPU, in bytes.
    pub ring: usize,
    /// Whether to keep the last changes of each connection, also of those that ended.
    pub histories: bool,
}

/// How changes come to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By kernel events, with so many bytes of memory for each CPU.
    Traced {
        /// The ring of each CPU, in bytes.
        ring: usize,
    },
    /// By looking again and again.
    Sampled(WhySampled),
}

/// Why there are no kernel events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhySampled {
    /// They cannot be had.
    Unavailable(Unavailable),
    /// The filter asks for queues or retransmissions, which change without an event.
    Gauges,
    /// It was asked for.
    Asked,
}

/// It cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The filter means UDP sockets only.
    #[error("the filter means no TCP socket: others have no states that change")]
    NoTcp,
    /// What ends the watch means UDP sockets only.
    #[error("--until means no TCP socket: others have no states that change")]
    UntilNoTcp,
    /// The namespace could not be had.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The first look failed.
    #[error(transparent)]
    List(#[from] ListError),
    /// The kernel could not be asked.
    #[error(transparent)]
    Diag(#[from] DiagError),
}

#[derive(Debug)]
enum Source {
    Traced(Box<Traced>),
    Sampled(Sampled),
}

/// What changes, as it changes.
#[derive(Debug)]
pub struct Watcher {
    tables: Tables,
    connections: Connections,
    holders: Holders,
    source: Source,
    how: How,
    unseen: Unseen,
}

/// How many kernel events were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// As many at least: each may have been a change, or a stranger's.
    pub events: u64,
    /// Whether nobody knows how many.
    pub unknown: bool,
}

/// What a watch missed, and what it counted beside changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events that were lost: each may have been a change, or a stranger's.
    pub lost: u64,
    /// Whether nobody knows how many were lost.
    pub lost_unknown: bool,
    /// Changes that did not begin where the one before had ended.
    pub gaps: u64,
    /// Changes that were found by looking, and of which no event told.
    pub unheard: u64,
    /// Remains of sockets that were not followed to their end.
    pub given_up: u64,
    /// Events that were left out, because they may be of sockets in another network namespace.
    pub unplaced: u64,
    /// Changes whose holders were not asked for.
    pub holders_skipped: u64,
    /// How many processes could not be looked at, the last time that all were.
    pub unreadable: usize,
    /// Changes of which it never turned out whether they were meant.
    pub undecided: u64,
    /// RSTs sent and received by sockets that were watched; nothing where nobody told.
    pub resets: Option<(u64, u64)>,
    /// Retransmissions by sockets that were watched.
    pub retransmits: Option<u64>,
    /// How often it was looked.
    pub looks: u64,
}

impl Watcher {
    /// Looks for the first time.
    ///
    /// # Errors
    /// When that cannot be done. Kernel events that cannot be had are no error: see
    /// [`Watcher::how`].
    pub fn open(root: &ProcRoot, options: Options) -> Result<Watcher, WatchError> {
        let judge = Judge::new(options.filter, options.until);
        let of_tcp = |filter: &Filter| {
            let mut dumps = filter.dumps().into_iter();
            dumps.any(|dump| dump.protocol == Protocol::Tcp)
        };
        if !of_tcp(&judge.lasting) {
            return Err(WatchError::NoTcp);
        }
        if (judge.until.as_ref()).is_some_and(|until| !of_tcp(&until.filter)) {
            return Err(WatchError::UntilNoTcp);
        }
        let mut judge = judge;
        judge.lasting = Filter::all([
            Filter::Is(Condition::Protocol(Protocol::Tcp)),
            judge.lasting,
        ]);
        let mut tables = tables(root, options.scope)?;
        // What happens during the first look must not be missed.
        let (source, how) = match (options.sample, judge.asks_for_gauges()) {
            (_, true) => (None, How::Sampled(WhySampled::Gauges)),
            (true, _) => (None, How::Sampled(WhySampled::Asked)),
            _ => match Traced::open(judge.lasting.tracepoint(), options.ring) {
                Ok(traced) => {
                    let ring = traced.ring();
                    (Some(traced), How::Traced { ring })
                }
                Err(why) => (None, How::Sampled(WhySampled::Unavailable(why))),
            },
        };
        let begun = Instant::now();
        let listing = list(root, &mut tables, &judge.lasting, true)?;
        let mut connections = Connections::of(listing.rows, judge, options.histories);
        let took = begun.elapsed();
        let source = match (source, tables.tables.first()) {
            (Some(mut traced), Some(table)) => {
                traced.begin(root, options.scope, &mut connections, table, took)?;
                Source::Traced(Box::new(traced))
            }
            _ => {
                let who = match options.scope {
                    Scope::OfProcess(pid) => pid.to_string(),
                    Scope::Own | Scope::All => "self".to_owned(),
                };
                let stirrings = match how {
                    How::Sampled(WhySampled::Gauges) => Stirrings::always(),
                    _ => Stirrings::of(root.path().join(who).join("net")),
                };
                Source::Sampled(Sampled::new(stirrings))
            }
        };
        Ok(Watcher {
            tables,
            connections,
            holders: Holders::new(root.clone()),
            source,
            how,
            unseen: listing.unseen,
        })
    }

    /// How changes come to be known.
    pub fn how(&self) -> &How {
        &self.how
    }

    /// What the first look could not see.
    pub fn unseen(&self) -> &Unseen {
        &self.unseen
    }

    /// Everything that is watched.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// How long to wait at most before [`Watcher::changes`] is called again.
    pub fn rest(&self) -> Duration {
        match &self.source {
            Source::Traced(_) => TICK,
            Source::Sampled(sampled) => sampled.rest(),
        }
    }

    /// What changed since the last call, in the order of time.
    ///
    /// # Errors
    /// When the kernel could not be asked any more.
    pub fn changes(&mut self) -> Result<Vec<Change>, WatchError> {
        let tables = &mut self.tables.tables;
        match &mut self.source {
            Source::Traced(traced) => {
                traced.look(&mut self.connections, &mut self.holders, tables)?;
            }
            Source::Sampled(sampled) => {
                sampled.look(&mut self.connections, &mut self.holders, tables)?;
            }
        }
        Ok(self.connections.told())
    }

    /// What was lost, by the last count: see [`Watcher::totals`] for one of now.
    pub fn lost(&self) -> Lost {
        match &self.source {
            Source::Traced(traced) => Lost {
                events: traced.lost,
                unknown: traced.blind,
            },
            Source::Sampled(_) => Lost::default(),
        }
    }

    /// Why the condition of `--until` may have come true without being seen, of kernel events and
    /// of holders.
    pub fn may_have_missed(&mut self) -> Option<String> {
        let totals = self.totals();
        let events = |number: u64| match number {
            1 => "1 event".to_owned(),
            many => format!("{many} events"),
        };
        let of_process: fn(&Condition) -> bool = |condition| {
            matches!(
                condition,
                Condition::Pid(_) | Condition::Name(_) | Condition::User(_)
            )
        };
        let judge = &self.connections.judge;
        let asks_for_holders = judge.filter.has(of_process)
            || (judge.until.as_ref()).is_some_and(|until| until.filter.has(of_process));
        let unreadable = self.unseen.processes.max(totals.unreadable);
        let skipped = totals.holders_skipped + totals.undecided;
        if totals.lost_unknown {
            Some("nobody knows how many events were lost".to_owned())
        } else if totals.lost > 0 {
            Some(format!("{} lost", events(totals.lost)))
        } else if totals.unplaced > 0 {
            let events = events(totals.unplaced);
            Some(format!("{events} left out that may be another namespace's"))
        } else if asks_for_holders && unreadable > 0 {
            Some(format!("processes that may not be looked at: {unreadable}"))
        } else if asks_for_holders && skipped > 0 {
            Some(format!("changes of which no holder was found: {skipped}"))
        } else {
            None
        }
    }

    /// What was counted so far.
    pub fn totals(&mut self) -> Totals {
        let mut totals = Totals {
            holders_skipped: self.holders.skipped,
            unreadable: self.holders.unreadable,
            undecided: self.connections.undecided,
            ..Totals::default()
        };
        match &mut self.source {
            Source::Traced(traced) => {
                traced.count_losses_now();
                totals.lost = traced.lost;
                totals.lost_unknown = traced.blind;
                totals.unheard = traced.unheard;
                if let Some(arrival) = traced.arrival() {
                    totals.gaps = arrival.gaps;
                    totals.unplaced = arrival.unplaced;
                    totals.given_up = arrival.remains.given_up;
                    totals.resets = Some((arrival.resets_sent, arrival.resets_received));
                    totals.retransmits = Some(arrival.retransmits);
                }
            }
            Source::Sampled(sampled) => totals.looks = sampled.looks,
        }
        totals
    }
}
