//! The wall clock as RFC 3339 writes it.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::calendar::{DAY, date, days};

/// A moment in UTC, to the nanosecond: `2026-11-27T16:40:00.123456789Z`. None before 1970 and none
/// after 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc(SystemTime);

impl Utc {
    /// The last second that has four digits for its year.
    const LAST: u64 = 253_402_300_799;

    /// The moment, where it can be written.
    pub fn new(time: SystemTime) -> Option<Utc> {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        (since.as_secs() <= Utc::LAST).then_some(Utc(time))
    }

    /// The moment as the standard library has it.
    pub fn time(self) -> SystemTime {
        self.0
    }

    /// To the second, as people read it: `2026-11-27 16:40:00 UTC`.
    pub fn to_the_second(self) -> String {
        let text = self.to_string();
        let (date, rest) = text.split_at(10);
        format!("{date} {} UTC", &rest[1..9])
    }

    fn parse(text: &str) -> Option<Utc> {
        let number = |range: std::ops::Range<usize>| -> Option<u64> {
            let digits = text.get(range)?;
            let all = digits.bytes().all(|byte| byte.is_ascii_digit());
            all.then(|| digits.parse().ok()).flatten()
        };
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
        if marks
            .iter()
            .any(|(at, mark)| text.get(*at..at + 1) != Some(mark))
        {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let behind = text.get(19..)?.strip_suffix('Z')?;
        let nanos = match behind.strip_prefix('.') {
            None if behind.is_empty() => 0,
            Some(fraction)
                if (1..=9).contains(&fraction.len())
                    && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                format!("{fraction:0<9}").parse().ok()?
            }
            _ => return None,
        };
        // A day that no calendar has is counted as another one.
        if year < 1970 || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let days = days(year, month, day);
        if date(days) != (year, month, day) {
            return None;
        }
        let seconds = days * DAY + hour * 3600 + minute * 60 + second;
        Utc::new(UNIX_EPOCH + Duration::new(seconds, nanos))
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // None is before 1970.
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / DAY, since.as_secs() % DAY);
        let (year, month, day) = date(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:09}Z",
            second / 3600,
            second / 60 % 60,
            second % 60,
            since.subsec_nanos()
        )
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Utc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Utc, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Utc::parse(&text).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is no moment in UTC as RFC 3339 has it"))
        })
    }
}

impl JsonSchema for Utc {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Utc".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seconds: u64, nanos: u32) -> String {
        let time = UNIX_EPOCH + Duration::new(seconds, nanos);
        Utc::new(time).expect("it can be written").to_string()
    }

    #[test]
    fn moments_are_those_that_date_1_prints() {
        // date -u -d @N +%FT%T
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000000Z"),
            (1_795_797_600, "2026-11-27T16:40:00.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
            (Utc::LAST, "9999-12-31T23:59:59.000000000Z"),
        ] {
            assert_eq!(written(seconds, 0), text);
        }
        assert_eq!(Utc::new(UNIX_EPOCH - Duration::from_nanos(1)), None);
        assert_eq!(
            Utc::new(UNIX_EPOCH + Duration::from_secs(Utc::LAST + 1)),
            None
        );
    }

    #[test]
    fn what_is_written_is_read() {
        for day in (0..Utc::LAST).step_by(86_399 * 3701) {
            let text = written(day, 7);
            assert_eq!(Utc::parse(&text).map(|utc| utc.to_string()), Some(text));
        }
        let short = Utc::parse("2026-11-27T16:40:00.5Z").map(|utc| utc.to_string());
        assert_eq!(short.as_deref(), Some("2026-11-27T16:40:00.500000000Z"));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "2026-11-27",
            "2026-11-27T16:40:00",
            "2026-11-27T16:40:00+00:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2026-11-27T24:00:00Z",
            "2026-11-27T16:40:60Z",
            "2026-11-27T16:40:00.Z",
            "2026-11-27T16:40:00.1234567890Z",
            "+026-11-27T16:40:00Z",
            "1969-12-31T23:59:59Z",
            "é026-11-27T16:40:00Z",
        ] {
            assert_eq!(Utc::parse(wrong), None, "{wrong}");
        }
    }
}
