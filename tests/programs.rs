//! The built-in programs, each flag proven by what the programs report and by `/proc`.

mod stage;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use sockscope::event::CallResult;
use stage::{Stage, calls, end, state_of, until_ended};
use std::os::unix::process::ExitStatusExt as _;

const EOF: CallResult = CallResult::Eof;

fn errno(errno: Errno) -> CallResult {
    CallResult::Errno(errno as i32)
}

fn value(value: i64) -> CallResult {
    CallResult::Value(value)
}

#[test]
fn a_chat_ends_in_the_books_order() {
    let mut stage = Stage::new();
    let (mut server, port) = stage.serve("chat-server 0");
    for address in ["127.0.0.1", "::1"] {
        let mut client = stage.start(&format!("chat-client {address} {port}"));
        let round = if address == "::1" { 2 } else { 1 };
        let reader = stage.until_forked(server.pid(), round);
        client.types("hello\n");
        server.prints("hello\n");
        server.types("and you\n");
        client.prints("and you\n");
        client.types("q\n");
        let client_pid = client.pid();
        let (status, rest, errors) = client.ends();
        assert_eq!(
            (status.code(), rest.as_str(), errors.as_str()),
            (Some(0), "", "")
        );

        // Between processes only what one caused in the other has an order: a call is reported
        // after it returned, and then its effect may be reported already.
        let writer = stage.until_forked(client_pid, 1);
        stage.until_call(writer, "shutdown", value(0), 1);
        stage.until_call(client_pid, "read", EOF, 1);
        let eof = stage.until_call(reader, "read", EOF, 1);
        let told = stage.until_call(server.pid(), "SIGCHLD", CallResult::Nothing, round);
        let reaped = stage.until_call(server.pid(), "waitpid", value(reader.into()), 1);
        let closed = stage.until_call(server.pid(), "close", value(0), round);
        assert!(eof < told && told < reaped && reaped < closed);
        assert_eq!(state_of(reader), None);
        assert!(
            stage
                .until_collected(client_pid, writer)
                .contains("exited 0")
        );
    }
}

#[test]
fn a_sigchld_between_look_and_read_is_not_lost() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("chat-server 0");
    for round in 1..=30 {
        let mut client = stage.start(&format!("chat-client 127.0.0.1 {port}"));
        client.ends_input();
        assert_eq!(client.ends().0.code(), Some(0));
        stage.until_call(server.pid(), "close", value(0), round);
    }
}

#[test]
fn a_restarted_read_closes_only_when_somebody_types() {
    let mut stage = Stage::new();
    let (mut server, port) = stage.serve("chat-server 0 --sa-restart");
    let mut client = stage.start(&format!("chat-client 127.0.0.1 {port}"));
    let reader = stage.until_forked(server.pid(), 1);
    // The server has looked at its flag and reads: a line gets through.
    server.types("ready\n");
    client.prints("ready\n");
    client.types("q\n");
    stage.until_collected(server.pid(), reader);
    let reaped = stage.log.len() - 1;
    server.types("typed\n");
    client.prints("typed\n");
    assert_eq!(client.ends().0.code(), Some(0));
    let closed = stage.until_call(server.pid(), "close", value(0), 1);
    let read = stage.until_call(server.pid(), "read", value(6), 2);
    assert!(reaped < read && read < closed);
    assert!(calls(&stage.log, server.pid(), "read").all(|c| c.result != errno(Errno::EINTR)));
}

#[test]
fn a_forgotten_close_sends_no_fin() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("chat-server 0 --forget-close");
    let mut client = stage.start(&format!("chat-client 127.0.0.1 {port}"));
    let reader = stage.until_forked(server.pid(), 1);
    client.types("q\n");
    stage.until_collected(server.pid(), reader);
    // The server has left its write routine: it takes the next client.
    let mut next = stage.start(&format!("chat-client 127.0.0.1 {port}"));
    stage.until_forked(server.pid(), 2);
    assert_eq!(stage.count(server.pid(), "close"), 0);
    assert!(calls(&stage.log, client.pid(), "read").next().is_none());
    // The second child inherited a copy of the first connection too.
    next.ends_input();
    let second = stage.until_forked(server.pid(), 2);
    stage.until_collected(server.pid(), second);
    server.signal(Signal::SIGKILL);
    assert_eq!(client.ends().0.code(), Some(0));
}

