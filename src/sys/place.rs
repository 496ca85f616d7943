//! Where a socket that one has open is: its network namespace, and the interfaces there.

use std::ffi::CStr;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::tcp::option;

/// `SIOCGSKNS` of `linux/sockios.h`.
const SIOCGSKNS: u64 = 0x894c;

/// A number of the socket's network namespace that no other one has (`SO_NETNS_COOKIE`).
///
/// # Errors
/// `ENOPROTOOPT` before Linux 5.14.
pub(crate) fn namespace_cookie(socket: impl AsFd) -> Result<u64, Errno> {
    let mut cookie = [0_u8; mem::size_of::<u64>()];
    option(
        &socket,
        libc::SOL_SOCKET,
        libc::SO_NETNS_COOKIE,
        &mut cookie,
    )?;
    Ok(u64::from_ne_bytes(cookie))
}

/// The socket's network namespace, to be entered (`ioctl_ns(2)` has its like).
///
/// # Errors
/// `EPERM` unless one has CAP_NET_ADMIN there.
pub(crate) fn namespace(socket: impl AsFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the request takes no argument and touches no memory of ours.
    let fd = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), SIOCGSKNS as _) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The number of the socket's protocol (`SO_PROTOCOL`): `IPPROTO_TCP` …
///
/// # Errors
/// `ENOTSOCK`.
pub(crate) fn protocol(socket: impl AsFd) -> Result<i32, Errno> {
    let mut number = [0_u8; mem::size_of::<i32>()];
    option(&socket, libc::SOL_SOCKET, libc::SO_PROTOCOL, &mut number)?;
    Ok(i32::from_ne_bytes(number))
}

/// The name of an interface in the namespace of the socket, whichever namespace the caller is in
/// (`netdevice(7)`).
///
/// # Errors
/// `ENODEV` when there is none of this index.
pub(crate) fn interface_name(socket: impl AsFd, index: u32) -> Result<String, Errno> {
    // SAFETY: ifreq consists of integers, and of a union of such: all zeros is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    request.ifr_ifru.ifru_ifindex = index.cast_signed();
    // SAFETY: the request number stands for an ifreq, which the kernel reads and writes, and which
    // outlives the call.
    let result = unsafe {
        libc::ioctl(
            socket.as_fd().as_raw_fd(),
            libc::SIOCGIFNAME as _,
            &mut request,
        )
    };
    Errno::result(result)?;
    // SAFETY: the array belongs to request; characters are bytes, whatever their sign.
    let name: &[u8] = unsafe {
        std::slice::from_raw_parts(request.ifr_name.as_ptr().cast(), request.ifr_name.len())
    };
    let name = CStr::from_bytes_until_nul(name).map_err(|_| Errno::EINVAL)?;
    Ok(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::diag::DiagSocket;

    #[test]
    fn sockets_of_one_namespace_have_its_cookie_and_its_interfaces() {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let diag = DiagSocket::open().expect("sock_diag");
        assert_eq!(namespace_cookie(&udp), namespace_cookie(&diag));
        assert_eq!(protocol(&udp), Ok(libc::IPPROTO_UDP));
        assert_eq!(interface_name(&diag, 1).as_deref(), Ok("lo"));
        assert_eq!(interface_name(&diag, 0x7fff_ffff), Err(Errno::ENODEV));
    }
}
