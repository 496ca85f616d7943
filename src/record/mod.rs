//! The record: a run as JSON Lines, to keep, to read by other tools, and to report again.
//!
//! `docs/record.md` describes it for people, `docs/record.schema.json` for machines. The lines'
//! types are here and nowhere else: what the rest of sockscope is made of may change without them.
//!
//! | file | what it is for |
//! |---|---|
//! | [`line`](mod@line) | the lines: header, event, step, verdict, end |
//! | [`event`], [`value`] | what happened, and the values in it |
//! | [`write`](mod@write) | from runs to text |
//! | [`read`](mod@read) | from text to runs, with everything checked that reports rely on |
//! | [`fault`] | what is wrong with a record, and in which line |
//! | [`schema`] | the JSON Schema |

pub mod event;
pub mod fault;
pub mod line;
pub mod read;
pub mod schema;
pub mod value;
pub mod write;

pub use fault::{Fault, RecordError};
pub use read::{Accept, Recording, read};
pub use write::{Document, document, lines};

/// What the header of a record calls its format: a name and a number, which rises when readers of
/// the last one would misunderstand.
pub const SCHEMA: &str = "sockscope-record/1";
