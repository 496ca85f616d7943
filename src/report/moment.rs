//! The moment before a packet is delivered: what is on the wire, both ends, who holds them.

use super::Look;
use super::datagram;
use super::palette::Tone;
use super::text::{escape, width};
use crate::event::{Body, Packet};
use crate::timeline::{Endpoint, Timeline};

/// The packet as an arrow, then the end that sent it and the end that gets it. Each line ends in
/// a newline.
pub fn packet(timeline: &Timeline, packet: &Packet, look: &Look) -> String {
    let to = packet
        .to
        .as_ref()
        .map_or_else(|| "nowhere".to_owned(), ToString::to_string);
    let arrow = look.glyphs(&format!("── {} ──▶", what(packet)));
    let mut text = format!(
        "\n {}  {} {} {}\n",
        look.paint(Tone::Strong, "on the wire"),
        escape(packet.from.as_str()),
        look.paint(Tone::Strong, &arrow),
        escape(&to)
    );
    for endpoint in ends(timeline, packet).into_iter().flatten() {
        text.push_str(&end(endpoint, look));
    }
    text
}

/// The ends of a connection after a delivery. Each line ends in a newline.
pub fn after(timeline: &Timeline, packet: &Packet, look: &Look) -> String {
    let [_, receiver] = ends(timeline, packet);
    match receiver {
        Some(endpoint) => end(endpoint, look),
        None => String::new(),
    }
}

/// The sender's and the receiver's end of a packet's connection, where they are known.
pub fn ends<'a>(timeline: &'a Timeline, packet: &Packet) -> [Option<&'a Endpoint>; 2] {
    timeline.ends(packet)
}

fn what(packet: &Packet) -> String {
    match &packet.body {
        Body::Tcp(segment) => {
            let mut text = format!("{} seq={}", segment.flags, segment.seq);
            if segment.flags.has(crate::event::TcpFlags::ACK) {
                text.push_str(&format!(" ack={}", segment.ack));
            }
            if packet.len > 0 {
                text.push_str(&format!(" {} bytes", packet.len));
            }
            text
        }
        Body::Udp => format!("UDP {} bytes", packet.len),
        Body::Icmp { text } => format!("ICMP {}", escape(text)),
        Body::Other { text } => escape(text),
    }
}

fn end(endpoint: &Endpoint, look: &Look) -> String {
    const NAME: usize = 16;
    const STATE: usize = 12;
    let name = escape(endpoint.name.as_str());
    let (state, tone) = match endpoint.udp() {
        Some(udp) => (
            format!("udp {}", datagram::words(udp, endpoint.tuple)),
            datagram::tone(udp),
        ),
        None => {
            let state = endpoint.state();
            (state.to_string(), Tone::of_state(state, false))
        }
    };
    let holders: Vec<String> = endpoint
        .holders
        .iter()
        .flatten()
        .map(|holder| format!("{} fd {}", holder.process, holder.fd))
        .collect();
    let held = match (&endpoint.holders, holders.is_empty()) {
        (None, _) => String::new(),
        (Some(_), true) => "held by nobody".to_owned(),
        (Some(_), false) => format!("held by {}", escape(&holders.join(", "))),
    };
    let line = format!(
        " {name}{}{}{}{}",
        " ".repeat(NAME.saturating_sub(width(&name)).max(1)),
        look.paint(tone, &state),
        " ".repeat(STATE.saturating_sub(width(&state)) + 1),
        look.paint(Tone::Faint, &held)
    );
    format!("{}\n", line.trim_end())
}
