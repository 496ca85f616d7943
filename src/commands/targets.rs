//! The files that a call writes: none of them is another one, or one that it reads.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::stat::{SFlag, fstat};
use sockscope::output;

/// The files of a call so far.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    read: Vec<PathBuf>,
    written: Vec<(PathBuf, PathBuf)>,
}

impl Targets {
    /// A call that reads these.
    pub(crate) fn beside<'a>(read: impl IntoIterator<Item = &'a Path>) -> Targets {
        Targets {
            read: read.into_iter().map(place).collect(),
            written: Vec::new(),
        }
    }

    /// Adds a file that is written.
    ///
    /// # Errors
    /// What is wrong, when it is one of the others.
    pub(crate) fn add(&mut self, file: &Path) -> Result<(), String> {
        let place = place(file);
        let name = file.display();
        if let Some((_, other)) = self.written.iter().find(|(known, _)| *known == place) {
            return Err(match other == file {
                true => format!("two outputs cannot both be `{name}`"),
                false => format!("`{}` and `{name}` are the same file", other.display()),
            });
        }
        if self.read.contains(&place) {
            return Err(format!("`{name}` is read: it cannot be an output as well"));
        }
        if !output::is_descriptor(&place) && is_standard_output(&place) {
            return Err(format!("standard output goes to `{name}` already"));
        }
        self.written.push((place, file.to_owned()));
        Ok(())
    }
}

/// Where a path leads; the path where that is nowhere, which is told when it is used.
fn place(file: &Path) -> PathBuf {
    output::place(file).unwrap_or_else(|_| file.to_owned())
}

fn is_standard_output(place: &Path) -> bool {
    let (Ok(file), Ok(stdout)) = (std::fs::metadata(place), fstat(std::io::stdout())) else {
        return false;
    };
    let is_file = SFlag::from_bits_truncate(stdout.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    is_file && (file.dev(), file.ino()) == (stdout.st_dev, stdout.st_ino)
}
