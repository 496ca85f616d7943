//! `sockscope ls` on real sockets.

mod crowd;
mod support;

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crowd::listed::{alone, end, filter, one, pids, port, rows};
use crowd::{Crowd, keep, named, own_namespace};
use serde_json::Value;
use support::{Said, say, sockscope};

/// How long the churn goes on beside `ls`; the long version is a minute.
const CHURN: &str = "SOCKSCOPE_CHURN_SECONDS";
/// So many threads make connections, 10,000 a second together where two cores are theirs.
const CHURNERS: usize = 2;

#[test]
fn a_shared_socket_has_all_its_holders_in_one_row() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let copy = keep(&listener);
    let child = named("sharer", &copy);
    drop(copy);
    let found = rows(&[&filter(&listener)]);
    let row = one(&found, port(&listener), 0);
    let mut both = vec![u64::from(std::process::id()), u64::from(child.id())];
    both.sort_unstable();
    assert_eq!(pids(row), both, "{row:#}");
    assert_eq!(row["state"], "LISTEN");
    assert_eq!(row["held"], "processes");

    // By name, by pid, and not by another one.
    let name = say(&["ls", &filter(&listener), "name:sharer"]);
    assert_eq!(name.code, Some(0), "{}", name.stderr);
    assert!(name.stdout.contains(&format!("sharer {} fd", child.id())));
    let by_pid = rows(&[&format!("pid:{}", child.id())]);
    let row = one(&by_pid, port(&listener), 0);
    assert_eq!(pids(row), [u64::from(child.id())]);
    assert_eq!(
        row["holders_complete"], false,
        "only one process was looked at"
    );
    end(child);
}

#[test]
fn what_nobody_holds_is_said_to_be_so() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let client_port = client.local_addr().expect("address").port();
    let found = rows(&[&filter(&listener)]);
    let waiting = one(&found, port(&listener), client_port);
    assert_eq!(waiting["why"], "not_accepted", "{waiting:#}");
    assert_eq!(waiting["user"], Value::Null);
    assert_eq!(one(&found, port(&listener), 0)["recv_q"], 1);
    assert_eq!(
        one(&found, client_port, port(&listener))["held"],
        "processes"
    );

    let (server, _) = listener.accept().expect("accept");
    drop(server);
    // The client's end sees the FIN before it closes, so the server's end is the first to close.
    let mut byte = [0];
    std::io::Read::read(&mut &client, &mut byte).expect("EOF");
    drop(client);
    let begun = Instant::now();
    loop {
        let found = rows(&[&filter(&listener)]);
        let left = one(&found, port(&listener), client_port);
        if left["state"] == "TIME_WAIT" {
            assert_eq!(left["why"], "time_wait");
            assert!(left["time_wait_ms"].as_u64().expect("known") < 60_000);
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{left:#}");
    }
}

#[test]
fn zombies_among_the_children_of_holders_are_told() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut child = Command::new("true").spawn().expect("true");
    let wanted = format!("Z <defunct> {}", child.id());
    let begun = Instant::now();
    loop {
        let said = say(&["ls", &filter(&listener)]);
        // Other tests of this process have children too.
        if said.stderr.contains("has not waited for")
            && said.stderr.contains(&child.id().to_string())
        {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "no `{wanted}` in {}",
            said.stderr
        );
    }
    child.wait().expect("wait");
}

#[test]
fn hostile_names_are_printed_harmlessly() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let copy = keep(&listener);
    let child = named("\x1b[31m\u{202e}a\r\"", &copy);
    drop(copy);
    for format in [
        &["--style", "lsof"][..],
        &["--style", "ss"],
        &["--style", "netstat"],
        &["--format", "csv"],
        &["--format", "jsonl"],
        &["--color", "never"],
    ] {
        let filter = filter(&listener);
        let mut arguments = vec!["ls", &filter];
        arguments.extend(format);
        let said = say(&arguments);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(
            !said.stdout.contains(['\x1b', '\r']),
            "{format:?}: {}",
            said.stdout
        );
        if !format.contains(&"jsonl") {
            assert!(
                !said.stdout.contains('\u{202e}'),
                "{format:?}: {}",
                said.stdout
            );
        }
    }
    end(child);
}

