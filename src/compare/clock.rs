//! Times of day and dates in free text.

use crate::calendar::{DAY, days};

/// What stands for a time of day.
const TIME: &str = "<time>";
/// What stands for a date.
const DATE: &str = "<date>";
/// What stands for seconds since 1970, or a thousandth, a millionth, a billionth of them.
const EPOCH: &str = "<epoch>";

/// The moment that `rest` begins with: its length, and what stands for it. `during`: from when to
/// when the run was, in seconds since 1970.
pub(super) fn moment(
    before: &str,
    rest: &str,
    during: Option<(u64, u64)>,
) -> Option<(usize, String)> {
    if before.ends_with([':', '.', '-', '/', '_']) && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        // The middle of something else: an address, a version, a path.
        return None;
    }
    if let Some(length) = time(rest) {
        return Some((length, TIME.to_owned()));
    }
    if let Some((length, day)) = numeric_date(rest) {
        if let Some(separator) = rest[length..].chars().next()
            && matches!(separator, 'T' | 't' | ' ' | '_')
            && let Some(more) = time(&rest[length + 1..])
        {
            return Some((length + 1 + more, format!("{DATE}{separator}{TIME}")));
        }
        let is_that_day = during.is_some_and(|(from, to)| {
            // Anywhere on earth.
            (from / DAY).saturating_sub(1) <= day && day <= to / DAY + 1
        });
        return (is_that_day && !goes_on(&rest[length..])).then(|| (length, DATE.to_owned()));
    }
    if let Some(length) = worded_date(rest) {
        return Some((length, format!("{DATE} {TIME}")));
    }
    epoch(rest, during?).map(|length| (length, EPOCH.to_owned()))
}

fn digits(text: &str, most: usize) -> Option<(usize, u64)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    match length {
        0 => None,
        _ if length > most => None,
        _ => Some((length, text[..length].parse().ok()?)),
    }
}

