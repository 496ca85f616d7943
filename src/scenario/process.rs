//! Expectations about a process: `server.child exited 0, reaped`.

use std::fmt;

use super::error::Fault;
use super::names;
use super::words::{Cursor, Token};
use super::{Collector, Expectation, ProcessFact, bound, literal, suggest};
use crate::model::{ProcessName, TcpState, signal_name};

/// The words behind a process.
const WORDS: [&str; 13] = [
    "running", "stopped", "zombie", "exited", "killed", "reaped", "adopted", "prints", "failed",
    "got", "caught", "zombies", "children",
];

impl fmt::Display for ProcessFact {
    /// As scenario files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessFact::Running => f.write_str("running"),
            ProcessFact::Stopped => f.write_str("stopped"),
            ProcessFact::Zombie => f.write_str("zombie"),
            ProcessFact::Exited(status) => write!(f, "exited {status}"),
            ProcessFact::KilledBy(signal) => write!(f, "killed by {}", signal_name(*signal)),
            ProcessFact::Reaped => f.write_str("reaped"),
            ProcessFact::ReapedBy(collector) => write!(f, "reaped by {}", collector.word()),
            ProcessFact::Adopted => f.write_str("adopted"),
        }
    }
}

/// What stands behind the process's name, which is `subject`.
pub(crate) fn expectation(
    cursor: &mut Cursor<'_>,
    process: ProcessName,
    subject: &Token<'_>,
) -> Result<Expectation, Fault> {
    let Some(token) = cursor.peek() else {
        return Err(cursor
            .expected(&format!("what must hold of `{process}`"))
            .help(format!("one of {}", WORDS.join(", "))));
    };
    let word = token.text.to_ascii_lowercase();
    match word.as_str() {
        "failed" => {
            cursor.next();
            failed(cursor, process)
        }
        "got" => {
            cursor.next();
            cursor.keyword("EOF")?;
            Ok(Expectation::GotEof(process))
        }
        "caught" => {
            cursor.next();
            let signal = names::signal(&cursor.word("a signal")?)?;
            Ok(Expectation::Caught { process, signal })
        }
        "prints" => {
            cursor.next();
            whole_program(&process, subject, "its children write to the same pipe")?;
            let text = literal::text(cursor)?;
            Ok(Expectation::Prints { process, text })
        }
        "zombies" => {
            cursor.next();
            whole_program(&process, subject, "zombies are counted for a whole program")?;
            let bound = bound::bound(cursor)?;
            Ok(Expectation::Zombies {
                of: Some(process.program()),
                bound,
            })
        }
        "children" => {
            cursor.next();
            whole_program(
                &process,
                subject,
                "children are counted for a whole program",
            )?;
            let bound = bound::bound(cursor)?;
            Ok(Expectation::Children {
                of: process.program(),
                bound,
            })
        }
        _ => {
            let facts = facts(cursor, &process)?;
            Ok(Expectation::Process { process, facts })
        }
    }
}

fn whole_program(process: &ProcessName, subject: &Token<'_>, why: &str) -> Result<(), Fault> {
    if !process.is_child() {
        return Ok(());
    }
    Err(Fault::new(
        subject.span(),
        format!("`{process}` is a forked process; here a program must stand"),
    )
    .help(format!("{why}: `{}`", process.program())))
}

fn failed(cursor: &mut Cursor<'_>, process: ProcessName) -> Result<Expectation, Fault> {
    let first = cursor.word("an error, such as `EPIPE`")?;
    if names::errno_number(first.text).is_some() || cursor.peek().is_none() {
        let errno = names::errno(&first)?;
        return Ok(Expectation::Failed {
            process,
            call: None,
            errno,
        });
    }
    let call = first.text;
    let is_call = call.starts_with(|c: char| c.is_ascii_lowercase())
        && call
            .chars()
            .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'));
    if !is_call {
        return Err(Fault::new(
            first.span(),
            format!("`{call}` is not the name of a system call"),
        )
        .help("a call is written as in its man page: `write`, `accept4`"));
    }
    let errno = names::errno(&cursor.word("an error, such as `EPIPE`")?)?;
    Ok(Expectation::Failed {
        process,
        call: Some(call.to_owned()),
        errno,
    })
}

fn facts(cursor: &mut Cursor<'_>, process: &ProcessName) -> Result<Vec<ProcessFact>, Fault> {
    let mut facts = Vec::new();
    loop {
        let token = cursor.word("a fact about a process")?;
        facts.push(fact(cursor, &token, process)?);
        if !cursor.eat(",") {
            return Ok(facts);
        }
    }
}

fn fact(
    cursor: &mut Cursor<'_>,
    token: &Token<'_>,
    process: &ProcessName,
) -> Result<ProcessFact, Fault> {
    Ok(match token.text.to_ascii_lowercase().as_str() {
        "running" => ProcessFact::Running,
        "stopped" => ProcessFact::Stopped,
        "zombie" => ProcessFact::Zombie,
        "reaped" => match cursor
            .peek()
            .filter(|next| next.text.eq_ignore_ascii_case("by"))
        {
            Some(_) => {
                cursor.next();
                ProcessFact::ReapedBy(collector(&cursor.word("`parent`, `init` or `kernel`")?)?)
            }
            None => ProcessFact::Reaped,
        },
        "adopted" => ProcessFact::Adopted,
        "exited" => {
            let at = cursor.peek();
            let status = bound::number(cursor)?;
            match (u8::try_from(status), at) {
                (Ok(status), _) => ProcessFact::Exited(i32::from(status)),
                (Err(_), at) => {
                    let span = at.map_or_else(|| token.span(), |token| token.span());
                    return Err(Fault::new(span, format!("{status} is not an exit status"))
                        .help("waitpid(2) hands on 8 bits: 0 to 255"));
                }
            }
        }
        "killed" => {
            cursor.keyword("by")?;
            ProcessFact::KilledBy(names::signal(&cursor.word("a signal")?)?)
        }
        _ => return Err(unknown(token, process)),
    })
}

fn collector(token: &Token<'_>) -> Result<Collector, Fault> {
    Collector::NAMED
        .iter()
        .find(|(_, word)| token.text.eq_ignore_ascii_case(word))
        .map(|(collector, _)| *collector)
        .ok_or_else(|| {
            let words = Collector::NAMED.map(|(_, word)| word);
            Fault::new(
                token.span(),
                format!("`{}` does not reap processes", token.text),
            )
            .help(suggest::did_you_mean_or_list(token.text, &words))
        })
}

fn unknown(token: &Token<'_>, process: &ProcessName) -> Fault {
    let fault = Fault::new(
        token.span(),
        format!("unknown fact `{}` about a process", token.text),
    );
    let program = process.program();
    match token.text.parse::<TcpState>() {
        Ok(TcpState::Listen) => fault.help(format!(
            "a state belongs to an endpoint: `{program}.listener LISTEN`"
        )),
        Ok(state) => fault.help(format!(
            "a state belongs to an endpoint: `{program}.conn {state}`"
        )),
        Err(_) => fault.help(suggest::did_you_mean_or_list(token.text, &WORDS)),
    }
}
