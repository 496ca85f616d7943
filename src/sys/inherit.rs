//! Descriptors that the parent process left open for this one.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// Takes over an inherited `AF_UNIX` socket; nothing when `fd` is not one. It will not be passed
/// on through `execve(2)`.
pub(crate) fn unix_socket(fd: RawFd) -> Option<OwnedFd> {
    let mut domain: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `domain` has room for `length` bytes; a number that is no open descriptor or no
    // socket makes the call fail.
    let asked = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DOMAIN,
            (&raw mut domain).cast(),
            &mut length,
        )
    };
    Errno::result(asked).ok()?;
    if domain != libc::AF_UNIX {
        return None;
    }
    // SAFETY: no pointer is passed.
    let marked = unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    Errno::result(marked).ok()?;
    // SAFETY: the descriptor is open (it answered just now) and was left open for this process by
    // its parent, which named it; nothing else in this process knows it.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}
