//! sockscope runs real TCP programs through scripted scenarios and shows every step of their
//! connections' lives.
//!
//! This page is the architecture. The `README` is for users, `docs/scenario-format.md` for authors
//! of scenarios.
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
//! One direction only. Everything left of the [`timeline`] acts on processes and sockets; everything
//! right of it is pure: [`causes`], [`check`], [`diagnose`] and [`report`] read plain data and never see a pid
//! that they could act on, or a descriptor. A report re-runs nothing.
//!
//! | room | what it is for |
//! |---|---|
//! | [`scenario`] | the file format: types with spans, one parser, errors that point; the built-in files |
//! | [`matching`] | which packets a scenario's matcher means |
//! | [`programs`] | the built-in servers and clients, and the side channel on which they tell of their calls |
//! | [`lab`] | hosts (namespaces), the wire (TUN devices), the first process, which starts and reaps |
//! | [`driver`] | the step loop: acts, lets one packet at a time go, samples at quiet points, judges |
//! | [`observe`] | what asks the kernel: sockets (sock_diag), processes (`/proc`, pidfds), holders |
//! | [`event`] | [`event::Event`]: the contract between what observes and what reads |
//! | [`model`] | plain values that all rooms speak of: states, endpoints, holders, names |
//! | [`timeline`] | all events in order; names endpoints, keeps what is known of each |
//! | [`graph`] | RFC 9293's state diagram: which path leads from one state to another |
//! | [`causes`] | which call or end of a process is behind a FIN or an RST |
//! | [`check`] | expectations against a timeline |
//! | [`diagnose`] | rules that explain a failure, with its fix |
//! | [`run`] | everything that a run leaves behind, as plain data |
//! | [`suite`] | a scenario and all its tries: what reports of several runs are written from |
//! | [`report`] | from a run, or from several, to text, one file a format |
//! | [`output`] | files that are written completely or not at all |
//! | [`tolerance`] | every duration that a verdict could depend on |
//! | [`sys`] | the only unsafe code: namespaces' and processes' system calls |
//!
//! The binary (`main.rs`, `cli.rs`, `commands/`) turns arguments into typed options once, calls the
//! library and returns the exit code of [`run::Outcome`].
//!
//! # A run
//!
//! 1. [`scenario::load`] reads the file and finds all mistakes in it.
//! 2. [`driver::run`] opens the best place that can be had ([`run::Place`]): the wire, a private
//!    loopback, the machine's own. Its first process adopts orphans and dies with sockscope, so
//!    nothing survives a run.
//! 3. For each step the driver acts and then lets everything settle: it delivers a packet only when
//!    every process is blocked or gone, and asks the kernel for both ends around it. At a quiet
//!    point it samples processes, sockets and holders.
//! 4. Whatever is noticed becomes an event. [`timeline::Timeline`] names the endpoints and keeps the
//!    evidence of each state.
//! 5. [`check`] judges the step's expectations. One that could not be observed is inconclusive.
//! 6. The [`run::Run`] goes to a report.
//!
//! # Where to add what
//!
//! | to add | write | and |
//! |---|---|---|
//! | a scenario | `scenarios/TOPIC/NAME.toml` | nothing: the build finds it |
//! | a built-in program | a file in [`programs`] | its line in [`programs::ALL`] |
//! | an observer | a file in [`observe`] that makes events | its call where the driver settles or samples |
//! | a report format | a file in [`report`]: a function from [`run::Run`] or from [`suite::Case`]s to text | its line in [`report::format::FORMATS`] |
//! | a diagnosis | a rule in [`diagnose`]: a function from a subject to a sentence | its line in the table there |
//! | an action, an expectation | its type and parser in [`scenario`], its meaning in the driver or in [`check`] | its row in `docs/scenario-format.md` |

#![deny(unsafe_code)]

pub mod causes;
pub mod check;
pub mod diagnose;
pub mod driver;
pub mod event;
pub mod graph;
pub mod lab;
pub mod matching;
pub mod model;
pub mod observe;
pub mod output;
pub mod programs;
pub mod report;
pub mod run;
pub mod scenario;
pub mod suite;
pub mod sys;
pub mod timeline;
pub mod tolerance;
