//! [`parse`]: from what somebody typed to a [`Filter`]; errors point into it.
//!
//! ```text
//! filter = term { "or" term }
//! term   = factor { ["and"] factor }
//! factor = "not" factor | "(" filter ")" | condition
//! ```

use std::ops::Range;

use super::ends::{EndPattern, NotAnEnd, Ports};
use super::token::{Token, TokenKind, tokens};
use super::words::{self, Key};
use super::{Comparison, Condition, Ends, Filter, Gauge, How, NamePattern, StateSet, Until, User};
use crate::observe::inet_diag::{Family, Protocol};
use crate::scenario::{Fault, SourceText, render_at, suggest};

/// How deep parentheses and `not` may be nested.
const DEEPEST: usize = 64;

/// Who knows the ids of the machine's users by their names.
pub type Users<'a> = &'a dyn Fn(&str) -> Option<u32>;

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .fault.message)]
pub struct FilterError {
    /// What is wrong, and where in the text.
    pub fault: Fault,
    text: String,
}

impl FilterError {
    /// The whole message for the user, with a caret, ending in a newline.
    pub fn render(&self, color: bool) -> String {
        let source = SourceText {
            name: "the filter".to_owned(),
            text: self.text.clone(),
        };
        let Fault {
            message,
            span,
            label,
            help,
        } = &self.fault;
        // 0..0 would mean the text as a whole.
        let span = if *span == (0..0) { 0..1 } else { span.clone() };
        render_at(&source, &span, message, label, help.as_deref(), color)
    }
}

/// Reads a filter from the arguments of a command line. An argument with blanks in it stands for
/// itself: `':80 or :443' tcp` is `(:80 or :443) and tcp`. No arguments: everything.
///
/// # Errors
/// When it cannot be read.
pub fn parse(arguments: &[impl AsRef<str>], users: Users<'_>) -> Result<Filter, FilterError> {
    let text = joined(arguments);
    let (filter, _) = read(&text, users, false)?;
    Ok(filter)
}

/// Reads a filter with a number of sockets: `state:close-wait count>10`. Without `count`: at least
/// one.
///
/// # Errors
/// When it cannot be read.
pub fn parse_until(text: &str, users: Users<'_>) -> Result<Until, FilterError> {
    let (filter, count) = read(text, users, true)?;
    Ok(Until {
        filter,
        count: count.unwrap_or(Comparison {
            how: How::AtLeast,
            number: 1,
        }),
    })
}

fn joined(arguments: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = arguments
        .iter()
        .map(|argument| {
            let argument = argument.as_ref();
            match arguments.len() > 1 && argument.trim().contains(char::is_whitespace) {
                true => format!("({argument})"),
                false => argument.to_owned(),
            }
        })
        .collect();
    words.join(" ")
}

