//! What a UDP socket is, in words that pretend no state.

use super::palette::Tone;
use crate::model::{Tuple, UdpState};

/// `:9190`, `connected`, `gone`: what stands behind the name of a UDP socket.
pub(super) fn words(state: UdpState, tuple: Option<Tuple>) -> String {
    match (state, tuple) {
        (UdpState::Unconnected, Some(tuple)) => format!(":{}", tuple.local.port()),
        _ => state.to_string(),
    }
}

/// Its tone: neither good nor bad.
pub(super) fn tone(state: UdpState) -> Tone {
    match state {
        UdpState::Unconnected | UdpState::Connected => Tone::Plain,
        UdpState::Gone => Tone::Faint,
    }
}
