//! Packets on the wire.

use super::{Sight, Standing};
use crate::event::{Aspect, Body, WIRE};
use crate::model::{Evidence, HostName};
use crate::run::{Blind, Place};
use crate::scenario::{Bound, Comparison, Matcher, PacketClass};
use crate::timeline::{PacketFate, Timeline};

/// `wire 3 retransmits from client`
pub(super) fn count(
    bound: Bound,
    what: &Matcher,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    if let Some(blind) = blind_to_segments(sight) {
        return Standing::Unseen(blind);
    }
    let found: Vec<&PacketFate> = of_step(timeline, step)
        .filter(|fate| what.matches(&fate.packet))
        .collect();
    let measured = found.len() as u64;
    if bound.holds(measured) {
        return Standing::Holds(Evidence::Seen);
    }
    let expected = format!("{} {what} on the wire", quantity(bound));
    let observed = format!(
        "{measured}; on the wire in this step: {}",
        all(timeline, step)
    );
    let events = found.iter().map(|fate| fate.sent).collect();
    let too_many = match bound.op {
        Comparison::Equal | Comparison::AtMost => measured > bound.value,
        Comparison::Less => measured >= bound.value,
        Comparison::AtLeast | Comparison::More => false,
    };
    if too_many {
        Standing::missed(expected, observed, events)
    } else {
        Standing::not_yet(expected, observed, events)
    }
}

/// `wire client SYN > server SYN,ACK > client ACK`
pub(super) fn sequence(
    wanted: &[(HostName, PacketClass)],
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    if let Some(blind) = blind_to_segments(sight) {
        return Standing::Unseen(blind);
    }
    let sent: Vec<&PacketFate> = of_step(timeline, step)
        .filter(|fate| fate.packet.from.as_str() != WIRE)
        .collect();
    let fits = sent
        .iter()
        .zip(wanted)
        .all(|(fate, (host, class))| fate.packet.from == *host && class.matches(&fate.packet));
    if fits && sent.len() == wanted.len() {
        return Standing::Holds(Evidence::Seen);
    }
    let words: Vec<String> = wanted
        .iter()
        .map(|(host, class)| format!("{host} {class}"))
        .collect();
    let expected = format!("wire {}", words.join(" > "));
    let observed = format!("wire {}", all(timeline, step));
    let events = sent.iter().map(|fate| fate.sent).collect();
    if fits && sent.len() < wanted.len() {
        Standing::not_yet(expected, observed, events)
    } else {
        Standing::missed(expected, observed, events)
    }
}

/// A bound in words: `at least 2`.
fn quantity(bound: Bound) -> String {
    let value = bound.value;
    match bound.op {
        Comparison::Equal if value == 0 => "no".into(),
        Comparison::Equal => format!("exactly {value}"),
        Comparison::AtLeast => format!("at least {value}"),
        Comparison::AtMost => format!("at most {value}"),
        Comparison::More => format!("more than {value}"),
        Comparison::Less => format!("fewer than {value}"),
    }
}

fn of_step(timeline: &Timeline, step: usize) -> impl Iterator<Item = &PacketFate> {
    timeline
        .packets()
        .iter()
        .filter(move |fate| fate.step == step)
}

/// The packets of a step in words, the newest ones when there are many.
fn all(timeline: &Timeline, step: usize) -> String {
    in_words(of_step(timeline, step))
}

/// The packets from the beginning of a step on in words, the newest ones when there are many.
pub fn on_the_wire(timeline: &Timeline, step: usize) -> String {
    in_words(timeline.packets().iter().filter(|fate| fate.step >= step))
}

fn in_words<'a>(packets: impl Iterator<Item = &'a PacketFate>) -> String {
    const SHOWN: usize = 12;
    let words: Vec<String> = packets
        .map(|fate| {
            let what = match &fate.packet.body {
                Body::Tcp(segment) if fate.packet.len > 0 => {
                    format!("{} with {} bytes", segment.flags, fate.packet.len)
                }
                Body::Tcp(segment) => segment.flags.to_string(),
                Body::Udp => format!("UDP with {} bytes", fate.packet.len),
                Body::Icmp { text } | Body::Other { text } => text.clone(),
            };
            format!("{} {what}", fate.packet.from)
        })
        .collect();
    if words.is_empty() {
        return "nothing".into();
    }
    let left_out = words.len().saturating_sub(SHOWN);
    let shown = words[left_out..].join(" > ");
    if left_out > 0 {
        format!("({left_out} more) > {shown}")
    } else {
        shown
    }
}

fn blind_to_segments(sight: &Sight<'_>) -> Option<Blind> {
    if sight.place == Place::Wire {
        return None;
    }
    let known = sight
        .blind
        .iter()
        .find(|blind| blind.aspect == Aspect::Segments)
        .cloned();
    Some(known.unwrap_or_else(|| Blind {
        aspect: Aspect::Segments,
        why: "there is no wire in this place".into(),
        remedy: Some("--net wire".into()),
    }))
}
