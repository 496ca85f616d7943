//! Patterns that name several built-in scenarios: `zombie/` a topic, `*-reaped` all that fit.

use super::builtin::{self, Builtin};
use super::suggest;

/// A word of the command line that names built-in scenarios by pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// No built-in scenario fits a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no built-in scenario matches `{pattern}`")]
pub struct NoMatch {
    /// As the user wrote it.
    pub pattern: String,
    /// What would help.
    pub help: String,
}

impl Pattern {
    /// The word as a pattern: with a `*` in it, or a topic with `/` at its end. Nothing for a name
    /// or a path.
    pub fn new(word: &str) -> Option<Pattern> {
        let is_path = word.ends_with(".toml") || word.starts_with(['.', '/', '~']);
        let is_pattern = word.contains('*') || word.ends_with('/');
        (is_pattern && !is_path).then(|| match word.strip_suffix('/') {
            Some(topic) => Pattern(format!("{topic}/*")),
            None => Pattern(word.to_owned()),
        })
    }

    /// A word that filters a list: as [`Pattern::new`], otherwise a part of the name or the topic.
    pub fn filter(word: &str) -> Pattern {
        Pattern::new(word).unwrap_or_else(|| Pattern(format!("*{word}*")))
    }

    /// Whether `topic/name`, or the name alone, fits.
    pub fn fits(&self, scenario: &Builtin) -> bool {
        let whole = format!("{}/{}", scenario.topic, scenario.name);
        fits(&self.0, &whole) || fits(&self.0, scenario.name)
    }

    /// All built-in scenarios that fit, by topic and name.
    ///
    /// # Errors
    /// When there is none.
    pub fn select(&self) -> Result<Vec<&'static Builtin>, NoMatch> {
        let found: Vec<&Builtin> = builtin::all().iter().filter(|b| self.fits(b)).collect();
        match found.is_empty() {
            false => Ok(found),
            true => Err(self.no_match()),
        }
    }

    fn no_match(&self) -> NoMatch {
        let mut topics: Vec<&str> = builtin::all().iter().map(|b| b.topic).collect();
        topics.dedup();
        let topic = self.0.strip_suffix("/*");
        let near = topic.and_then(|topic| suggest::nearest(topic, topics.iter().copied()));
        NoMatch {
            pattern: match topic {
                Some(topic) => format!("{topic}/"),
                None => self.0.clone(),
            },
            help: match near {
                Some(near) => format!("did you mean `{near}/`?"),
                None => format!("the topics are {}", topics.join(", ")),
            },
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*b*", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*bc", "abcbc", true),
            ("ä*ü", "äöü", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn names_and_paths_are_no_patterns() {
        for word in [
            "normal-close",
            "close/normal-close",
            "./x/",
            "/tmp/",
            "*.toml",
        ] {
            assert_eq!(Pattern::new(word), None, "{word}");
        }
    }

    #[test]
    fn a_topic_and_a_star_select() {
        for word in ["close/", "close/*", "normal-*", "*/normal-close"] {
            let found = Pattern::new(word).expect("a pattern").select();
            let found = found.expect("some fit");
            assert!(found.iter().any(|b| b.name == "normal-close"), "{word}");
        }
    }

    #[test]
    fn nothing_fits_is_said_with_what_is_near() {
        let none = |word| Pattern::new(word).expect("a pattern").select();
        let error = none("clsoe/").expect_err("no such topic");
        assert_eq!(error.to_string(), "no built-in scenario matches `clsoe/`");
        assert_eq!(error.help, "did you mean `close/`?");
        let error = none("banana*").expect_err("no such name");
        assert!(error.help.starts_with("the topics are "), "{}", error.help);
    }
}
