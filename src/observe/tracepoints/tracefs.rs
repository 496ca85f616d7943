//! [`Tracefs`]: the files that describe tracepoints, wherever they are.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::Point;
use super::format::Format;
use super::unavailable::Unavailable;
use crate::sys::mounting;

/// Where tracefs is on most machines.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The root of a tracefs.
#[derive(Debug)]
pub struct Tracefs(OwnedFd);

impl Tracefs {
    /// The one that is mounted; where none is, one that no other process sees and that is gone
    /// with this value.
    ///
    /// # Errors
    /// [`Unavailable::NoTracefs`].
    pub fn open() -> Result<Tracefs, Unavailable> {
        let mut refused = None;
        for place in PLACES {
            match Tracefs::at(Path::new(place)) {
                Ok(found) => return Ok(found),
                Err(Errno::EACCES) => refused = Some(Errno::EACCES),
                Err(_) => {}
            }
        }
        mounting::detached(c"tracefs")
            .map(Tracefs)
            .map_err(|errno| Unavailable::NoTracefs(refused.unwrap_or(errno)))
    }

    /// The one in this folder.
    ///
    /// # Errors
    /// ENOENT when there is none; EACCES.
    pub fn at(folder: &Path) -> nix::Result<Tracefs> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(folder, flags, Mode::empty())?;
        // Nothing is mounted on an empty folder.
        openat(&root, "events", flags, Mode::empty())?;
        Ok(Tracefs(root))
    }

    /// How a tracepoint's records look.
    ///
    /// # Errors
    /// [`Unavailable::NoPoint`], [`Unavailable::BadFormat`], [`Unavailable::NoTracefs`].
    pub fn format(&self, point: Point) -> Result<Format, Unavailable> {
        let (group, name) = point.name();
        let text = self
            .read(&format!("events/{group}/{name}/format"))
            .map_err(|errno| match errno {
                Errno::ENOENT => Unavailable::NoPoint(point),
                other => Unavailable::NoTracefs(other),
            })?;
        Format::parse(&text).map_err(|error| Unavailable::BadFormat(point, error))
    }

    fn read(&self, path: &str) -> nix::Result<String> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&self.0, path, flags, Mode::empty())?);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
