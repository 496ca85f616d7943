//! Files that are written completely or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{AccessFlags, access};

use crate::sys::signals;

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
/// nothing of the new one is left. What is no regular file (a pipe, a terminal), and what somebody
/// else opened (`/dev/stderr`), is written to.
///
/// # Errors
/// When the folder or the disk does not take it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    told(path, || {
        let place = place(path)?;
        match is_written_to(&place) {
            true => unhurt(|| {
                let mut opened = OpenOptions::new().append(true).open(&place)?;
                opened.write_all(bytes)
            }),
            false => replace(&place, bytes),
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
        let place = place(path)?;
        if place.is_dir() {
            return Err(Errno::EISDIR.into());
        }
        let asked = match is_written_to(&place) {
            true => place.as_path(),
            false => folder(&place),
        };
        if !is_written_to(&place) && !std::fs::metadata(asked)?.is_dir() {
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

/// Where a path leads: its folder without links and detours, and its name there. Symbolic links
/// are followed, also to a file that is not there yet; a descriptor is not. Two paths with the
/// same place are one file.
///
/// # Errors
/// When the folder is not there, and when the path can only be a folder's.
pub fn place(path: &Path) -> io::Result<PathBuf> {
    /// As many as the kernel follows (`path_resolution(7)`).
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Some(name) = path.file_name() else {
            return std::fs::canonicalize(path);
        };
        let place = std::fs::canonicalize(folder(&path))?.join(name);
        if path.as_os_str().as_bytes().ends_with(b"/") {
            return Err(Errno::EISDIR.into());
        }
        if is_descriptor(&place) || !place.is_symlink() {
            return Ok(place);
        }
        path = folder(&place).join(std::fs::read_link(&place)?);
    }
    Err(Errno::ELOOP.into())
}

/// Whether a place is an open descriptor in `/proc/PID/fd`, to which `/dev/stdout` and `/dev/fd/3`
/// lead. Somebody else opened it and wants to read it, even if it is a file.
pub fn is_descriptor(place: &Path) -> bool {
    let folder = folder(place);
    folder.starts_with("/proc") && folder.ends_with("fd")
}

/// Whether something stands there that must not be replaced by a file.
fn is_written_to(place: &Path) -> bool {
    let is_no_file = |found: std::fs::Metadata| !found.is_file() && !found.is_dir();
    is_descriptor(place) || std::fs::metadata(place).is_ok_and(is_no_file)
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

/// Makes a write that RLIMIT_FSIZE forbids an error in this whole process, and not its end by
/// SIGXFSZ (setrlimit(2)). Programs that are executed have the signal as ever.
///
/// # Errors
/// None that signal(2) documents for it.
pub fn outlive_size_limits() -> io::Result<()> {
    Ok(signals::set_harmless(Signal::SIGXFSZ)?)
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
