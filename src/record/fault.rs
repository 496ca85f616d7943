//! What is wrong with a record.

use thiserror::Error;

/// A record that cannot be read.
#[derive(Debug, Error)]
#[error("line {line}: {fault}")]
pub struct RecordError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

impl RecordError {
    /// What would help, where something does.
    pub fn help(&self) -> Option<&'static str> {
        match &self.fault {
            Fault::Cut { .. }
            | Fault::CutLine
            | Fault::NotJson(_)
            | Fault::Count { .. }
            | Fault::Hash => Some("--partial shows what is there"),
            Fault::Foreign | Fault::Empty => {
                Some("a record is what `sockscope run --save FILE` writes")
            }
            Fault::Document => Some(
                "`--format json` is for other tools; a record is what `--save FILE` or \
                 `--format jsonl` writes",
            ),
            Fault::Newer { .. } => Some(
                "read it with that version or a later one; --partial shows what this one \
                 understands of it",
            ),
            _ => None,
        }
    }
}

/// What is wrong.
#[derive(Debug, Error)]
pub enum Fault {
    /// There is nothing.
    #[error("there is no record here: nothing at all")]
    Empty,
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The file is something else.
    #[error("this is no record of sockscope")]
    Foreign,
    /// The file is a document of `--format json`.
    #[error("this is a run as one JSON value, no record")]
    Document,
    /// A newer sockscope wrote it.
    #[error(
        "a record of the format {schema}, which sockscope {version} wrote; this one reads up to {}",
        super::SCHEMA
    )]
    Newer {
        /// Its format.
        schema: String,
        /// The version that wrote it.
        version: String,
    },
    /// The line is too long.
    #[error("longer than {0} bytes, which no line of a record is")]
    TooLong(usize),
    /// The line is not in UTF-8.
    #[error("not in UTF-8")]
    NotUtf8,
    /// The line is no JSON.
    #[error("no JSON: {0}")]
    NotJson(String),
    /// The line ends before its object does, and so does the file.
    #[error("the record is cut in the middle of this line")]
    CutLine,
    /// The line is JSON, but none of a record's lines.
    #[error("no line of a record: {0}")]
    NotALine(String),
    /// The file ends, or another record begins, before the record's end.
    #[error("the record that begins in line {begun} is cut: its last line is missing")]
    Cut {
        /// Where it begins.
        begun: usize,
    },
    /// A line that cannot stand here.
    #[error("{0} cannot stand here")]
    Misplaced(&'static str),
    /// The scenario's text is not the one whose hash the header names.
    #[error("the scenario's text is not the one whose SHA-256 stands beside it")]
    Hash,
    /// Numbers that do not follow each other.
    #[error("{what} {wanted} was to come, not {found}: lines are missing, or out of order")]
    Order {
        /// What is numbered.
        what: &'static str,
        /// The next number.
        wanted: usize,
        /// The number that is there.
        found: usize,
    },
    /// A time before the one of the event before.
    #[error("this event is older than the one before it")]
    Time,
    /// Something that is referred to is not there.
    #[error("there is no {what} {number} before this line")]
    Unknown {
        /// What.
        what: &'static str,
        /// Its number.
        number: usize,
    },
    /// A packet leaves that has left before.
    #[error("packet {0} leaves a second time")]
    SentTwice(u32),
    /// A socket has another name than the line says.
    #[error("socket {socket} is {known}, not {claimed}")]
    Endpoint {
        /// The socket's number.
        socket: u32,
        /// What it is called.
        known: String,
        /// What the line calls it.
        claimed: String,
    },
    /// A place outside the scenario's text.
    #[error("bytes {start} to {end} are no part of the scenario's text")]
    Span {
        /// Where it begins.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// The end counts something else than there is.
    #[error("the end counts {said} {what}, the record has {found}: lines are missing")]
    Count {
        /// What is counted.
        what: &'static str,
        /// What the end says.
        said: usize,
        /// What there is.
        found: usize,
    },
    /// The outcome is not what the verdicts come to.
    #[error("the end says {said}, the verdicts come to {found}")]
    Outcome {
        /// What the end says.
        said: &'static str,
        /// What the verdicts come to.
        found: &'static str,
    },
}
