//! What `sockscope ls` could overlook: descriptors of single threads, other network namespaces,
//! sockets that are in no table, processes that `/proc` hides. And what it says where it is blind.

mod crowd;
mod support;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crowd::listed::{alone, end, filter, json, one, pids, port, rows};
use crowd::{keep, named, own_namespace};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use serde_json::Value;
use support::{Said, say};

/// As nobody of this machine.
const AS_STRANGER: [&str; 5] = ["--reuid", "61234", "--regid", "61234", "--clear-groups"];

fn own_pid() -> String {
    format!("pid:{}", std::process::id())
}

/// A stranger's `cat`, which holds what it inherits until its input ends.
fn held_by_stranger() -> Child {
    let mut child = Command::new("setpriv")
        .args(AS_STRANGER)
        .arg("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("setpriv");
    // What comes back comes from cat.
    let mut byte = [b'\n'];
    child
        .stdin
        .as_mut()
        .expect("piped")
        .write_all(&byte)
        .expect("written");
    child
        .stdout
        .as_mut()
        .expect("piped")
        .read_exact(&mut byte)
        .expect("read");
    child
}

/// A thread that has made something, and keeps it until it is told to end.
struct Keeper<T>(T, Sender<()>, JoinHandle<()>);

impl<T: Send + 'static> Keeper<T> {
    /// Nothing where `make` makes nothing.
    fn of<K: 'static>(make: impl FnOnce() -> Option<(T, K)> + Send + 'static) -> Option<Keeper<T>> {
        let (tell, told) = channel();
        let (end, ended) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let Some((told, _kept)) = make() else {
                return;
            };
            tell.send(told).expect("somebody waits");
            let _ = ended.recv();
        });
        match told.recv() {
            Ok(told) => Some(Keeper(told, end, thread)),
            Err(_) => {
                thread.join().expect("no panic");
                None
            }
        }
    }

    fn end(self) {
        drop(self.1);
        self.2.join().expect("no panic");
    }
}

#[test]
fn a_socket_in_the_table_of_a_single_thread_has_its_holder() {
    let _alone = alone();
    let shared = TcpListener::bind("127.0.0.1:0").expect("bind");
    let copy = keep(&shared);
    let child = named("sharer", &copy);
    drop(copy);
    let keeper = Keeper::of(|| {
        unshare(CloneFlags::CLONE_FILES).expect("a table of its own");
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        Some((port(&listener), listener))
    });
    let keeper = keeper.expect("it listens");
    let (shared_filter, shared_port) = (filter(&shared), port(&shared));
    // The thread's table still has it.
    drop(shared);

    let mut both = vec![u64::from(std::process::id()), u64::from(child.id())];
    both.sort_unstable();
    let found = rows(&[&shared_filter]);
    assert_eq!(pids(one(&found, shared_port, 0)), both, "{found:#?}");
    let found = rows(&[&format!(":{}", keeper.0)]);
    let own = u64::from(std::process::id());
    assert_eq!(pids(one(&found, keeper.0, 0)), [own]);

    // Its descriptors are not those that the process's own numbers name.
    let found = rows(&[&own_pid()]);
    one(&found, keeper.0, 0);
    one(&found, shared_port, 0);
    keeper.end();
    end(child);
}

#[test]
fn a_process_is_listed_with_its_sockets_in_another_namespace() {
    let _alone = alone();
    let inside = Keeper::of(|| {
        own_namespace().then(|| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
            let copy = keep(&listener);
            let child = held_by_stranger();
            drop(copy);
            ((port(&listener), child), listener)
        })
    });
    let Some(Keeper((port, child), end_it, thread)) = inside else {
        return;
    };
    for arguments in [
        &[own_pid().as_str(), &format!(":{port}")][..],
        &["--netns", "all", &format!("127.0.0.1:{port}"), "listen"],
    ] {
        let found = rows(arguments);
        let row = one(&found, port, 0);
        assert!(row["netns"].is_u64(), "{row:#}");
        assert!(
            pids(row).contains(&u64::from(std::process::id())),
            "{row:#}"
        );
    }
    // Whoever may not enter it is told that there is something.
    let Said { stderr, code, .. } = stranger(&["ls", &format!("pid:{}", child.id())], "");
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("another network namespace"), "{stderr}");
    end(child);
    drop(end_it);
    thread.join().expect("no panic");
}

#[test]
fn an_open_descriptor_of_a_socket_in_no_table_has_its_row() {
    let _alone = alone();
    let unbound =
        |kind| socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None).expect("socket");
    let (tcp, udp) = (unbound(SockType::Stream), unbound(SockType::Datagram));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    // Reset by its peer: its port is free again, and the descriptor is still there.
    let client = std::net::TcpStream::connect(listener.local_addr().expect("address"));
    let client = client.expect("connect");
    let (server, _) = listener.accept().expect("accept");
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    nix::sys::socket::setsockopt(&server, nix::sys::socket::sockopt::Linger, &linger)
        .expect("linger");
    drop(server);
    (&client).read(&mut [0]).expect_err("a reset");

    let found = rows(&[&own_pid()]);
    let by_fd = |fd: i32| {
        let has = |row: &&Value| {
            let holders = row["holders"].as_array().expect("a list");
            holders.iter().any(|holder| holder["fd"] == fd)
        };
        found
            .iter()
            .find(has)
            .unwrap_or_else(|| panic!("{fd} in {found:#?}"))
    };
    for (fd, protocol, state) in [
        (tcp.as_raw_fd(), "tcp", "CLOSE"),
        (client.as_raw_fd(), "tcp", "CLOSE"),
        (udp.as_raw_fd(), "udp", "unconnected"),
    ] {
        let row = by_fd(fd);
        assert_eq!(
            (&row["protocol"], &row["state"]),
            (&protocol.into(), &state.into())
        );
        assert!(row["cookie"].as_u64() > Some(0), "{row:#}");
    }
    let closed = rows(&[&own_pid(), "tcp", "state:close"]);
    assert!(closed.len() >= 2, "{closed:#?}");
}

