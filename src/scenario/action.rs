//! What a step does: the strings of `do`.

use std::fmt;

use super::error::Fault;
use super::names::{self, Mention, MentionKind};
use super::words::{Cursor, Token};
use super::{Action, UnreachableCode, duration, literal, packets, suggest};
use crate::model::{HostName, ProgramName, signal_name};

/// The words that an action begins with, apart from a program's name.
const VERBS: [&str; 13] = [
    "start", "close", "send", "hold", "release", "drop", "delay", "answer", "cut", "mend", "crash",
    "reboot", "set",
];

impl Action {
    /// Reads an action as scenario files write it. Whether its names mean something is not
    /// decided here.
    ///
    /// # Errors
    /// What is wrong, with its range in `text`.
    pub fn parse(text: &str) -> Result<Action, Fault> {
        parse(text).map(|(action, _)| action)
    }
}

/// The action and the names in it.
pub(crate) fn parse(text: &str) -> Result<(Action, Vec<Mention>), Fault> {
    let mut cursor = Cursor::new(text);
    let action = action(&mut cursor)?;
    cursor.end()?;
    Ok((action, cursor.mentions))
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action, Fault> {
    let first = cursor.word("an action")?;
    if cursor.eat("types") {
        let program = program(cursor, &first, MentionKind::Types)?;
        let line = literal::text(cursor)?;
        return Ok(Action::Type { program, line });
    }
    let verb = first.text.to_ascii_lowercase();
    Ok(match verb.as_str() {
        "start" => Action::Start(next_program(cursor, MentionKind::Starts)?),
        "close" => {
            cursor.keyword("stdin")?;
            cursor.keyword("of")?;
            Action::CloseStdin(next_program(cursor, MentionKind::ClosesStdin)?)
        }
        "send" => send(cursor)?,
        "hold" => Action::Hold(packets::matcher(cursor)?),
        "release" => Action::Release(packets::matcher(cursor)?),
        "drop" => Action::Drop(packets::matcher(cursor)?),
        "delay" => delay(cursor)?,
        "answer" => answer(cursor)?,
        "cut" => {
            cursor.keyword("wire")?;
            Action::Cut
        }
        "mend" => {
            cursor.keyword("wire")?;
            Action::Mend
        }
        "crash" => Action::Crash(next_host(cursor)?),
        "reboot" => Action::Reboot(next_host(cursor)?),
        "set" => sysctl(cursor)?,
        _ => return Err(unknown(cursor, &first)),
    })
}

fn send(cursor: &mut Cursor<'_>) -> Result<Action, Fault> {
    let signal = names::signal(&cursor.word("a signal")?)?;
    cursor.keyword("to")?;
    let token = cursor.word("a process")?;
    let to = names::process(&token)?;
    cursor.mention(Mention {
        kind: MentionKind::Signals(to.program()),
        span: names::program_part(&token),
    });
    let tree = cursor.eat("and");
    if tree {
        cursor.keyword("its")?;
        cursor.keyword("children")?;
    }
    Ok(Action::Signal { signal, to, tree })
}

fn delay(cursor: &mut Cursor<'_>) -> Result<Action, Fault> {
    let what = packets::matcher(cursor)?;
    cursor.keyword("by")?;
    let token = cursor.word("a length of time")?;
    let by = duration::parse_duration(token.text).map_err(|error| {
        Fault::new(
            token.span(),
            format!("`{}` is not a length of time", token.text),
        )
        .help(error.to_string())
    })?;
    Ok(Action::Delay { what, by })
}

fn answer(cursor: &mut Cursor<'_>) -> Result<Action, Fault> {
    let what = packets::matcher(cursor)?;
    cursor.keyword("with")?;
    let token = cursor.word("an ICMP message")?;
    let code = UnreachableCode::NAMED
        .iter()
        .find(|(_, word)| token.is(word))
        .map(|(code, _)| *code)
        .ok_or_else(|| {
            let words = UnreachableCode::NAMED.map(|(_, word)| word);
            Fault::new(
                token.span(),
                format!("unknown ICMP message `{}`", token.text),
            )
            .help(suggest::did_you_mean_or_list(token.text, &words))
        })?;
    Ok(Action::Unreachable { what, code })
}

fn sysctl(cursor: &mut Cursor<'_>) -> Result<Action, Fault> {
    let host = next_host(cursor)?;
    let token = cursor.word("a sysctl, such as `net.ipv4.tcp_fin_timeout`")?;
    check_sysctl(token.text).map_err(|fault| Fault {
        span: token.span(),
        ..fault
    })?;
    cursor.keyword("=")?;
    if cursor.peek().is_none() {
        return Err(cursor.expected("a value"));
    }
    let (value, _) = cursor.rest();
    Ok(Action::Sysctl {
        host,
        key: token.text.to_owned(),
        value: value.trim_end().to_owned(),
    })
}

/// Whether a sysctl may be set in a lab: only `net.*` belongs to a network namespace, and the name
/// becomes a path below `/proc/sys`.
pub(crate) fn check_sysctl(name: &str) -> Result<(), Fault> {
    let fault = Fault::new(0..0, format!("`{name}` is not a sysctl of a host"));
    let parts_are_names = name.split('.').all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    });
    if !name.starts_with("net.") {
        return Err(fault.help("only `net.…` belongs to a host: `net.ipv4.tcp_fin_timeout`"));
    }
    if !parts_are_names {
        return Err(fault.help("names are joined by dots: `net.ipv4.tcp_fin_timeout`"));
    }
    Ok(())
}

