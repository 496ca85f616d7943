//! `250ms`, `2s`, `1m`: lengths of time.

use std::time::Duration;

/// The longest one: a day. Longer waits are slips of the keyboard.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a word is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotADuration {
    /// It is not a number and a unit.
    #[error("a length of time is a whole number and a unit: `250ms`, `2s`, `1m`")]
    Form,
    /// It is longer than a day.
    #[error("the longest length of time is a day")]
    TooLong,
}

/// Reads `250ms`, `2s` or `1m`; a day at most.
///
/// # Errors
/// When `word` is not a whole number with one of these units, or is longer than a day.
pub fn parse_duration(word: &str) -> Result<Duration, NotADuration> {
    let split = word
        .find(|c: char| !c.is_ascii_digit())
        .ok_or(NotADuration::Form)?;
    let (digits, unit) = word.split_at(split);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(NotADuration::Form),
    };
    if digits.is_empty() {
        return Err(NotADuration::Form);
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or(NotADuration::TooLong)
}

/// Writes a length of time as [`parse_duration`] reads it, in the biggest unit that fits; parts of
/// a millisecond are left out.
pub fn write_duration(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "0ms".to_owned(),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_limits() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("1m"), Ok(Duration::from_secs(60)));
        for word in ["", "5", "ms", "1.5s", "-1s", "1 s", "1h", "１s"] {
            assert_eq!(parse_duration(word), Err(NotADuration::Form), "{word}");
        }
        for word in ["1441m", "99999999999999999999s", "18446744073709551615m"] {
            assert_eq!(parse_duration(word), Err(NotADuration::TooLong), "{word}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for ms in [0, 1, 999, 1000, 1500, 60_000, 90_000, 120_000] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse_duration(&write_duration(duration)), Ok(duration));
        }
    }
}
