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

/// What ended a socket in TIME_WAIT of which the kernel knows nothing any more.
fn cause_of_the_end(timer_ms: u32) -> Option<Cause> {
    let facts = SocketFacts {
        timer: TimerKind::TimeWait,
        timer_ms,
        cookie: 1,
        ..SocketFacts::unasked(
            Tuple {
                local: "127.0.0.1:1".parse().expect("address"),
                remote: "127.0.0.1:2".parse().expect("address"),
            },
            TcpState::TimeWait,
        )
    };
    let host = Host {
        name: HostName::from("lo"),
        diag: DiagSocket::open().expect("sock_diag"),
        programs: vec![("client".into(), "lo".into())],
    };
    let (mut sockets, mut pen) = (Sockets::new(vec![host], false), Recorder::default());
    let holders = HoldersByInode::default();
    sockets.appeared(0, facts, None, &holders, &mut pen);
    sockets.sample(&holders, &mut pen).expect("an answer");
    let events = pen.timeline().events();
    events.iter().find_map(|event| match &event.kind {
        Kind::Socket {
            state: TcpState::Close,
            cause,
            ..
        } => Some(*cause),
        _ => None,
    })?
}

#[test]
fn only_a_timer_that_can_have_run_out_ends_a_socket() {
    assert_eq!(cause_of_the_end(0), Some(Cause::Timer));
    assert_eq!(cause_of_the_end(60_000), None);
}
