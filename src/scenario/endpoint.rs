//! Expectations about one end of a connection, `client.conn ESTABLISHED > FIN_WAIT1`, or a UDP
//! socket, `client.udp connected`.

use std::collections::BTreeSet;
use std::ops::Range;

use super::error::Fault;
use super::names::{self, Mention, MentionKind};
use super::words::{Cursor, Token};
use super::{Expectation, Gauge, Link, StatePath, bound, suggest};
use crate::model::{EndpointName, ProcessName, TcpState, TimerKind, UdpState};

/// Words behind an endpoint that are no state and no gauge.
const WORDS: [&str; 3] = ["held", "timer", "gone"];

/// The timers that `client.conn timer …` can name.
const TIMERS: [TimerKind; 5] = [
    TimerKind::Off,
    TimerKind::Retransmit,
    TimerKind::KeepAlive,
    TimerKind::TimeWait,
    TimerKind::Probe,
];

impl Gauge {
    /// The word, as scenario files write it.
    pub fn word(self) -> &'static str {
        match self {
            Gauge::RecvQ => "recv-q",
            Gauge::SendQ => "send-q",
            Gauge::Retransmits => "retransmits",
            Gauge::TimerMs => "timer-ms",
        }
    }
}

/// What stands behind the endpoint's name.
pub(crate) fn expectation(
    cursor: &mut Cursor<'_>,
    endpoint: EndpointName,
) -> Result<Expectation, Fault> {
    if cursor.eat("held") {
        cursor.keyword("by")?;
        let holders = holders(cursor)?;
        return Ok(Expectation::HeldBy { endpoint, holders });
    }
    if endpoint.is_datagram() {
        return of_datagram(cursor, endpoint);
    }
    if cursor.eat("timer") {
        let timer = timer(cursor)?;
        return Ok(Expectation::Timer { endpoint, timer });
    }
    if let Some(gauge) = cursor.peek().and_then(|token| gauge(&token)) {
        cursor.next();
        let bound = bound::bound(cursor)?;
        return Ok(Expectation::Gauge {
            endpoint,
            gauge,
            bound,
        });
    }
    let path = path(cursor)?;
    Ok(Expectation::Path { endpoint, path })
}

/// What stands behind a UDP socket's name: it has queues, but no states, timers or
/// retransmissions.
fn of_datagram(cursor: &mut Cursor<'_>, endpoint: EndpointName) -> Result<Expectation, Fault> {
    const GAUGES: [Gauge; 2] = [Gauge::RecvQ, Gauge::SendQ];
    let token = cursor.word("what a UDP socket is")?;
    if let Some((state, _)) = UdpState::NAMED.iter().find(|(_, word)| token.is(word)) {
        let state = *state;
        return Ok(Expectation::Datagram { endpoint, state });
    }
    if let Some(gauge) = gauge(&token).filter(|gauge| GAUGES.contains(gauge)) {
        let bound = bound::bound(cursor)?;
        return Ok(Expectation::Gauge {
            endpoint,
            gauge,
            bound,
        });
    }
    let what = match token.text.parse::<TcpState>() {
        Ok(state) => format!("{state} is a state of TCP: a UDP socket has none"),
        Err(_) if token.is("timer") || gauge(&token).is_some() => {
            format!("a UDP socket has no `{}`", token.text)
        }
        Err(_) => format!("unknown property `{}` of a UDP socket", token.text),
    };
    let words = UdpState::NAMED.map(|(_, word)| word);
    let known = words
        .into_iter()
        .chain(["held"])
        .chain(GAUGES.map(Gauge::word));
    let help = suggest::did_you_mean(token.text, known).unwrap_or_else(|| {
        "it is `connected`, `unconnected` or `gone`, is `held by` processes, and has `recv-q` and \
         `send-q`"
            .to_owned()
    });
    Err(Fault::new(token.span(), what).help(help))
}

fn gauge(token: &Token<'_>) -> Option<Gauge> {
    Gauge::NAMED
        .iter()
        .find(|(_, word)| token.is(word))
        .map(|(gauge, _)| *gauge)
}

fn holders(cursor: &mut Cursor<'_>) -> Result<Vec<ProcessName>, Fault> {
    if cursor.eat("nobody") {
        return Ok(Vec::new());
    }
    let mut holders = Vec::new();
    let mut seen = BTreeSet::new();
    loop {
        let token = cursor.word("a process")?;
        let process = names::process(&token)?;
        cursor.mention(Mention {
            kind: MentionKind::Judges(process.program()),
            span: names::program_part(&token),
        });
        if !seen.insert(process.clone()) {
            return Err(Fault::new(
                token.span(),
                format!("`{process}` is listed twice"),
            ));
        }
        holders.push(process);
        if !cursor.eat(",") {
            return Ok(holders);
        }
    }
}

fn timer(cursor: &mut Cursor<'_>) -> Result<TimerKind, Fault> {
    let token = cursor.word("a timer")?;
    TIMERS
        .into_iter()
        .find(|timer| token.is(timer.word()))
        .ok_or_else(|| {
            Fault::new(token.span(), format!("unknown timer `{}`", token.text)).help(
                suggest::did_you_mean_or_list(token.text, &TIMERS.map(TimerKind::word)),
            )
        })
}

fn path(cursor: &mut Cursor<'_>) -> Result<StatePath, Fault> {
    let (first, mut span) = state(cursor, true)?;
    let mut path = StatePath {
        first,
        rest: Vec::new(),
    };
    loop {
        let link = if cursor.eat(">") {
            Link::Direct
        } else if cursor.eat(">>") {
            Link::Eventually
        } else {
            return Ok(path);
        };
        let before = path.last();
        let (next, next_span) = state(cursor, false)?;
        cursor.mention(Mention {
            kind: MentionKind::Follows(before, link, next),
            span: span.start..next_span.end,
        });
        path.rest.push((link, next));
        span = next_span;
    }
}

fn state(cursor: &mut Cursor<'_>, first: bool) -> Result<(TcpState, Range<usize>), Fault> {
    let token = cursor.word("a state")?;
    let state = if token.is("gone") {
        Ok(TcpState::Close)
    } else {
        token.text.parse()
    };
    state
        .map(|state| (state, token.span()))
        .map_err(|_| unknown(&token, first))
}

fn unknown(token: &Token<'_>, first: bool) -> Fault {
    let states = TcpState::ALL.map(TcpState::name);
    let fault = Fault::new(token.span(), format!("unknown state `{}`", token.text));
    let mut near = suggest::ranked(token.text, states);
    // `FIN_WAIT3` is as near to one as to the other.
    near.truncate(2);
    if let [one, other] = near[..]
        && one.len() == other.len()
        && one[..one.len() - 1] == other[..other.len() - 1]
    {
        return fault.help(format!("did you mean `{one}` or `{other}`?"));
    }
    if let Some(near) = near.first() {
        return fault.help(format!("did you mean `{near}`?"));
    }
    let looks_like_a_state = token.text.contains(|c: char| c.is_ascii_uppercase());
    if first && !looks_like_a_state {
        let gauges = Gauge::NAMED.map(|(_, word)| word);
        let words = WORDS.into_iter().chain(gauges);
        let help = suggest::did_you_mean(token.text, words).unwrap_or_else(|| {
            format!(
                "behind an endpoint stands a state, `held by`, `timer`, or one of {}",
                gauges.join(", ")
            )
        });
        return Fault::new(
            token.span(),
            format!("unknown property `{}` of an endpoint", token.text),
        )
        .help(help);
    }
    fault.help(format!("the states are {}", states.join(", ")))
}
