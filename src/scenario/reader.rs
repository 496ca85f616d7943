//! Access to the TOML of a scenario that notes what is wrong and goes on.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::parse_duration;
use super::error::Fault;
use super::quoted::Quoted;
use super::suggest;

/// A TOML value and where it stands.
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

/// The text and what is wrong with it so far.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a str,
    pub(crate) faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Reader<'a> {
        Reader {
            text,
            faults: Vec::new(),
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Notes a fault whose span counts from the begin of `quoted`'s value.
    pub(crate) fn fault_in(&mut self, quoted: &Quoted, fault: Fault) {
        let span = quoted.locate(&fault.span);
        self.faults.push(Fault { span, ..fault });
    }

    /// Notes every key of `table` that is not among `known`. Returns the known keys that were
    /// meant by misspelt ones, so that they are not reported as missing too.
    pub(crate) fn only_keys<'k>(
        &mut self,
        table: &DeTable<'_>,
        known: &[&'k str],
        place: &str,
    ) -> Vec<&'k str> {
        let mut meant = Vec::new();
        for key in table.keys() {
            let word: &str = key.get_ref();
            if !known.contains(&word) {
                self.fault(
                    Fault::new(key.span(), format!("unknown key `{word}` in {place}"))
                        .help(suggest::did_you_mean_or_list(word, known)),
                );
                meant.extend(suggest::nearest(word, known.iter().copied()));
            }
        }
        meant
    }

    /// A string; `what` names it in the fault.
    pub(crate) fn string(&mut self, value: &Value<'_>, what: &str) -> Option<Quoted> {
        match value.get_ref() {
            DeValue::String(string) => Some(Quoted::new(self.text, value.span(), string)),
            _ => {
                self.wrong_type(value, what, "a string");
                None
            }
        }
    }

    /// The string of a key, without the blanks around it; nothing where it is missing or blank.
    pub(crate) fn optional_text(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        let (_, value) = entry(table, key)?;
        let quoted = self.string(value, &format!("`{key}`"))?;
        Some(quoted.value.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A string that is not blank.
    pub(crate) fn filled_string(&mut self, value: &Value<'_>, what: &str) -> Option<Quoted> {
        let quoted = self.string(value, what)?;
        if quoted.value.trim().is_empty() {
            self.fault(Fault::new(value.span(), format!("{what} is empty")));
            return None;
        }
        Some(quoted)
    }

    /// A string or an array of strings.
    pub(crate) fn strings(&mut self, value: &Value<'_>, what: &str) -> Vec<Quoted> {
        let mut found = Vec::new();
        match value.get_ref() {
            DeValue::Array(array) => {
                for item in array.iter() {
                    found.extend(self.filled_string(item, &format!("a line of {what}")));
                }
            }
            DeValue::String(_) => found.extend(self.filled_string(value, what)),
            _ => self.wrong_type(value, what, "a string or an array of strings"),
        }
        found
    }

    /// A length of time.
    pub(crate) fn duration(&mut self, value: &Value<'_>, what: &str) -> Option<Duration> {
        let DeValue::String(string) = value.get_ref() else {
            self.wrong_type(value, what, "a string such as \"250ms\" or \"2s\"");
            return None;
        };
        match parse_duration(string) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let quoted = Quoted::new(self.text, value.span(), string);
                let all = 0..quoted.value.len();
                self.fault_in(
                    &quoted,
                    Fault::new(all, format!("`{string}` is not a length of time"))
                        .help(error.to_string()),
                );
                None
            }
        }
    }

    /// A table.
    pub(crate) fn table<'v, 'i>(
        &mut self,
        value: &'v Value<'i>,
        what: &str,
    ) -> Option<&'v DeTable<'i>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.wrong_type(value, what, "a table");
        None
    }

    pub(crate) fn wrong_type(&mut self, value: &Value<'_>, what: &str, wanted: &str) {
        let (article, found) = match value.get_ref().type_str() {
            word @ ("integer" | "array") => ("an", word),
            word => ("a", word),
        };
        self.fault(
            Fault::new(
                first_line(self.text, value.span()),
                format!("{what} must be {wanted}, not {article} {found}"),
            )
            .label(format!("{article} {found}")),
        );
    }
}

/// The value of a key, and where the key stands.
pub(crate) fn entry<'v, 'i>(
    table: &'v DeTable<'i>,
    key: &str,
) -> Option<(Range<usize>, &'v Value<'i>)> {
    table
        .iter()
        .find(|(found, _)| found.get_ref() == key)
        .map(|(found, value)| (found.span(), value))
}

/// The part of `span` that stands in its first line.
fn first_line(text: &str, span: Range<usize>) -> Range<usize> {
    match text.get(span.clone()).and_then(|part| part.find('\n')) {
        Some(length) => span.start..span.start + length,
        None => span,
    }
}
