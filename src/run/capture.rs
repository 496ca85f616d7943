//! [`Capture`]: the bytes of the packets of a run, kept only when somebody asks for them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::event::PacketId;

/// What crossed the wire, byte by byte. Events have all but the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// When the run began, by the machine's clock: time 0 of its events.
    pub began: SystemTime,
    /// Each packet that is on the timeline: the IP header and all behind it.
    pub packets: BTreeMap<PacketId, Vec<u8>>,
}
