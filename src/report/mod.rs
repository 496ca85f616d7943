//! Reports: pure functions from plain data ([`Run`](crate::run::Run)) to text. Nothing here reads
//! the environment, the terminal or the clock.
//!
//! | file | what it prints |
//! |---|---|
//! | [`table`] | the ladder of one run: two lanes, the wire between them, what changed |
//! | [`failure`] | failed expectations, as a compiler prints errors |
//! | [`summary`] | several scenarios, one line each; one scenario with all its tries |
//! | [`mod@format`] | the formats by name, and what each is written from |
//! | [`junit`], [`tap`], [`github`] | several scenarios, for the programs of CI |
//! | [`step_summary`] | several scenarios, for the page of a job on GitHub |
//! | [`blessed`] | what `--bless` changed in a scenario file |
//! | [`explain`], [`explain_state`], [`explain_diagnosis`] | a scenario's story beside its run; a TCP state; a diagnosis |
//! | [`markdown`] | a scenario explained, and runs for pull requests, as Markdown |
//! | [`mermaid`] | the ladder as a sequence diagram for READMEs and pull requests |
//! | [`difference`] | where two runs differ first, as `diff -u` prints it |
//! | [`moment`] | what is on the wire now, for stepping through a run |
//! | [`list`] | the built-in scenarios by topic |
//! | [`pcapng`] | the packets, for Wireshark |
//! | [`style`] | samples as lsof, ss, netstat and ps print them |
//! | [`svg`] | the ladder as a picture |
//! | [`html`] | a page for a browser: picture, state diagram, events, verdicts, scenario |
//! | [`rows`] | what of a timeline is worth showing: the rows that every picture draws |
//! | [`sockets`] | sockets of the machine, as `ls` lists them |
//! | [`changes`] | what changes, as `watch` prints it |
//! | [`mod@why`] | what is wrong with programs that run already |
//! | [`snapshot`] | the state of everything at one event |

mod arrow;
mod attempt;
pub mod blessed;
pub mod changes;
mod columns;
mod datagram;
pub mod difference;
mod drawing;
pub mod explain;
pub mod explain_diagnosis;
pub mod explain_state;
pub mod failure;
pub mod format;
pub mod github;
mod grid;
pub mod html;
pub mod junit;
mod ladder;
mod lane;
mod lesson;
pub mod list;
pub mod markdown;
pub mod mermaid;
pub mod moment;
mod origin;
mod palette;
pub mod pcapng;
mod problem;
mod replaced;
pub mod rows;
pub mod snapshot;
mod snippet;
pub mod sockets;
pub mod step_summary;
pub mod style;
pub mod summary;
pub mod svg;
pub mod table;
pub mod tap;
pub(crate) mod text;
mod visible_json;
pub mod why;

pub use palette::Tone;
pub use text::{escape, visible};

/// How the output may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal or file. Less than [`Look::NARROWEST`] is taken as that.
    pub width: usize,
    /// Whether ANSI colours may be used.
    pub color: bool,
    /// Whether characters beyond ASCII may be used.
    pub unicode: bool,
}

impl Look {
    /// The least width that a report is laid out for, in columns.
    pub const NARROWEST: usize = 60;

    /// The width to lay out for.
    pub(crate) fn columns(&self) -> usize {
        self.width.clamp(Look::NARROWEST, usize::from(u16::MAX) / 2)
    }
}

/// How much to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Every event, also those that change nothing.
    pub all: bool,
    /// What to show of segments.
    pub wire: WireDetail,
}

/// What to show of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WireDetail {
    /// Flags, sequence and acknowledgement numbers, length and window, as far as there is room.
    #[default]
    Full,
    /// Flags and length.
    Flags,
    /// Nothing: no lane for the wire.
    Off,
}
