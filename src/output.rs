//! Files that are written completely or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{AccessFlags, access};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {error}", path.display())]
pub struct OutputError {
    /// As the user wrote it.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

/// Writes a file. Another one of that name is replaced only when all is written; on an error
/// nothing of the new one is left. What is no regular file (a pipe, `/dev/stderr`) is written to.
///
/// # Errors
/// When the folder or the disk does not take it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    told(path, || {
        let destination = destination(path)?;
        match is_special(&destination) {
            true => unhurt(|| OpenOptions::new().append(true).open(path)?.write_all(bytes)),
            false => replace(&destination, bytes),
        }
    })
}

/// Whether a file can be written there as things stand, to tell before any work is done. It
/// leaves nothing behind.
///
/// # Errors
/// When the folder is not there or may not be written to, or the path is a folder's.
pub fn check(path: &Path) -> Result<(), OutputError> {
    told(path, || {
        let destination = destination(path)?;
        if destination.is_dir() {
            return Err(Errno::EISDIR.into());
        }
        let asked = match is_special(&destination) {
            true => destination.as_path(),
            false => folder(&destination),
        };
        if !is_special(&destination) && !std::fs::metadata(asked)?.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(access(asked, AccessFlags::W_OK)?)
    })
}

fn told(path: &Path, work: impl FnOnce() -> io::Result<()>) -> Result<(), OutputError> {
    work().map_err(|error| OutputError {
        path: path.to_owned(),
        error,
    })
}

/// Where a path leads: a symbolic link stays one, and its file is replaced.
fn destination(path: &Path) -> io::Result<PathBuf> {
    match path.is_symlink() && !is_special(path) {
        true => std::fs::canonicalize(path),
        false => Ok(path.to_owned()),
    }
}

/// Whether something stands there that must not be replaced by a file. What `/dev/stdout` and
/// `/dev/fd/3` lead to was opened by somebody else, even if it is a file.
fn is_special(path: &Path) -> bool {
    let lent = ["/dev", "/proc"].iter().any(|root| path.starts_with(root));
    lent || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // The kernel takes the user's umask off the first; a file that is replaced keeps its own.
    const NEW: u32 = 0o666;
    if path.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    let kept = std::fs::metadata(path).ok().map(|old| old.permissions());
    let mut refused = None;
    let mut file = tempfile::Builder::new()
        .prefix(".sockscope-")
        .make_in(folder(path), |temporary| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(NEW);
            let opened = options.open(temporary);
            opened.inspect_err(|error| refused = error.raw_os_error())
        })
        // The system's error alone: the temporary name tells nobody anything.
        .map_err(|error| refused.map_or(error, io::Error::from_raw_os_error))?;
    if let Some(kept) = kept {
        file.as_file().set_permissions(kept)?;
    }
    unhurt(|| file.as_file_mut().write_all(bytes))?;
    let _: File = file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes without being killed by SIGXFSZ, which Linux sends where RLIMIT_FSIZE ends a file
/// (setrlimit(2)): the error is enough.
fn unhurt(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let signal = SigSet::from(Signal::SIGXFSZ);
    let before = SigSet::thread_get_mask()?;
    signal.thread_block()?;
    let result = work();
    if matches!(&result, Err(error) if error.raw_os_error() == Some(libc::EFBIG)) {
        // It is pending for this thread.
        signal.wait()?;
    }
    before.thread_set_mask()?;
    result
}
