//! `sockscope ls` beside ss, lsof and netstat, row by row, in a network namespace full of every
//! kind of socket.
//!
//! Needs `lsof`, `ss` and `netstat`, and root: `cargo test --features peers`.
//!
//! Where they are blind and sockscope is not:
//!
//! | case | ss | lsof | netstat |
//! |---|---|---|---|
//! | why nobody holds a socket: TIME_WAIT, a handshake, not accepted, an orphan | no | no row at all | no |
//! | every holder of a shared socket in one row | yes | a row each | one of them |
//! | a socket that is bound and nothing more, by its port | with `-B` | no port | no |
//! | a descriptor in the table of a single thread | with `-T` | with `-K` | no |
//! | a process's sockets in another network namespace | no | no addresses | no |
//! | an open descriptor of a socket that was never bound | no | no addresses | no |
//!
//! The rows for it are in `the_others_are_blind_here`.

mod crowd;
mod support;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crowd::listed::alone;
use crowd::{Crowd, own_namespace};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
use support::say;

/// How long the sockets may take to stand still.
const DEADLINE: Duration = Duration::from_secs(30);

type Rows = BTreeSet<Vec<String>>;

/// Runs a test in a namespace of its own, which is the thread's. One at a time: a thread with a table
/// of its own would keep the others' descriptors open.
fn in_a_crowd(test: impl FnOnce(&Crowd) + Send + 'static) {
    let _alone = alone();
    let tested = std::thread::spawn(|| {
        if own_namespace() {
            test(&Crowd::new());
        }
    });
    if let Err(panic) = tested.join() {
        std::panic::resume_unwind(panic);
    }
}

fn ask(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ls(arguments: &[&str]) -> String {
    let mut all = vec!["ls"];
    all.extend(arguments);
    let said = say(&all);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said.stdout
}

/// The fields of each row behind the heading.
fn rows(text: &str, fields: impl Fn(Vec<String>) -> Vec<String>) -> Rows {
    text.lines()
        .map(|line| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|row: &Vec<String>| {
            row.iter()
                .any(|field| field.contains("127.") || field.contains("::") || field.contains("*:"))
        })
        .map(fields)
        .collect()
}

/// The rows of both while nothing changes: queues fill and empty also when nobody writes.
#[track_caller]
fn same(theirs: impl Fn() -> Rows, ours: impl Fn() -> Rows) {
    let begun = Instant::now();
    let mut before = theirs();
    loop {
        let ours = ours();
        let after = theirs();
        if before != after {
            assert!(begun.elapsed() < DEADLINE, "the sockets never stand still");
            before = after;
            continue;
        }
        assert!(after.len() > 10, "the tool printed little: {after:#?}");
        let missing: Vec<_> = after.difference(&ours).collect();
        let more: Vec<_> = ours.difference(&after).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "only the tool: {missing:#?}\nonly sockscope: {more:#?}"
        );
        return;
    }
}

#[test]
fn ss_has_the_same_rows() {
    in_a_crowd(|_| {
        // Holders in one order.
        let fields = |mut row: Vec<String>| {
            if let Some(users) = row.get_mut(6) {
                let mut all: Vec<&str> = users
                    .trim_start_matches("users:(")
                    .trim_end_matches(')')
                    .split("),(")
                    .map(|one| one.trim_matches(['(', ')']))
                    .collect();
                all.sort_unstable();
                *users = all.join(" ");
            }
            row
        };
        same(
            || rows(&ask("ss", &["-tuanp"]), fields),
            || rows(&ls(&["--style", "ss"]), fields),
        );
    });
}

#[test]
fn lsof_has_the_same_rows() {
    in_a_crowd(|_| {
        // It may read more descriptors than this namespace has: those have no address here.
        let fields = |row: Vec<String>| row;
        same(
            || rows(&ask("lsof", &["-nP", "-i"]), fields),
            || rows(&ls(&["--style", "lsof"]), fields),
        );
    });
}

#[test]
fn netstat_has_the_same_rows() {
    in_a_crowd(|crowd| {
        let pid = |field: &str| field.split('/').next().unwrap_or("").to_owned();
        let own = std::process::id().to_string();
        let shared = crowd.children[0].id().to_string();
        let fields = |row: Vec<String>| {
            let mut row = row;
            if let Some(last) = row.last_mut() {
                *last = pid(last);
                // It shows one of several holders, the one that it met first.
                if *last == shared {
                    last.clone_from(&own);
                }
            }
            row
        };
        // Only the pid of the last column: netstat takes the name from the command line.
        same(
            || rows(&ask("netstat", &["-tuanpW"]), fields),
            || rows(&ls(&["--style", "netstat"]), fields),
        );
    });
}

