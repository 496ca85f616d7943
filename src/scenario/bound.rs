//! `= 5`, `>= 2`: a number and how it is compared.

use std::fmt;

use super::error::Fault;
use super::words::Cursor;
use super::{Bound, Comparison};

impl Comparison {
    /// The sign, as scenario files write it.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::AtLeast => ">=",
            Comparison::AtMost => "<=",
            Comparison::More => ">",
            Comparison::Less => "<",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.sign(), self.value)
    }
}

/// A sign and a number.
pub(crate) fn bound(cursor: &mut Cursor<'_>) -> Result<Bound, Fault> {
    let Some(op) = cursor.peek().and_then(|token| comparison(token.text)) else {
        let fault = cursor.expected("`=`, `>=`, `<=`, `>` or `<`");
        return Err(match cursor.peek() {
            Some(token) if token.text == "==" => fault.help("did you mean `=`?"),
            _ => fault,
        });
    };
    cursor.next();
    let value = number(cursor)?;
    Ok(Bound { op, value })
}

/// The comparison that `sign` is.
pub(crate) fn comparison(sign: &str) -> Option<Comparison> {
    [
        Comparison::Equal,
        Comparison::AtLeast,
        Comparison::AtMost,
        Comparison::More,
        Comparison::Less,
    ]
    .into_iter()
    .find(|op| op.sign() == sign)
}

/// A whole number.
pub(crate) fn number(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    let token = cursor.word("a number")?;
    let digits = token.text.bytes().all(|b| b.is_ascii_digit());
    match token.text.parse() {
        Ok(value) if digits => Ok(value),
        _ if digits => Err(Fault::new(
            token.span(),
            format!("the number {} is too big", token.text),
        )),
        _ => Err(Fault::new(
            token.span(),
            format!("expected a number, found `{}`", token.text),
        )
        .label("expected a number")),
    }
}
