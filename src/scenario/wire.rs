//! Expectations about packets: `wire RST from server`.

use std::fmt;

use super::error::Fault;
use super::names::{self, Mention, MentionKind};
use super::words::Cursor;
use super::{Bound, Comparison, Expectation, Matcher, PacketClass, bound, packets};
use crate::model::HostName;

/// What stands behind `wire`.
pub(crate) fn expectation(cursor: &mut Cursor<'_>) -> Result<Expectation, Fault> {
    let Some(token) = cursor.peek() else {
        return Err(cursor
            .expected("packets")
            .help("for example `wire RST from server`, `wire no FIN`, `wire 3 retransmits`"));
    };
    if token.is("next") || token.is("all") {
        return Err(Fault::new(
            token.span(),
            format!("`{}` is for steps; an expectation counts", token.text),
        )
        .help("for example `wire 2 FIN from client`, `wire >= 1 data`"));
    }
    let bound = if cursor.eat("no") {
        exactly(0)
    } else if token.text.starts_with(|c: char| c.is_ascii_digit()) {
        exactly(bound::number(cursor)?)
    } else if !token.is_word {
        bound::bound(cursor)?
    } else if is_sequence(cursor) {
        return sequence(cursor);
    } else {
        Bound {
            op: Comparison::AtLeast,
            value: 1,
        }
    };
    if cursor.peek().is_none() {
        return Err(cursor.expected("packets"));
    }
    let what = packets::rest(cursor, None)?;
    Ok(Expectation::Wire { bound, what })
}

fn exactly(value: u64) -> Bound {
    Bound {
        op: Comparison::Equal,
        value,
    }
}

/// A sequence begins with a host and the packets that it sends.
fn is_sequence(cursor: &Cursor<'_>) -> bool {
    let (Some(first), Some(second)) = (cursor.peek(), cursor.peek_at(1)) else {
        return false;
    };
    !PacketClass::is_word(first.text) && !first.is("from") && second.is_word && !second.is("from")
}

fn sequence(cursor: &mut Cursor<'_>) -> Result<Expectation, Fault> {
    let mut sequence = Vec::new();
    loop {
        let token = cursor.word("a host or a program")?;
        let host = names::host(&token)?;
        cursor.mention(Mention {
            kind: MentionKind::Host(host.clone()),
            span: token.span(),
        });
        sequence.push((host, packets::class(cursor)?));
        if let Some(token) = cursor.peek()
            && token.text == ">>"
        {
            return Err(
                Fault::new(token.span(), "a sequence of packets has no gaps").help(
                    "`wire A SYN > B SYN,ACK` lists every packet of the step, in their order",
                ),
            );
        }
        if !cursor.eat(">") {
            return Ok(Expectation::WireSequence(sequence));
        }
    }
}

/// `wire no FIN`, `wire 3 data from client`
pub(crate) fn write_bound(
    f: &mut fmt::Formatter<'_>,
    bound: &Bound,
    what: &Matcher,
) -> fmt::Result {
    f.write_str("wire ")?;
    match (bound.op, bound.value) {
        (Comparison::Equal, 0) => f.write_str("no ")?,
        (Comparison::Equal, count) => write!(f, "{count} ")?,
        (Comparison::AtLeast, 1) => {}
        _ => write!(f, "{bound} ")?,
    }
    write!(f, "{}", what.what)?;
    match &what.from {
        Some(host) => write!(f, " from {host}"),
        None => Ok(()),
    }
}

/// `wire client SYN > server SYN,ACK`
pub(crate) fn write_sequence(
    f: &mut fmt::Formatter<'_>,
    packets: &[(HostName, PacketClass)],
) -> fmt::Result {
    let packets: Vec<String> = packets
        .iter()
        .map(|(host, class)| format!("{host} {class}"))
        .collect();
    write!(f, "wire {}", packets.join(" > "))
}
