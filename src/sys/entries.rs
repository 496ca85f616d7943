//! The names in a directory (`getdents64(2)`), into memory that is used again: a walk over all
//! processes reads a thousand directories, and `opendir(3)` makes four more calls and a buffer for
//! each.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// Room for about a thousand entries at once.
const BUFFER: usize = 32 * 1024;
/// Where the length of an entry is (`struct linux_dirent64`).
const LENGTH_AT: usize = 16;
/// Where its name begins.
const NAME_AT: usize = 19;

/// Gives each name, `.` and `..` too, until `take` says no more.
///
/// # Errors
/// As `getdents64(2)`: `ENOENT` when the directory is no more, and those of `take`.
pub fn each_name(
    dir: impl AsFd,
    buffer: &mut Vec<u8>,
    mut take: impl FnMut(&CStr) -> Result<bool, Errno>,
) -> Result<(), Errno> {
    buffer.resize(BUFFER, 0);
    loop {
        // SAFETY: the descriptor is open for as long as dir lives, and the kernel writes at most
        // the given length into the buffer, which outlives the call.
        let length = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                dir.as_fd().as_raw_fd(),
                buffer.as_mut_ptr(),
                buffer.len(),
            )
        };
        let length = usize::try_from(Errno::result(length)?).unwrap_or(0);
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while let Some((entry, behind)) = first(rest) {
            rest = behind;
            let name = entry.get(NAME_AT..).unwrap_or_default();
            if let Ok(name) = CStr::from_bytes_until_nul(name)
                && !take(name)?
            {
                return Ok(());
            }
        }
    }
}

/// The first entry, and what is behind it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(LENGTH_AT..LENGTH_AT + 2)?;
    let length = usize::from(u16::from_ne_bytes(length.try_into().ok()?));
    match length {
        0 => None,
        _ => bytes.split_at_checked(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_given_once() {
        let dir = tempfile::tempdir().expect("tempdir");
        // More than one read's.
        let mut made: Vec<String> = (0..2000).map(|n| format!("a-longer-name-{n}")).collect();
        for name in &made {
            std::fs::write(dir.path().join(name), "").expect("a file");
        }
        made.extend([".".to_owned(), "..".to_owned()]);
        made.sort();
        let opened = std::fs::File::open(dir.path()).expect("open");
        let (mut found, mut buffer) = (Vec::new(), Vec::new());
        each_name(&opened, &mut buffer, |name| {
            found.push(name.to_str().expect("text").to_owned());
            Ok(true)
        })
        .expect("read");
        found.sort();
        assert_eq!(found, made);
        let file = tempfile::tempfile().expect("a file");
        let none = each_name(&file, &mut buffer, |_| Ok(true));
        assert_eq!(none, Err(Errno::ENOTDIR));
    }
}
