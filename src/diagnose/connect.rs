//! Connections that did not come about.

use super::Subject;
use crate::event::{SegmentRole, TcpFlags};
use crate::model::{Role, TcpState};

/// The SYN was answered by RST: nobody listens there.
pub(super) fn nobody_listens(subject: &Subject<'_>) -> Option<String> {
    subject.endpoint.as_ref()?;
    let packets = subject.timeline.packets();
    let refused = packets.iter().find(|answer| {
        answer.step == subject.step
            && answer.segment().is_some_and(|s| s.flags.has(TcpFlags::RST))
            && packets.iter().any(|syn| {
                syn.packet.src == answer.packet.dst
                    && syn.packet.dst == answer.packet.src
                    && syn.segment().is_some_and(|s| s.flags == TcpFlags::SYN)
                    && syn.sent < answer.sent
            })
            && answer.segment().is_some_and(|s| s.seq == 0)
    })?;
    let listening: Vec<String> = subject
        .timeline
        .endpoints()
        .iter()
        .filter(|e| e.role == Role::Listener && e.is_open())
        .filter_map(|e| Some(format!("{} on {}", e.name, e.tuple?.local)))
        .collect();
    let there = match listening.is_empty() {
        true => "no listener was seen".to_owned(),
        false => format!("listening: {}", listening.join(", ")),
    };
    Some(format!(
        "nobody listens on {}: the SYN was answered by RST; {there}",
        refused.packet.src
    ))
}

/// SYN_SENT: nothing comes back.
pub(super) fn unanswered_syn(subject: &Subject<'_>) -> Option<String> {
    let endpoint = subject.timeline.endpoint(subject.endpoint.as_ref()?)?;
    if endpoint.state() != TcpState::SynSent {
        return None;
    }
    let local = endpoint.tuple?.local;
    let again = subject
        .timeline
        .packets()
        .iter()
        .filter(|p| {
            p.packet.src == local
                && p.segment()
                    .is_some_and(|s| s.role == SegmentRole::Retransmission)
        })
        .count();
    let again = match again {
        0 => "and not sent again yet".to_owned(),
        1 => "and sent again once".to_owned(),
        times => format!("and sent again {times} times"),
    };
    Some(format!(
        "{} is in SYN_SENT: its SYN was not answered, {again}",
        endpoint.name
    ))
}

/// Established, and in nobody's hands: accept() was not called.
pub(super) fn not_accepted(subject: &Subject<'_>) -> Option<String> {
    let endpoint = subject.timeline.endpoint(subject.endpoint.as_ref()?)?;
    let open = matches!(
        endpoint.state(),
        TcpState::Established | TcpState::CloseWait
    );
    let by_nobody = endpoint.holders.as_ref().is_some_and(Vec::is_empty);
    (open && by_nobody).then(|| {
        format!(
            "{} is held by nobody: it waits in the listener's queue, accept() was not called yet",
            endpoint.name
        )
    })
}
