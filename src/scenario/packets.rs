//! Classes of packets and matchers: `next 2 FIN from client`.

use std::fmt;

use super::bound;
use super::error::Fault;
use super::names::{self, Mention, MentionKind};
use super::suggest;
use super::words::{Cursor, Token};
use super::{Matcher, PacketClass as Class};
use crate::event::TcpFlags;

pub(crate) use super::PacketClass;

/// The words for the classes that are no flags; the first one of each is the canonical one.
const WORDS: [(&str, Class); 15] = [
    ("packets", Class::Any),
    ("packet", Class::Any),
    ("data", Class::Data),
    ("retransmissions", Class::Retransmission),
    ("retransmission", Class::Retransmission),
    ("retransmits", Class::Retransmission),
    ("retransmit", Class::Retransmission),
    ("keepalive", Class::KeepAlive),
    ("keepalives", Class::KeepAlive),
    ("keep-alive", Class::KeepAlive),
    ("keep-alives", Class::KeepAlive),
    ("UDP", Class::Udp),
    ("datagrams", Class::Udp),
    ("datagram", Class::Udp),
    ("ICMP", Class::Icmp),
];

impl Class {
    /// Whether `word` begins a class of packets.
    pub(crate) fn is_word(word: &str) -> bool {
        TcpFlags::named(word).is_some()
            || word.eq_ignore_ascii_case("window")
            || WORDS
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Class {
    /// As scenario files write it: `SYN,ACK`, `data`, `window probe`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Class::Flags(flags) => flags.fmt(f),
            Class::WindowProbe => f.pad("window probe"),
            other => f.pad(
                WORDS
                    .iter()
                    .find(|(_, class)| class == other)
                    .map_or("packets", |(word, _)| word),
            ),
        }
    }
}

impl fmt::Display for Matcher {
    /// As scenario files write it: `next FIN from client`, `all`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match self.count {
            _ if self.skip > 0 => words.push(nth(self.skip + 1)),
            Some(1) => words.push("next".to_owned()),
            Some(count) => words.push(format!("next {count}")),
            None if self.what == Class::Any => words.push("all".to_owned()),
            None => {}
        }
        if self.what != Class::Any {
            words.push(self.what.to_string());
        }
        if let Some(from) = &self.from {
            words.push(format!("from {from}"));
        }
        f.pad(&words.join(" "))
    }
}

/// `[next [N]|Nth|all] [CLASS] [from HOST]`, at least one of them.
pub(crate) fn matcher(cursor: &mut Cursor<'_>) -> Result<Matcher, Fault> {
    if cursor.peek().is_none() {
        return Err(cursor
            .expected("packets")
            .help("for example `next`, `all`, `FIN from client`, `next 3 data`"));
    }
    if let Some(nth) = cursor.peek().and_then(|token| read_nth(token.text)) {
        cursor.next();
        let mut matcher = rest(cursor, Some(1))?;
        matcher.skip = nth - 1;
        return Ok(matcher);
    }
    let count = if cursor.eat("next") {
        Some(ordinal(cursor)?)
    } else {
        cursor.eat("all");
        None
    };
    rest(cursor, count)
}

/// `[CLASS] [from HOST]`
pub(crate) fn rest(cursor: &mut Cursor<'_>, count: Option<usize>) -> Result<Matcher, Fault> {
    let what = match cursor.peek() {
        Some(token) if !ends_class(&token) => class(cursor)?,
        _ => Class::Any,
    };
    if let Some(token) = cursor.peek()
        && (token.is("of") || suggest::nearest(token.text, ["from"]).is_some())
        && !token.is("from")
    {
        return Err(cursor.expected("`from`").help("did you mean `from`?"));
    }
    let from = if cursor.eat("from") {
        let token = cursor.word("a host or a program")?;
        let host = names::host(&token)?;
        cursor.mention(Mention {
            kind: MentionKind::Host(host.clone()),
            span: token.span(),
        });
        Some(host)
    } else {
        None
    };
    Ok(Matcher {
        skip: 0,
        count,
        what,
        from,
    })
}

/// `3rd` for 3.
fn nth(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// 3 for `3rd`.
fn read_nth(word: &str) -> Option<usize> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    (nth(number) == word.to_ascii_lowercase()).then_some(number)
}

/// Whether the words of a matcher go on without a class.
fn ends_class(token: &Token<'_>) -> bool {
    ["from", "by", "with"]
        .into_iter()
        .any(|word| token.is(word))
}

/// The number behind `next`, 1 when there is none.
fn ordinal(cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
    let Some(token) = cursor.peek() else {
        return Ok(1);
    };
    if !token.text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(1);
    }
    match usize::try_from(bound::number(cursor)?) {
        Ok(0) => Err(Fault::new(token.span(), "`next 0` matches nothing")),
        Ok(count) => Ok(count),
        Err(_) => Err(Fault::new(
            token.span(),
            format!("the number {} is too big", token.text),
        )),
    }
}

/// `SYN,ACK`, `data`, `window probe` …
pub(crate) fn class(cursor: &mut Cursor<'_>) -> Result<Class, Fault> {
    let token = cursor.word("packets")?;
    if token.is("window") {
        if !cursor.eat("probes") {
            cursor.keyword("probe")?;
        }
        return Ok(Class::WindowProbe);
    }
    if let Some((_, class)) = WORDS.iter().find(|(word, _)| token.is(word)) {
        return Ok(*class);
    }
    let mut flags = TcpFlags::named(token.text).ok_or_else(|| unknown(&token))?;
    while cursor.eat(",") {
        let token = cursor.word("a TCP flag")?;
        flags = flags.with(TcpFlags::named(token.text).ok_or_else(|| unknown(&token))?);
    }
    Ok(Class::Flags(flags))
}

fn unknown(token: &Token<'_>) -> Fault {
    let mut known: Vec<&str> = TcpFlags::NAMED.iter().map(|(_, name)| *name).collect();
    known.extend(WORDS.iter().map(|(word, _)| *word));
    let help = suggest::did_you_mean(token.text, known).unwrap_or_else(|| {
        "TCP flags (`SYN,ACK`), `data`, `retransmissions`, `keepalive`, `window probe`, `UDP`, \
         `ICMP` or `packets`"
            .to_owned()
    });
    Fault::new(
        token.span(),
        format!("unknown kind of packets `{}`", token.text),
    )
    .help(help)
}
