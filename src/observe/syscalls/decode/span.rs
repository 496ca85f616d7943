//! Spans of time that calls take.

use super::Raw;

/// A number of milliseconds, where a negative one means no limit.
pub(super) fn milliseconds(number: i32) -> String {
    match number {
        ..0 => "forever".to_owned(),
        some => format!("{some} ms"),
    }
}

/// A `struct timespec`; without one there is no limit.
pub(super) fn timespec(raw: &Raw<'_>, address: u64) -> String {
    limit(raw, address, 1)
}

/// A `struct timeval`; without one there is no limit.
pub(super) fn timeval(raw: &Raw<'_>, address: u64) -> String {
    limit(raw, address, 1000)
}

/// The `struct timeval` there as an option's value, where 0 means no limit (`socket(7)`).
pub(super) fn option(raw: &Raw<'_>, address: u64) -> Option<String> {
    match parts(raw, address)? {
        (0, 0) => Some("forever".to_owned()),
        (seconds, fraction) => Some(in_words(seconds, fraction, 1000)),
    }
}

fn limit(raw: &Raw<'_>, address: u64, unit: i64) -> String {
    if address == 0 {
        return "forever".to_owned();
    }
    match parts(raw, address) {
        Some((seconds, fraction)) => in_words(seconds, fraction, unit),
        None => "?".to_owned(),
    }
}

fn parts(raw: &Raw<'_>, address: u64) -> Option<(i64, i64)> {
    let seconds = raw.word_at(address)?;
    let fraction = raw.word_at(address.wrapping_add(8))?;
    Some((seconds as i64, fraction as i64))
}

/// Seconds and a fraction in units of `unit` nanoseconds, as milliseconds: `1500 ms`, `0.25 ms`.
fn in_words(seconds: i64, fraction: i64, unit: i64) -> String {
    let whole = 1_000_000_000 / unit;
    if seconds < 0 || !(0..whole).contains(&fraction) {
        return format!("{{{seconds}, {fraction}}}");
    }
    let nanoseconds = fraction * unit;
    let whole = i128::from(seconds) * 1000 + i128::from(nanoseconds / 1_000_000);
    let rest = format!("{:06}", nanoseconds % 1_000_000);
    match rest.trim_end_matches('0') {
        "" => format!("{whole} ms"),
        rest => format!("{whole}.{rest} ms"),
    }
}