#[test]
fn the_others_are_blind_here() {
    in_a_crowd(|crowd| {
        let table = ls(&[]);
        for reason in [
            "nobody: the kernel waits",
            "nobody: in a handshake",
            "nobody: not accepted yet",
            "nobody: closed, the kernel finishes it",
        ] {
            assert!(table.contains(reason), "{table}");
        }
        let lsof = ask("lsof", &["-nP", "-i"]);
        assert!(!lsof.contains("TIME_WAIT") && !lsof.contains("SYN_RECV"));

        // A shared listener: one row, both holders.
        let shared = format!(":{}", crowd.shared);
        let rows = ls(&[&shared, "listen"]);
        let row = rows.lines().last().expect("a row");
        for pid in [std::process::id(), crowd.children[0].id()] {
            assert!(row.contains(&format!(" {pid} fd ")), "{row}");
        }

        // Bound, and nothing more.
        let bound = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .expect("socket");
        bind(bound.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("bind");
        let port = getsockname::<SockaddrIn>(bound.as_raw_fd())
            .expect("name")
            .port();
        let row = ls(&[&format!(":{port}")]);
        assert!(row.contains("CLOSE") && row.contains(" fd "), "{row}");
        let port = format!(":{port}");
        for (tool, arguments) in [
            ("ss", &["-tan"][..]),
            ("lsof", &["-nP", "-i"]),
            ("netstat", &["-tan"]),
        ] {
            assert!(!ask(tool, arguments).contains(&port), "{tool} sees it too");
        }

        // Never bound: only the descriptor is there.
        let pid = format!("pid:{}", std::process::id());
        let unbound = socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .expect("socket");
        let fd = unbound.as_raw_fd();
        let rows = ls(&[&pid, "state:close"]);
        assert!(rows.contains(&fd.to_string()), "{fd} in {rows}");
        let user = format!("pid={},fd={fd})", std::process::id());
        assert!(!ask("ss", &["-tanp"]).contains(&user), "ss sees it too");
    });
}

/// A listener that a thread makes behind `unshare(2)` with these flags, while `test` runs with its
/// address.
fn beside_a_thread(flags: CloneFlags, test: impl FnOnce(&str)) {
    let (tell, told) = channel();
    let (end, ended) = channel::<()>();
    let thread = std::thread::spawn(move || {
        unshare(flags).expect("unshare");
        if flags.contains(CloneFlags::CLONE_NEWNET) {
            ask("ip", &["link", "set", "lo", "up"]);
        }
        // No other namespace has a socket on this address.
        let listener = TcpListener::bind("127.0.0.77:0").expect("bind");
        tell.send(listener.local_addr().expect("address").to_string())
            .expect("somebody waits");
        let _ = ended.recv();
    });
    let address = told.recv().expect("it listens");
    test(&address);
    drop(end);
    thread.join().expect("no panic");
}

#[test]
fn they_look_at_the_first_thread_alone() {
    in_a_crowd(|_| {
        let pid = std::process::id();
        beside_a_thread(CloneFlags::CLONE_FILES, |address| {
            let row = ls(&[address]);
            assert!(row.contains(&format!(" {pid} fd ")), "{row}");
            let ss = ask("ss", &["-tlnp"]);
            let line = ss.lines().find(|line| line.contains(address));
            let line = line.expect("ss has the socket");
            assert!(!line.contains("pid="), "ss sees its holder too: {line}");
            let lsof = ask("lsof", &["-nP", "-i"]);
            assert!(!lsof.contains(address), "lsof sees it too");
        });
        beside_a_thread(CloneFlags::CLONE_NEWNET, |address| {
            let row = ls(&[&format!("pid:{pid}"), address]);
            assert!(row.contains("NETNS") && row.contains(address), "{row}");
            for (tool, arguments) in [
                ("ss", &["-tan"][..]),
                ("lsof", &["-nP", "-i"]),
                ("netstat", &["-tan"]),
            ] {
                assert!(
                    !ask(tool, arguments).contains(address),
                    "{tool} sees it too"
                );
            }
        });
    });
}
