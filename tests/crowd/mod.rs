//! A network namespace full of every kind of socket.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::ffi::OsString;
use std::io::Write;
use std::net::{Ipv6Addr, Shutdown, SocketAddr, SocketAddrV6, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::sockopt::{BindToDevice, Ipv6V6Only, SetStruct};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn6, bind, listen, setsockopt, socket,
};
use sockscope::model::{TcpState, Tuple};
use sockscope::observe::diag::DiagSocket;
use sockscope::observe::inet_diag::StateMask;

pub(crate) mod listed;

/// How long something that must happen may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(10);

/// Seconds; not among nix's own options.
#[derive(Clone, Copy)]
struct TcpDeferAccept;
nix::setsockopt_impl!(
    TcpDeferAccept,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    i32,
    SetStruct<i32>
);

/// Moves the calling thread, and what it starts, into a network namespace of its own. Where that
/// is not permitted it says so.
pub(crate) fn own_namespace() -> bool {
    if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET) {
        eprintln!("not tested here: no network namespace: {errno}");
        return false;
    }
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status()
        .expect("ip");
    assert!(up.success());
    true
}

/// Sockets in all their states, kept open.
pub(crate) struct Crowd {
    pub(crate) diag: DiagSocket,
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) streams: Vec<TcpStream>,
    pub(crate) datagrams: Vec<UdpSocket>,
    pub(crate) children: Vec<Child>,
    /// The port of the listener that a child holds too.
    pub(crate) shared: u16,
}

impl Crowd {
    pub(crate) fn new() -> Crowd {
        let mut crowd = Crowd {
            diag: DiagSocket::open().expect("sock_diag"),
            listeners: Vec::new(),
            streams: Vec::new(),
            datagrams: Vec::new(),
            children: Vec::new(),
            shared: 0,
        };
        crowd.established("127.0.0.1:0", "127.0.0.1");
        crowd.established("[::1]:0", "[::1]");
        // Dual-stack: the accepted end's addresses are IPv4-mapped.
        crowd.established("[::]:0", "127.0.0.1");
        crowd.closed();
        crowd.orphaned();
        crowd.forked();
        crowd.not_accepted();
        crowd.request();
        crowd.datagrams();
        crowd.bound();
        crowd
    }

    fn listen(&mut self, on: &str) -> SocketAddr {
        let listener = TcpListener::bind(on).expect("bind");
        let address = listener.local_addr().expect("address");
        self.listeners.push(listener);
        address
    }

    fn pair(&mut self, on: &str, host: &str) -> (TcpStream, TcpStream) {
        let port = self.listen(on).port();
        let client = TcpStream::connect(format!("{host}:{port}")).expect("connect");
        let listener = self.listeners.last().expect("a listener");
        let (server, _) = listener.accept().expect("accept");
        (client, server)
    }

    fn established(&mut self, on: &str, host: &str) {
        let (mut client, server) = self.pair(on, host);
        // Something in the receive queue.
        client.write_all(b"unread").expect("write");
        self.streams.extend([client, server]);
    }

    /// TIME_WAIT; CLOSE_WAIT and FIN_WAIT2.
    fn closed(&mut self) {
        let (client, server) = self.pair("127.0.0.1:0", "127.0.0.1");
        let end = tuple_of(&client);
        drop(client);
        self.comes_to(end.reversed(), TcpState::CloseWait);
        drop(server);
        self.comes_to(end, TcpState::TimeWait);

        let (client, server) = self.pair("127.0.0.1:0", "127.0.0.1");
        client.shutdown(Shutdown::Write).expect("shutdown");
        self.comes_to(tuple_of(&client), TcpState::FinWait2);
        self.streams.extend([client, server]);
    }

    /// FIN_WAIT2 that no process holds, and FIN_WAIT1 behind data that nobody reads.
    fn orphaned(&mut self) {
        let (client, server) = self.pair("127.0.0.1:0", "127.0.0.1");
        let end = tuple_of(&client);
        drop(client);
        self.comes_to(end, TcpState::FinWait2);
        self.streams.push(server);

        let (mut client, server) = self.pair("127.0.0.1:0", "127.0.0.1");
        let end = tuple_of(&client);
        client.set_nonblocking(true).expect("nonblocking");
        while client.write(&[0; 65536]).is_ok() {}
        drop(client);
        self.comes_to(end, TcpState::FinWait1);
        self.streams.push(server);
    }

