//! `accept(2)` with the peer's address. `std` restarts it after a signal; here `EINTR` is seen.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

/// Takes a connection from the listener's queue. The address is the one that the connection had
/// when it was established; `getpeername(2)` would fail if it was reset since.
///
/// # Errors
/// Those of `accept(2)`: `EINTR`, `EAGAIN`, `EMFILE`, ….
pub(crate) fn accept(listener: impl AsFd) -> nix::Result<(OwnedFd, Option<SockaddrStorage>)> {
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: `address` has room for `length` bytes, and both live until the call returns.
    let fd = unsafe {
        libc::accept(
            listener.as_fd().as_raw_fd(),
            address.as_mut_ptr().cast(),
            &mut length,
        )
    };
    let fd = Errno::result(fd)?;
    // SAFETY: accept(2) returned this descriptor just now, so nobody else owns it.
    let connection = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all of `address` is initialised (zeroes, then what the kernel wrote), and the kernel
    // set `length` to what it wrote.
    let peer = unsafe { SockaddrStorage::from_raw(address.as_ptr().cast(), Some(length)) };
    Ok((connection, peer))
}