/// A process chooses its name itself: no name makes it look as if another process held the socket.
#[test]
fn a_name_cannot_pass_for_another_holder() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let copy = keep(&listener);
    for (name, arguments, printed) in [
        (
            "sshd 1 fd 3, x",
            &["--color", "never"][..],
            "\"sshd 1 fd 3, x\" PID fd",
        ),
        ("a/1/2 b", &["--format", "csv"], " a\\x2f1\\x2f2\\x20b/PID/"),
        (
            "\",pid=1),(\"b",
            &["--style", "ss"],
            "(\"\\x22,pid=1),(\\x22b\",pid=PID,",
        ),
        ("a b", &["--style", "lsof"], "a\\x20b "),
    ] {
        let child = named(name, &copy);
        let mut all = vec!["ls"];
        let filter = filter(&listener);
        all.push(&filter);
        all.extend(arguments);
        let said = say(&all);
        let printed = printed.replace("PID", &child.id().to_string());
        assert!(said.stdout.contains(&printed), "{printed}: {}", said.stdout);
        end(child);
    }
    // What a terminal would not show, JSON shows too.
    let child = named("a\u{202e}b\u{200b}", &copy);
    let said = say(&["ls", &filter(&listener), "--format", "jsonl"]);
    assert!(said.stdout.contains(r"a\u202eb\u200b"), "{}", said.stdout);
    end(child);
}

#[test]
fn many_holders_are_named_in_full_unless_a_terminal_is_filled() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let copy = keep(&listener);
    let children: Vec<_> = (0..9).map(|_| named("worker", &copy)).collect();
    drop(copy);
    let all = say(&["ls", &filter(&listener)]).stdout;
    for child in &children {
        assert!(all.contains(&format!("{} fd ", child.id())), "{all}");
    }
    let few = say(&["ls", &filter(&listener), "--width", "200"]).stdout;
    assert!(few.contains(", 6 more processes"), "{few}");
    children.into_iter().for_each(end);
}

#[test]
fn what_was_not_judged_by_holders_says_so() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let own = format!("user:{}", nix::unistd::geteuid());
    let said = say(&["ls", &filter(&listener), &own, "--no-owners"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("who made the sockets"),
        "{}",
        said.stderr
    );
}

#[test]
fn lsof_lists_descriptors_and_says_what_it_leaves_out() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let _client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let local = format!("local:127.0.0.1:{}", port(&listener));
    // In the listener's queue: no process has it.
    let said = say(&["ls", &local, "established", "--style", "lsof"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(4), ""));
    assert!(
        said.stderr.contains("1 socket that no process"),
        "{}",
        said.stderr
    );
    let said = say(&["ls", &local, "--style", "lsof"]);
    assert_eq!(said.code, Some(0));
    assert_eq!(said.stdout.lines().count(), 2, "{}", said.stdout);
    let said = say(&["ls", &local, "--style", "lsof", "--no-owners"]);
    assert_eq!(said.code, Some(2));
}

