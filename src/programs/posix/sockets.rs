//! The calls that make, name, connect and end sockets.

use std::net::SocketAddr;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    self as net, AddressFamily, Backlog, MsgFlags, SetSockOpt, Shutdown, SockFlag, SockType,
    SockaddrStorage, sockopt,
};

use super::io::{quoted, report_bytes};
use super::{Failure, Socket, reported, reported_zero};

/// `socket(2)` of the family that `address` belongs to.
pub(crate) fn socket(address: SocketAddr, kind: SockType) -> Result<Socket, Failure> {
    let (family, name) = match address {
        SocketAddr::V4(_) => (AddressFamily::Inet, "AF_INET"),
        SocketAddr::V6(_) => (AddressFamily::Inet6, "AF_INET6"),
    };
    let kind_name = match kind {
        SockType::Datagram => "SOCK_DGRAM",
        _ => "SOCK_STREAM",
    };
    let result = net::socket(family, kind, SockFlag::empty(), None).map(Socket::new);
    let args = format!("{name}, {kind_name}, 0");
    reported("socket", &args, result, |s| s.number().into())
}

/// `setsockopt(2)`; `shown` is the option and its value in words: `SO_REUSEADDR, 1`.
pub(crate) fn set_option<O: SetSockOpt>(
    socket: &Socket,
    option: O,
    value: &O::Val,
    shown: &str,
) -> Result<(), Failure> {
    let result = net::setsockopt(socket, option, value);
    let args = format!("{}, {shown}", socket.number());
    reported_zero("setsockopt", &args, result)
}

/// `bind(2)`.
pub(crate) fn bind(socket: &Socket, address: SocketAddr) -> Result<(), Failure> {
    let result = net::bind(socket.number(), &SockaddrStorage::from(address));
    reported_zero("bind", &format!("{}, {address}", socket.number()), result)
}

/// `listen(2)`.
pub(crate) fn listen(socket: &Socket, backlog: i32) -> Result<(), Failure> {
    let result = Backlog::new(backlog).and_then(|b| net::listen(socket, b));
    reported_zero("listen", &format!("{}, {backlog}", socket.number()), result)
}

/// `accept(2)`.
pub(crate) fn accept(listener: &Socket) -> Result<Socket, Failure> {
    let accepted = crate::sys::accept::accept(listener);
    let args = match &accepted {
        Ok((_, Some(peer))) => match address_of(peer) {
            Some(peer) => format!("{}, {peer}", listener.number()),
            None => listener.number().to_string(),
        },
        _ => listener.number().to_string(),
    };
    let result = accepted.map(|(fd, _)| Socket::new(fd));
    reported("accept", &args, result, |s| s.number().into())
}

/// `connect(2)`.
pub(crate) fn connect(socket: &Socket, address: SocketAddr) -> Result<(), Failure> {
    let result = net::connect(socket.number(), &SockaddrStorage::from(address));
    reported_zero(
        "connect",
        &format!("{}, {address}", socket.number()),
        result,
    )
}

/// The result of a non-blocking `connect(2)` that has ended (UNP section 16.3).
pub(crate) fn connect_result(socket: &Socket) -> Result<(), Failure> {
    let result = take_error(socket)?;
    result.map_err(|errno| Failure {
        call: "connect",
        errno,
    })
}

/// `getsockopt(SO_ERROR)`: the pending error, which this takes away.
pub(crate) fn take_error(socket: &Socket) -> Result<Result<(), Errno>, Failure> {
    let pending = net::getsockopt(socket, sockopt::SocketError);
    let args = match pending {
        Ok(0) | Err(_) => format!("{}, SO_ERROR", socket.number()),
        Ok(errno) => format!(
            "{}, SO_ERROR = {}",
            socket.number(),
            crate::model::errno_name(errno)
        ),
    };
    match reported("getsockopt", &args, pending, |_| 0)? {
        0 => Ok(Ok(())),
        errno => Ok(Err(Errno::from_raw(errno))),
    }
}

/// `getsockname(2)`: the local address, nothing for one that is neither IPv4 nor IPv6.
pub(crate) fn getsockname(socket: &Socket) -> Result<Option<SocketAddr>, Failure> {
    let result = net::getsockname::<SockaddrStorage>(socket.number()).map(|a| address_of(&a));
    let args = match result {
        Ok(Some(address)) => format!("{}, {address}", socket.number()),
        _ => socket.number().to_string(),
    };
    reported("getsockname", &args, result, |_| 0)
}

/// `shutdown(2)`.
pub(crate) fn shutdown(socket: &Socket, how: Shutdown) -> Result<(), Failure> {
    let word = match how {
        Shutdown::Read => "SHUT_RD",
        Shutdown::Write => "SHUT_WR",
        Shutdown::Both => "SHUT_RDWR",
    };
    let result = net::shutdown(socket.number(), how);
    reported_zero("shutdown", &format!("{}, {word}", socket.number()), result)
}

/// `close(2)` of a socket.
pub(crate) fn close(socket: Socket) -> Result<(), Failure> {
    let args = socket.number().to_string();
    reported_zero("close", &args, nix::unistd::close(socket.into_fd()))
}

/// Whether the next `read(2)` would return 0: the peer's FIN is here and all its data was read.
/// It looks without taking (`MSG_PEEK`, UNP section 14.7) and is not reported.
pub(crate) fn at_end(socket: &Socket) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    net::recv(socket.number(), &mut [0], flags) == Ok(0)
}

/// `recvfrom(2)`: how many bytes, and from whom.
pub(crate) fn recv_from(
    socket: &Socket,
    buffer: &mut [u8],
) -> Result<(usize, SockaddrStorage), Failure> {
    let room = buffer.len();
    let result = net::recvfrom::<SockaddrStorage>(socket.number(), buffer)
        .and_then(|(length, from)| Ok((length, from.ok_or(Errno::ENOTCONN)?)));
    let args = match &result {
        Ok((length, from)) => {
            let from = address_of(from).map_or_else(String::new, |a| format!(", {a}"));
            format!("{}, {}{from}", socket.number(), quoted(&buffer[..*length]))
        }
        Err(_) => format!("{}, buf, {room}", socket.number()),
    };
    reported("recvfrom", &args, result, |(length, _)| *length as i64)
}

/// `sendto(2)`.
pub(crate) fn send_to(
    socket: &Socket,
    bytes: &[u8],
    to: &SockaddrStorage,
) -> Result<usize, Failure> {
    let result = net::sendto(socket.number(), bytes, to, MsgFlags::empty());
    let whom = address_of(to).map_or_else(String::new, |a| format!(", {a}"));
    report_bytes("sendto", socket.number(), bytes, &whom, result)
}

/// Sets or clears `O_NONBLOCK`. It is not reported: it changes nothing on the wire.
pub(crate) fn set_nonblocking(socket: &Socket, on: bool) -> Result<(), Failure> {
    let fail = |errno| Failure {
        call: "fcntl",
        errno,
    };
    let bits = fcntl(socket.as_fd(), FcntlArg::F_GETFL).map_err(fail)?;
    let mut flags = OFlag::from_bits_retain(bits);
    flags.set(OFlag::O_NONBLOCK, on);
    fcntl(socket.as_fd(), FcntlArg::F_SETFL(flags)).map_err(fail)?;
    Ok(())
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::from(*v4));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6))
}
