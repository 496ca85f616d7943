//! [`Watcher`]: what changes in the machine's TCP sockets, as it changes.
//!
//! | file | what it is for |
//! |---|---|
//! | [`change`] | a change: what is printed as a line |
//! | [`connection`] | a connection that is watched, or a listener |
//! | [`connections`] | all of them, found by address in the kernel, by addresses, by cookie |
//! | [`judge`] | which of them are meant, and which count for `--until` |
//! | [`watcher`] | [`Watcher`]: the first look, then whatever source can be had |
//! | `traced` | the source that hears everything: kernel events |
//! | `arrival` | from one kernel event to what it means for a connection |
//! | `sampled` | the source that looks again and again |
//! | `stirrings` | whether anything can have happened, by counters that cost next to nothing |
//! | `compare` | what differs between what is known and a dump |
//! | `ports` | the local port of whoever connects, of which its first event does not tell |
//! | `remains` | TIME_WAIT and orphaned FIN_WAIT2, of which no kernel event tells |
//! | `belonging` | whether a traced socket is in the network namespace that is watched |
//! | `whose` | whether an event is of a known socket, or of one with the same addresses elsewhere |
//! | `holders` | who holds a socket that changed |
//! | [`pace`] | how much of a core may be spent on something |
//! | [`summary`] | what is told at the end |
//!
//! By kernel events every transition is told, those that last microseconds too. What they do not
//! tell of (a socket's remains) is asked for by exact queries, and now and then a dump is held
//! against what is known. By sampling only what lasts is seen: `A >> B` then leaves open what
//! came between.
//!
//! UDP sockets have no states that change: they are not watched.

mod arrival;
mod belonging;
pub mod change;
mod compare;
pub mod connection;
pub mod connections;
mod holders;
pub mod judge;
pub mod pace;
mod ports;
mod remains;
mod sampled;
mod stirrings;
pub mod summary;
mod traced;
pub mod watcher;
mod whose;

pub use change::{Change, Note};
pub use connection::{Connection, Role};
pub use connections::Connections;
pub use summary::Summary;
pub use watcher::{How, Lost, Options, WatchError, Watcher};