/// A copy of sockscope that everybody may run.
fn for_everybody() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = || Permissions::from_mode(0o755);
    fs::set_permissions(&folder, everybody()).expect("opened");
    let copy = folder.path().join("sockscope");
    fs::copy(support::SOCKSCOPE, &copy).expect("copied");
    fs::set_permissions(&copy, everybody()).expect("opened");
    (folder, copy)
}

/// Runs sockscope as a user who has nothing to say, behind these commands of a shell. As root only.
fn stranger(arguments: &[&str], before: &str) -> Said {
    let (_folder, copy) = for_everybody();
    let line = format!("{before} exec setpriv {} \"$@\"", AS_STRANGER.join(" "));
    Command::new("sh")
        .args(["-c", &line, "sh"])
        .arg(copy)
        .args(arguments)
        .current_dir("/")
        .output()
        .expect("sh")
        .into()
}

#[test]
fn where_no_thread_can_be_made_one_does_it_all() {
    let _alone = alone();
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tested here: only root can become somebody else");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = port(&listener).to_string();
    for arguments in [&["ls"][..], &["ls", "--no-owners"]] {
        let said = stranger(arguments, "ulimit -u 1;");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains(&port), "{}", said.stdout);
    }
}

/// `hidepid=2`: what is not seen is not "nobody".
#[test]
fn processes_that_proc_hides_may_hold_a_socket_too() {
    let _alone = alone();
    let mounted = "mount -t proc -o hidepid=2 proc /proc || exit 77;";
    let in_it = |before: &str, arguments: &[&str]| -> Said {
        let (_folder, copy) = for_everybody();
        let line = format!("{mounted} {before} \"$@\"");
        Command::new("unshare")
            .args(["-m", "sh", "-c", &line, "sh"])
            .arg(copy)
            .args(arguments)
            .current_dir("/")
            .output()
            .expect("unshare")
            .into()
    };
    let Said { code, stderr, .. } = in_it("exec", &["--version"]);
    if code != Some(0) {
        eprintln!("not tested here: no /proc of its own: {stderr}");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let copy = keep(&listener);
    let child = held_by_stranger();
    drop(copy);
    let as_stranger = format!("exec setpriv {}", AS_STRANGER.join(" "));
    let filter = filter(&listener);
    let said = in_it(&as_stranger, &["ls", &filter, "--format", "json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("hides processes"), "{}", said.stderr);
    let whole: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let row = &whole["sockets"][0];
    assert_eq!(pids(row), [u64::from(child.id())], "{row:#}");
    assert_eq!(row["holders_complete"], false, "this process holds it too");
    assert_eq!(whole["unseen"]["hides"], true);
    let own = own_pid();
    for unknown in ["name:nobody-there", "not name:nobody-there", &own] {
        let said = in_it(&as_stranger, &["ls", &filter, unknown]);
        assert_eq!(said.code, Some(3), "{unknown}: {}", said.stderr);
    }
    // Of nobody it is known that there is no such process.
    let said = in_it(&as_stranger, &["ls", &filter, "pid:2147483647"]);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    // Nothing is hidden from root.
    let said = in_it("exec", &["ls", &filter, "--format", "json"]);
    let whole: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(whole["unseen"]["hides"], false, "{}", said.stderr);
    assert_eq!(pids(&whole["sockets"][0]).len(), 2);
    end(child);
}

/// An interface beside the address, and whether an IPv6 socket takes IPv4.
#[test]
fn what_a_socket_is_bound_to_is_shown() {
    let _alone = alone();
    let tested = std::thread::spawn(|| {
        if !own_namespace() {
            return;
        }
        let crowd = crowd::Crowd::new();
        let whole = json(&["listen"]);
        let all = whole["sockets"].as_array().expect("a list");
        let by = |key: &str, value: Value| -> Vec<u64> {
            let of = all.iter().filter(|row| row[key] == value);
            of.map(|row| row["local_port"].as_u64().expect("a port"))
                .collect()
        };
        let bound = by("interface", "lo".into());
        assert_eq!(bound.len(), 1, "{all:#?}");
        let only: Vec<u64> = by("local_address", "::".into())
            .into_iter()
            .filter(|port| by("v6_only", true.into()).contains(port))
            .collect();
        assert_eq!(only.len(), 1);
        let both = by("v6_only", false.into());
        assert_eq!(both.len(), 1, "{all:#?}");
        for style in [&["ls", "listen"][..], &["ls", "listen", "--style", "ss"]] {
            let text = say(style).stdout;
            for end in [
                format!("0.0.0.0%lo:{} ", bound[0]),
                format!("[::]:{} ", only[0]),
                format!(" *:{} ", both[0]),
            ] {
                assert!(text.contains(&end), "{end} in {text}");
            }
        }
        drop(crowd);
    });
    tested.join().expect("no panic");
}
