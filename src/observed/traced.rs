//! What else a step showed of programs that ran without a scenario: segments, failed calls, ends of
//! files, holders.

use super::packets;
use super::{holds, until};
use crate::check::{self, Sight};
use crate::event::{Body, CallResult, Kind, Packet, SegmentRole, TcpFlags, WIRE};
use crate::model::HostName;
use crate::run::{Place, Verdict};
use crate::scenario::{Bound, Comparison, Expectation, Matcher, PacketClass};
use crate::timeline::{Endpoint, Timeline};

/// Failures that tell of a connection or of a port. Others are part of how programs work, such as
/// EAGAIN of a socket that does not block.
const TELLING: [i32; 10] = [
    libc::EADDRINUSE,
    libc::EADDRNOTAVAIL,
    libc::ECONNABORTED,
    libc::ECONNREFUSED,
    libc::ECONNRESET,
    libc::EHOSTUNREACH,
    libc::EMFILE,
    libc::ENETUNREACH,
    libc::EPIPE,
    libc::ETIMEDOUT,
];

/// Segments of which there are as many each time: a bare ACK may go with something else, and data
/// may come in one piece or in two.
const COUNTED: [TcpFlags; 4] = [
    TcpFlags::SYN,
    TcpFlags::SYN.with(TcpFlags::ACK),
    TcpFlags::FIN,
    TcpFlags::RST,
];

/// What a step showed, beyond what [`of_step`](super::of_step) says of it.
pub(super) fn more_of_step(
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Vec<Expectation> {
    let then = until(timeline, step);
    let mut found: Vec<Expectation> = Vec::new();
    if sight.place == Place::Wire {
        found.extend(segments(&then, step));
    }
    found.extend(then.endpoints().iter().filter_map(held));
    for expectation in calls(&then, step) {
        if !found.contains(&expectation) {
            found.push(expectation);
        }
    }
    found.retain(|candidate| holds(candidate, &then, step, sight));
    found
}

/// What a step would have shown and did not: resets and retransmissions.
pub(super) fn never_in_step(
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Vec<Expectation> {
    if sight.place != Place::Wire {
        return Vec::new();
    }
    let then = until(timeline, step);
    let any = Bound {
        op: Comparison::AtLeast,
        value: 1,
    };
    [
        PacketClass::Flags(TcpFlags::RST),
        PacketClass::Retransmission,
    ]
    .into_iter()
    .map(|what| Expectation::Wire {
        bound: any,
        what: of(what, None),
    })
    .filter(|candidate| {
        let passes = check::never(candidate, &then, step, sight);
        let read = Expectation::parse(&candidate.to_string());
        matches!(passes, Verdict::Pass(_)) && read.is_ok_and(|read| read == *candidate)
    })
    .collect()
}

fn of(what: PacketClass, from: Option<HostName>) -> Matcher {
    Matcher {
        skip: 0,
        count: None,
        what,
        from,
    }
}

/// `wire 1 FIN from client`, of each kind and host that sent one.
fn segments(then: &Timeline, step: usize) -> Vec<Expectation> {
    let mut hosts: Vec<HostName> = Vec::new();
    for fate in then.packets().iter().filter(|fate| fate.step == step) {
        let from = &fate.packet.from;
        if from.as_str() != WIRE && !hosts.contains(from) {
            hosts.push(from.clone());
        }
    }
    // One that was sent again because nobody answered in time is counted too, and may not be next
    // time.
    let again = |packet: &Packet| match &packet.body {
        Body::Tcp(segment) => segment.role == SegmentRole::Retransmission,
        _ => false,
    };
    let calm = |host: &HostName| {
        let mut sent = then.packets().iter().filter(|fate| fate.step == step);
        !sent.any(|fate| fate.packet.from == *host && again(&fate.packet))
    };
    let mut found = Vec::new();
    for flags in COUNTED {
        for host in hosts.iter().filter(|host| calm(host)) {
            let what = of(PacketClass::Flags(flags), Some(host.clone()));
            let count = packets::count(&what, then, step);
            if count > 0 {
                found.push(Expectation::Wire {
                    bound: Bound {
                        op: Comparison::Equal,
                        value: count,
                    },
                    what,
                });
            }
        }
    }
    found
}

/// Who holds a socket at the end of the step.
fn held(endpoint: &Endpoint) -> Option<Expectation> {
    let holders = endpoint.holders.as_ref().filter(|_| endpoint.is_open())?;
    let mut names: Vec<_> = holders
        .iter()
        .map(|holder| holder.process.clone())
        .collect();
    names.dedup();
    (!names.is_empty()).then(|| Expectation::HeldBy {
        endpoint: endpoint.name.clone(),
        holders: names,
    })
}

/// Failures and ends of files.
fn calls(then: &Timeline, step: usize) -> Vec<Expectation> {
    let of_event = |kind: &Kind| match kind {
        Kind::Called { process, call } => match call.result {
            CallResult::Errno(errno) if TELLING.contains(&errno) => Some(Expectation::Failed {
                process: process.clone(),
                call: Some(call.name.clone()),
                errno,
            }),
            CallResult::Eof => Some(Expectation::GotEof(process.clone())),
            _ => None,
        },
        _ => None,
    };
    then.events_in(step)
        .filter_map(|(_, event)| of_event(&event.kind))
        .collect()
}