#[test]
fn without_a_handler_the_child_stays_a_zombie() {
    for (flag, left) in [("none", Some('Z')), ("ignore", None)] {
        let mut stage = Stage::new();
        let (server, port) = stage.serve(&format!("echo-server 0 --sigchld {flag}"));
        let mut client = stage.start(&format!("echo-client 127.0.0.1 {port}"));
        let child = stage.until_forked(server.pid(), 1);
        client.types("hello\n");
        client.prints("hello\n");
        client.ends_input();
        assert_eq!(client.ends().0.code(), Some(0));
        assert_eq!(until_ended(child), left, "--sigchld {flag}");
    }
}

#[test]
fn five_at_once() {
    for (flag, name) in [("loop", "waitpid"), ("once", "wait")] {
        let mut stage = Stage::new();
        let (server, port) = stage.serve(&format!("echo-server 0 --sigchld {flag}"));
        let mut client = stage.start(&format!("echo-client 127.0.0.1 {port} --connections 5"));
        let children: Vec<i32> = (1..=5)
            .map(|nth| stage.until_forked(server.pid(), nth))
            .collect();
        client.types("hello\n");
        client.prints("hello\n");
        client.ends_input();
        assert_eq!(client.ends().0.code(), Some(0));
        if flag == "loop" {
            for child in children {
                stage.until_collected(server.pid(), child);
                assert_eq!(state_of(child), None);
            }
        } else {
            // How many stay is chance. But a signal is one wait(), and who is not waited for stays.
            for &child in &children {
                until_ended(child);
            }
            stage.until_call(server.pid(), "accept", errno(Errno::EINTR), 1);
            let server_pid = server.pid();
            stage.until("waits and zombies to be five", |log| {
                let waits = calls(log, server_pid, name).count();
                let zombies = children
                    .iter()
                    .filter(|&&c| state_of(c) == Some('Z'))
                    .count();
                (waits + zombies == 5 && calls(log, server_pid, "SIGCHLD").count() == waits)
                    .then_some(())
            });
        }
    }
}

#[test]
fn an_interrupted_accept_fails_is_retried_or_restarted() {
    for flags in ["--eintr retry", "--eintr fail", "--eintr fail --sa-restart"] {
        let mut stage = Stage::new();
        let (server, port) = stage.serve(&format!("echo-server 0 {flags}"));
        let mut client = stage.start(&format!("echo-client 127.0.0.1 {port}"));
        let child = stage.until_forked(server.pid(), 1);
        // The parent closes its copy last, before it blocks in accept.
        let closed = stage.until_call(server.pid(), "close", value(0), 1);
        assert!(closed > 0);
        client.types("hello\n");
        client.prints("hello\n");
        while state_of(server.pid()) != Some('S') {
            std::thread::yield_now();
        }
        client.ends_input();
        stage.until_collected(server.pid(), child);
        if flags == "--eintr fail" {
            let (status, _, errors) = server.ends();
            assert_eq!(status.code(), Some(1));
            assert_eq!(
                errors,
                "echo-server: accept: Interrupted system call (EINTR)\n"
            );
            continue;
        }
        let _next = stage.start(&format!("echo-client 127.0.0.1 {port}"));
        stage.until_forked(server.pid(), 2);
        let interrupted = calls(&stage.log, server.pid(), "accept")
            .filter(|c| c.result == errno(Errno::EINTR))
            .count();
        assert_eq!(
            interrupted,
            usize::from(flags == "--eintr retry"),
            "{flags}"
        );
    }
}

#[test]
fn a_write_after_the_reset_is_sigpipe_or_epipe() {
    for sigpipe in ["default", "ignore"] {
        let mut stage = Stage::new();
        let (server, port) = stage.serve("echo-server 0");
        let mut client = stage.start(&format!(
            "echo-client 127.0.0.1 {port} --two-writes --sigpipe {sigpipe}"
        ));
        let child = stage.until_forked(server.pid(), 1);
        client.types("hello\n");
        client.prints("hello\n");
        end(child, Signal::SIGKILL);
        assert_eq!(
            stage.until_collected(server.pid(), child),
            "-1, killed by SIGKILL, WNOHANG"
        );
        client.types("again\n");
        let pid = client.pid();
        let (status, _, errors) = client.ends();
        if sigpipe == "default" {
            assert_eq!(status.signal(), Some(Signal::SIGPIPE as i32));
        } else {
            assert_eq!(status.code(), Some(1));
            assert_eq!(errors, "echo-client: write: Broken pipe (EPIPE)\n");
            stage.until_call(pid, "write", errno(Errno::EPIPE), 1);
        }
    }
}

