//! `tcp_listen` and `tcp_connect` (UNP sections 11.12 and 11.13): the calls that every server and
//! client begins with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use nix::sys::socket::{SockType, sockopt};

use super::options::{Connecting, Listening};
use super::posix::{
    Failure, Socket, accept, bind, close, connect, getsockname, listen, read_gate, set_option,
    socket,
};

/// `socket`, `bind`, `listen`.
pub(crate) fn tcp_listen(options: &Listening) -> Result<Socket, Failure> {
    let listener = bound(options, SockType::Stream)?;
    listen(&listener, options.backlog)?;
    if options.port == 0 {
        // Nobody could know the port otherwise; the report tells it.
        getsockname(&listener)?;
    }
    Ok(listener)
}

/// `socket` and `bind` for a UDP server.
pub(crate) fn udp_bind(options: &Listening) -> Result<Socket, Failure> {
    let socket = bound(options, SockType::Datagram)?;
    if options.port == 0 {
        getsockname(&socket)?;
    }
    Ok(socket)
}

/// `socket`, `connect`, with `bind` between them where the client's address is given.
pub(crate) fn tcp_connect(options: &Connecting) -> Result<Socket, Failure> {
    let connection = client_socket(options, SockType::Stream)?;
    connect(&connection, options.server())?;
    Ok(connection)
}

/// A client's socket, bound where the client's address is given.
pub(crate) fn client_socket(options: &Connecting, kind: SockType) -> Result<Socket, Failure> {
    let socket = socket(options.server(), kind)?;
    if let Some(own) = options.bind {
        bind(&socket, own)?;
    }
    Ok(socket)
}

/// `accept`, after a line of standard input where the flag says so. Nothing when standard input
/// ended: the server ends too.
pub(crate) fn accept_next(
    listener: &Socket,
    options: &Listening,
) -> Result<Option<Socket>, Failure> {
    if options.wait_before_accept && read_gate()?.is_none() {
        return Ok(None);
    }
    accept(listener).map(Some)
}

fn bound(options: &Listening, kind: SockType) -> Result<Socket, Failure> {
    match options.bind {
        Some(ip) => bound_to(options, ip, kind),
        None => match bound_to(options, Ipv6Addr::UNSPECIFIED.into(), kind) {
            Err(Failure {
                errno: Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL,
                ..
            }) => bound_to(options, Ipv4Addr::UNSPECIFIED.into(), kind),
            other => other,
        },
    }
}

fn bound_to(options: &Listening, ip: IpAddr, kind: SockType) -> Result<Socket, Failure> {
    let address = SocketAddr::new(ip, options.port);
    let socket = socket(address, kind)?;
    match prepare(&socket, options, address) {
        Ok(()) => Ok(socket),
        Err(failure) => {
            close(socket)?;
            Err(failure)
        }
    }
}

fn prepare(socket: &Socket, options: &Listening, address: SocketAddr) -> Result<(), Failure> {
    if options.reuse_address() {
        set_option(socket, sockopt::ReuseAddr, &true, "SO_REUSEADDR, 1")?;
    }
    if address.is_ipv6() && address.ip().is_unspecified() {
        // Whatever net.ipv6.bindv6only says.
        set_option(socket, sockopt::Ipv6V6Only, &false, "IPV6_V6ONLY, 0")?;
    }
    bind(socket, address)
}
