use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, setsockopt, socket,
    sockopt::BindToDevice,
};

use super::*;

/// A connection that no look-up finds: its end is bound to the loopback device.
fn hidden(port: u16) -> TcpStream {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("socket");
    setsockopt(&socket, BindToDevice, &"lo".into()).expect("Linux 5.7 allows anybody");
    let address = SockaddrIn::new(127, 0, 0, 1, port);
    connect(socket.as_raw_fd(), &address).expect("connect");
    TcpStream::from(socket)
}

#[test]
fn a_connection_that_a_look_up_misses_is_not_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = hidden(listener.local_addr().expect("address").port());
    let tuple = Tuple {
        local: client.local_addr().expect("address"),
        remote: client.peer_addr().expect("address"),
    };
    let diag = DiagSocket::open().expect("sock_diag");
    let facts = diag.walk_to(tuple).expect("an answer").expect("there");
    let name = HostName::from("lo");
    let host = Host {
        name,
        diag,
        programs: vec![("client".into(), "lo".into())],
    };
    let (mut sockets, mut pen) = (Sockets::new(vec![host], false), Recorder::default());
    let holders = HoldersByInode::default();
    sockets.appeared(0, facts, None, &holders, &mut pen);
    sockets.sample(&holders, &mut pen).expect("an answer");
    let state = |pen: &Recorder| pen.timeline().endpoints()[0].state();
    assert_eq!(state(&pen), TcpState::Established);
    // The last close: without data that nobody read it goes to FIN_WAIT1 or FIN_WAIT2.
    drop(client);
    sockets.sample(&holders, &mut pen).expect("an answer");
    let after = state(&pen);
    assert!(
        matches!(after, TcpState::FinWait1 | TcpState::FinWait2),
        "{after}"
    );
}
