//! Words, parentheses and comparisons of a filter, each with its place.

use std::ops::Range;

use super::How;
use crate::scenario::Fault;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// In bytes.
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word. What stood in quotation marks is in it without them.
    Word {
        text: String,
        /// Whether part of it stood in quotation marks: then it is no word of the language.
        quoted: bool,
    },
    Open,
    Close,
    /// `!`
    Not,
    /// `&`, `&&`
    And,
    /// `|`, `||`
    Or,
    Compare(How),
}

/// Cuts the text into pieces.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let begin = at;
        let next = text[at + c.len_utf8()..].chars().next();
        let (kind, length) = match (c, next) {
            ('(', _) => (TokenKind::Open, 1),
            (')', _) => (TokenKind::Close, 1),
            ('!', Some('=')) => (TokenKind::Compare(How::Unequal), 2),
            ('!', _) => (TokenKind::Not, 1),
            ('&', Some('&')) => (TokenKind::And, 2),
            ('&', _) => (TokenKind::And, 1),
            ('|', Some('|')) => (TokenKind::Or, 2),
            ('|', _) => (TokenKind::Or, 1),
            ('<', Some('=')) => (TokenKind::Compare(How::AtMost), 2),
            ('<', _) => (TokenKind::Compare(How::Less), 1),
            ('>', Some('=')) => (TokenKind::Compare(How::AtLeast), 2),
            ('>', _) => (TokenKind::Compare(How::More), 1),
            ('=', Some('=')) => (TokenKind::Compare(How::Equal), 2),
            ('=', _) => (TokenKind::Compare(How::Equal), 1),
            _ => word(text, at)?,
        };
        at += length;
        tokens.push(Token {
            kind,
            span: begin..at,
        });
    }
    Ok(tokens)
}

/// The word that begins here, and how many bytes it takes.
fn word(text: &str, begin: usize) -> Result<(TokenKind, usize), Fault> {
    let mut word = String::new();
    let mut quoted = false;
    let mut rest = text[begin..].char_indices();
    let mut length = text.len() - begin;
    while let Some((at, c)) = rest.next() {
        match c {
            '"' | '\'' => {
                quoted = true;
                loop {
                    match rest.next() {
                        Some((_, end)) if end == c => break,
                        Some((_, '\\')) if c == '"' => match rest.next() {
                            Some((_, escaped)) => word.push(escaped),
                            None => return Err(open_quotation(text, begin + at)),
                        },
                        Some((_, inside)) => word.push(inside),
                        None => return Err(open_quotation(text, begin + at)),
                    }
                }
            }
            c if c.is_whitespace() || "()!&|<>=".contains(c) => {
                length = at;
                break;
            }
            c => word.push(c),
        }
    }
    Ok((TokenKind::Word { text: word, quoted }, length))
}

fn open_quotation(text: &str, at: usize) -> Fault {
    Fault::new(at..text.len(), "the quotation is not closed")
}
