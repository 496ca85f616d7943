//! What a TCP socket that one has open tells of itself (`getsockopt(2)`, `tcp(7)`).

use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// The state's number: the first byte of `TCP_INFO`.
///
/// # Errors
/// `ENOPROTOOPT`, `EOPNOTSUPP` for what is no TCP socket.
pub(crate) fn state(socket: impl AsFd) -> nix::Result<u8> {
    let mut info = [0_u8; 8];
    option(&socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)?;
    Ok(info[0])
}

/// The cookie, by which sock_diag knows it too (`SO_COOKIE`, `socket(7)`).
///
/// # Errors
/// `ENOPROTOOPT` before Linux 4.12.
pub(crate) fn cookie(socket: impl AsFd) -> nix::Result<u64> {
    let mut cookie = [0_u8; mem::size_of::<u64>()];
    option(&socket, libc::SOL_SOCKET, libc::SO_COOKIE, &mut cookie)?;
    Ok(u64::from_ne_bytes(cookie))
}

/// An option of a socket, as bytes.
pub(super) fn option(
    socket: &impl AsFd,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> nix::Result<()> {
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`, which has as many, and the
    // number of them to `length`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &mut length,
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_says_so_and_a_udp_socket_has_no_state() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        assert_eq!(state(&listener), Ok(10));
        assert!(cookie(&listener).expect("a cookie") > 0);
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        assert!(state(&udp).is_err());
    }
}