fn read(
    text: &str,
    users: Users<'_>,
    counts: bool,
) -> Result<(Filter, Option<Comparison>), FilterError> {
    let parsed = tokens(text).and_then(|tokens| {
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            end: text.len(),
            depth: 0,
            users,
            counts,
            count: None,
        };
        let filter = match parser.peek() {
            None => Filter::EVERYTHING,
            Some(_) => parser.any()?,
        };
        match parser.peek() {
            None => Ok((filter, parser.count)),
            Some(token) => Err(Fault::new(
                token.span.clone(),
                "this parenthesis closes nothing",
            )),
        }
    });
    parsed.map_err(|fault| FilterError {
        fault,
        text: text.to_owned(),
    })
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
    depth: usize,
    users: Users<'a>,
    /// Whether `count>10` may stand here.
    counts: bool,
    count: Option<Comparison>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Token { kind: TokenKind::Word { text, quoted: false }, .. })
            if text.eq_ignore_ascii_case(wanted))
    }

    fn takes(&mut self, kind: &TokenKind, word: &str) -> bool {
        let there = self.peek().is_some_and(|token| token.kind == *kind) || self.is_word(word);
        self.at += usize::from(there);
        there
    }

    fn any(&mut self) -> Result<Filter, Fault> {
        let mut parts = vec![self.all()?];
        while self.takes(&TokenKind::Or, "or") {
            parts.push(self.all()?);
        }
        if parts.len() > 1 && self.count.is_some() && self.depth == 0 {
            return Err(Fault::new(
                0..self.end,
                "`count` beside `or`: which sockets are counted is not clear",
            )
            .help("put the alternatives in parentheses: `(:80 or :443) count>10`"));
        }
        Ok(Filter::any(parts))
    }

    fn all(&mut self) -> Result<Filter, Fault> {
        let mut parts = Vec::new();
        loop {
            if let Some(filter) = self.factor()? {
                parts.push(filter);
            }
            let joined = self.takes(&TokenKind::And, "and");
            let ends = match self.peek() {
                None => true,
                Some(token) => matches!(token.kind, TokenKind::Close | TokenKind::Or),
            };
            if !joined && (ends || self.is_word("or")) {
                return Ok(Filter::all(parts));
            }
        }
    }

    /// Nothing: it was `count>10`, which is noted.
    fn factor(&mut self) -> Result<Option<Filter>, Fault> {
        let Some(token) = self.next() else {
            return Err(Fault::new(
                self.end..self.end,
                "the filter ends where a condition should be",
            ));
        };
        if self.depth >= DEEPEST {
            return Err(Fault::new(token.span.clone(), "nested too deep"));
        }
        match &token.kind {
            TokenKind::Open => {
                self.depth += 1;
                let inside = self.any()?;
                self.depth -= 1;
                match self.next() {
                    Some(Token {
                        kind: TokenKind::Close,
                        ..
                    }) => Ok(Some(inside)),
                    _ => Err(Fault::new(
                        token.span.clone(),
                        "this parenthesis is not closed",
                    )),
                }
            }
            TokenKind::Not => self.negated(),
            TokenKind::Word { text, quoted } => {
                if !quoted && text.eq_ignore_ascii_case("not") {
                    return self.negated();
                }
                self.condition(text, *quoted, &token.span)
            }
            TokenKind::Close => Err(Fault::new(
                token.span.clone(),
                "a condition should be before this parenthesis",
            )),
            TokenKind::And | TokenKind::Or => Err(Fault::new(
                token.span.clone(),
                "a condition should be before this",
            )),
            TokenKind::Compare(_) => Err(Fault::new(
                token.span.clone(),
                "a comparison begins with what is compared",
            )
            .help("for example `recv-q>0`")),
        }
    }

    fn negated(&mut self) -> Result<Option<Filter>, Fault> {
        self.depth += 1;
        let inside = self.factor()?;
        self.depth -= 1;
        Ok(inside.map(|filter| Filter::Not(Box::new(filter))))
    }

    fn condition(
        &mut self,
        text: &str,
        quoted: bool,
        span: &Range<usize>,
    ) -> Result<Option<Filter>, Fault> {
        if let Some(Token {
            kind: TokenKind::Compare(how),
            ..
        }) = self.peek()
        {
            self.at += 1;
            return self.compared(text, *how, span);
        }
        if !quoted && matches!(text.to_ascii_lowercase().as_str(), "and" | "or") {
            return Err(Fault::new(
                span.clone(),
                "a condition should be before this",
            ));
        }
        // `state established`, as ss has it.
        if let Some(key) = words::key(text).filter(|_| !quoted) {
            let Some(value) = self.value() else {
                return Err(
                    Fault::new(span.clone(), format!("`{text}` needs a value")).help(example(key))
                );
            };
            return self.keyed(key, &value.0, &value.1).map(Some);
        }
        if let Some((word, value)) = text.split_once(':')
            && let Some(key) = words::key(word)
        {
            let begin = (span.start + word.len() + 1).min(span.end);
            let value_span = begin..span.end;
            if value.is_empty() && !quoted {
                return Err(
                    Fault::new(span.clone(), format!("`{word}:` needs a value")).help(example(key))
                );
            }
            return self.keyed(key, value, &value_span).map(Some);
        }
        self.plain(text, quoted, span).map(Some)
    }

    /// The word that follows, and where it is.
    fn value(&mut self) -> Option<(String, Range<usize>)> {
        match self.peek() {
            Some(Token {
                kind: TokenKind::Word { text, .. },
                span,
            }) => {
                self.at += 1;
                Some((text.clone(), span.clone()))
            }
            _ => None,
        }
    }

    /// A word on its own.
    fn plain(&self, text: &str, quoted: bool, span: &Range<usize>) -> Result<Filter, Fault> {
        let word = text.to_ascii_lowercase();
        let of_family = |protocol, family| {
            Filter::all([
                Filter::Is(Condition::Protocol(protocol)),
                Filter::Is(Condition::Family(family)),
            ])
        };
        let table = match word.as_str() {
            "tcp4" => Some(of_family(Protocol::Tcp, Family::V4)),
            "tcp6" => Some(of_family(Protocol::Tcp, Family::V6)),
            "udp4" => Some(of_family(Protocol::Udp, Family::V4)),
            "udp6" => Some(of_family(Protocol::Udp, Family::V6)),
            _ => None,
        };
        if let Some(filter) = table.filter(|_| !quoted) {
            return Ok(filter);
        }
        let condition = match word.as_str() {
            "tcp" => Some(Condition::Protocol(Protocol::Tcp)),
            "udp" => Some(Condition::Protocol(Protocol::Udp)),
            "v4" | "ipv4" | "inet" => Some(Condition::Family(Family::V4)),
            "v6" | "ipv6" | "inet6" => Some(Condition::Family(Family::V6)),
            word => StateSet::from_word(word).map(Condition::State),
        };
        if let Some(condition) = condition.filter(|_| !quoted) {
            return Ok(Filter::Is(condition));
        }
        let looks_like_an_end = text.contains([':', '.', '/', '[', '*'])
            || text.bytes().next().is_some_and(|b| b.is_ascii_digit());
        match EndPattern::parse(text) {
            Ok(pattern) => Ok(Filter::Is(Condition::End(Ends::Either, pattern))),
            Err(wrong) if looks_like_an_end && !is_key_shaped(text) => Err(not_an_end(wrong, span)),
            Err(_) => Err(unknown(text, span)),
        }
    }

    /// `key:value`
    fn keyed(&self, key: Key, value: &str, span: &Range<usize>) -> Result<Filter, Fault> {
        let end = |ends, value: &str| match EndPattern::parse(value) {
            Ok(pattern) => Ok(Condition::End(ends, pattern)),
            Err(wrong) => Err(not_an_end(wrong, span)),
        };
        let port = |ends| {
            let value = value.strip_prefix(':').unwrap_or(value);
            end(ends, &format!(":{value}"))
        };
        let condition = match key {
            Key::Local => end(Ends::Local, value)?,
            Key::Remote => end(Ends::Remote, value)?,
            Key::LocalPort => port(Ends::Local)?,
            Key::RemotePort => port(Ends::Remote)?,
            Key::Port => port(Ends::Either)?,
            Key::Pid => {
                let pids: Option<Vec<Filter>> = value
                    .split(',')
                    .map(|pid| Some(Filter::Is(Condition::Pid(number(pid)?))))
                    .collect();
                return pids.map(Filter::any).ok_or_else(|| {
                    Fault::new(span.clone(), format!("`{value}` is not a pid"))
                        .help("for example `pid:1234`; a name is `name:nginx`")
                });
            }
            Key::Name => Condition::Name(NamePattern::new(value)),
            Key::User => Condition::User(self.user(value, span)?),
            Key::State => Condition::State(states(value, span)?),
        };
        Ok(Filter::Is(condition))
    }

    fn user(&self, value: &str, span: &Range<usize>) -> Result<User, Fault> {
        if let Some(uid) = value
            .parse()
            .ok()
            .filter(|_| value.bytes().all(|b| b.is_ascii_digit()))
        {
            return Ok(User { uid, name: None });
        }
        match (self.users)(value) {
            Some(uid) => Ok(User {
                uid,
                name: Some(value.to_owned()),
            }),
            None => Err(
                Fault::new(span.clone(), format!("this machine has no user `{value}`"))
                    .help("a user id is taken too: `user:1000`"),
            ),
        }
    }

    /// `recv-q>0`, and ss's `sport = :80`.
    fn compared(
        &mut self,
        text: &str,
        how: How,
        span: &Range<usize>,
    ) -> Result<Option<Filter>, Fault> {
        let Some((value, value_span)) = self.value() else {
            return Err(Fault::new(
                span.start..self.end,
                "a number is missing behind the comparison",
            ));
        };
        let read_number = || {
            number::<u64>(&value)
                .ok_or_else(|| Fault::new(value_span.clone(), format!("`{value}` is not a number")))
        };
        if text.eq_ignore_ascii_case("count") {
            return self.counted(how, read_number()?, span).map(|()| None);
        }
        let gauge = Gauge::NAMED
            .iter()
            .find(|(_, word)| fold(word) == fold(text))
            .map(|(gauge, _)| *gauge);
        if let Some(gauge) = gauge {
            let comparison = Comparison {
                how,
                number: read_number()?,
            };
            return Ok(Some(Filter::Is(Condition::Gauge(gauge, comparison))));
        }
        let Some(key) = words::key(text) else {
            let known = Gauge::NAMED.iter().map(|(_, word)| *word).chain(["count"]);
            return Err(
                Fault::new(span.clone(), format!("`{text}` is no number of a socket")).maybe_help(
                    suggest::did_you_mean(text, known)
                        .or_else(|| Some("one of recv-q, send-q, retransmits".to_owned())),
                ),
            );
        };
        let ends = match key {
            Key::LocalPort => Some(Ends::Local),
            Key::RemotePort => Some(Ends::Remote),
            Key::Port => Some(Ends::Either),
            _ => None,
        };
        let equal = self.keyed(key, &value, &value_span)?;
        let filter = match (how, ends) {
            (How::Equal, _) => equal,
            (How::Unequal, _) => Filter::Not(Box::new(equal)),
            (how, Some(ends)) => {
                let port = number::<u16>(value.trim_start_matches(':')).ok_or_else(|| {
                    Fault::new(value_span.clone(), format!("`{value}` is not a port"))
                })?;
                beyond(ends, how, port).ok_or_else(|| {
                    Fault::new(span.start..value_span.end, "no port fits this comparison")
                })?
            }
            (_, None) => {
                return Err(Fault::new(
                    span.clone(),
                    format!("`{text}` can only be compared by `=` and `!=`"),
                ));
            }
        };
        Ok(Some(filter))
    }

    fn counted(&mut self, how: How, number: u64, span: &Range<usize>) -> Result<(), Fault> {
        if !self.counts {
            return Err(Fault::new(
                span.clone(),
                "`count` speaks of all sockets together, a filter of each",
            ));
        }
        if self.depth > 0 {
            return Err(Fault::new(
                span.clone(),
                "`count` cannot stand in parentheses or behind `not`",
            ));
        }
        if self.count.is_some() {
            return Err(Fault::new(span.clone(), "`count` is there twice"));
        }
        self.count = Some(Comparison { how, number });
        Ok(())
    }
}

