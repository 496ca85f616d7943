//! Descriptors that one process passes to another (`SCM_RIGHTS`, `unix(7)`): a way to hold a
//! socket without a fork.

use super::Raw;

/// As many descriptors as are shown.
const SHOWN: usize = 4;

/// `struct cmsghdr`: the length with itself, the level, the type.
const HEAD: u64 = 16;

/// The descriptors in the first control message of a `struct msghdr`: `, SCM_RIGHTS [5]`; nothing
/// where it has none.
pub(super) fn passed(raw: &Raw<'_>, header: u64) -> String {
    numbers(raw, header).unwrap_or_default()
}

fn numbers(raw: &Raw<'_>, header: u64) -> Option<String> {
    let control = raw.word_at(header.wrapping_add(32))?;
    let room = raw.word_at(header.wrapping_add(40))?;
    if room < HEAD {
        return None;
    }
    let length = raw.word_at(control)?.min(room);
    let level = raw.int_at(control.wrapping_add(8))?;
    let kind = raw.int_at(control.wrapping_add(12))?;
    if (level, kind) != (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
        return None;
    }
    let count = usize::try_from(length.saturating_sub(HEAD) / 4).unwrap_or(usize::MAX);
    let bytes = raw.some(control.wrapping_add(HEAD), count.min(SHOWN) * 4);
    let mut words: Vec<String> = bytes
        .chunks_exact(4)
        .filter_map(|four| Some(i32::from_ne_bytes(four.try_into().ok()?).to_string()))
        .collect();
    if count > words.len() {
        words.push("...".to_owned());
    }
    Some(format!(", SCM_RIGHTS [{}]", words.join(", ")))
}
