//! The `[[step]]` tables.

use std::ops::Range;
use std::time::Duration;

use super::error::Fault;
use super::names::Mention;
use super::quoted::Quoted;
use super::reader::{Reader, Value, entry};
use super::{Action, Expectation, action, expectation, schema};

/// How long a step waits for its expectations where the file does not say.
pub const DEFAULT_WITHIN: Duration = crate::tolerance::STEP;

/// With so many faults in a file, the rest of its strings is not looked at: it is not a scenario.
const ENOUGH: usize = 100;

/// A string of a step, what it means, and the names in it.
pub(crate) struct Said<T> {
    pub(crate) quoted: Quoted,
    pub(crate) value: T,
    pub(crate) mentions: Vec<Mention>,
}

/// A step as it is written, before its names are looked at.
pub(crate) struct Draft {
    pub(crate) span: Range<usize>,
    pub(crate) tells: Option<String>,
    pub(crate) actions: Vec<Said<Action>>,
    pub(crate) expect: Vec<Said<Expectation>>,
    pub(crate) never: Vec<Said<Expectation>>,
    pub(crate) within: Duration,
}

/// Reads one step.
pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Draft> {
    let table = reader.table(value, "`step`")?;
    reader.only_keys(table, &schema::STEP, "a step");
    let mut draft = Draft {
        span: value.span(),
        tells: reader.optional_text(table, "tells"),
        actions: Vec::new(),
        expect: Vec::new(),
        never: Vec::new(),
        within: DEFAULT_WITHIN,
    };
    if let Some((_, value)) = entry(table, "do") {
        draft.actions = said(reader, value, "`do`", action::parse);
    }
    if let Some((_, value)) = entry(table, "expect") {
        draft.expect = said(reader, value, "`expect`", expectation::parse);
    }
    if let Some((_, value)) = entry(table, "never") {
        draft.never = said(reader, value, "`never`", expectation::parse);
    }
    if let Some((_, value)) = entry(table, "within")
        && let Some(within) = reader.duration(value, "`within`")
    {
        if within.is_zero() {
            reader.fault(Fault::new(
                value.span(),
                "a step cannot end before it begins",
            ));
        }
        draft.within = within;
    }
    if !["do", "expect", "never"]
        .into_iter()
        .filter_map(|key| entry(table, key))
        .any(|(_, value)| value.get_ref().as_array().is_none_or(|a| !a.is_empty()))
    {
        reader.fault(
            Fault::new(
                draft.span.clone(),
                "this step does nothing and expects nothing",
            )
            .help("give it `do`, `expect` or `never`"),
        );
    }
    Some(draft)
}

fn said<T>(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    what: &str,
    parse: impl Fn(&str) -> Result<(T, Vec<Mention>), Fault>,
) -> Vec<Said<T>> {
    let mut found = Vec::new();
    for quoted in reader.strings(value, what) {
        if reader.faults.len() >= ENOUGH {
            break;
        }
        match parse(&quoted.value) {
            Ok((value, mentions)) => found.push(Said {
                quoted,
                value,
                mentions,
            }),
            Err(fault) => reader.fault_in(&quoted, fault),
        }
    }
    found
}
