//! Names of programs, processes, endpoints, hosts, signals and errors in strings.

use std::ops::Range;
use std::sync::LazyLock;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::Link;
use super::error::Fault;
use super::packets::PacketClass;
use super::suggest;
use super::words::Token;
use crate::model::{EndpointName, HostName, ProcessName, ProgramName, Role, TcpState};

/// A name that a string speaks of, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// What is said of it.
    pub(crate) kind: MentionKind,
    /// Where, in bytes of the string.
    pub(crate) span: Range<usize>,
}

/// What a string says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MentionKind {
    /// The program is started.
    Starts(ProgramName),
    /// The program gets a line.
    Types(ProgramName),
    /// The program's standard input is closed.
    ClosesStdin(ProgramName),
    /// Something is done to a process of the program.
    Signals(ProgramName),
    /// Something must hold of the program.
    Judges(ProgramName),
    /// A host, or a program that stands for its host.
    Host(HostName),
    /// One state follows another.
    Follows(TcpState, Link, TcpState),
}

/// A process or an endpoint.
pub(crate) enum Subject {
    Process(ProcessName),
    Endpoint(EndpointName),
}

/// Words that begin a step or an expectation, or stand where a name could stand.
const RESERVED: [&str; 28] = [
    "wire", "any", "all", "nobody", "step", "no", "zombie", "zombies", "next", "from", "by",
    "with", "start", "close", "send", "hold", "release", "drop", "delay", "answer", "cut", "mend",
    "crash", "reboot", "set", "types", "port", "port2",
];

/// Whether programs and hosts must not be called so.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word) || PacketClass::is_word(word)
}

/// Whether `word` is made as program and host names are: `[a-z][a-z0-9_-]*`.
pub(crate) fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .chars()
            .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'))
}

/// A program's name.
pub(crate) fn program(token: &Token<'_>) -> Result<ProgramName, Fault> {
    if is_name(token.text) {
        return Ok(ProgramName::from(token.text));
    }
    let fault = Fault::new(
        token.span(),
        format!("`{}` is not the name of a program", token.text),
    );
    Err(match token.text.split_once('.') {
        Some((program, _)) if is_name(program) => {
            fault.help(format!("only a whole program can stand here: `{program}`"))
        }
        _ => fault.label("names are made of a-z, 0-9, `-` and `_`"),
    })
}

/// A host's name, or a program's that stands for its host.
pub(crate) fn host(token: &Token<'_>) -> Result<HostName, Fault> {
    if is_name(token.text) {
        return Ok(HostName::from(token.text));
    }
    Err(Fault::new(
        token.span(),
        format!("`{}` is not the name of a host", token.text),
    )
    .label("names are made of a-z, 0-9, `-` and `_`"))
}

/// A process: a program, or `server.child`, `server.child2.child`.
pub(crate) fn process(token: &Token<'_>) -> Result<ProcessName, Fault> {
    match subject(token)? {
        Subject::Process(process) => Ok(process),
        Subject::Endpoint(endpoint) => Err(Fault::new(
            token.span(),
            format!("`{endpoint}` is an endpoint; here a process must stand"),
        )
        .help(format!("did you mean `{}`?", endpoint.program()))),
    }
}

/// The part of a token that names the program.
pub(crate) fn program_part(token: &Token<'_>) -> Range<usize> {
    let length = token.text.find('.').unwrap_or(token.text.len());
    token.start..token.start + length
}

/// A process or an endpoint.
pub(crate) fn subject(token: &Token<'_>) -> Result<Subject, Fault> {
    let Some((first, local)) = token.text.split_once('.') else {
        return program(token).map(|name| Subject::Process(ProcessName::new(name.as_str())));
    };
    let program = program(&Token {
        text: first,
        ..*token
    })?;
    for role in [Role::Connection, Role::Listener, Role::Datagram] {
        if let Some(ordinal) = numbered(local, role.word()) {
            return Ok(Subject::Endpoint(EndpointName::of(&program, role, ordinal)));
        }
    }
    let mut process = String::from(first);
    let mut start = token.start + first.len() + 1;
    for part in local.split('.') {
        let Some(ordinal) = numbered(part, "child") else {
            return Err(not_a_part(first, part, start));
        };
        process.push_str(match ordinal {
            1 => ".child",
            _ => &token.text[start - token.start - 1..start - token.start + part.len()],
        });
        start += part.len() + 1;
    }
    Ok(Subject::Process(ProcessName::new(process)))
}

