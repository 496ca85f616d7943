//! Connections that were refused.

use super::Subject;
use crate::event::TcpFlags;
use crate::model::Role;
use crate::timeline::PacketFate;

/// The SYN was answered by RST: nobody listens there.
pub(in crate::diagnose) fn nobody_listens(subject: &Subject<'_>) -> Option<String> {
    let packets = subject.timeline.packets();
    let refused = packets.iter().find(|answer| {
        answer.step == subject.step
            && answer.segment().is_some_and(|s| s.flags.has(TcpFlags::RST))
            && packets.iter().any(|syn| {
                syn.packet.src == answer.packet.dst
                    && syn.packet.dst == answer.packet.src
                    && syn.segment().is_some_and(|s| s.flags == TcpFlags::SYN)
                    && syn.sent < answer.sent
                    && is_asked(subject, syn)
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

/// Whether the refused connection can be the reason: any for an expectation of an endpoint, which
/// may not have come about; for one of a process those of its program.
fn is_asked(subject: &Subject<'_>, syn: &PacketFate) -> bool {
    if subject.concern.endpoint.is_some() {
        return true;
    }
    let program = subject.concern.program.as_ref();
    let [sender, _] = subject.timeline.ends(&syn.packet);
    let of = sender.map(|sender| sender.name.program());
    subject.concern.is_expected && of.is_some() && of.as_ref() == program
}
