//! `sockscope schema`: the JSON Schema of scenario files.

use super::print;

pub(crate) fn main() -> u8 {
    print(&sockscope::scenario::schema_text())
        .err()
        .unwrap_or(0)
}
