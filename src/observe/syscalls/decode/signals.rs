//! Calls about signals.

use super::{Disposition, Effect, Raw, flags};
use crate::model::signal_name;

/// kill, tkill, tgkill, pidfd_send_signal.
pub(super) fn sent(name: &str, raw: &Raw<'_>) -> String {
    match name {
        "tgkill" => format!(
            "{}, {}, {}",
            raw.int(0),
            raw.int(1),
            signal_word(raw.int(2))
        ),
        _ => format!("{}, {}", raw.int(0), signal_word(raw.int(1))),
    }
}

fn signal_word(number: i32) -> String {
    match number {
        0 => "0".to_owned(),
        number => signal_name(number),
    }
}

/// `rt_sigaction(2)`.
pub(super) fn action(raw: &Raw<'_>) -> String {
    let signal = signal_word(raw.int(0));
    let Some((handler, bits)) = wanted(raw) else {
        return format!("{signal}, NULL");
    };
    let handler = match handler {
        HANDLER_DEFAULT => "SIG_DFL",
        HANDLER_IGNORE => "SIG_IGN",
        _ => "handler",
    };
    let bits = bits & !RESTORER;
    match bits {
        0 => format!("{signal}, {handler}"),
        bits => format!("{signal}, {handler}, {}", flags::named(bits, flags::ACTION)),
    }
}

/// What a successful `rt_sigaction(2)` changed.
pub(super) fn installed(raw: &Raw<'_>) -> Effect {
    let Some((handler, bits)) = wanted(raw) else {
        return Effect::None;
    };
    Effect::Handler {
        signal: raw.int(0),
        disposition: match handler {
            HANDLER_DEFAULT => Disposition::Default,
            HANDLER_IGNORE => Disposition::Ignored,
            _ => Disposition::Caught {
                restart: bits & libc::SA_RESTART != 0,
            },
        },
    }
}

const HANDLER_DEFAULT: u64 = libc::SIG_DFL as u64;
const HANDLER_IGNORE: u64 = libc::SIG_IGN as u64;

/// SA_RESTORER: libc's own business.
const RESTORER: i32 = 0x0400_0000;

/// The handler and the flags of the new action: `struct sigaction` as the kernel has it.
fn wanted(raw: &Raw<'_>) -> Option<(u64, i32)> {
    let action = raw.args[1];
    let handler = raw.word_at(action)?;
    let bits = raw.word_at(action.wrapping_add(8))?;
    Some((handler, bits as i32))
}
