//! What a filter asks of the processes that hold a socket: [`NamePattern`] and [`User`].

use std::fmt;

/// The kernel keeps 15 bytes of a process's name (`TASK_COMM_LEN`).
const COMM_LEN: usize = 15;

/// The name of a process; `*` stands for anything, also for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern(String);

impl NamePattern {
    /// Takes the pattern as it is.
    pub fn new(pattern: impl Into<String>) -> NamePattern {
        NamePattern(pattern.into())
    }

    /// Whether a process of this name is meant. The kernel keeps the first 15 bytes of a name: of
    /// a longer one without `*` no more is compared.
    pub fn fits(&self, comm: &str) -> bool {
        if !self.0.contains('*') && self.0.len() > COMM_LEN {
            return self.0.as_bytes()[..COMM_LEN] == *comm.as_bytes();
        }
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or("");
        let Some(mut rest) = comm.strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else {
            return rest.is_empty();
        };
        for part in parts {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_word(&self.0, f)
    }
}

/// A user of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The name, where it was given by name.
    pub name: Option<String>,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write_word(name, f),
            None => write!(f, "{}", self.uid),
        }
    }
}

/// In quotation marks, where the word would otherwise be read as something else.
fn write_word(word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || "-_.*/+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return f.write_str(word);
    }
    f.write_str("\"")?;
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        let fits = |pattern: &str, name| NamePattern::new(pattern).fits(name);
        assert!(fits("nginx", "nginx"));
        assert!(!fits("nginx", "nginx2"));
        assert!(fits("ngi*", "nginx"));
        assert!(fits("*x", "nginx"));
        assert!(fits("*g*n*", "nginx"));
        assert!(!fits("*n*n*n*", "nginx"));
        assert!(fits("*", ""));
        assert!(!fits("a*a", "a"));
    }

    #[test]
    fn of_a_long_name_the_kernel_keeps_the_begin() {
        assert!(NamePattern::new("systemd-resolved").fits("systemd-resolve"));
        assert!(!NamePattern::new("systemd-resolved").fits("systemd-resolx"));
    }
}
