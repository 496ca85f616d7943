//! What changes, as `sockscope watch` prints it.
//!
//! | file | what it prints |
//! |---|---|
//! | [`line`](mod@line) | a change, as a line for people |
//! | [`record`] | a change, how it is watched, the end: as a line of JSON each |
//! | [`ending`] | the summary at the end |

pub mod ending;
pub mod line;
pub mod record;

use std::time::Duration;

use crate::sys::clock::time_of_day;

/// From the clock that stamps changes to the time of day.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time since the epoch at which the stamping clock began.
    pub origin: Duration,
    /// When the watch began, by the stamping clock.
    pub begun: Duration,
}

impl Clock {
    /// Since the epoch.
    fn since_epoch(&self, at: Duration) -> Duration {
        self.origin + at
    }

    /// `14:03:07.000123`, of the local time zone.
    pub fn time(&self, at: Duration) -> String {
        let at = self.since_epoch(at);
        let (hours, minutes, seconds) = time_of_day(at).unwrap_or_default();
        let micros = at.subsec_micros();
        format!("{hours:02}:{minutes:02}:{seconds:02}.{micros:06}")
    }
}

/// `3.2 µs`, `12 ms`, `4.5 s`, `2 min`, `3 h`: short.
pub fn span(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    match us {
        ..1e3 => format!("{us:.0} µs"),
        ..1e4 => format!("{:.1} ms", us / 1e3),
        ..1e6 => format!("{:.0} ms", us / 1e3),
        ..1e8 => format!("{:.1} s", us / 1e6),
        ..6e9 => format!("{:.0} min", us / 6e7),
        _ => format!("{:.0} h", us / 3.6e9),
    }
}
