//! The words and signs of step and expectation strings, and a cursor over them.

use std::ops::Range;

use super::error::Fault;
use super::names::Mention;

/// A word or a sign, and where it stands in the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// As written.
    pub(crate) text: &'a str,
    /// The first byte.
    pub(crate) start: usize,
    /// Whether it is a word, not a sign.
    pub(crate) is_word: bool,
}

impl Token<'_> {
    /// Its bytes in the string.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Whether it is this keyword; case does not matter.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }
}

const SIGNS: [&str; 8] = [">>", ">=", "<=", "==", ">", "<", "=", ","];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
        let length = sign.map_or_else(
            || {
                rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '<' | '>' | '='))
                    .unwrap_or(rest.len())
            },
            str::len,
        );
        found.push(Token {
            text: &rest[..length],
            start: at,
            is_word: sign.is_none(),
        });
        at += length;
    }
    found
}

/// Walks over the tokens of one string and notes the names that it meets.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    /// The names met so far; the file as a whole decides whether they mean something.
    pub(crate) mentions: Vec<Mention>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor {
            text,
            tokens: tokens(text),
            at: 0,
            mentions: Vec::new(),
        }
    }

    /// The next token, not taken.
    pub(crate) fn peek(&self) -> Option<Token<'a>> {
        self.peek_at(0)
    }

    /// The token `ahead` of the next one.
    pub(crate) fn peek_at(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// Takes the next token.
    pub(crate) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    /// Takes the next token if it is this keyword or sign.
    pub(crate) fn eat(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(keyword));
        self.at += usize::from(found);
        found
    }

    /// Takes a word; `wanted` says what should stand here.
    pub(crate) fn word(&mut self, wanted: &str) -> Result<Token<'a>, Fault> {
        match self.peek() {
            Some(token) if token.is_word => {
                self.at += 1;
                Ok(token)
            }
            _ => Err(self.expected(wanted)),
        }
    }

    /// Takes this keyword or sign.
    pub(crate) fn keyword(&mut self, keyword: &str) -> Result<(), Fault> {
        if self.eat(keyword) {
            return Ok(());
        }
        Err(self.expected(&format!("`{keyword}`")))
    }

    /// The fault of something else than `wanted` standing here.
    pub(crate) fn expected(&self, wanted: &str) -> Fault {
        match self.peek() {
            Some(token) => Fault::new(
                token.span(),
                format!("expected {wanted}, found `{}`", token.text),
            )
            .label(format!("expected {wanted}")),
            None => {
                let end = self.text.trim_end().len();
                Fault::new(end..end, format!("expected {wanted}, found the end"))
                    .label(format!("expected {wanted}"))
            }
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(token) => {
                let rest = self.text[token.start..].trim_end();
                Err(Fault::new(
                    token.start..token.start + rest.len(),
                    format!("unexpected `{rest}`"),
                )
                .label("nothing may follow here"))
            }
        }
    }

    /// Takes the rest of the string as it is, white space before it left out.
    pub(crate) fn rest(&mut self) -> (&'a str, usize) {
        let start = self.peek().map_or(self.text.len(), |token| token.start);
        self.at = self.tokens.len();
        (&self.text[start..], start)
    }

    /// Notes a name.
    pub(crate) fn mention(&mut self, mention: Mention) {
        self.mentions.push(mention);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_told_apart() {
        let words: Vec<&str> = tokens("a.b >=5>>c > d,e").iter().map(|t| t.text).collect();
        assert_eq!(words, ["a.b", ">=", "5", ">>", "c", ">", "d", ",", "e"]);
    }

    #[test]
    fn spans_are_bytes() {
        let found = tokens(" ä\u{a0}漢,");
        assert_eq!(found[0].span(), 1..3);
        assert_eq!(found[1].span(), 5..8);
        assert_eq!(found[2].span(), 8..9);
    }
}
