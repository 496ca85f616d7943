//! Rules that explain why something is as it is, each with its evidence and its fix. No I/O.
//!
//! A rule looks at a [`Picture`] and at what of it is asked about, and says nothing when it does
//! not fit. A picture is made from the timeline of a run, where an expectation failed, or of
//! programs that run already ([`crate::live::why`]): one text serves both. What only a timeline
//! tells has rules of its own, and what only two looks at a machine tell.
//!
//! | file | what it explains | from |
//! |---|---|---|
//! | `close` | CLOSE_WAIT, FIN_WAIT2, a copy that is still open, a half-close in use | both |
//! | `connect` | SYN_SENT, a queue that nobody accepts from | both |
//! | `data` | retransmissions, a closed window, data that nobody reads | both |
//! | `port` | EADDRINUSE | both |
//! | `process` | zombies, stopped processes | both |
//! | [`growth`] | what gets more from look to look | two looks |
//! | `recorded` | refused, reset, killed, ended; ICMP errors that nobody is told of | a timeline |
//!
//! `docs/why.md` has the table of all diagnoses.

use crate::scenario::suggest;

mod close;
mod connect;
mod data;
pub mod facts;
pub mod finding;
pub mod growth;
pub mod picture;
mod port;
mod process;
pub mod question;
mod recorded;

pub use facts::Facts;
pub use finding::{About, Diagnosis, Finding, Proof, Weight};
pub use picture::Picture;
pub use question::Question;
pub use recorded::{Failure, explain};

use recorded::Subject;

/// Looks at a picture, says what it found.
type Rule = fn(&Picture, &Question) -> Vec<Finding>;

/// Where a rule finds what it needs.
enum Source {
    /// In a picture.
    Picture(Rule),
    /// In a timeline alone.
    Timeline(fn(&Subject<'_>) -> Option<String>),
}

/// All rules, in the order in which their answers are shown below a failed expectation.
const RULES: [Source; 18] = [
    Source::Timeline(recorded::ended::program_ended),
    Source::Timeline(recorded::refused::nobody_listens),
    Source::Timeline(recorded::reset::by_reset),
    Source::Picture(connect::queue_full),
    Source::Picture(connect::unanswered_syn),
    Source::Picture(connect::not_accepted),
    Source::Timeline(recorded::datagram::error_of_nobody),
    Source::Picture(close::other_holder),
    Source::Picture(close::owes_the_close),
    Source::Picture(close::unanswered_fin),
    Source::Picture(close::half_closed),
    Source::Picture(data::zero_window),
    Source::Picture(data::retransmitting),
    Source::Picture(data::unread),
    Source::Picture(process::stopped),
    Source::Picture(process::zombies),
    Source::Picture(port::taken),
    Source::Timeline(recorded::ended::killed_by_sigpipe),
];

/// Every kind of diagnosis that programs which run already can get.
pub const DIAGNOSES: [&Diagnosis; 18] = [
    &close::OWES_THE_CLOSE,
    &close::OTHER_HOLDER,
    &close::UNANSWERED_FIN,
    &close::HALF_CLOSED,
    &connect::UNANSWERED_SYN,
    &connect::NOT_ACCEPTED,
    &connect::QUEUE_FULL,
    &data::RETRANSMITTING,
    &data::ZERO_WINDOW,
    &data::UNREAD,
    &process::STOPPED,
    &process::ZOMBIE,
    &port::PORT_TAKEN,
    &port::PORT_HELD,
    &growth::LEAK,
    &growth::OVERFLOWS,
    &growth::RESETS,
    &growth::ATTEMPTS,
];

/// Every diagnosis that a picture allows, worst first.
pub fn diagnose(picture: &Picture, question: &Question) -> Vec<Finding> {
    let mut found: Vec<Finding> = RULES
        .iter()
        .filter_map(|source| match source {
            Source::Picture(rule) => Some(rule(picture, question)),
            Source::Timeline(_) => None,
        })
        .flatten()
        .collect();
    // Stable: within a weight in the order of the rules.
    found.sort_by_key(|finding| finding.weight);
    found
}

/// The diagnosis with this key.
pub fn find(key: &str) -> Option<&'static Diagnosis> {
    DIAGNOSES.into_iter().find(|diagnosis| diagnosis.key == key)
}

/// The key that is nearest to a misspelt one.
pub fn near(word: &str) -> Option<&'static str> {
    suggest::nearest(word, DIAGNOSES.iter().map(|diagnosis| diagnosis.key))
}