fn beyond(ends: Ends, how: How, port: u16) -> Option<Filter> {
    let (from, to) = match how {
        How::Less => (0, port.checked_sub(1)?),
        How::AtMost => (0, port),
        How::AtLeast => (port, u16::MAX),
        How::More => (port.checked_add(1)?, u16::MAX),
        How::Equal | How::Unequal => (port, port),
    };
    let pattern = EndPattern {
        net: None,
        ports: Some(Ports { from, to }),
    };
    Some(Filter::Is(Condition::End(ends, pattern)))
}

fn states(value: &str, span: &Range<usize>) -> Result<StateSet, Fault> {
    let mut set = StateSet::none();
    let mut at = span.start;
    for word in value.split(',') {
        let here = at..(at + word.len()).min(span.end);
        at += word.len() + 1;
        let Some(more) = StateSet::from_word(word) else {
            let known = words::states();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Fault::new(here, format!("`{word}` is not a TCP state"))
                .help(suggest::did_you_mean_or_list(word, &known)));
        };
        set = set.with(more);
    }
    Ok(set)
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

fn fold(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// `nmae:nginx` rather than a host and a port.
fn is_key_shaped(text: &str) -> bool {
    let Some((word, value)) = text.split_once(':') else {
        return false;
    };
    let letters = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
    letters && (number::<u16>(value).is_none() || key_like(word).is_some())
}

fn key_like(word: &str) -> Option<&'static str> {
    suggest::nearest(word, words::KEYS.iter().map(|(_, name)| *name))
}