#[test]
fn a_client_at_the_keyboard_learns_late_and_a_polling_one_at_once() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("echo-server 0");
    for flag in ["", " --poll"] {
        let mut client = stage.start(&format!("echo-client 127.0.0.1 {port}{flag}"));
        let child = stage.until_forked(server.pid(), if flag.is_empty() { 1 } else { 2 });
        client.types("hello\n");
        client.prints("hello\n");
        end(child, Signal::SIGKILL);
        stage.until_collected(server.pid(), child);
        if flag.is_empty() {
            assert_eq!(stage.count(client.pid(), "read"), 2);
            client.types("again\n");
        }
        let (status, _, errors) = client.ends();
        assert_eq!(status.code(), Some(1));
        assert_eq!(
            errors,
            "echo-client: str_cli: server terminated prematurely\n"
        );
    }
}

#[test]
fn only_the_last_copys_close_sends_a_fin() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("chat-server 0");
    let mut client = stage.start(&format!("chat-client 127.0.0.1 {port} --close close"));
    let reader = stage.until_forked(server.pid(), 1);
    let writer = stage.until_forked(client.pid(), 1);
    client.types("q\n");
    let closed = stage.until_call(writer, "close", value(0), 1);
    assert_eq!(stage.count(writer, "shutdown"), 0);
    assert_eq!(until_ended(writer), Some('Z'));
    let before_kill = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("now");
    client.signal(Signal::SIGKILL);
    let eof = stage.until_call(reader, "read", EOF, 1);
    assert!(closed < eof);
    let before_kill = before_kill.tv_sec() as u64 * 1_000_000_000 + before_kill.tv_nsec() as u64;
    assert!(stage.log[eof].1.at_ns > before_kill);
}

#[test]
fn when_the_server_ends_first_the_chat_clients_child_is_ended_or_left() {
    let mut stage = Stage::new();
    let (_server, port) = stage.serve("hello-server 0 --forever");
    let client = stage.start(&format!("chat-client 127.0.0.1 {port}"));
    let writer = stage.until_forked(client.pid(), 1);
    let pid = client.pid();
    // Its input stays open: what ends the child is the signal.
    assert_eq!(
        stage.until_collected(pid, writer),
        format!("{writer}, killed by SIGTERM, 0")
    );
    let (status, output, _) = client.ends();
    assert_eq!((status.code(), output.as_str()), (Some(0), "Hello World!"));

    let mut client = stage.start(&format!("chat-client 127.0.0.1 {port} --leave-writer"));
    let writer = stage.until_forked(client.pid(), 1);
    stage.until_call(client.pid(), "close", value(0), 1);
    assert_eq!(until_ended(client.pid()), Some('Z'));
    assert!(matches!(state_of(writer), Some('S' | 'R')));
    client.ends_input();
    until_ended(writer);
}

#[test]
fn the_server_can_close_first_with_fin_or_reset() {
    let mut stage = Stage::new();
    for (how, result) in [
        ("close", EOF),
        ("shutdown", EOF),
        ("linger0", errno(Errno::ECONNRESET)),
    ] {
        let (server, port) = stage.serve(&format!("echo-server 0 --close-after 1 --close {how}"));
        let mut peer = stage.start("peer socket");
        peer.types(&format!(
            "connect 127.0.0.1 {port}\nwrite-line hi\nread\nread\n"
        ));
        peer.prints_line();
        peer.prints("connect: ok\nwrite-line: 3\n");
        peer.prints("read: \"hi\\n\"\n");
        let pid = peer.pid();
        stage.until_call(pid, "read", result, 1);
        let child = stage.until_forked(server.pid(), 1);
        stage.until_collected(server.pid(), child);
        assert_eq!(
            stage.count(child, "shutdown"),
            usize::from(how == "shutdown")
        );
    }
}

#[test]
fn after_the_clients_fin_the_server_may_go_on() {
    let mut stage = Stage::new();
    let (mut server, port) = stage.serve("echo-server 0 --half-close");
    let mut client = stage.start(&format!("echo-client 127.0.0.1 {port} --keep-reading"));
    let child = stage.until_forked(server.pid(), 1);
    client.ends_input();
    stage.until_call(child, "read", EOF, 1);
    server.types("one more thing\n");
    client.prints("one more thing\n");
    assert_eq!(client.ends().0.code(), Some(0));
}

