//! Extended attributes of files (`xattr(7)`).

use std::ffi::CStr;

use nix::errno::Errno;

/// Whether a file has an attribute of this name. A symbolic link is followed.
///
/// # Errors
/// Those of `getxattr(2)`, except that there is no such attribute.
pub(crate) fn has(path: &CStr, name: &CStr) -> nix::Result<bool> {
    // SAFETY: both strings end with a zero byte and outlive the call; without room for a value the
    // kernel writes none.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) };
    match Errno::result(length) {
        Ok(_) => Ok(true),
        Err(Errno::ENODATA) => Ok(false),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_there_or_not() {
        assert_eq!(has(c"/proc/self/exe", c"user.no-such"), Ok(false));
        assert_eq!(has(c"/no/such/file", c"user.no-such"), Err(Errno::ENOENT));
    }
}
