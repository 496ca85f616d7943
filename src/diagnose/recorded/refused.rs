//! Connections that were refused.

use super::Subject;
use crate::event::TcpFlags;
use crate::model::Role;

/// The SYN was answered by RST: nobody listens there.
pub(in crate::diagnose) fn nobody_listens(subject: &Subject<'_>) -> Option<String> {
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