fn not_an_end(wrong: NotAnEnd, span: &Range<usize>) -> Fault {
    Fault::new(span.clone(), wrong.why).maybe_help(wrong.help.map(str::to_owned))
}

fn unknown(text: &str, span: &Range<usize>) -> Fault {
    if let Some((word, value)) = text.split_once(':') {
        let help = match key_like(word) {
            Some(near) => format!("did you mean `{near}:{value}`?"),
            None => "one of local:, remote:, sport:, dport:, pid:, name:, user:, state:".to_owned(),
        };
        let end = (span.start + word.len()).min(span.end);
        return Fault::new(span.start..end, format!("`{word}:` is not known")).help(help);
    }
    if text.eq_ignore_ascii_case("localhost") {
        return Fault::new(span.clone(), "names of hosts are not looked up")
            .help("write the address: `127.0.0.1`, `::1`, or `127.0.0.0/8`");
    }
    let known = words::plain();
    let help = suggest::did_you_mean(text, known.iter().map(String::as_str))
        .unwrap_or_else(|| format!("the processes of a name are `name:{text}`"));
    Fault::new(span.clone(), format!("`{text}` is no condition")).help(help)
}

fn example(key: Key) -> &'static str {
    match key {
        Key::Local => "for example `local:10.0.0.1:9190`",
        Key::Remote => "for example `remote:10.0.0.0/8`",
        Key::LocalPort => "for example `sport:9190`",
        Key::RemotePort => "for example `dport:443`",
        Key::Port => "for example `port:9190`, or `:9190`",
        Key::Pid => "for example `pid:1234`",
        Key::Name => "for example `name:nginx` or `name:'postgres*'`",
        Key::User => "for example `user:www-data` or `user:33`",
        Key::State => "for example `state:close-wait`",
    }
}
