//! A filesystem that is mounted nowhere: only the descriptor leads into it (`fsopen(2)`,
//! `fsmount(2)`).

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;

const FSOPEN_CLOEXEC: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const FSMOUNT_CLOEXEC: c_uint = 1;

/// The root of a filesystem of this type (`tracefs`). No other process sees it, and it is gone
/// with the descriptor.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN; ENODEV when the kernel has no such filesystem; ENOSYS before Linux
/// 5.2.
pub fn detached(kind: &CStr) -> nix::Result<OwnedFd> {
    let name: *const c_char = kind.as_ptr();
    // SAFETY: the kernel reads a string up to its NUL; it outlives the call.
    let context = unsafe { libc::syscall(libc::SYS_fsopen, name, FSOPEN_CLOEXEC) };
    let context = owned(context)?;
    let nothing: *const c_void = ptr::null();
    // SAFETY: this command takes neither key nor value.
    let created = unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            FSCONFIG_CMD_CREATE,
            nothing,
            nothing,
            0 as c_int,
        )
    };
    Errno::result(created)?;
    // SAFETY: the call takes a descriptor, which is open, and two plain numbers.
    let root = unsafe {
        libc::syscall(
            libc::SYS_fsmount,
            context.as_raw_fd(),
            FSMOUNT_CLOEXEC,
            0 as c_uint,
        )
    };
    owned(root)
}

fn owned(fd: libc::c_long) -> nix::Result<OwnedFd> {
    let fd = c_int::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