fn not_a_part(program: &str, part: &str, start: usize) -> Fault {
    let span = start..start + part.len();
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let known = ["conn", "listener", "udp", "child"];
    let fault = Fault::new(span, format!("`{program}` has no `{part}`"));
    if known.contains(&word) && word != part {
        return fault.help(format!(
            "`{program}.{word}` is the first, `{program}.{word}2` the second"
        ));
    }
    if known.contains(&word) {
        return fault.help(format!(
            "endpoints belong to the program, whoever holds them: `{program}.{word}`"
        ));
    }
    match suggest::nearest(word, known) {
        Some(near) => fault.help(format!("did you mean `{program}.{near}`?")),
        None => fault.help(format!(
            "a connection is `{program}.conn`, a listener `{program}.listener`, a UDP socket \
             `{program}.udp`, a forked process `{program}.child`"
        )),
    }
}

/// The ordinal of `word` with a number behind it: `conn` 1, `conn2` 2.
fn numbered(part: &str, word: &str) -> Option<usize> {
    let digits = part.strip_prefix(word)?;
    if digits.is_empty() {
        return Some(1);
    }
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// A signal's number, from its name with or without `SIG`, in any case (`signal(7)`).
pub(crate) fn signal(token: &Token<'_>) -> Result<i32, Fault> {
    let upper = token.text.to_ascii_uppercase();
    let name = if upper.starts_with("SIG") {
        upper
    } else {
        format!("SIG{upper}")
    };
    name.parse::<Signal>().map(|s| s as i32).map_err(|_| {
        Fault::new(token.span(), format!("unknown signal `{}`", token.text)).maybe_help(
            suggest::did_you_mean(&name, Signal::iterator().map(Signal::as_str)),
        )
    })
}

/// An errno's number, from its name in any case (`errno(3)`).
pub(crate) fn errno(token: &Token<'_>) -> Result<i32, Fault> {
    errno_number(token.text).ok_or_else(|| {
        Fault::new(token.span(), format!("unknown error `{}`", token.text)).maybe_help(
            suggest::did_you_mean(token.text, ERRNOS.iter().map(|(_, name)| name.as_str())),
        )
    })
}

/// An errno's number, if `word` is an errno's name.
pub(crate) fn errno_number(word: &str) -> Option<i32> {
    let upper = word.to_ascii_uppercase();
    // The same numbers under another name (errno(3)).
    let upper = match upper.as_str() {
        "EWOULDBLOCK" => "EAGAIN",
        "ENOTSUP" => "EOPNOTSUPP",
        "EDEADLOCK" => "EDEADLK",
        other => other,
    };
    ERRNOS
        .iter()
        .find(|(_, name)| name == upper)
        .map(|(number, _)| *number)
}

/// Every errno that nix knows.
static ERRNOS: LazyLock<Vec<(i32, String)>> = LazyLock::new(|| {
    (1..=255)
        .map(|number| (number, Errno::from_raw(number)))
        .filter(|(_, errno)| *errno != Errno::UnknownErrno)
        .map(|(number, errno)| (number, format!("{errno:?}")))
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Token<'_> {
        Token {
            text,
            start: 0,
            is_word: true,
        }
    }

    #[test]
    fn signals_and_errors_are_read_in_every_spelling() {
        for word in ["SIGPIPE", "sigpipe", "PIPE", "Pipe"] {
            assert_eq!(signal(&token(word)), Ok(13));
        }
        for word in ["EPIPE", "epipe"] {
            assert_eq!(errno(&token(word)), Ok(32));
        }
        assert_eq!(errno(&token("EWOULDBLOCK")), Ok(11));
        assert!(signal(&token("SIGFOO")).is_err());
        assert!(errno(&token("EFOO")).is_err());
    }

    #[test]
    fn first_ones_need_no_number() {
        for word in ["server.conn", "server.conn1"] {
            assert!(matches!(
                subject(&token(word)),
                Ok(Subject::Endpoint(name)) if name.as_str() == "server.conn"
            ));
        }
        for word in [
            "server.conn0",
            "server.conn02",
            "server.conn99999999999999999999",
        ] {
            assert!(subject(&token(word)).is_err(), "{word}");
        }
        assert!(matches!(
            subject(&token("server.child2.child")),
            Ok(Subject::Process(name)) if name.as_str() == "server.child2.child"
        ));
    }
}
