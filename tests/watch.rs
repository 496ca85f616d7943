//! `sockscope watch` on real sockets.

mod support;
#[path = "support/watching.rs"]
mod watching;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::unistd::Uid;
use serde_json::Value;
use support::{SOCKSCOPE, say, sockscope};
use watching::{ATTEMPTS, PATIENCE, Watch, connected, listener, path};

#[test]
fn kernel_events_tell_every_transition_of_a_normal_close() {
    for attempt in 1..=ATTEMPTS {
        let (listener, port) = listener();
        let mut watch = Watch::on(port, &[]);
        if !watch.is_traced() {
            eprintln!("not tested here: {}", watch.seen[0]["why"]);
            return;
        }
        let (mut client, mut server, local) = connected(&listener);
        watch.state(port, "ESTABLISHED");
        client.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
        let close_wait = watch.state(port, "CLOSE_WAIT");
        watch.state(local, "FIN_WAIT2");
        drop(server);
        assert_eq!(client.read(&mut [0]).expect("end of file"), 0);
        watch.until(|line| line["local_port"] == port && line["old"] == "LAST_ACK");
        drop(client);
        let (seen, code) = watch.stop();
        assert_eq!(code, Some(0));
        let end = seen.last().expect("an end");
        if end["lost"] != 0 && attempt < ATTEMPTS {
            continue;
        }
        assert_eq!(
            path(&seen, local, port),
            [
                "SYN_SENT",
                "ESTABLISHED",
                "FIN_WAIT1",
                "FIN_WAIT2",
                "TIME_WAIT"
            ]
        );
        assert_eq!(
            path(&seen, port, local),
            ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSE"]
        );
        assert_eq!(close_wait["evidence"], "traced");
        assert_eq!(close_wait["may_skip"], false);
        assert_eq!(close_wait["held"], "processes");
        assert_eq!(close_wait["holders"][0]["pid"], std::process::id());
        let time_wait = seen.iter().find(|line| line["new"] == "TIME_WAIT");
        let time_wait = time_wait.expect("TIME_WAIT");
        assert_eq!(time_wait["evidence"], "seen");
        assert_eq!(time_wait["why"], "time_wait");
        assert_eq!(end["closed_first"]["client"], 1);
        assert_eq!(end["lives"]["count"], 2);
        assert_eq!(end["gaps"], 0);
        return;
    }
}

#[test]
fn a_reset_is_told_with_its_change() {
    for attempt in 1..=ATTEMPTS {
        let (listener, port) = listener();
        let mut watch = Watch::on(port, &[]);
        if !watch.is_traced() {
            return;
        }
        let (mut client, server, local) = connected(&listener);
        client.write_all(b"unread").expect("write");
        // Closed with something unread: an RST instead of a FIN.
        server.peek(&mut [0]).expect("it is there");
        drop(server);
        let received = watch.state(local, "CLOSE");
        let (seen, _) = watch.stop();
        let end = seen.last().expect("an end");
        if end["lost"] != 0 && attempt < ATTEMPTS {
            continue;
        }
        assert_eq!(received["note"], "reset_received");
        assert_eq!(end["resets_sent"], 1);
        assert_eq!(end["resets_received"], 1);
        let closed = end["closed_first"].as_object().expect("an object");
        assert_eq!(closed.values().filter_map(Value::as_u64).sum::<u64>(), 1);
        return;
    }
}

#[test]
fn whoever_connects_to_nowhere_is_told_with_the_port() {
    let (listener, port) = listener();
    // The backlog is full after two: nobody answers the third.
    let address = listener.local_addr().expect("address");
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).expect("0"))
        .expect("listen");
    let first = TcpStream::connect(address).expect("connect");
    let mut watch = Watch::on(port, &[]);
    if !watch.is_traced() {
        return;
    }
    let hanging = std::thread::spawn(move || {
        // Fails, or not, once the listener is gone.
        let _ = TcpStream::connect_timeout(&address, PATIENCE);
    });
    let sent = watch.until(|line| line["new"] == "SYN_SENT");
    assert_ne!(sent["local_port"], 0);
    assert_eq!(sent["role"], "client");
    drop((listener, first));
    watch.stop();
    hanging.join().expect("joined");
}

