//! Datagrams that went nowhere.

use super::Subject;
use crate::event::Body;
use crate::model::UdpState;

/// An ICMP error came back for a datagram, and the program was not told (UNP section 8.9).
pub(in crate::diagnose) fn error_of_nobody(subject: &Subject<'_>) -> Option<String> {
    let program = subject.concern.program.as_ref()?;
    subject.timeline.endpoints().iter().find_map(|endpoint| {
        if endpoint.udp() != Some(UdpState::Unconnected) || endpoint.name.program() != *program {
            return None;
        }
        let host = &endpoint.host;
        let in_step = || {
            let packets = subject.timeline.packets().iter();
            packets.filter(|fate| fate.step == subject.step)
        };
        let sent = in_step().any(|fate| {
            let [sender, _] = subject.timeline.ends(&fate.packet);
            fate.packet.body == Body::Udp && sender.is_some_and(|of| of.key == endpoint.key)
        });
        let error = in_step().find_map(|fate| match &fate.packet.body {
            Body::Icmp { text } if fate.packet.to.as_ref() == Some(host) => Some(text),
            _ => None,
        })?;
        sent.then(|| {
            format!(
                "an ICMP error came back ({error}), but {} is not connected: the kernel tells only \
                 a connected UDP socket of it, as ECONNREFUSED; connect() first (UNP 8.9, 8.11)",
                endpoint.name
            )
        })
    })
}
