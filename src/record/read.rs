//! From text to runs. Whatever a report relies on is checked, line by line: numbers that follow
//! each other, references to what came before, places inside the scenario's text, counts.

use std::io::{BufRead, Read as _};

use serde_json::Value;

use super::SCHEMA;
use super::fault::{Fault, RecordError};
use super::line::{HeaderLine, Line};
use crate::run::Run;
use crate::suite::Case;

mod open;

use open::{Open, in_order};

/// The longest line that is read, in bytes. sockscope's own are far shorter: the longest holds a
/// scenario's text.
const LONGEST: usize = 64 << 20;

/// The mark at the beginning of files that some editors write: U+FEFF in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What is taken for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Nothing but whole records.
    Whole,
    /// Also the part of a record before the first line that cannot be read, and records that give
    /// reason to doubt what is in them: a newer format, a scenario's text with another hash.
    Part,
}

/// What was read.
#[derive(Debug)]
pub struct Recording {
    /// The scenarios with their tries, in the order of their records. The last try is stopped
    /// where its record is cut.
    pub cases: Vec<Case>,
    /// Why nothing more was read; nothing when all was.
    pub cut: Option<RecordError>,
    /// What makes records doubtful. The tries that they are of are stopped, inconclusive.
    pub doubts: Vec<RecordError>,
}

/// Reads all records of a file.
///
/// # Errors
/// The first line that is wrong, and why. With [`Accept::Part`] only where nothing comes before
/// it that could be shown.
pub fn read(input: impl BufRead, accept: Accept) -> Result<Recording, RecordError> {
    let mut reader = Reader {
        input,
        accept,
        line: 0,
        cases: Vec::new(),
        open: None,
        doubts: Vec::new(),
    };
    let Err(fault) = reader.all() else {
        return Ok(Recording {
            cases: reader.cases,
            cut: None,
            doubts: reader.doubts,
        });
    };
    let line = reader.line.max(1);
    let error = RecordError { line, fault };
    if accept == Accept::Whole {
        return Err(error);
    }
    if let Some(open) = reader.open.take() {
        let (attempt, run) = (open.attempt, open.cut(&error));
        reader.add(attempt, run);
    }
    match reader.cases.is_empty() {
        true => Err(error),
        false => Ok(Recording {
            cases: reader.cases,
            cut: Some(error),
            doubts: reader.doubts,
        }),
    }
}

struct Reader<R> {
    input: R,
    accept: Accept,
    /// The line that is being read, counted from 1.
    line: usize,
    cases: Vec<Case>,
    open: Option<Open>,
    doubts: Vec<RecordError>,
}

impl<R: BufRead> Reader<R> {
    fn all(&mut self) -> Result<(), Fault> {
        let mut empty = None;
        while let Some((text, ended)) = self.next()? {
            // Editors leave empty lines behind the last one.
            if text.trim_ascii().is_empty() {
                empty.get_or_insert(self.line);
                continue;
            }
            if let (Some(line), true) = (empty.take(), self.open.is_some()) {
                self.line = line;
                return Err(Fault::NotJson("an empty line".to_owned()));
            }
            if self.open.is_some() {
                self.take(parse(&text, ended)?)?;
                continue;
            }
            let Begun { line, newer } = parse_first(&text, ended)?;
            let doubts = self.doubts.len();
            if let Some(fault) = newer {
                self.doubt(fault)?;
            }
            self.take(line)?;
            if let (Some(open), Some(doubt)) = (&mut self.open, self.doubts.get(doubts)) {
                open.doubt(doubt);
            }
        }
        match &self.open {
            Some(open) => Err(Fault::Cut { begun: open.begun }),
            None if self.cases.is_empty() => Err(Fault::Empty),
            None => Ok(()),
        }
    }

    /// What is no reason to stop for somebody who wants to see whatever there is.
    fn doubt(&mut self, fault: Fault) -> Result<(), Fault> {
        if self.accept == Accept::Whole {
            return Err(fault);
        }
        let line = self.line;
        self.doubts.push(RecordError { line, fault });
        Ok(())
    }

