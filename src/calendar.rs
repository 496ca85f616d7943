//! Days of the calendar in UTC, from 1970 on (Howard Hinnant, "chrono-Compatible Low-Level Date
//! Algorithms"). Years begin in March there: the leap day is the last one.

/// Seconds of a day; UTC as Unix counts it has no other.
pub(crate) const DAY: u64 = 86_400;

/// From March 1 of the year 0 to 1970-01-01, in days.
const EPOCH: u64 = 719_468;
/// The days of 400 years, after which the calendar repeats itself.
const ERA: u64 = 146_097;

/// The number of a day, counted from 1970-01-01, which is the least. A day that a month does not
/// have is one of the next month.
pub(crate) fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let from_march = (month + 9) % 12;
    let in_year = (153 * from_march + 2) / 5 + day - 1;
    (year * 365 + year / 4 - year / 100 + year / 400 + in_year).saturating_sub(EPOCH)
}

/// Year, month and day of a number that [`days`] gives.
pub(crate) fn date(days: u64) -> (u64, u64, u64) {
    let (era, in_era) = ((days + EPOCH) / ERA, (days + EPOCH) % ERA);
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 3, 1), 11_017);
        assert_eq!(days(2026, 11, 27), 1_795_795_200 / DAY);
    }

    #[test]
    fn every_day_has_its_date() {
        let mut before = (1969, 12, 31);
        for number in 0..days(2400, 1, 1) {
            let now = date(number);
            assert!(now > before, "{before:?} {now:?}");
            assert_eq!(days(now.0, now.1, now.2), number);
            before = now;
        }
        assert_eq!(before, (2399, 12, 31));
    }
}
