//! Texts against files in `tests/golden`.

use std::path::PathBuf;

/// Compares with `tests/golden/{name}`; `UPDATE_GOLDEN=1` writes it anew.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the golden folder");
        std::fs::write(&path, text).expect("a golden file");
        return;
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        text == wanted,
        "{name} differs; UPDATE_GOLDEN=1 rewrites it\n--- is\n{text}\n--- was\n{wanted}"
    );
}
