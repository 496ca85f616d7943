//! The JSON Schema of records.

use schemars::generate::SchemaSettings;

use super::line::Line;
use super::write::Document;

/// The schema as text, ending in a newline. It describes one line of a record; what `--format
/// json` prints is in its definitions, as `Document`.
pub fn schema_text() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<Document>();
    let mut schema = generator.into_root_schema_for::<Line>();
    schema.insert("title".into(), "A line of a record of sockscope".into());
    // A value made of words always has a text.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
