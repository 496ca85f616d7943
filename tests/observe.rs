//! The observers against real sockets on loopback and real processes.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, getsockname, listen,
    setsockopt, socket,
    sockopt::{BindToDevice, SetStruct},
};
use sockscope::model::{
    ExitStatus, Holder, ProcState, ProcessName, SocketFacts, TcpState, TimerKind, Tuple,
};
use sockscope::observe::descriptors::Descriptors;
use sockscope::observe::diag::DiagSocket;
use sockscope::observe::holders::{holders, holders_among};
use sockscope::observe::inet_diag::StateMask;
use sockscope::observe::inventory::{inventory, who_listens};
use sockscope::observe::process::{ProcRoot, ProcessWatch, SignalMasks};
use sockscope::sys::pidfd::PidFd;

/// How long something that must happen may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks again until `found` answers.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(
            begun.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}"
        );
        std::thread::yield_now();
    }
}

fn wait_readable(fd: impl AsFd) {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut fds, PollTimeout::from(10_000u16)).expect("poll");
    assert_eq!(ready, 1, "not readable within 10 s");
}

fn diag() -> DiagSocket {
    DiagSocket::open().expect("sock_diag")
}

fn facts(diag: &DiagSocket, tuple: Tuple) -> Option<SocketFacts> {
    diag.query(tuple).expect("query")
}

/// The state that the socket comes to.
fn comes_to(diag: &DiagSocket, tuple: Tuple, state: TcpState) -> SocketFacts {
    until(&format!("{tuple} {state}"), || {
        facts(diag, tuple).filter(|facts| facts.state == state)
    })
}

fn tuple_of(stream: &TcpStream) -> Tuple {
    Tuple {
        local: stream.local_addr().expect("local"),
        remote: stream.peer_addr().expect("remote"),
    }
}

fn tuple_of_listener(listener: &TcpListener) -> Tuple {
    let local = listener.local_addr().expect("local");
    let zeros = if local.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    Tuple {
        local,
        remote: zeros.parse().expect("address"),
    }
}

/// A listener, a client connected to it, and the server's end.
fn connection(address: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (listener, client, server)
}

fn inode_of(fd: &impl AsRawFd) -> u32 {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).expect("link");
    let text = link.to_str().expect("UTF-8");
    text.trim_start_matches("socket:[")
        .trim_end_matches(']')
        .parse()
        .expect("inode")
}

/// A normal close with the client first, every state that lasts.
fn normal_close(address: &str) {
    let diag = diag();
    let (listener, mut client, mut server) = connection(address);
    let (c, s) = (tuple_of(&client), tuple_of(&server));

    let listening = facts(&diag, tuple_of_listener(&listener)).expect("a listener");
    assert_eq!(listening.state, TcpState::Listen);
    assert_eq!(listening.inode, inode_of(&listener));
    assert!(listening.send_q > 0, "the backlog");

    let client_facts = facts(&diag, c).expect("the client's end");
    assert_eq!(client_facts.state, TcpState::Established);
    assert_eq!(client_facts.inode, inode_of(&client));
    assert_eq!(client_facts.uid, nix::unistd::getuid().as_raw());
    assert!(client_facts.info.is_some());
    let server_facts = facts(&diag, s).expect("the server's end");
    assert_eq!(server_facts.state, TcpState::Established);
    assert_eq!(server_facts.inode, inode_of(&server));

    client.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(server.read(&mut [0; 1]).expect("read"), 0);
    assert_eq!(
        comes_to(&diag, s, TcpState::CloseWait).inode,
        inode_of(&server)
    );
    assert_eq!(
        comes_to(&diag, c, TcpState::FinWait2).inode,
        inode_of(&client)
    );

    drop(server);
    assert_eq!(client.read(&mut [0; 1]).expect("read"), 0);
    let time_wait = comes_to(&diag, c, TcpState::TimeWait);
    assert_eq!(time_wait.timer, TimerKind::TimeWait);
    assert!((1..=60_000).contains(&time_wait.timer_ms), "{time_wait:?}");
    assert_eq!((time_wait.inode, time_wait.info), (0, None));
    assert_eq!(time_wait.cookie, client_facts.cookie);
    // The listener is what the kernel answers for this tuple now.
    until("the server's end is gone", || {
        facts(&diag, s).is_none().then_some(())
    });
    assert_eq!(
        diag.query_cookie(c, client_facts.cookie)
            .expect("query")
            .map(|facts| facts.state),
        Some(TcpState::TimeWait)
    );
    assert_eq!(
        diag.query_cookie(c, client_facts.cookie ^ 1)
            .expect("query"),
        None,
        "another cookie is another socket"
    );
}

