//! TUN devices (`Documentation/networking/tuntap.rst` of the kernel).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Where TUN devices come from.
pub const DEVICE: &str = "/dev/net/tun";

mod request {
    nix::ioctl_write_int!(tun_set_iff, b'T', 202);
    nix::ioctl_write_int!(tun_set_persist, b'T', 203);
}

/// Makes a TUN device of this name in the calling thread's network namespace. Reads and writes on
/// the descriptor are whole IP packets and never block. The device goes with its namespace, in the
/// kernel's own time: to end it with the descriptor would make its last holder wait for that.
///
/// # Errors
/// ENOENT or EACCES on [`DEVICE`]; EPERM without CAP_NET_ADMIN in the namespace.
pub fn create(name: &str) -> io::Result<OwnedFd> {
    let device: File = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(DEVICE)?;
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: ifreq is plain data; all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which outlives the call.
    unsafe { request::tun_set_iff(device.as_raw_fd(), &raw mut request as u64) }?;
    // SAFETY: TUNSETPERSIST takes a plain number.
    unsafe { request::tun_set_persist(device.as_raw_fd(), 1) }?;
    Ok(device.into())
}
