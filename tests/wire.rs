//! Hostile and odd traffic on the wire.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use sockscope::driver;
use sockscope::report::{self, Detail, Look};
use sockscope::run::{Outcome, Place, Run, Verdict};
use support::{options, scenario, wire};

fn run_on_wire(text: &str) -> Run {
    driver::run(&scenario(text), &options(Some(Place::Wire)), None)
}

fn text(run: &Run) -> String {
    let look = Look {
        width: 100,
        color: false,
        unicode: true,
    };
    let table = report::table::render(run, &look, &Detail::default());
    format!("{table}\n{}", report::failure::render(run, &look))
}

#[track_caller]
fn assert_passes(run: &Run) {
    assert_eq!(run.outcome(), Outcome::Passed, "{}", text(run));
}

#[test]
fn a_megabyte_ends_within_seconds_in_a_short_table() {
    if !wire() {
        return;
    }
    let begun = Instant::now();
    let run = run_on_wire(
        r#"
        title = "A megabyte"
        [programs]
        server = "echo-server {port}"
        sender = "peer"
        [[step]]
        do = ["start server", "start sender"]
        expect = ["server.listener LISTEN"]
        [[step]]
        do = [
          "sender types socket",
          "sender types setsockopt SO_SNDBUF 2000000",
          "sender types connect {server} {port}",
          "sender types write-bytes 1000000",
        ]
        expect = ["sender prints write-bytes:"]
        within = "20s"
        "#,
    );
    assert_passes(&run);
    let bytes: u64 = run
        .timeline
        .packets()
        .iter()
        .filter(|fate| fate.packet.from.as_str() == "client")
        .map(|fate| u64::from(fate.packet.len))
        .sum();
    assert!(bytes > 100_000, "{bytes} bytes on the wire");
    let table = report::table::render(
        &run,
        &Look {
            width: 100,
            color: false,
            unicode: true,
        },
        &Detail::default(),
    );
    let lines = table.lines().count();
    assert!(lines < 120, "{lines} lines:\n{table}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn ipv6_is_seen_as_well() {
    if !wire() {
        return;
    }
    let run = run_on_wire(
        r#"
        title = "IPv6"
        [programs]
        server = "echo-server {port}"
        client = "echo-client 2001:db8::2 {port}"
        [[step]]
        do = "start server"
        expect = ["server.listener LISTEN"]
        [[step]]
        do = "start client"
        expect = [
          "client.conn SYN_SENT > ESTABLISHED",
          "server.conn SYN_RECV > ESTABLISHED",
          "wire client SYN > server SYN,ACK > client ACK",
        ]
        [[step]]
        do = "close stdin of client"
        expect = [
          "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT",
          "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
        ]
        "#,
    );
    assert_passes(&run);
}

#[test]
fn there_is_no_way_out_of_the_lab() {
    if !wire() {
        return;
    }
    let run = run_on_wire(
        r#"
        title = "Addresses outside"
        [programs]
        client = "peer"
        [[step]]
        do = ["start client", "client types socket", "client types connect 198.51.100.1 80"]
        expect = ["client prints connect: ENETUNREACH"]
        never = ["wire packets"]
        [[step]]
        do = ["client types socket", "client types connect 127.0.0.1 80"]
        expect = ["client prints connect: ECONNREFUSED"]
        never = ["wire packets"]
        "#,
    );
    assert_passes(&run);
}

#[test]
fn fragments_and_udp_go_through() {
    if !wire() {
        return;
    }
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("not tested here: no python3");
        return;
    }
    let run = run_on_wire(
        r#"
        title = "A datagram of three fragments, and a protocol that nobody knows"
        [programs]
        server = "udp-echo-server {port}"
        client = '''python3 -c "
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b'x' * 4000, ('{server}', {port}))
        print('got', len(s.recv(8000)), flush=True)
        sys.stdin.read()
        "'''
        [[step]]
        do = "start server"
        expect = ["server running"]
        [[step]]
        do = "start client"
        expect = ["client prints got 4000"]
        never = ["wire RST"]
        "#
        .replace("\n        ", "\n")
        .as_str(),
    );
    assert_passes(&run);
    let others = run.timeline.packets().iter().filter(|fate| {
        matches!(
            fate.packet.body,
            sockscope::event::Body::Other { .. } | sockscope::event::Body::Udp
        )
    });
    assert!(others.count() >= 4, "{}", text(&run));
}

#[test]
fn a_release_with_nothing_held_is_refused_in_words() {
    if !wire() {
        return;
    }
    let run = run_on_wire(
        r#"
        title = "Nothing to release"
        [programs]
        server = "echo-server {port}"
        client = "echo-client {server} {port}"
        [[step]]
        do = ["start server", "hold RST from client", "start client"]
        expect = ["client.conn ESTABLISHED"]
        [[step]]
        do = "release next"
        expect = ["client.conn CLOSE_WAIT"]
        within = "100ms"
        "#,
    );
    assert_ne!(run.outcome(), Outcome::Passed, "{}", text(&run));
    assert!(text(&run).contains("release next"), "{}", text(&run));
}

#[test]
fn a_matcher_that_never_matches_tells_what_came_instead() {
    if !wire() {
        return;
    }
    let run = run_on_wire(
        r#"
        title = "No such packet"
        [programs]
        server = "echo-server {port}"
        client = "echo-client {server} {port}"
        [[step]]
        do = ["start server", "start client", "drop next RST from server", "client types hello"]
        expect = ["wire RST from server"]
        within = "100ms"
        "#,
    );
    assert_eq!(run.outcome(), Outcome::Failed, "{}", text(&run));
    let told = run.checks().any(|(_, check)| {
        matches!(&check.verdict, Verdict::Fail(mismatch)
            if mismatch.observed.contains("server SYN,ACK"))
    });
    assert!(told, "{}", text(&run));
}

#[test]
fn two_labs_at_the_same_addresses_do_not_see_each_other() {
    if !wire() {
        return;
    }
    let one = |line: &str| {
        run_on_wire(&format!(
            r#"
            title = "One of two"
            [programs]
            server = "echo-server {{port}}"
            client = "echo-client {{server}} {{port}} --bind 192.0.2.1:40000"
            [[step]]
            do = ["start server", "start client"]
            expect = ["client.conn ESTABLISHED", "server.conn ESTABLISHED"]
            [[step]]
            do = "client types {line}"
            expect = [
              "client prints {line}",
              "wire client data > server ACK > server data > client ACK",
            ]
            never = ["client.conn2 ESTABLISHED", "server.conn2 ESTABLISHED"]
            "#
        ))
    };
    std::thread::scope(|scope| {
        let runs: Vec<_> = ["left", "right", "middle"]
            .into_iter()
            .map(|line| scope.spawn(move || (line, one(line))))
            .collect();
        for run in runs {
            let (line, run) = run.join().expect("no panic");
            assert_passes(&run);
            let others = ["left", "right", "middle"]
                .into_iter()
                .filter(|l| *l != line);
            for other in others {
                assert!(!text(&run).contains(other), "{}", text(&run));
            }
        }
    });
}