#[test]
fn every_lasting_state_over_ipv4() {
    normal_close("127.0.0.1:0");
}

#[test]
fn every_lasting_state_over_ipv6() {
    normal_close("[::1]:0");
}

#[test]
fn the_two_ends_at_a_dual_stack_server_differ_in_family() {
    let diag = diag();
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("bind");
    let port = listener.local_addr().expect("address").port();
    let client = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    let (server, _) = listener.accept().expect("accept");

    let c = facts(&diag, tuple_of(&client)).expect("the client's end");
    assert!(c.tuple.local.is_ipv4());
    let s = facts(&diag, tuple_of(&server)).expect("the server's end");
    assert!(s.tuple.local.is_ipv6());
    assert_eq!(s.tuple.canonical(), c.tuple.reversed());
    assert_eq!(
        facts(&diag, c.tuple.reversed()),
        Some(s),
        "asked for as IPv4"
    );
}

#[test]
fn a_connection_that_nobody_accepted_is_held_by_nobody() {
    let diag = diag();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    client.write_all(b"early").expect("write");
    wait_readable(&listener);
    let waiting = until("the data has arrived", || {
        facts(&diag, tuple_of(&client).reversed()).filter(|facts| facts.recv_q == 5)
    });
    assert_eq!((waiting.state, waiting.inode), (TcpState::Established, 0));
    let listening = facts(&diag, tuple_of_listener(&listener)).expect("a listener");
    assert_eq!(listening.recv_q, 1, "one connection waits");
    let (server, _) = listener.accept().expect("accept");
    let accepted = facts(&diag, tuple_of(&server)).expect("the server's end");
    assert_eq!(accepted.inode, inode_of(&server));
    assert_eq!(accepted.cookie, waiting.cookie);
}

#[test]
fn unread_data_is_counted() {
    let diag = diag();
    let (_listener, mut client, mut server) = connection("127.0.0.1:0");
    client.write_all(b"seven..").expect("write");
    until("seven bytes arrive", || {
        facts(&diag, tuple_of(&server)).filter(|facts| facts.recv_q == 7)
    });
    server.read_exact(&mut [0; 4]).expect("read");
    let left = facts(&diag, tuple_of(&server)).expect("the server's end");
    assert_eq!(left.recv_q, 3);
    assert_eq!(left.info.expect("tcp_info").bytes_received, 7);
}

/// A listener on 127.0.0.1 with a chosen backlog.
fn listener_with(backlog: i32) -> (OwnedFd, SocketAddr) {
    let fd = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .expect("socket");
    bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("bind");
    listen(&fd, Backlog::new(backlog).expect("backlog")).expect("listen");
    let address: SockaddrIn = getsockname(fd.as_raw_fd()).expect("address");
    (fd, SocketAddr::new(address.ip().into(), address.port()))
}

#[test]
fn a_full_backlog_leaves_syn_sent() {
    let diag = diag();
    let (_listener, address) = listener_with(0);
    let _first = TcpStream::connect(address).expect("one gets in");
    let zeros = "0.0.0.0:0".parse().expect("address");
    let listening = until("the queue is full", || {
        facts(
            &diag,
            Tuple {
                local: address,
                remote: zeros,
            },
        )
        .filter(|facts| facts.recv_q == 1)
    });
    assert_eq!((listening.recv_q, listening.send_q), (1, 0));

    let second = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )
    .expect("socket");
    let there = SockaddrIn::new(127, 0, 0, 1, address.port());
    assert_eq!(
        connect(second.as_raw_fd(), &there),
        Err(nix::errno::Errno::EINPROGRESS)
    );
    let local: SockaddrIn = getsockname(second.as_raw_fd()).expect("address");
    let waiting = facts(
        &diag,
        Tuple {
            local: SocketAddr::new(local.ip().into(), local.port()),
            remote: address,
        },
    )
    .expect("the second client");
    assert_eq!(
        (waiting.state, waiting.timer),
        (TcpState::SynSent, TimerKind::Retransmit)
    );
}

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