    /// The next line, and whether a newline ends it.
    fn next(&mut self) -> Result<Option<(String, bool)>, Fault> {
        let mut bytes = Vec::new();
        let most = LONGEST as u64 + 1;
        (&mut self.input)
            .take(most)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| {
                self.line += 1;
                Fault::Io(error)
            })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        if self.line == 1 && bytes.starts_with(BOM) {
            bytes.drain(..BOM.len());
        }
        if !ended && bytes.len() > LONGEST {
            return Err(Fault::TooLong(LONGEST));
        }
        let text = String::from_utf8(bytes).map_err(|_| match self.open {
            Some(_) => Fault::NotUtf8,
            None => Fault::Foreign,
        })?;
        Ok(Some((text, ended)))
    }

    fn take(&mut self, line: Line) -> Result<(), Fault> {
        let Some(open) = &mut self.open else {
            return match line {
                Line::Header(header) => {
                    self.follows(&header)?;
                    if let Some(fault) = open::mismatch(&header) {
                        self.doubt(fault)?;
                    }
                    self.open = Some(Open::new(header, self.line));
                    Ok(())
                }
                _ => Err(Fault::Foreign),
            };
        };
        match line {
            Line::Header(_) => Err(Fault::Cut { begun: open.begun }),
            Line::Event(event) => open.event(event),
            Line::Step(step) => open.step(step),
            Line::Verdict(verdict) => open.verdict(verdict),
            Line::End(end) => {
                let (attempt, run) = (open.attempt, open.end(&end)?);
                self.open = None;
                self.add(attempt, run);
                Ok(())
            }
        }
    }

    /// Whether the tries of a scenario come one after the other.
    fn follows(&self, header: &HeaderLine) -> Result<(), Fault> {
        let last = self.cases.last();
        let same = last.filter(|case| case.run().header.scenario == header.scenario.name);
        match (same, header.attempt) {
            (_, 1) => Ok(()),
            (case, found) => in_order("try", case.map_or(1, |case| case.tries() + 1), found),
        }
    }

    /// Adds a run: a new case, or one more try of the last one.
    fn add(&mut self, attempt: usize, run: Run) {
        match self.cases.last_mut() {
            Some(case) if attempt > 1 => case.again(run),
            _ => self.cases.push(run.into()),
        }
    }
}

fn parse(text: &str, ended: bool) -> Result<Line, Fault> {
    serde_json::from_str(text).map_err(|error| match error.is_data() {
        true => Fault::NotALine(told(&error)),
        false if !ended && error.is_eof() => Fault::CutLine,
        false => Fault::NotJson(told(&error)),
    })
}

/// The first line of a record.
struct Begun {
    line: Line,
    /// It is of a newer format, of which this much is understood.
    newer: Option<Fault>,
}

/// The first line of a record: what it is is asked before what is in it.
fn parse_first(text: &str, ended: bool) -> Result<Begun, Fault> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) if !ended && error.is_eof() && text.starts_with(r#"{"type":"header""#) => {
            return Err(Fault::CutLine);
        }
        Err(_) => return Err(Fault::Foreign),
    };
    let word = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let schema = match word(&value, "schema") {
        Some(schema) => schema,
        None if value.get("runs").is_some_and(Value::is_array) => return Err(Fault::Document),
        None => return Err(Fault::Foreign),
    };
    let mut newer = None;
    if schema != SCHEMA {
        let (name, _) = SCHEMA.split_once('/').unwrap_or((SCHEMA, ""));
        let number = schema.strip_prefix(name).and_then(|n| n.strip_prefix('/'));
        newer = match number.map(str::parse::<u64>) {
            Some(Ok(_)) => Some(Fault::Newer {
                schema,
                version: word(&value, "sockscope").unwrap_or_else(|| "?".to_owned()),
            }),
            _ => return Err(Fault::Foreign),
        };
    }
    match serde_json::from_value(value) {
        Ok(line) => Ok(Begun { line, newer }),
        // That it is newer says more than what is strange in it.
        Err(error) => Err(newer.unwrap_or_else(|| Fault::NotALine(error.to_string()))),
    }
}

/// What serde_json says, with the column alone: its line is always the first.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((what, _)) => format!("{what}, column {}", error.column()),
        None => text,
    }
}
