//! Which segments close a receive window and which open it again: the flags of both are a plain
//! ACK's, and without this word the picture of a full buffer shows nothing.

use std::collections::{HashMap, HashSet};

use crate::event::{Body, PacketId, TcpFlags};
use crate::timeline::Timeline;

/// What a segment says of its sender's receive window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowNews {
    /// It is 0: the peer may send nothing.
    Closed,
    /// It was 0 and is not any more.
    Opened,
}

/// The segments of a run that have such news.
pub(super) fn news(timeline: &Timeline) -> HashMap<PacketId, WindowNews> {
    let mut closed = HashSet::new();
    let mut news = HashMap::new();
    for fate in timeline.packets() {
        let packet = &fate.packet;
        let Body::Tcp(segment) = &packet.body else {
            continue;
        };
        // The window of an RST means nothing, and a SYN's is its socket's first word.
        if segment.flags.has(TcpFlags::RST) || segment.flags.has(TcpFlags::SYN) {
            continue;
        }
        let way = (packet.src, packet.dst);
        if segment.window == 0 {
            closed.insert(way);
            news.insert(packet.id, WindowNews::Closed);
        } else if closed.remove(&way) {
            news.insert(packet.id, WindowNews::Opened);
        }
    }
    news
}
