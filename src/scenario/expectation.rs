//! What must hold: the strings of `expect` and `never`.

use std::fmt;

use super::error::Fault;
use super::names::{self, Mention, MentionKind, Subject};
use super::words::Cursor;
use super::{Bound, Comparison, Expectation, bound, endpoint, literal, process, suggest, wire};
use crate::model::{errno_name, signal_name};

impl Expectation {
    /// Reads an expectation as scenario files write it. Whether its names mean something is not
    /// decided here.
    ///
    /// # Errors
    /// What is wrong, with its range in `text`.
    pub fn parse(text: &str) -> Result<Expectation, Fault> {
        parse(text).map(|(expectation, _)| expectation)
    }
}

/// The expectation and the names in it.
pub(crate) fn parse(text: &str) -> Result<(Expectation, Vec<Mention>), Fault> {
    let mut cursor = Cursor::new(text);
    let expectation = expectation(&mut cursor)?;
    cursor.end()?;
    Ok((expectation, cursor.mentions))
}

fn expectation(cursor: &mut Cursor<'_>) -> Result<Expectation, Fault> {
    if cursor.eat("any") {
        zombie(cursor)?;
        return Ok(zombies_of_all(Comparison::AtLeast, 1));
    }
    if cursor.eat("no") {
        zombie(cursor)?;
        return Ok(zombies_of_all(Comparison::Equal, 0));
    }
    if cursor.eat("zombies") {
        let bound = bound::bound(cursor)?;
        return Ok(Expectation::Zombies { of: None, bound });
    }
    if cursor.eat("wire") {
        return wire::expectation(cursor);
    }
    let token = cursor.word("an expectation")?;
    let subject = names::subject(&token)?;
    let program = match &subject {
        Subject::Process(process) => process.program(),
        Subject::Endpoint(endpoint) => endpoint.program(),
    };
    cursor.mention(Mention {
        kind: MentionKind::Judges(program),
        span: names::program_part(&token),
    });
    match subject {
        Subject::Process(process) => process::expectation(cursor, process, &token),
        Subject::Endpoint(endpoint) => endpoint::expectation(cursor, endpoint),
    }
}

fn zombies_of_all(op: Comparison, value: u64) -> Expectation {
    Expectation::Zombies {
        of: None,
        bound: Bound { op, value },
    }
}

fn zombie(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    if cursor.eat("zombie") || cursor.eat("zombies") {
        return Ok(());
    }
    let help = cursor
        .peek()
        .and_then(|token| suggest::did_you_mean(token.text, ["zombie", "zombies"]));
    Err(cursor.expected("`zombie`").maybe_help(help))
}

impl fmt::Display for Expectation {
    /// As scenario files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expectation::Path { endpoint, path } => write!(f, "{endpoint} {path}"),
            Expectation::Datagram { endpoint, state } => write!(f, "{endpoint} {state}"),
            Expectation::HeldBy { endpoint, holders } if holders.is_empty() => {
                write!(f, "{endpoint} held by nobody")
            }
            Expectation::HeldBy { endpoint, holders } => {
                let names: Vec<&str> = holders.iter().map(|holder| holder.as_str()).collect();
                write!(f, "{endpoint} held by {}", names.join(", "))
            }
            Expectation::Gauge {
                endpoint,
                gauge,
                bound,
            } => write!(f, "{endpoint} {} {bound}", gauge.word()),
            Expectation::Timer { endpoint, timer } => {
                write!(f, "{endpoint} timer {}", timer.word())
            }
            Expectation::Process { process, facts } => {
                let facts: Vec<String> = facts.iter().map(ToString::to_string).collect();
                write!(f, "{process} {}", facts.join(", "))
            }
            Expectation::Zombies { of: None, bound } => match (bound.op, bound.value) {
                (Comparison::AtLeast, 1) => f.write_str("any zombie"),
                (Comparison::Equal, 0) => f.write_str("no zombies"),
                _ => write!(f, "zombies {bound}"),
            },
            Expectation::Zombies {
                of: Some(program),
                bound,
            } => write!(f, "{program} zombies {bound}"),
            Expectation::Children { of, bound } => write!(f, "{of} children {bound}"),
            Expectation::Failed {
                process,
                call: None,
                errno,
            } => write!(f, "{process} failed {}", errno_name(*errno)),
            Expectation::Failed {
                process,
                call: Some(call),
                errno,
            } => write!(f, "{process} failed {call} {}", errno_name(*errno)),
            Expectation::GotEof(process) => write!(f, "{process} got EOF"),
            Expectation::Caught { process, signal } => {
                write!(f, "{process} caught {}", signal_name(*signal))
            }
            Expectation::Prints { process, text } => {
                write!(f, "{process} prints {}", literal::write(text))
            }
            Expectation::Wire { bound, what } => wire::write_bound(f, bound, what),
            Expectation::WireSequence(packets) => wire::write_sequence(f, packets),
        }
    }
}
