//! Which socket a link in `/proc/PID/fd` names, without memory of its own for each link: a machine
//! has a hundred thousand of them.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// Longer than `socket:[4294967295]`.
const BUFFER: usize = 32;

/// The inode of the socket that the link `name` in the directory `dir` stands for; nothing when it
/// stands for something else.
///
/// # Errors
/// As `readlinkat(2)`: `ENOENT` when the descriptor was closed meanwhile, `EACCES`.
pub fn socket_inode(dir: impl AsFd, name: &CStr) -> Result<Option<u32>, Errno> {
    let mut buffer = [0u8; BUFFER];
    // SAFETY: the descriptor is open for as long as dir lives, the name ends in NUL, and the
    // kernel writes at most the given length into the buffer, which outlives the call.
    let length = unsafe {
        libc::readlinkat(
            dir.as_fd().as_raw_fd(),
            name.as_ptr(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
        )
    };
    let length = usize::try_from(Errno::result(length)?).unwrap_or(0);
    // One that fills the buffer is cut off, and no socket's.
    Ok(buffer
        .get(..length)
        .filter(|target| target.len() < BUFFER)
        .and_then(inode))
}

/// The number in `socket:[1234]`.
pub(crate) fn inode(target: &[u8]) -> Option<u32> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        let dir = tempfile::tempdir().expect("tempdir");
        for (name, target) in [
            ("3", "socket:[4294967295]"),
            ("4", "socket:[4294967296]"),
            ("5", "/tmp/socket:[9]"),
            ("6", "socket:[000000000000000000000000000000000000009]"),
            ("7", "pipe:[9]"),
        ] {
            symlink(target, dir.path().join(name)).expect("symlink");
        }
        let opened = std::fs::File::open(dir.path()).expect("open");
        assert_eq!(socket_inode(&opened, c"3"), Ok(Some(u32::MAX)));
        for name in [c"4", c"5", c"6", c"7"] {
            assert_eq!(socket_inode(&opened, name), Ok(None), "{name:?}");
        }
        assert_eq!(socket_inode(&opened, c"8"), Err(Errno::ENOENT));
    }
}