/// Whether a number or a word goes on here.
fn goes_on(behind: &str) -> bool {
    behind.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// `17:34:13`, `17:34:13.123456`, `7:34:13,5`: its length.
fn time(text: &str) -> Option<usize> {
    let (first, hour) = digits(text, 2)?;
    let minute = text[first..].strip_prefix(':')?;
    let (two, minutes) = digits(minute, 2)?;
    let second = minute[two..].strip_prefix(':')?;
    let (also_two, seconds) = digits(second, 2)?;
    if two != 2 || also_two != 2 || hour > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let mut length = first + 6;
    let behind = &text[length..];
    if let Some(fraction) = behind.strip_prefix(['.', ','])
        && let Some((more, _)) = digits(fraction, 9)
    {
        length += 1 + more;
    }
    let behind = &text[length..];
    // 12:34:56:78 is no time; a zone may follow.
    let is_more = behind.strip_prefix(':').is_some_and(goes_on);
    let is_word = goes_on(behind) && !behind.starts_with('Z');
    (!is_more && !is_word).then_some(length)
}

/// `2026-11-27`, `2026/11/27`: its length, and the day counted from 1970. A month may have 31
/// days here.
fn numeric_date(text: &str) -> Option<(usize, u64)> {
    let mark = text
        .as_bytes()
        .get(4)
        .filter(|mark| matches!(mark, b'-' | b'/'))?;
    if text.as_bytes().get(7)? != mark || !text.is_char_boundary(10) {
        return None;
    }
    let (four, year) = digits(text, 4)?;
    let (two, month) = digits(text.get(5..)?, 2)?;
    let (also_two, day) = digits(text.get(8..)?, 2)?;
    let is_date = four == 4
        && two == 2
        && also_two == 2
        && (1970..2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day);
    is_date.then(|| (10, days(year, month, day)))
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A date with its month as a word and a time beside it, as `ctime(3)`, syslog, mail, HTTP and
/// its servers' logs write it: its length.
fn worded_date(text: &str) -> Option<usize> {
    let mut rest = text;
    for weekday in WEEKDAYS {
        if let Some(behind) = rest.strip_prefix(weekday) {
            rest = behind
                .strip_prefix(',')
                .unwrap_or(behind)
                .strip_prefix(' ')?;
            break;
        }
    }
    rest = match month(rest) {
        // Nov 27, Nov  7
        Some(behind) => {
            let day = behind.trim_start_matches(' ');
            if day.len() == behind.len() {
                return None;
            }
            &day[digits(day, 2)?.0..]
        }
        // 27 Nov 2026, 27-Nov-2026, 27/Nov/2026
        None => {
            let behind = &rest[digits(rest, 2)?.0..];
            let mark = behind
                .chars()
                .next()
                .filter(|mark| matches!(mark, ' ' | '-' | '/'))?;
            let year = month(&behind[1..])?.strip_prefix(mark)?;
            &year[digits(year, 4).filter(|(length, _)| *length == 4)?.0..]
        }
    };
    rest = rest.strip_prefix([' ', ':'])?;
    rest = &rest[time(rest)?..];
    let length = text.len() - rest.len();
    // ctime(3) has the year behind the time, date(1) a zone before that.
    let mut behind = rest;
    if let Some(zone) = behind.strip_prefix(' ') {
        let letters = zone.bytes().take_while(u8::is_ascii_uppercase).count();
        if (2..=5).contains(&letters) {
            behind = &zone[letters..];
        }
    }
    let year = behind.strip_prefix(' ').and_then(|year| digits(year, 4));
    Some(match year {
        Some((4, 1970..2100)) => text.len() - behind.len() + 5,
        _ => length,
    })
}

/// What is behind the month that a text begins with.
fn month(text: &str) -> Option<&str> {
    MONTHS.iter().find_map(|month| text.strip_prefix(month))
}

/// `1795797600`, `1795797600.25`, `1795797600250`: its length, where it falls into the run.
fn epoch(text: &str, (from, to): (u64, u64)) -> Option<usize> {
    let (mut length, number) = digits(text, 19)?;
    let seconds = match length {
        10 => number,
        13 => number / 1_000,
        16 => number / 1_000_000,
        19 => number / 1_000_000_000,
        _ => return None,
    };
    if let Some(fraction) = text[length..].strip_prefix('.')
        && length == 10
        && let Some((more, _)) = digits(fraction, 9)
    {
        length += 1 + more;
    }
    let is_then = (from..=to).contains(&seconds);
    (is_then && !goes_on(&text[length..])).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27 16:00 to 18:00.
    const DURING: (u64, u64) = (1_795_795_200, 1_795_802_400);

    fn plain(text: &str) -> Option<String> {
        let (length, instead) = moment("", text, Some(DURING))?;
        Some(format!("{instead}{}", &text[length..]))
    }

    #[test]
    fn common_forms_are_times() {
        for (text, instead) in [
            ("17:34:13", "<time>"),
            ("17:34:13.123456 x", "<time> x"),
            ("7:34:13,250", "<time>"),
            ("17:34:13: started", "<time>: started"),
            ("2026-11-27T17:34:13Z", "<date>T<time>Z"),
            ("2026-11-27 17:34:13.5+01:00", "<date> <time>+01:00"),
            ("2001/02/03 17:34:13 x", "<date> <time> x"),
            ("2026-11-27", "<date>"),
            ("2026-11-28.", "<date>."),
            ("Fri Nov 27 17:34:13 2026\\n", "<date> <time>\\n"),
            ("Sat Nov  7 17:34:13 2026", "<date> <time>"),
            ("Fri Nov 27 17:34:13 UTC 2026", "<date> <time>"),
            ("Nov 27 17:34:13 host x", "<date> <time> host x"),
            ("Fri, 27 Nov 2026 17:34:13 GMT", "<date> <time> GMT"),
            ("27/Nov/2026:17:34:13 +0000", "<date> <time> +0000"),
            ("1795797600", "<epoch>"),
            ("1795797600.125", "<epoch>"),
            ("1795797600125 x", "<epoch> x"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(instead), "{text}");
        }
    }

    #[test]
    fn anything_else_is_left_alone() {
        for text in [
            "17:34",
            "24:00:00",
            "17:60:00",
            "12:34:56:78",
            "12:34:56:ab",
            "12:34:56x",
            "1999-12-31",
            "2026-11-30",
            "2026-13-27 17:34:13",
            "2026-11-270",
            "Nov 27",
            "Fri",
            "Monday",
            "27 apples",
            "1700000000",
            "17957976000",
            "1795797600x",
            "",
            "é",
            "2026é",
        ] {
            let found = plain(text);
            assert_eq!(found, None, "{text}");
        }
        assert_eq!(moment("1.", "17:34:13", Some(DURING)), None);
        assert_eq!(moment("", "1795797600", None), None);
        assert_eq!(moment("", "2026-11-27", None), None);
    }
}