    /// A connection and its listener that a child holds too.
    fn forked(&mut self) {
        let (client, server) = self.pair("127.0.0.1:0", "127.0.0.1");
        let listener = self.listeners.last().expect("a listener");
        self.shared = listener.local_addr().expect("address").port();
        let copies = [keep(listener.as_fd()), keep(server.as_fd())];
        let child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat");
        drop(copies);
        self.children.push(child);
        self.streams.extend([client, server]);
    }

    fn not_accepted(&mut self) {
        let address = self.listen("127.0.0.1:0");
        let client = TcpStream::connect(address).expect("connect");
        let end = tuple_of(&client).reversed();
        self.comes_to(end, TcpState::Established);
        self.streams.push(client);
    }

    /// SYN_RECV: with this option the third segment is not enough (tcp(7)).
    fn request(&mut self) {
        let address = self.listen("127.0.0.1:0");
        let listener = self.listeners.last().expect("a listener");
        setsockopt(listener, TcpDeferAccept, &30).expect("TCP_DEFER_ACCEPT");
        let client = TcpStream::connect(address).expect("connect");
        self.comes_to(tuple_of(&client).reversed(), TcpState::SynRecv);
        self.streams.push(client);
    }

    fn datagrams(&mut self) {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let client = UdpSocket::bind("127.0.0.1:0").expect("bind");
        client
            .connect(server.local_addr().expect("address"))
            .expect("connect");
        client.send(b"unread").expect("send");
        let v6 = UdpSocket::bind("[::1]:0").expect("bind");
        let dual = UdpSocket::bind("[::]:0").expect("bind");
        self.datagrams.extend([server, client, v6, dual]);
    }

    /// To an interface besides their addresses; to IPv6 alone.
    fn bound(&mut self) {
        self.listen("0.0.0.0:0");
        let listener = self.listeners.last().expect("a listener");
        setsockopt(listener, BindToDevice, &OsString::from("lo")).expect("SO_BINDTODEVICE");
        let only_v6 = || {
            let flags = SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Inet6, SockType::Stream, flags, None);
            let socket = socket.expect("socket");
            setsockopt(&socket, Ipv6V6Only, &true).expect("IPV6_V6ONLY");
            let any = SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0));
            bind(socket.as_raw_fd(), &any).expect("bind");
            socket
        };
        let listening = only_v6();
        listen(&listening, Backlog::new(5).expect("a backlog")).expect("listen");
        self.listeners.push(listening.into());
    }

    fn comes_to(&self, tuple: Tuple, state: TcpState) {
        let begun = Instant::now();
        // An exact query would not tell a dead connection from its listener's answer.
        while !self
            .diag
            .dump(StateMask::of(state))
            .expect("dump")
            .iter()
            .any(|facts| facts.tuple.canonical() == tuple.canonical())
        {
            assert!(begun.elapsed() < DEADLINE, "{tuple} is not {state}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

pub(crate) fn tuple_of(stream: &TcpStream) -> Tuple {
    Tuple {
        local: stream.local_addr().expect("local"),
        remote: stream.peer_addr().expect("remote"),
    }
}

/// A copy that the next program inherits.
pub(crate) fn keep(fd: impl AsFd) -> OwnedFd {
    let copy = fd.as_fd().try_clone_to_owned().expect("a copy");
    fcntl(&copy, FcntlArg::F_SETFD(FdFlag::empty())).expect("inheritable");
    copy
}

/// A shell that names itself so and holds what it inherits, until its input ends.
pub(crate) fn named(name: &str, holds: &OwnedFd) -> Child {
    // The shell writes its own name; dash and bash open the file themselves.
    let mut child = Command::new("sh")
        .arg0("sh")
        .args([
            "-c",
            r#"printf '%s' "$1" > /proc/$$/comm; echo; read line"#,
            "sh",
            name,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    assert!(holds.as_raw_fd() > 2);
    let mut byte = [0];
    std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut byte).expect("named");
    child
}
