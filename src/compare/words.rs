//! Free text without what differs every time: what programs write, what they send and receive, and
//! sockscope's own words.
//!
//! A number alone may mean anything, so that only what says what it is is replaced:
//!
//! - a port that the run used, behind an address, a host's name or the word `port`;
//! - the pid of a process of the run, behind a word such as `pid` or `child`, or as syslog writes
//!   it: `server[17]`;
//! - times of day, with the date beside them, the day of the run, and seconds since 1970 that fall
//!   into the run.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::clock;
use super::names::Names;
use crate::run::Run;

/// Whose words they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// A program's, at the event of this index: pids are those that it sees.
    Program(usize),
    /// sockscope's: pids are those of its own `/proc`.
    Sockscope,
}

/// What is known of a run's free text.
#[derive(Debug)]
pub(super) struct Words {
    hosts: Vec<String>,
    /// Whether addresses are left out: they are other ones elsewhere.
    anywhere: bool,
    /// When the run was, in seconds since 1970, with an hour more on both sides.
    during: Option<(u64, u64)>,
}

/// What stands for an address.
const ADDRESS: &str = "<address>";

/// By so much a program's clock may differ from the one that says when a run began, and pass for
/// the same still.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);

impl Words {
    pub(super) fn of(run: &Run, anywhere: bool) -> Words {
        let seconds = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).ok()?;
            Some(since.as_secs())
        };
        let during = run.header.began.and_then(|began| {
            let end = began.checked_add(run.took)?.checked_add(CLOCKS_DIFFER)?;
            Some((seconds(began.checked_sub(CLOCKS_DIFFER)?)?, seconds(end)?))
        });
        Words {
            hosts: run.header.hosts.iter().map(ToString::to_string).collect(),
            anywhere,
            during,
        }
    }

    /// The address, where it is none of those that are the same everywhere.
    pub(super) fn address(&self, address: IpAddr) -> String {
        match self.anywhere && !address.is_unspecified() {
            true => ADDRESS.to_owned(),
            false => address.to_string(),
        }
    }

    /// Whether addresses are left out.
    pub(super) fn anywhere(&self) -> bool {
        self.anywhere
    }

    /// The address that `rest` begins with: its length, and what stands for it.
    fn host(&self, rest: &str) -> Option<(usize, String)> {
        let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let whole = rest[..end].trim_end_matches(['.', ':']);
        // Behind that of IPv4 a port may follow.
        let first = whole.split(':').next().unwrap_or_default();
        let text = [whole, first].into_iter().find(|text| is_address(text))?;
        let address = text.parse().ok()?;
        self.anywhere.then(|| (text.len(), self.address(address)))
    }

    /// The text with everything replaced that is recognised.
    pub(super) fn plain(&self, text: &str, voice: Voice, names: &Names) -> String {
        let mut plain = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            let (before, rest) = text.split_at(at);
            let begins = !before.ends_with(|c: char| c.is_alphanumeric());
            let found = match begins {
                true => clock::moment(before, rest, self.during)
                    .or_else(|| self.number(before, rest, voice, names))
                    .or_else(|| self.host(rest)),
                false => None,
            };
            match found {
                Some((length, instead)) => {
                    plain.push_str(&instead);
                    at += length;
                }
                None => {
                    plain.push(next);
                    at += next.len_utf8();
                }
            }
        }
        plain
    }

    /// The number that `rest` begins with, where what is before it says that it is a port or a
    /// pid: its length, and what stands for it.
    fn number(
        &self,
        before: &str,
        rest: &str,
        voice: Voice,
        names: &Names,
    ) -> Option<(usize, String)> {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, behind) = rest.split_at(length);
        if length == 0 || digits.starts_with('0') || continues(behind) {
            return None;
        }
        if self.is_a_port(before)
            && let Some(port) = digits.parse().ok().and_then(|port| names.known_port(port))
        {
            return Some((length, port.to_string()));
        }
        if !is_a_pid(before, behind) {
            return None;
        }
        let pid = digits.parse().ok()?;
        let number = match voice {
            Voice::Program(event) => names.known_inner(pid, event),
            Voice::Sockscope => names.known_pid(pid),
        };
        Some((length, number?.to_string()))
    }

    /// Whether a port comes behind these words: `192.0.2.1:`, `[::1]:`, `client:`, `port `,
    /// `('192.0.2.1', `, `192.0.2.1 `.
    fn is_a_port(&self, before: &str) -> bool {
        if let Some(address) = before.strip_suffix(':') {
            let is_bracket = address.ends_with(']');
            let word = last_word(address);
            let is_host = self.hosts.iter().any(|host| host == word);
            if is_bracket || is_host || matches!(word, "localhost" | "*") || is_address(word) {
                return true;
            }
        }
        if last_word(before.trim_end_matches([' ', '=', ':'])).eq_ignore_ascii_case("port") {
            return true;
        }
        if let Some(address) = before.strip_suffix(' ') {
            return match address.strip_suffix("',").or(address.strip_suffix("\",")) {
                // As Python writes an address.
                Some(quoted) => is_address(last_word(quoted)),
                None => is_address(last_word(address)),
            };
        }
        false
    }
}

/// Whether a number goes on behind its digits, as `1.5`, `12th` and `10%` do.
fn continues(behind: &str) -> bool {
    let mut next = behind.chars();
    match next.next() {
        Some('.' | ',') => next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric() || matches!(c, '%' | '_' | '/'),
        None => false,
    }
}

fn is_address(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok()
}

/// The characters of addresses and names at the end of a text.
fn last_word(text: &str) -> &str {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '*' | '%');
    let kept = text.trim_end_matches(is_part);
    &text[kept.len()..]
}

/// The words behind which a pid comes.
const PID_WORDS: [&str; 5] = ["pid", "ppid", "child", "parent", "process"];

/// Whether a number between these is a pid: `pid 17`, `pid=17`, `child: 17`, `server[17]`.
fn is_a_pid(before: &str, behind: &str) -> bool {
    if let Some(name) = before.strip_suffix('[') {
        return behind.starts_with(']') && name.ends_with(|c: char| c.is_alphanumeric());
    }
    let word = before.trim_end_matches([' ', '=', ':', '#']);
    if word.len() == before.len() {
        return false;
    }
    let start = word.trim_end_matches(|c: char| c.is_alphanumeric()).len();
    PID_WORDS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&word[start..]))
}
