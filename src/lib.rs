//! sockscope runs real TCP programs through scripted scenarios and shows every step of their
//! connections' lives.
//!
//! # The way through the house
//!
//! ```text
//! scenario file ─► Scenario ─► driver ─► lab (hosts, wire, processes)
//!                                │            │
//!                                └─ observers ┘
//!                                     │ events
//!                                     ▼
//!                                 Timeline ─► check ─► verdicts ─► report
//! ```
//!
//! One direction only: [`check`] and [`report`] read plain data and never see a pid they could
//! act on or a descriptor.
//!
//! | room | what it is for |
//! |---|---|
//! | [`scenario`] | the file format: types with spans, one parser, errors that point |
//! | [`programs`] | the built-in servers and clients |
//! | [`observe`] | what asks the kernel: sockets, processes, holders |
//! | [`sys`] | the only unsafe code |
//! | [`event`] | [`event::Event`]: the contract between what observes and what reads |
//! | [`timeline`] | all events in order; names endpoints, infers states ([`graph`]) |
//! | [`check`] | expectations against a timeline |
//! | [`run`] | everything that a run leaves behind, as plain data |
//! | [`report`] | one file a format |

#![deny(unsafe_code)]

pub mod check;
pub mod diagnose;
pub mod driver;
pub mod event;
pub mod graph;
pub mod lab;
pub mod matching;
pub mod model;
pub mod observe;
pub mod programs;
pub mod report;
pub mod run;
pub mod scenario;
pub mod sys;
pub mod timeline;
pub mod tolerance;