#[test]
fn a_parent_that_keeps_its_copy_keeps_the_connection() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("echo-server 0 --keep-conn");
    let mut client = stage.start(&format!("echo-client 127.0.0.1 {port} --keep-reading"));
    let child = stage.until_forked(server.pid(), 1);
    client.ends_input();
    stage.until_collected(server.pid(), child);
    assert_eq!(stage.count(server.pid(), "close"), 0);
    assert_eq!(stage.count(child, "close"), 2);
    stage.until_call(client.pid(), "shutdown", value(0), 1);
    // Were the FIN here, the client would be ending: it waits in read instead.
    assert_eq!(calls(&stage.log, client.pid(), "read").count(), 1);
    server.signal(Signal::SIGKILL);
    stage.until_call(client.pid(), "read", EOF, 2);
    assert_eq!(client.ends().0.code(), Some(0));
}

#[test]
fn a_server_can_wait_before_it_accepts_or_reads() {
    let mut stage = Stage::new();
    let (mut server, port) = stage.serve("echo-server 0 --wait-before-accept");
    let mut client = stage.start(&format!("echo-client 127.0.0.1 {port}"));
    client.types("early\n");
    stage.until_call(client.pid(), "write", value(6), 1);
    assert_eq!(stage.count(server.pid(), "accept"), 0);
    server.types("\n");
    client.prints("early\n");
    client.ends_input();
    assert_eq!(client.ends().0.code(), Some(0));
    server.ends_input();
    assert_eq!(server.ends().0.code(), Some(0));

    let (mut server, port) = stage.serve("echo-server 0 --no-read");
    let mut client = stage.start(&format!("echo-client 127.0.0.1 {port}"));
    let child = stage.until_forked(server.pid(), 1);
    client.types("early\n");
    stage.until_call(client.pid(), "write", value(6), 1);
    assert_eq!(stage.count(child, "read"), 0);
    server.types("\n");
    client.prints("early\n");
}

#[test]
fn hello() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("hello-server 0 --bind 127.0.0.1");
    let client = stage.start(&format!("hello-client 127.0.0.1 {port}"));
    let (status, output, _) = client.ends();
    assert_eq!((status.code(), output.as_str()), (Some(0), "Hello World!"));
    assert_eq!(server.ends().0.code(), Some(0));
}

#[test]
fn when_one_client_leaves_or_resets_the_others_go_on() {
    for name in ["event-echo-server", "threaded-echo-server"] {
        let mut stage = Stage::new();
        let (server, port) = stage.serve(&format!("{name} 0"));
        let mut stays = stage.start(&format!("echo-client ::1 {port}"));
        let mut leaves = stage.start(&format!("echo-client 127.0.0.1 {port}"));
        let mut resets = stage.start(&format!("echo-client 127.0.0.1 {port} --close linger0"));
        for client in [&mut stays, &mut leaves, &mut resets] {
            client.types("hello\n");
            client.prints("hello\n");
        }
        leaves.ends_input();
        resets.ends_input();
        stage.until_call(server.pid(), "read", EOF, 1);
        stage.until_call(server.pid(), "read", errno(Errno::ECONNRESET), 1);
        stage.until_call(server.pid(), "close", value(0), 2);
        stays.types("still here\n");
        stays.prints("still here\n");
        assert!(
            stage
                .log
                .iter()
                .all(|(pid, _)| state_of(*pid) != Some('Z') || *pid != server.pid())
        );
        stays.ends_input();
        assert_eq!(stays.ends().0.code(), Some(0));
    }
}

#[test]
fn the_event_server_gives_back_what_is_larger_than_its_buffers() {
    let mut stage = Stage::new();
    let (_server, port) = stage.serve("event-echo-server 0");
    let mut client = stage.start(&format!("echo-client 127.0.0.1 {port} --poll"));
    let line = format!("{}\n", "x".repeat(300_000));
    // More than pipes and sockets hold: somebody must read while somebody writes.
    let typing = client.types_meanwhile(line.clone());
    client.prints(&line);
    typing.join().expect("all was typed");
    assert_eq!(client.ends().0.code(), Some(0));
}

