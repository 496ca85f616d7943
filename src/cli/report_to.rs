//! `--format` and `--report`: formats by name, and files for them.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use sockscope::report::format::{FORMATS, Format};

/// A report and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportTo {
    pub(crate) format: Format,
    /// `-` is standard output.
    pub(crate) file: PathBuf,
}

/// The names of formats, each with what it is for.
pub(super) fn formats() -> impl TypedValueParser<Value = Format> {
    let names = FORMATS
        .iter()
        .map(|about| PossibleValue::new(about.name).help(about.purpose));
    PossibleValuesParser::new(names).try_map(|name| format_named(&name))
}

fn format_named(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|about| about.name).collect();
        format!(
            "no format is called `{name}`; there are {}",
            names.join(", ")
        )
    })
}

/// `FORMAT=FILE`
pub(super) fn report_to(text: &str) -> Result<ReportTo, String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => Ok(ReportTo {
            format: format_named(name)?,
            file: file.into(),
        }),
        _ => Err("write --report FORMAT=FILE".into()),
    }
}
