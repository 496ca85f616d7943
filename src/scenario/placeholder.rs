//! `{port}`, `{server}`: what is put into commands, environment and directories at run time.

use std::collections::BTreeMap;
use std::ops::Range;

/// The placeholders that stand for ports: the server's, and a second one.
pub const PORTS: [&str; 2] = ["port", "port2"];

/// What is wrong with a template. Spans are bytes of the template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{name}` stands for nothing.
    #[error("unknown placeholder `{{{name}}}`")]
    Unknown {
        /// The name between the braces.
        name: String,
        /// Where it stands, braces included.
        span: Range<usize>,
    },
    /// A brace without its partner.
    #[error("a brace without its partner; a brace itself is written twice")]
    Brace {
        /// Where it stands.
        span: Range<usize>,
    },
}

/// Puts values in place of the placeholders of `template`; `{{` and `}}` are braces.
///
/// # Errors
/// A placeholder that is not among `values`, or a brace without its partner.
pub fn expand(template: &str, values: &BTreeMap<String, String>) -> Result<String, TemplateError> {
    let mut out = String::new();
    for piece in pieces(template) {
        match piece? {
            Piece::Text(text) => out.push_str(text),
            Piece::Name { name, span } => match values.get(name) {
                Some(value) => out.push_str(value),
                None => {
                    return Err(TemplateError::Unknown {
                        name: name.to_owned(),
                        span,
                    });
                }
            },
        }
    }
    Ok(out)
}

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Name { name: &'a str, span: Range<usize> },
}

/// The parts of a template in order; nothing follows an error.
pub(crate) fn pieces(template: &str) -> Vec<Result<Piece<'_>, TemplateError>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < template.len() {
        let rest = &template[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            found.push(Ok(Piece::Text(&rest[..1])));
            at += 2;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find(['{', '}']);
            let Some(end) = end.filter(|end| inner[*end..].starts_with('}')) else {
                found.push(Err(TemplateError::Brace { span: at..at + 1 }));
                return found;
            };
            let span = at..at + end + 2;
            at = span.end;
            found.push(Ok(Piece::Name {
                name: &inner[..end],
                span,
            }));
        } else if rest.starts_with('}') {
            found.push(Err(TemplateError::Brace { span: at..at + 1 }));
            return found;
        } else {
            let end = rest.find(['{', '}']).unwrap_or(rest.len());
            found.push(Ok(Piece::Text(&rest[..end])));
            at += end;
        }
    }
    found
}

/// Puts values in the place of their names in a line that is typed. A brace that belongs to no
/// placeholder is itself: a line may be anything.
pub fn fill(line: &str, values: &BTreeMap<String, String>) -> String {
    values.iter().fold(line.to_owned(), |line, (name, value)| {
        line.replace(&format!("{{{name}}}"), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(template: &str) -> Result<String, TemplateError> {
        let values = [("port", "9190"), ("server", "192.0.2.2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        expand(template, &BTreeMap::from(values))
    }

    #[test]
    fn values_take_the_place_of_names() {
        assert_eq!(with("{server}:{port}").as_deref(), Ok("192.0.2.2:9190"));
        assert_eq!(with("{{port}} }}{{").as_deref(), Ok("{port} }{"));
        assert_eq!(with("{{{port}}}").as_deref(), Ok("{9190}"));
        assert_eq!(with("").as_deref(), Ok(""));
    }

    #[test]
    fn a_typed_line_keeps_its_other_braces() {
        let values = BTreeMap::from([("port".to_owned(), "9190".to_owned())]);
        assert_eq!(fill("connect {port} {x} {", &values), "connect 9190 {x} {");
    }

    #[test]
    fn what_stands_for_nothing_is_told() {
        assert_eq!(
            with("a {prot}"),
            Err(TemplateError::Unknown {
                name: "prot".into(),
                span: 2..8
            })
        );
        for (template, at) in [("{port", 0), ("a}", 1), ("{a{port}", 0), ("{", 0)] {
            assert_eq!(
                with(template),
                Err(TemplateError::Brace { span: at..at + 1 })
            );
        }
    }
}
