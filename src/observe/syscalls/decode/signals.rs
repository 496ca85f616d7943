//! Calls about signals.

use super::{Disposition, Effect, Raw, flags, span};
use crate::model::signal_name;

/// kill, tkill, tgkill, pidfd_send_signal, rt_sigqueueinfo, rt_tgsigqueueinfo.
pub(super) fn sent(name: &str, raw: &Raw<'_>) -> String {
    match name {
        "tgkill" | "rt_tgsigqueueinfo" => format!(
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

/// `rt_sigtimedwait(2)`: what is waited for, and how long.
pub(super) fn awaited(raw: &Raw<'_>) -> String {
    format!(
        "{}, {}",
        set(raw, raw.args[0]),
        span::timespec(raw, raw.args[2])
    )
}

/// The signal that `rt_sigtimedwait(2)` answers with, and what its `siginfo_t` says where one was
/// asked for.
pub(super) fn accepted(raw: &Raw<'_>, returned: i64) -> Effect {
    let Some(signal) = i32::try_from(returned).ok().filter(|signal| *signal > 0) else {
        return Effect::None;
    };
    let info = raw.args[1];
    Effect::Accepted {
        signal,
        code: raw.int_at(info.wrapping_add(8)).unwrap_or(libc::SI_USER),
        sender: raw.int_at(info.wrapping_add(16)).unwrap_or(0),
    }
}

/// signalfd, signalfd4: the descriptor to change, or -1, and the set.
pub(super) fn descriptor(name: &str, raw: &Raw<'_>) -> String {
    let words = format!("{}, {}", raw.int(0), set(raw, raw.args[1]));
    match name {
        "signalfd4" if raw.int(3) != 0 => {
            format!("{words}, {}", flags::named(raw.int(3), flags::SIGNALFD))
        }
        _ => words,
    }
}

/// `struct signalfd_siginfo`, in bytes.
const INFO: u64 = 128;

/// The signals that a `read(2)` of a `signalfd(2)` took.
pub(super) fn read(raw: &Raw<'_>, returned: i64) -> Vec<Effect> {
    let count = u64::try_from(returned).unwrap_or(0) / INFO;
    let info = |index: u64| {
        let at = raw.args[1].wrapping_add(index * INFO);
        Some(Effect::Accepted {
            signal: raw.int_at(at)?,
            code: raw.int_at(at.wrapping_add(8))?,
            sender: raw.int_at(at.wrapping_add(12))?,
        })
    };
    // As many as can be pending at a time and be different.
    (0..count.min(64)).map_while(info).collect()
}

/// As many signals of a set as are named.
const NAMED: usize = 4;

/// A `sigset_t` as the kernel has it: `[SIGTERM, SIGCHLD]`, `~[]` for all.
fn set(raw: &Raw<'_>, address: u64) -> String {
    match raw.word_at(address) {
        None => "?".to_owned(),
        // More are in it than not: those that are not, as strace(1) writes it.
        Some(bits) if bits.count_ones() > 32 => format!("~{}", names(!bits)),
        Some(bits) => names(bits),
    }
}

fn names(bits: u64) -> String {
    let mut members = (1..=64).filter(|signal| bits >> (signal - 1) & 1 == 1);
    let mut words: Vec<String> = members.by_ref().take(NAMED).map(signal_name).collect();
    if members.next().is_some() {
        words.push("...".to_owned());
    }
    format!("[{}]", words.join(", "))
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