#[test]
fn a_request_socket_is_found() {
    let diag = diag();
    let (listener, address) = listener_with(5);
    // With this option the third segment is not enough: the server waits for data in
    // SYN_RECV (tcp(7)).
    setsockopt(&listener, TcpDeferAccept, &30).expect("TCP_DEFER_ACCEPT");
    let client = TcpStream::connect(address).expect("connect");
    let request = comes_to(&diag, tuple_of(&client).reversed(), TcpState::SynRecv);
    assert_eq!((request.inode, request.info), (0, None));
    let dumped = diag.dump(StateMask::of(TcpState::SynRecv)).expect("dump");
    assert!(dumped.iter().any(|facts| facts.tuple == request.tuple));
}

#[test]
fn dumps_see_both_families_and_only_the_states_asked_for() {
    let diag = diag();
    let v4 = TcpListener::bind("127.0.0.1:0").expect("bind");
    let v6 = TcpListener::bind("[::1]:0").expect("bind");
    let client = TcpStream::connect(v6.local_addr().expect("address")).expect("connect");
    let listeners = diag.listeners().expect("listeners");
    assert!(listeners.iter().all(|l| l.state == TcpState::Listen));
    for listener in [&v4, &v6] {
        let tuple = tuple_of_listener(listener);
        assert!(listeners.iter().any(|l| l.tuple == tuple), "{tuple}");
    }
    let connections = diag.dump(StateMask::CONNECTIONS).expect("dump");
    assert!(connections.iter().all(|c| c.state != TcpState::Listen));
    assert!(connections.iter().any(|c| c.tuple == tuple_of(&client)));
}

#[test]
fn udp_sockets_are_found_connected_or_not() {
    let diag = diag();
    let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let client = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let (s, c) = (
        server.local_addr().expect("address"),
        client.local_addr().expect("address"),
    );
    client.connect(s).expect("connect");
    let all = diag.dump_udp().expect("dump");
    let find = |local| all.iter().find(|facts| facts.tuple.local == local);
    assert_eq!(find(s).expect("server").state, TcpState::Close);
    let connected = find(c).expect("client");
    assert_eq!(connected.state, TcpState::Established);
    assert_eq!(connected.tuple.remote, s);
    assert_eq!(connected.inode, inode_of(&client));
    let asked = diag.query_udp(connected.tuple).expect("query");
    assert_eq!(asked.expect("the client").inode, inode_of(&client));
    let asked = diag
        .query_udp(Tuple {
            local: s,
            remote: "0.0.0.0:0".parse().expect("address"),
        })
        .expect("query");
    assert_eq!(asked.expect("the server").inode, inode_of(&server));
}

#[test]
fn a_socket_that_never_was_is_none() {
    let diag = diag();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let nobody = Tuple {
        local: listener.local_addr().expect("address"),
        remote: "127.0.0.1:1".parse().expect("address"),
    };
    assert_eq!(facts(&diag, nobody), None, "the listener is another socket");
    drop(listener);
    assert_eq!(facts(&diag, nobody), None);
}

#[test]
fn the_socket_can_be_handed_on() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let handed = DiagSocket::from_fd(diag().into_fd()).expect("sock_diag");
    assert!(facts(&handed, tuple_of_listener(&listener)).is_some());
}