#[test]
fn without_permission_what_lasts_is_seen_by_sampling() {
    if !Uid::effective().is_root() {
        eprintln!("not tested here: only root can be somebody else");
        return;
    }
    // Nobody may enter the build's folder.
    let copy = tempfile::Builder::new()
        .prefix("sockscope")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in("/tmp")
        .expect("a folder");
    let program = copy.path().join("sockscope");
    std::fs::copy(SOCKSCOPE, &program).expect("copied");
    let (listener, port) = listener();
    let mut command = Command::new(&program);
    command
        .args(["watch", &format!(":{port}"), "--jsonl", "--summary"])
        .uid(65534)
        .gid(65534)
        .stdin(Stdio::null());
    let mut watch = Watch::start(&mut command);
    assert_eq!(watch.seen[0]["how"], "sampled");
    assert!(watch.seen[0]["why"].is_string());
    let (client, server, local) = connected(&listener);
    watch.until(|line| line["new"] == "ESTABLISHED" && line["local_port"] == local);
    client.shutdown(Shutdown::Write).expect("shutdown");
    let close_wait = watch.state(port, "CLOSE_WAIT");
    assert_eq!(close_wait["evidence"], "seen");
    assert_eq!(close_wait["may_skip"], true);
    assert_eq!(close_wait["old"], "ESTABLISHED");
    drop(server);
    watch.until(|line| line["local_port"] == local && line["new"] == "TIME_WAIT");
    drop((client, listener));
    watch.until(|line| line["role"] == "listener" && line["new"].is_null());
    let (seen, code) = watch.stop();
    assert_eq!(code, Some(0));
    let end = seen.last().expect("an end");
    assert!(
        end["lost"].is_null() && end["looks"].as_u64() > Some(1),
        "{end}"
    );
}

#[test]
fn a_condition_ends_the_watch() {
    let (listener, port) = listener();
    let until = "state:close-wait count>=2";
    let mut watch = Watch::on(port, &["--until", until, "--for", "60s"]);
    let first = connected(&listener);
    drop(first.0);
    watch.state(port, "CLOSE_WAIT");
    let second = connected(&listener);
    drop(second.0);
    let end = watch.until(|line| line["event"] == "end");
    assert_eq!(end["until"], true);
    assert_eq!(watch.ended(), Some(0));
}

#[test]
fn a_queue_is_waited_for() {
    let (listener, port) = listener();
    let (mut client, server, _) = connected(&listener);
    let mut watch = Watch::on(port, &["--until", "recv-q>3", "--for", "60s"]);
    assert_eq!(watch.seen[0]["how"], "sampled");
    client.write_all(b"unread").expect("write");
    let end = watch.until(|line| line["event"] == "end");
    assert_eq!(end["until"], true);
    assert_eq!(watch.ended(), Some(0));
    drop(server);
}

#[test]
fn what_did_not_come_true_is_told_by_the_exit_code() {
    let (_listener, port) = listener();
    let filter = format!(":{port}");
    let condition = "state:close-wait";
    let said = say(&["watch", &filter, "--until", condition, "--for", "200ms"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let said = say(&["watch", &filter, "--for", "200ms"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.starts_with("watching 1 socket by "),
        "{}",
        said.stdout
    );
    // It holds already.
    let said = say(&["watch", &filter, "--until", "listen", "--for", "1h"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let last = said.stdout.lines().last();
    assert_eq!(last, Some("--until came true, with a count of 1"));
    let interrupted = Watch::on(port, &["--until", condition]);
    let (seen, code) = interrupted.stop();
    assert_eq!(code, Some(130));
    assert_eq!(seen.last().expect("an end")["until"], false);
}

#[test]
fn wrong_calls_are_refused() {
    for call in [
        &["watch", "udp"][..],
        &["watch", "state:sleepy"],
        &["watch", "--until", "count>"],
        &["watch", "--until", " "],
        &["watch", "--until", "udp count>1"],
        &["watch", "--for", "h"],
        &["watch", "--ring", "2G"],
        &["watch", "--for", "soon"],
        &["watch", "--ring", "0"],
        &["watch", "--tui"],
    ] {
        let said = say(call);
        assert_eq!(said.code, Some(2), "{call:?}: {}", said.stderr);
        assert!(said.stdout.is_empty() && !said.stderr.is_empty());
    }
}

#[test]
fn what_is_there_is_printed_where_it_is_asked_for() {
    let (listener, port) = listener();
    let (_client, _server, local) = connected(&listener);
    let filter = format!(":{port}");
    let said = say(&["watch", &filter, "--initial", "--for", "10ms"]);
    assert!(
        said.stdout
            .contains(&format!("127.0.0.1:{local} > 127.0.0.1:{port}")),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("- > LISTEN"), "{}", said.stdout);
    let only = say(&["watch", &filter, "listen", "--initial", "--for", "10ms"]);
    assert!(!only.stdout.contains("ESTABLISHED"), "{}", only.stdout);
}

#[test]
fn a_ring_that_is_too_small_loses_events_and_the_end_says_so() {
    let (listener, port) = listener();
    let watch = Watch::on(port, &["--ring", "4k"]);
    if !watch.is_traced() {
        return;
    }
    watch.misses(&listener, 100);
    let (seen, _) = watch.stop();
    let end = seen.last().expect("an end");
    assert!(end["lost"].as_u64() > Some(0), "{end}");
}

#[test]
fn nobody_reads_any_more() {
    let (listener, port) = listener();
    let mut child = sockscope(&["watch", &format!(":{port}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut String::new()).expect("the first line");
    drop(out);
    drop(connected(&listener));
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panic") && !said.contains("error"), "{said}");
}
