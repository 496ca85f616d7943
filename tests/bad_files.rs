//! Every file in `tests/bad` is wrong, and the error is the text in the `.err` file beside it.
//! `UPDATE_GOLDEN=1` writes those texts anew.

use std::fs;
use std::path::{Path, PathBuf};

use sockscope::scenario::{Scenario, SourceText};

fn bad_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("tests/bad")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn bad_files_are_answered_with_their_golden_errors() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let files = bad_files();
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for path in files {
        let stem = path.file_stem().expect("a stem").to_string_lossy();
        let source = SourceText {
            name: format!("{stem}.toml"),
            text: fs::read_to_string(&path).expect("the file"),
        };
        let error = match Scenario::parse(source.clone(), &stem, "") {
            Ok(_) => panic!("{stem}.toml is accepted"),
            Err(error) => error.render(&source, false),
        };
        let golden = path.with_extension("err");
        if update {
            fs::write(&golden, &error).expect("written");
            continue;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if error != expected {
            wrong.push(format!("{stem}: expected\n{expected}\nfound\n{error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
