//! Connections that an RST ended.

use super::Subject;
use crate::causes::{self, Effect, Link};
use crate::event::{Cause, Kind, PacketId, TcpFlags};
use crate::model::{Role, TcpState};
use crate::timeline::{Endpoint, PacketFate, Timeline};

/// An RST ended the connection in this step: it was not closed, and there is no FIN and no
/// TIME_WAIT (RFC 9293 section 3.5.2).
pub(in crate::diagnose) fn by_reset(subject: &Subject<'_>) -> Option<String> {
    let concern = &subject.concern;
    let timeline = subject.timeline;
    let is_asked = |end: &&Endpoint| match (&concern.endpoint, &concern.program) {
        (Some(name), _) => end.name == *name,
        (None, Some(program)) => {
            // A zombie has nothing to do with it.
            concern.is_expected && subject.ends.is_some() && end.name.program() == *program
        }
        (None, None) => false,
    };
    let mut asked = timeline.endpoints().iter().filter(is_asked);
    let (end, fate) = asked.find_map(|end| Some((end, reset_of(timeline, end, subject.step)?)))?;
    let why = reason(timeline, fate).map_or_else(String::new, |why| format!(": {why}"));
    Some(format!(
        "an RST from {} ended {}{why} (RFC 9293 3.5.2, UNP 7.5)",
        fate.packet.from, end.name
    ))
}

/// The RST that ended it in this step. A refused SYN is something else.
fn reset_of<'a>(timeline: &'a Timeline, end: &Endpoint, step: usize) -> Option<&'a PacketFate> {
    let [.., before, last] = end.history.as_slice() else {
        return None;
    };
    let ended = last.state == TcpState::Close && last.step == step;
    let was_open = !matches!(before.state, TcpState::SynSent | TcpState::Listen);
    let (Cause::Sent(packet) | Cause::Received(packet)) = last.cause? else {
        return None;
    };
    let fate = timeline.packet(packet)?;
    let reset = fate.segment().is_some_and(|s| s.flags.has(TcpFlags::RST));
    (end.role == Role::Connection && ended && was_open && reset).then_some(fate)
}

/// Why it was sent, where that can be told.
fn reason(timeline: &Timeline, fate: &PacketFate) -> Option<String> {
    let id = fate.packet.id;
    let links = causes::read(timeline).links;
    if let Some(link) = links.iter().find(|link| is_behind(link, id)) {
        return Some(who_closed(timeline, link));
    }
    let [sender, _] = timeline.ends(&fate.packet);
    let sender = sender?;
    let before = timeline.events().get(..fate.sent)?.iter().rev();
    let mut looks = before.filter_map(|event| match &event.kind {
        Kind::Holders { key, holders, .. } if *key == sender.key => Some(holders),
        _ => None,
    });
    looks.next()?.is_empty().then(|| {
        format!(
            "a segment came for {}, which no process held any more",
            sender.name
        )
    })
}

fn is_behind(link: &Link, id: PacketId) -> bool {
    matches!(link.effect, Effect::Sent { packet, reset: true } if packet == id)
}

fn who_closed(timeline: &Timeline, link: &Link) -> String {
    let who = match timeline.events().get(link.event).map(|event| &event.kind) {
        Some(Kind::Called { process, call }) => {
            format!("{process}'s {}({})", call.name, link.fd)
        }
        Some(Kind::Exited { process, .. }) => {
            format!("the end of {process}, which closed fd {},", link.fd)
        }
        _ => "a close()".to_owned(),
    };
    let unread = timeline.endpoint_by_key(link.socket).and_then(|end| {
        let open = matches!(end.history.as_slice(), [.., before, _] if before.state == TcpState::Established);
        let facts = end.facts.as_ref().filter(|facts| open && facts.recv_q > 0)?;
        Some(facts.recv_q)
    });
    match unread {
        Some(unread) => format!(
            "{who} sent it, because {unread} bytes were not read: read() to the end before close()"
        ),
        None => format!(
            "{who} sent it: close() does so with data that was not read, or with SO_LINGER {{1, 0}}"
        ),
    }
}