#[test]
fn exit_codes_and_messages() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let filter = filter(&listener);
    let Said { code, stderr, .. } = say(&["ls", "lisen"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("did you mean `listen`?"), "{stderr}");
    assert_eq!(say(&["ls", &filter, "state:last-ack"]).code, Some(4));
    assert_eq!(say(&["ls", "pid:1", "--no-owners"]).code, Some(2));
    assert_eq!(say(&["ls", "--netns", "x"]).code, Some(2));
    assert_eq!(say(&["ls", "--netns", "2147483647"]).code, Some(3));
    let plain = say(&["ls", &filter, "--no-owners"]);
    assert_eq!(plain.code, Some(0));
    assert!(!plain.stdout.contains("fd "), "{}", plain.stdout);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let _alone = alone();
    let mut child = sockscope(&["ls"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockscope");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("wait");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains("panicked") && !said.contains("Broken pipe"),
        "{said}"
    );
}

#[test]
fn every_kind_of_socket_has_its_row() {
    let _alone = alone();
    // A thread of its own: the namespace is the thread's.
    let tested = std::thread::spawn(|| {
        if !own_namespace() {
            return;
        }
        let crowd = Crowd::new();
        let found = rows(&[]);
        let states = |held: &str, why: &str| -> Vec<String> {
            let mut states: Vec<String> = found
                .iter()
                .filter(|row| row["held"] == held && (why.is_empty() || row["why"] == why))
                .map(|row| row["state"].as_str().expect("a state").to_owned())
                .collect();
            states.sort();
            states.dedup();
            states
        };
        assert_eq!(
            states("processes", ""),
            [
                "CLOSE_WAIT",
                "ESTABLISHED",
                "FIN_WAIT2",
                "LISTEN",
                "connected",
                "unconnected"
            ]
        );
        assert_eq!(states("nobody", "time_wait"), ["TIME_WAIT"]);
        assert_eq!(states("nobody", "orphan"), ["FIN_WAIT1", "FIN_WAIT2"]);
        assert_eq!(states("nobody", "not_accepted"), ["ESTABLISHED"]);
        assert_eq!(states("nobody", "handshake"), ["SYN_RECV"]);
        assert_eq!(states("unknown", ""), Vec::<String>::new());
        let mapped = |row: &&Value| {
            row["local_address"]
                .as_str()
                .is_some_and(|address| address.starts_with("::ffff:127."))
        };
        assert_eq!(found.iter().filter(mapped).count(), 1);
        let by_v4 = rows(&["127.0.0.1", "v6"]);
        assert_eq!(by_v4.len(), 1, "a mapped address is the IPv4 one");

        // From outside, by the pid of somebody inside.
        let inside = crowd.children[0].id().to_string();
        let outside = std::thread::spawn(move || {
            nix::sched::setns(
                std::fs::File::open(format!("/proc/{}/ns/net", std::process::id()))
                    .expect("the machine's namespace"),
                nix::sched::CloneFlags::CLONE_NEWNET,
            )
            .expect("setns");
            (
                rows(&["--netns", &inside]).len(),
                rows(&["--netns", "all"]).len(),
            )
        });
        let (there, everywhere) = outside.join().expect("no panic");
        assert_eq!(there, found.len());
        assert!(everywhere >= there);
    });
    tested.join().expect("no panic");
}

/// Many short connections beside `ls`: no error, and whoever is said to hold one is one of the two
/// processes that make them.
#[test]
fn churn_harms_nobody() {
    let _alone = alone();
    let seconds = std::env::var(CHURN)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let own = u64::from(std::process::id());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let goes_on = || !stop.load(std::sync::atomic::Ordering::Relaxed);
    let mut made = 0u64;
    std::thread::scope(|scope| {
        let churn = || {
            let mut made = 0u64;
            while goes_on() {
                let Ok(client) = TcpStream::connect(address) else {
                    continue;
                };
                // One is there: this thread's or, in exchange, another's.
                let _ = listener.accept();
                // A reset at once: nothing is left in TIME_WAIT, ports are free again.
                let linger = libc::linger {
                    l_onoff: 1,
                    l_linger: 0,
                };
                let _ = nix::sys::socket::setsockopt(
                    &client,
                    nix::sys::socket::sockopt::Linger,
                    &linger,
                );
                made += 1;
            }
            made
        };
        let churners: Vec<_> = (0..CHURNERS).map(|_| scope.spawn(churn)).collect();
        let begun = Instant::now();
        let mut looks = 0;
        while begun.elapsed() < Duration::from_secs(seconds) {
            let said = say(&["ls", &filter(&listener), "--format", "json"]);
            let checked = said.code == Some(0) && !said.stderr.contains("panicked");
            if !checked {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            assert!(checked, "{}", said.stderr);
            let whole: Value = serde_json::from_str(&said.stdout).expect("JSON");
            for row in whole["sockets"].as_array().expect("a list") {
                let wrong = pids(row).iter().any(|pid| *pid != own);
                if wrong {
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                assert!(!wrong, "{row:#}");
            }
            looks += 1;
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for churner in churners {
            made += churner.join().expect("no panic");
        }
        eprintln!("{looks} looks beside {made} connections");
    });
    assert!(made > 100, "only {made} connections");
}