/// A process that ends with its test, whatever happens.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(command.spawn().expect("spawn"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("pid")
    }

    fn watch(&self) -> ProcessWatch {
        ProcessWatch::open(&ProcRoot::default(), self.pid())
            .expect("readable")
            .expect("a process")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cat() -> Command {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

#[test]
fn a_process_lives_becomes_a_zombie_and_is_gone() {
    let mut running = Running::start(
        Command::new("sh")
            .args(["-c", "read line; exit 7"])
            .stdin(Stdio::piped()),
    );
    let watch = running.watch();
    let stat = watch.stat().expect("read").expect("alive");
    assert_eq!(stat.pid, running.pid());
    assert_eq!(stat.ppid, std::process::id() as i32);
    assert_eq!(stat.exit, None);
    until("it waits for its input", || {
        watch.is_quiet(false).expect("read").then_some(())
    });

    let pidfd = PidFd::open(running.pid()).expect("pidfd");
    drop(running.0.stdin.take());
    wait_readable(&pidfd);
    let zombie = watch.stat().expect("read").expect("a zombie");
    assert_eq!(zombie.state, ProcState::Zombie);
    assert_eq!(zombie.start_ticks, stat.start_ticks);
    // Nothing where the kernel does not tell it to this user.
    assert!(matches!(zombie.exit, None | Some(ExitStatus::Exited(_))));
    assert_eq!(
        watch.sockets().expect("read"),
        Descriptors::Sockets(Vec::new()),
        "a zombie holds nothing, whoever asks"
    );

    running.0.wait().expect("wait");
    assert_eq!(watch.stat().expect("no error"), None);
    assert!(watch.is_quiet(false).expect("no error"));
    assert_eq!(watch.children().expect("no error"), Vec::<i32>::new());
    assert_eq!(watch.signals().expect("no error"), None);
    assert_eq!(
        watch.sockets().expect("no error"),
        Descriptors::Sockets(Vec::new())
    );
}

#[test]
fn a_name_full_of_traps_is_only_a_name() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().expect("tempdir");
    let name = b") Z 1 (\x1b[31m\xff";
    let shell = dir.path().join(std::ffi::OsStr::from_bytes(name));
    std::os::unix::fs::symlink("/bin/sh", &shell).expect("symlink");
    let running = Running::start(
        Command::new(&shell)
            .arg0("sh")
            .args(["-c", "trap '' PIPE; echo; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    wait_readable(running.0.stdout.as_ref().expect("piped"));
    let watch = running.watch();
    let stat = watch.stat().expect("read").expect("alive");
    assert_eq!(stat.comm, String::from_utf8_lossy(name));
    assert_eq!(stat.ppid, std::process::id() as i32);
    assert_ne!(stat.state, ProcState::Zombie);
    let masks = watch.signals().expect("read").expect("alive");
    assert!(SignalMasks::has(masks.ignored, libc::SIGPIPE));
}

#[test]
fn children_are_found_zombies_too() {
    // Both read the same pipe, so that both end with the test. The shell becomes a cat, which
    // never waits for its child.
    let mut running = Running::start(
        Command::new("sh")
            .args(["-c", "exec 3<&0; cat <&3 & exec cat 3<&-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null()),
    );
    let watch = running.watch();
    let child = until("one child of a cat", || {
        let stat = watch.stat().expect("read").expect("alive");
        let children = watch.children().expect("read");
        (stat.comm == "cat" && children.len() == 1).then(|| children[0])
    });
    PidFd::open(child)
        .expect("pidfd")
        .send_signal(libc::SIGKILL)
        .expect("signal");
    let killed = ProcessWatch::open(&ProcRoot::default(), child)
        .expect("readable")
        .expect("a process");
    let zombie = until("a zombie", || {
        let stat = killed.stat().expect("read").expect("not reaped");
        (stat.state == ProcState::Zombie).then_some(stat)
    });
    assert_eq!(zombie.ppid, running.pid());
    assert_eq!(watch.children().expect("read"), [child]);
    drop(running.0.stdin.take());
}

#[test]
fn a_socket_that_was_inherited_has_two_holders() {
    let (_listener, client, server) = connection("127.0.0.1:0");
    let shared = OwnedFd::from(server.try_clone().expect("dup"));
    let running = Running::start(cat().stdout(Stdio::from(shared)));
    let (parent, child) = (
        ProcessName::from("server"),
        ProcessName::from("server.child"),
    );
    let own = ProcessWatch::open(&ProcRoot::default(), std::process::id() as i32)
        .expect("readable")
        .expect("myself");
    let watch = running.watch();
    // Between fork and exec the child has more descriptors than it keeps.
    let held = until("the child keeps only its stdout", || {
        let found = holders_among([(&parent, &own), (&child, &watch)]).expect("holders");
        let held = found.of(inode_of(&server)).to_vec();
        (held.iter().filter(|h| h.process == child).count() == 1).then_some(held)
    });
    assert!(held.contains(&Holder {
        process: parent.clone(),
        fd: server.as_raw_fd()
    }));
    assert!(held.contains(&Holder {
        process: child.clone(),
        fd: 1
    }));
    let again = holders(
        &ProcRoot::default(),
        &[(child.clone(), running.pid()), ("gone".into(), i32::MAX)],
    )
    .expect("holders");
    assert_eq!(
        again.of(inode_of(&server)),
        [Holder {
            process: child,
            fd: 1
        }]
    );
    assert_eq!(again.of(inode_of(&client)), []);
    assert_eq!(again.unreadable(), []);
}

#[test]
fn the_inventory_agrees_with_sock_diag() {
    let diag = diag();
    let (listener, client, server) = connection("[::1]:0");
    let entries = inventory().expect("inventory");
    for tuple in [
        tuple_of_listener(&listener),
        tuple_of(&client),
        tuple_of(&server),
    ] {
        let asked = facts(&diag, tuple).expect("there");
        let listed = entries
            .iter()
            .find(|entry| entry.tuple == tuple)
            .expect("listed");
        assert_eq!(
            (listed.state, listed.inode, listed.uid),
            (asked.state, asked.inode, asked.uid)
        );
    }
}

#[test]
fn who_has_the_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let found = who_listens(&ProcRoot::default(), address.port()).expect("listing");
    let [taken] = found.listeners.as_slice() else {
        panic!("one listener: {found:?}");
    };
    assert_eq!(taken.address, address);
    assert!(
        taken
            .processes
            .iter()
            .any(|process| process.pid == std::process::id() as i32)
    );
    drop(listener);
    // Another test's child may have a copy for as long as it has not called exec.
    until("nobody listens", || {
        let nobody = who_listens(&ProcRoot::default(), address.port()).expect("listing");
        nobody.listeners.is_empty().then_some(())
    });
}

/// A stranger's descriptors cannot be read: an unknown holder, never no holder. The test needs
/// to be an ordinary user; root starts it again as one.
#[test]
fn a_strangers_descriptors_are_unknown_and_not_none() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    const NOBODY: u32 = 65534;
    let this = "a_strangers_descriptors_are_unknown_and_not_none";
    let me = nix::unistd::getuid();
    if me.is_root() {
        // The build directory may be closed to others.
        let dir = tempfile::tempdir().expect("tempdir");
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open.clone()).expect("chmod");
        let copy = dir.path().join("observe");
        std::fs::copy(std::env::current_exe().expect("exe"), &copy).expect("copy");
        std::fs::set_permissions(&copy, open).expect("chmod");
        let output = until("the copy can be run", || {
            let ran = Command::new(&copy)
                .args(["--exact", this])
                .current_dir("/")
                .uid(NOBODY)
                .gid(NOBODY)
                .output();
            match ran {
                Ok(output) => Some(output),
                // Another test's child may have it open for writing until it calls exec.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => None,
                Err(error) => panic!("cannot run {}: {error}", copy.display()),
            }
        });
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let owner = std::fs::metadata("/proc/1").expect("pid 1").uid();
    if owner == me.as_raw() {
        eprintln!("skipped: pid 1 belongs to this user");
        return;
    }
    let stranger = ProcessName::from("init");
    let found = holders(&ProcRoot::default(), &[(stranger.clone(), 1)]).expect("holders");
    assert_eq!(found.unreadable(), [stranger]);
}

#[test]
fn a_connection_that_a_look_up_misses_is_met_by_a_walk() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let (client, _server) = bound_to_lo(&listener);
    let tuple = Tuple {
        local: client.local_addr().expect("address"),
        remote: address,
    };
    let diag = DiagSocket::open().expect("sock_diag");
    assert_eq!(diag.query(tuple).expect("an answer"), None);
    let found = diag.walk_to(tuple).expect("an answer").expect("there");
    assert_eq!(found.state, TcpState::Established);
    assert_eq!(found.tuple, tuple);
    let nobody = Tuple {
        local: address,
        remote: address,
    };
    assert_eq!(diag.walk_to(nobody).expect("an answer"), None);
}

/// A connection whose client's end is bound to the loopback device.
fn bound_to_lo(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .expect("socket");
    setsockopt(&client, BindToDevice, &"lo".into()).expect("Linux 5.7 allows anybody");
    let port = listener.local_addr().expect("address").port();
    connect(client.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (TcpStream::from(client), server)
}
