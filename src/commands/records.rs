//! Records that the user names.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use sockscope::record::{self, Accept, Fault, RecordError, Recording};
use sockscope::report::escape;
use sockscope::run::Outcome;

use super::complain;

/// Reads the records of a file; `-` is standard input. Complains of what is wrong with them and
/// returns an exit code.
pub(crate) fn open(file: &Path, accept: Accept) -> Result<Recording, u8> {
    if file == Path::new("-") {
        return record::read(std::io::stdin().lock(), accept).map_err(|error| wrong(file, &error));
    }
    let opened = File::open(file).map_err(|error| {
        complain(&format!("{}: {error}", name(file)));
        Outcome::Inconclusive.exit_code()
    })?;
    record::read(BufReader::new(opened), accept).map_err(|error| wrong(file, &error))
}

/// A file's name as messages show it.
pub(crate) fn name(file: &Path) -> String {
    match file == Path::new("-") {
        true => "standard input".to_owned(),
        false => escape(&file.display().to_string()),
    }
}

fn wrong(file: &Path, error: &RecordError) -> u8 {
    let mut text = format!("{}: {}", name(file), escape(&error.to_string()));
    if let Some(help) = error.help() {
        text.push_str("\n  = help: ");
        text.push_str(help);
    }
    complain(&text);
    match error.fault {
        Fault::Io(_) => Outcome::Inconclusive.exit_code(),
        _ => Outcome::Usage.exit_code(),
    }
}