fn program(
    cursor: &mut Cursor<'_>,
    token: &Token<'_>,
    kind: impl FnOnce(ProgramName) -> MentionKind,
) -> Result<ProgramName, Fault> {
    let program = names::program(token)?;
    cursor.mention(Mention {
        kind: kind(program.clone()),
        span: token.span(),
    });
    Ok(program)
}

fn next_program(
    cursor: &mut Cursor<'_>,
    kind: impl FnOnce(ProgramName) -> MentionKind,
) -> Result<ProgramName, Fault> {
    let token = cursor.word("a program")?;
    program(cursor, &token, kind)
}

fn next_host(cursor: &mut Cursor<'_>) -> Result<HostName, Fault> {
    let token = cursor.word("a host")?;
    let host = names::host(&token)?;
    cursor.mention(Mention {
        kind: MentionKind::Host(host.clone()),
        span: token.span(),
    });
    Ok(host)
}

fn unknown(cursor: &Cursor<'_>, first: &Token<'_>) -> Fault {
    if let Some(second) = cursor.peek()
        && suggest::nearest(second.text, ["types"]).is_some()
    {
        return Fault::new(second.span(), format!("unknown action `{}`", second.text))
            .help("did you mean `types`?");
    }
    let help = suggest::did_you_mean(first.text, VERBS).unwrap_or_else(|| {
        format!(
            "an action is `NAME types TEXT` or begins with {}",
            VERBS.join(", ")
        )
    });
    Fault::new(first.span(), format!("unknown action `{}`", first.text)).help(help)
}

impl fmt::Display for Action {
    /// As scenario files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Start(program) => write!(f, "start {program}"),
            Action::Type { program, line } => {
                write!(f, "{program} types {}", literal::write(line))
            }
            Action::CloseStdin(program) => write!(f, "close stdin of {program}"),
            Action::Signal { signal, to, tree } => {
                let tail = if *tree { " and its children" } else { "" };
                write!(f, "send {} to {to}{tail}", signal_name(*signal))
            }
            Action::Hold(what) => write!(f, "hold {what}"),
            Action::Release(what) => write!(f, "release {what}"),
            Action::Drop(what) => write!(f, "drop {what}"),
            Action::Delay { what, by } => {
                write!(f, "delay {what} by {}", duration::write_duration(*by))
            }
            Action::Unreachable { what, code } => write!(f, "answer {what} with {}", code.word()),
            Action::Cut => f.write_str("cut wire"),
            Action::Mend => f.write_str("mend wire"),
            Action::Crash(host) => write!(f, "crash {host}"),
            Action::Reboot(host) => write!(f, "reboot {host}"),
            Action::Sysctl { host, key, value } => write!(f, "set {host} {key} = {value}"),
        }
    }
}

impl UnreachableCode {
    /// The word, as scenario files write it.
    pub fn word(self) -> &'static str {
        match self {
            UnreachableCode::Net => "net-unreachable",
            UnreachableCode::Host => "host-unreachable",
            UnreachableCode::Port => "port-unreachable",
            UnreachableCode::Prohibited => "admin-prohibited",
        }
    }
}
