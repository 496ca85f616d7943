//! sockscope runs real TCP programs through scripted scenarios and shows every step of their
//! connections' lives.
//!
//! The `README` is for users of the command, `docs/scenario-format.md` for authors of scenarios.
//! This page is for tests in Rust that use the library, and for those who work on sockscope: the
//! architecture follows below.
//!
//! # In Rust tests
//!
//! With sockscope among the dev-dependencies, a test runs a scenario with the server under test:
//!
//! ```
//! use sockscope::Scenario;
//!
//! # fn main() -> Result<(), sockscope::Error> {
//! # let server = "chat-server"; // for example env!("CARGO_BIN_EXE_myserver")
//! let run = Scenario::builtin("normal-close")?
//!     .program("server", [server, "{port}"])
//!     .settled() // content with less where there is no wire
//!     .run()?;
//! run.assert_passed();
//!
//! // The timeline is there for assertions of your own.
//! let server = run.timeline().process(&"server".into()).expect("it was started");
//! assert!(!server.ended);
//! # Ok(())
//! # }
//! ```
//!
//! [`Scenario`] says what shall run, [`Run`] what came of it, [`wire`] whether segments and
//! complete paths can be observed on this machine. What could not be observed never passes:
//! [`Run::assert_passed`] panics with the reason; before that, [`Run::save`] and [`Run::report`]
//! keep what came of the run in files. `examples/echo` in the repository is a whole
//! crate with such a test.
//!
//! ## How a test starts sockscope
//!
//! A run needs processes that are sockscope and nothing else: the lab's first process, and the
//! built-in programs. No `sockscope` command has to be installed for that: the test executable is
//! executed anew, and the library in it takes that process over before `main`. It does so only in
//! processes that it started itself: it looks for a marker in the environment and for `sockscope`
//! as `argv[0]`, and never does so in a program with more rights than its starter. Executables that
//! only link the library lose one look into their environment when they start. Set `SOCKSCOPE_BIN`
//! to the path of a `sockscope` command of the same version to have that executed instead; a test
//! that is itself a shared library needs it.
//!
//! ## What is stable
//!
//! What this page lists is the public interface: the items at the root, and the plain data of
//! [`event`], [`model`], [`run`](mod@run) and [`timeline`] for reading. Their structs gain fields with
//! new minor versions, and their enums variants where they are `#[non_exhaustive]`: read them, and
//! do not build them. The other rooms
//! of the house are open to the `sockscope` command and not part of the interface.
//!
//! # The architecture
//!
//! ## The way through the house
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
//! | [`live`] | programs that run already: filters, the machine's sockets, who holds them, what changes |
//! | [`screen`] | the live screen of `watch`: views, keys, the terminal given back whatever happens |
//! | [`event`] | [`event::Event`]: the contract between what observes and what reads |
//! | [`model`] | plain values that all rooms speak of: states, endpoints, holders, names |
//! | [`timeline`] | all events in order; names endpoints, keeps what is known of each |
//! | [`graph`] | RFC 9293's state diagram: which path leads from one state to another |
//! | [`causes`] | which call or end of a process is behind a FIN or an RST |
//! | [`check`] | expectations against a timeline |
//! | [`observed`] | what a step did, as expectations that say it |
//! | [`bless`] | what was observed, written into the scenario file |
//! | [`diagnose`] | rules that explain what is wrong, in a run or on a live machine, with evidence and fix |
//! | [`run`] | everything that a run leaves behind, as plain data |
//! | [`suite`] | a scenario and all its tries: what reports of several runs are written from |
//! | [`compare`] | two runs: whether they are the same, and where they differ first |
//! | [`record`] | a run as JSON Lines: written, read back with everything checked |
//! | [`report`] | from a run, or from several, to text, one file a format |
//! | [`output`] | files that are written completely or not at all |
//! | `testing` | what the root shows: scenarios in Rust tests |
//! | `threads` | the same work on several things at once |
//! | `calendar` | days of the calendar, by number and by date |
//! | [`tolerance`] | every duration that a verdict could depend on |
//! | [`sys`] | the only unsafe code: namespaces' and processes' system calls |
//!
//! The binary (`main.rs`, `cli.rs`, `commands/`) turns arguments into typed options once, calls the
//! library and returns the exit code of [`run::Outcome`].
//!
//! ## A run
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
//! ## Where to add what
//!
//! | to add | write | and |
//! |---|---|---|
//! | a scenario | `scenarios/TOPIC/NAME.toml` | nothing: the build finds it |
//! | a built-in program | a file in [`programs`] | its line in [`programs::ALL`] |
//! | an observer | a file in [`observe`] that makes events | its call where the driver settles or samples |
//! | a report format | a file in [`report`]: a function from [`run::Run`] or from [`suite::Case`]s to text | its line in [`report::format::FORMATS`] |
//! | a diagnosis | a rule in [`diagnose`]: a function from a [`diagnose::Picture`] to findings | its lines in the tables there, its page in [`report::explain_diagnosis`], its row in `docs/why.md` |
//! | an action, an expectation | its type and parser in [`scenario`], its meaning in the driver or in [`check`] | its row in `docs/scenario-format.md` |

#![deny(unsafe_code)]

#[doc(hidden)]
pub mod bless;
mod calendar;
#[doc(hidden)]
pub mod causes;
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod compare;
#[doc(hidden)]
pub mod diagnose;
#[doc(hidden)]
pub mod driver;
pub mod event;
#[doc(hidden)]
pub mod graph;
#[doc(hidden)]
pub mod lab;
#[doc(hidden)]
pub mod live;
#[doc(hidden)]
pub mod matching;
pub mod model;
#[doc(hidden)]
pub mod observe;
#[doc(hidden)]
pub mod observed;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod programs;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod report;
pub mod run;
#[doc(hidden)]
pub mod scenario;
#[doc(hidden)]
pub mod screen;
#[doc(hidden)]
pub mod suite;
#[doc(hidden)]
pub mod sys;
mod testing;
mod threads;
pub mod timeline;
#[doc(hidden)]
pub mod tolerance;

pub use driver::place::Unavailable;
pub use run::{Checked, Outcome, Place, Verdict};
pub use testing::{Error, ErrorKind, Run, Scenario, wire};
pub use timeline::Timeline;