#[test]
fn udp() {
    let mut stage = Stage::new();
    let (server, port) = stage.serve("udp-echo-server 0");
    for flag in ["", " --connected"] {
        let mut client = stage.start(&format!("udp-echo-client 127.0.0.1 {port}{flag}"));
        client.types("hello\n");
        client.prints("hello\n");
        client.ends_input();
        assert_eq!(client.ends().0.code(), Some(0));
    }
    drop(server);
    let mut client = stage.start(&format!("udp-echo-client 127.0.0.1 {port} --connected"));
    client.types("hello\n");
    let (status, _, errors) = client.ends();
    assert_eq!(status.code(), Some(1));
    assert_eq!(
        errors,
        "udp-echo-client: read: Connection refused (ECONNREFUSED)\n"
    );
}

#[test]
fn a_peer_makes_one_call_for_each_line() {
    let mut stage = Stage::new();
    let mut listener = stage.start("peer");
    listener.types("socket v6\nbind ::1 0\nlisten 1\nname\n");
    stage.until_call(listener.pid(), "getsockname", value(0), 1);
    let name = calls(&stage.log, listener.pid(), "getsockname")
        .next()
        .expect("it came");
    let port = name.args.rsplit(':').next().expect("a port").to_owned();

    // UNP 5.11: the connection is reset before the server accepts it.
    let mut client = stage.start("peer");
    client.types(&format!(
        "socket v6\nsetsockopt SO_LINGER 1 0\nconnect-start ::1 {port}\nconnect-finish\nclose\n"
    ));
    stage.until_call(client.pid(), "close", value(0), 1);
    listener.types("accept\nread\nread\n");
    stage.until_call(listener.pid(), "read", errno(Errno::ECONNRESET), 1);
    stage.until_call(listener.pid(), "read", EOF, 1);

    client.types("connect ::1 1\nsocket v6\nconnect ::1 1\nnonsense\n");
    client.ends_input();
    let (status, output, _) = client.ends();
    assert_eq!(status.code(), Some(0));
    let answers: Vec<&str> = output
        .lines()
        .filter(|line| !line.starts_with("socket: "))
        .collect();
    assert_eq!(
        answers,
        [
            "setsockopt: ok",
            "connect-start: EINPROGRESS",
            "connect-finish: ok",
            "close: ok",
            "connect: EBADF",
            "connect: ECONNREFUSED",
            "peer: `nonsense` is not a command; see peer --help",
        ]
    );
}

#[test]
fn errors_are_printed_as_the_book_does() {
    let mut stage = Stage::new();
    let (_server, port) = stage.serve("chat-server 0");
    let (status, output, errors) = stage.start(&format!("chat-server {port}")).ends();
    assert_eq!((status.code(), output.as_str()), (Some(1), ""));
    assert_eq!(
        errors,
        "chat-server: bind: Address already in use (EADDRINUSE)\n"
    );

    let (status, _, errors) = stage.start("echo-client ::1 1").ends();
    assert_eq!(status.code(), Some(1));
    assert_eq!(
        errors,
        "echo-client: connect: Connection refused (ECONNREFUSED)\n"
    );

    for wrong in [
        "echo-server",
        "echo-server x",
        "echo-client localhost 1",
        "nobody",
    ] {
        let (status, output, errors) = stage.start(wrong).ends();
        assert_eq!((status.code(), output.as_str()), (Some(2), ""), "{wrong}");
        assert!(!errors.is_empty());
    }
    for program in sockscope::programs::ALL {
        let (status, output, errors) = stage.start(&format!("{} --help", program.name)).ends();
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
        assert!(output.contains("UNP"), "{}", program.name);
    }
}

#[test]
fn a_full_channel_stops_no_program_and_the_loss_is_told() {
    let mut stage = Stage::new();
    let (_server, port) = stage.serve("threaded-echo-server 0");
    let mut client = stage.start(&format!("echo-client 127.0.0.1 {port}"));
    // Nobody receives meanwhile.
    for _ in 0..3000 {
        client.types("x\n");
        client.prints("x\n");
    }
    stage.until_call(client.pid(), "connect", value(0), 1);
    client.types("last\n");
    client.prints("last\n");
    stage.until("the loss", |log| {
        log.iter().find(|(_, record)| record.lost > 0).map(drop)
    });
    client.ends_input();
    assert_eq!(client.ends().0.code(), Some(0));
}

#[test]
fn without_a_channel_nothing_is_sent() {
    for named in ["", "1", "77", "-1", "x"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sockscope"))
            .args(["program", "peer", "socket", "close"])
            .env(sockscope::programs::record::REPORT_FD, named)
            .stdin(std::process::Stdio::null())
            .output()
            .expect("sockscope starts");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "socket: 3\nclose: ok\n",
            "{named}"
        );
    }
}
