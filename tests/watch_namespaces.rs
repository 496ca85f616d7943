//! `sockscope watch` tells of the sockets of one network namespace only, although kernel events
//! come from all of them. Another namespace has sockets with the same addresses here.

mod support;
#[path = "support/watching.rs"]
mod watching;

use std::io::{BufRead, BufReader, Lines, Read};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt,
};
use nix::unistd::Uid;
use serde_json::Value;
use sockscope::lab::route::RouteSocket;
use watching::{ATTEMPTS, Watch, connected, listener, path};

/// The ports of the test that runs as a stranger: the listener's, and those from which it is
/// connected to, the first one before the stranger is told to go on.
const PORTS: &str = "SOCKSCOPE_TEST_STRANGERS_PORTS";

/// A process in a network namespace of its own.
struct Stranger {
    child: Child,
    /// It may have more to say.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Stranger {
    fn with(ports: &[u16]) -> Stranger {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let mut child = Command::new("unshare")
            .arg("--net")
            .arg(std::env::current_exe().expect("this test"))
            .args(["--exact", "is_a_stranger", "--ignored", "--nocapture"])
            .env(PORTS, ports.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let is_done = lines.any(|line| line.expect("text").ends_with("is done"));
        assert!(is_done, "the stranger failed");
        Stranger {
            child,
            _lines: lines,
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("ended");
    }
}

#[test]
#[ignore = "run by another test, in a namespace of its own"]
fn is_a_stranger() {
    let Ok(ports) = std::env::var(PORTS) else {
        return;
    };
    let mut ports = ports.split(' ').map(|port| port.parse().expect("a port"));
    let route = RouteSocket::open().expect("a socket");
    route.link_up(1).expect("the loopback");
    let port = ports.next().expect("the listener's");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("bind");
    for from in ports {
        let client = connected_from(from, port);
        let (server, _) = listener.accept().expect("accept");
        drop(client);
        drop(server);
    }
    drop(listener);
    println!("is done");
    // Nobody writes: until the other end is closed.
    std::io::stdin().read_to_end(&mut Vec::new()).expect("read");
}

fn connected_from(from: u16, to: u16) -> OwnedFd {
    let client = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .expect("a socket");
    let on = |port| SockaddrIn::from(SocketAddrV4::new([127, 0, 0, 1].into(), port));
    setsockopt(&client, sockopt::ReuseAddr, &true).expect("an option");
    bind(client.as_raw_fd(), &on(from)).expect("bind");
    connect(client.as_raw_fd(), &on(to)).expect("connect");
    client
}

fn may_enter_namespaces() -> bool {
    let may = Uid::effective().is_root();
    if !may {
        eprintln!("not tested here: only root may make a namespace");
    }
    may
}

/// Of whom anything was told, but for these addresses.
fn others(seen: &[Value], known: &[u16]) -> Vec<Value> {
    let of = seen.iter().filter(|line| {
        line["event"] == "change"
            && !["local_port", "remote_port"].iter().all(|end| {
                let port = line[end].as_u64().expect("a port");
                known.iter().any(|known| u64::from(*known) == port)
            })
    });
    of.cloned().collect()
}

#[test]
fn what_was_there_is_not_taken_for_a_strangers() {
    if !may_enter_namespaces() {
        return;
    }
    for attempt in 1..=ATTEMPTS {
        let (listener, port) = listener();
        let (client, server, local) = connected(&listener);
        let mut watch = Watch::on(port, &[]);
        if !watch.is_traced() {
            return;
        }
        let stranger = Stranger::with(&[port, local]);
        client.shutdown(Shutdown::Write).expect("shutdown");
        watch.state(port, "CLOSE_WAIT");
        drop(listener);
        watch.until(|line| line["role"] == "listener");
        let (seen, _) = watch.stop();
        drop((stranger, server));
        let end = seen.last().expect("an end");
        if end["lost"] != 0 && attempt < ATTEMPTS {
            continue;
        }
        assert_eq!(path(&seen, local, port), ["FIN_WAIT1", "FIN_WAIT2"]);
        assert_eq!(path(&seen, port, local), ["CLOSE_WAIT"]);
        let of_listener: Vec<&Value> = seen
            .iter()
            .filter(|line| line["role"] == "listener")
            .collect();
        assert_eq!(of_listener.len(), 1, "{of_listener:#?}");
        assert_eq!(of_listener[0]["evidence"], "traced");
        return;
    }
}

#[test]
fn what_begins_elsewhere_is_not_told() {
    if !may_enter_namespaces() {
        return;
    }
    for attempt in 1..=ATTEMPTS {
        let (listener, port) = listener();
        // A port that nobody uses.
        let elsewhere = TcpListener::bind("127.0.0.1:0").expect("bind");
        let free = elsewhere
            .local_addr()
            .map(|address: SocketAddr| address.port());
        let free = free.expect("an address");
        drop(elsewhere);
        let mut watch = Watch::on(port, &[]);
        if !watch.is_traced() {
            return;
        }
        let stranger = Stranger::with(&[port, free]);
        let (client, server, local): (TcpStream, TcpStream, u16) = connected(&listener);
        watch.until(|line| line["local_port"] == port && line["new"] == "ESTABLISHED");
        let (seen, _) = watch.stop();
        drop((stranger, client, server));
        let end = seen.last().expect("an end");
        if end["lost"] != 0 && attempt < ATTEMPTS {
            continue;
        }
        let others = others(&seen, &[port, local]);
        assert!(others.is_empty(), "{others:#?}");
        return;
    }
}
