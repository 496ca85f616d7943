//! `sockscope schema`: the JSON Schema of scenario files, of records, or of what `why` prints.

use super::print_bytes;
use crate::cli::{Schema, SchemaOf};

pub(crate) fn main(arguments: &Schema) -> u8 {
    let text = match arguments.of {
        SchemaOf::Scenario => sockscope::scenario::schema_text(),
        SchemaOf::Record => sockscope::record::schema::schema_text(),
        SchemaOf::Why => sockscope::report::why::record::schema_text(),
    };
    print_bytes(text.as_bytes()).err().unwrap_or(0)
}
