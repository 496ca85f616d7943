//! `sockscope why` on programs in which something moves, or does not, while it looks. What happens
//! between its looks is done in its pauses: nothing depends on time.

mod support;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
use serde_json::Value;
use sockscope::diagnose::{Finding, Weight, diagnose};
use sockscope::live::filter;
use sockscope::live::netns::{Scope, tables};
use sockscope::live::why::{Conclusion, Why, look, why};
use sockscope::observe::process::ProcRoot;
use support::say;

/// Asks, and does this in its pauses, the first one 1.
fn ask(words: &[&str], watch: Option<Duration>, between: &mut dyn FnMut(usize)) -> Why {
    let root = ProcRoot::default();
    let mut tables = tables(&root, Scope::Own).expect("the sockets");
    let filter = filter::parse(words, &|_| None).expect("a filter");
    let mut pauses = 0;
    let mut pause = |_| {
        pauses += 1;
        between(pauses);
    };
    why(&root, &mut tables, &filter, Scope::Own, watch, &mut pause).expect("asked")
}

/// Kind and weight of what was found, without who has the port.
fn keys(why: &Why) -> Vec<(&str, Weight)> {
    let told = why.findings.iter();
    told.map(|finding| (finding.diagnosis.key, finding.weight))
        .filter(|(key, _)| *key != "port-held")
        .collect()
}

fn of_kind<'a>(why: &'a Why, key: &str) -> &'a Finding {
    let mut told = why.findings.iter();
    told.find(|finding| finding.diagnosis.key == key)
        .unwrap_or_else(|| panic!("no {key}: {:#?}", why.findings))
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in: {text}");
}

fn proofs(finding: &Finding) -> String {
    let mut text = String::new();
    for proof in &finding.evidence {
        writeln!(text, "{}: {}", proof.known, proof.text).expect("written");
    }
    text
}

/// A listener on a port of its own, the filter for it, and a connection: the client's end and the
/// server's.
struct Pair {
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

impl Pair {
    fn new() -> Pair {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (server, _) = listener.accept().expect("accept");
        Pair {
            listener,
            client,
            server,
        }
    }

    fn filter(&self) -> String {
        format!(":{}", self.listener.local_addr().expect("address").port())
    }

    /// One more connection, of which the client's end is closed.
    fn close_wait(&self) -> TcpStream {
        let address = self.listener.local_addr().expect("address");
        let client = TcpStream::connect(address).expect("connect");
        let (mut server, _) = self.listener.accept().expect("accept");
        drop(client);
        read_end(&mut server);
        server
    }
}

fn read_end(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).expect("read"), 0, "its end");
}

/// Waits until one look at these sockets tells of this in its headline.
fn until_told(words: &[&str], key: &str, part: &str) {
    let root = ProcRoot::default();
    let mut tables = tables(&root, Scope::Own).expect("the sockets");
    let filter = filter::parse(words, &|_| None).expect("a filter");
    let begun = Instant::now();
    loop {
        let seen = look(&root, &mut tables, &filter, Scope::Own).expect("looked");
        let told = diagnose(&seen.picture, &seen.question);
        let is = |it: &Finding| it.diagnosis.key == key && it.headline.contains(part);
        if told.iter().any(is) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no {key}: {told:#?}"
        );
    }
}

#[test]
fn a_half_close_in_use_owes_nothing() {
    let mut pair = Pair::new();
    let port = pair.filter();
    pair.client.shutdown(Shutdown::Write).expect("shutdown");
    read_end(&mut pair.server);
    let found = ask(&[&port], None, &mut |_| ());
    assert_eq!(keys(&found), [("close-wait", Weight::Wrong)]);
    has(
        &proofs(of_kind(&found, "close-wait")),
        "seen: nothing was sent on it",
    );

    let mut answer = |_| {
        pair.server.write_all(b"answer").expect("write");
        pair.client.read_exact(&mut [0; 6]).expect("read");
    };
    let found = ask(&[&port], None, &mut answer);
    assert_eq!(keys(&found), [("half-closed", Weight::Note)]);
    assert_eq!(found.looks, 2, "it is clear at the second look");
    let found = ask(&[&port, "state:fin-wait-2"], None, &mut answer);
    assert_eq!(keys(&found), [("half-closed", Weight::Note)]);
    // Slow: nothing until the second look, something before the third.
    let found = ask(&[&port], None, &mut |pause| {
        if pause == 2 {
            answer(pause);
        }
    });
    assert_eq!(keys(&found), [("half-closed", Weight::Note)]);
    assert_eq!(found.looks, 3);
}

#[test]
fn a_slow_reader_reads() {
    let mut pair = Pair::new();
    let port = pair.filter();
    pair.server.set_nonblocking(true).expect("non-blocking");
    while pair.server.write(&[0; 65_536]).is_ok() {}
    until_told(&[&port], "zero-window", "");
    let stuck = ask(&[&port], None, &mut |_| ());
    assert_eq!(keys(&stuck), [("zero-window", Weight::Wrong)]);
    let finding = of_kind(&stuck, "zero-window");
    has(&proofs(finding), "inferred: ");
    has(&finding.headline, "does not read");
    // Too little for the window to open.
    let slow = ask(&[&port], None, &mut |_| {
        pair.client.read_exact(&mut [0; 100]).expect("read");
    });
    assert_eq!(keys(&slow), [("zero-window", Weight::Note)]);
    has(
        &of_kind(&slow, "zero-window").headline,
        "slower than this end sends",
    );
}

#[test]
fn a_queue_that_nobody_reads_is_told() {
    let mut pair = Pair::new();
    let port = pair.filter();
    pair.server.write_all(b"hello").expect("write");
    until_told(&[&port], "unread", "");
    let stuck = ask(&[&port], None, &mut |_| ());
    assert_eq!(keys(&stuck), [("unread", Weight::Suspect)]);
    let finding = of_kind(&stuck, "unread");
    has(&finding.headline, "has 5 bytes in its Recv-Q");
    has(&finding.headline, &format!("{} fd", std::process::id()));
    // As much comes as is read: the queue is as long as before.
    let read = ask(&[&port], None, &mut |_| {
        pair.client.read_exact(&mut [0; 5]).expect("read");
        pair.server.write_all(b"again").expect("write");
        pair.client.peek(&mut [0]).expect("peek");
    });
    assert_eq!(keys(&read), []);
}

#[test]
fn connections_of_a_named_listener_wait_for_accept() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let _client = TcpStream::connect(address).expect("connect");
    let port = format!(":{}", address.port());
    // The filter means the listener alone.
    let words = [port.as_str(), "listen"];
    let waits = ask(&words, None, &mut |_| ());
    assert_eq!(keys(&waits), [("not-accepted", Weight::Suspect)]);
    has(
        &of_kind(&waits, "not-accepted").fix,
        &std::process::id().to_string(),
    );
    let accepted = ask(&words, None, &mut |pause| {
        if pause == 2 {
            listener.accept().expect("accept");
        }
    });
    assert_eq!(keys(&accepted), []);
}

#[test]
fn a_child_that_is_collected_between_the_looks_is_no_zombie() {
    let me = format!("pid:{}", std::process::id());
    let mut child = Command::new("true").spawn().expect("true");
    let name = format!(" {} is a zombie", child.id());
    until_told(&[&me], "zombie", &name);
    let told = |why: &Why| why.findings.iter().any(|it| it.headline.contains(&name));
    assert!(told(&ask(&[&me], None, &mut |_| ())));
    // A reaper that comes by every second or so.
    let reaped = ask(&[&me], None, &mut |pause| {
        if pause == 2 {
            child.wait().expect("wait");
        }
    });
    child.wait().expect("known by now");
    assert!(!told(&reaped), "{:#?}", reaped.findings);
}

#[test]
fn who_has_a_port_is_told_of_every_kind_of_socket() {
    // Bound, and nothing more.
    let bound = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    );
    let bound = bound.expect("socket");
    let any = SockaddrIn::new(127, 0, 0, 1, 0);
    bind(std::os::fd::AsRawFd::as_raw_fd(&bound), &any).expect("bind");
    let address: SockaddrIn =
        getsockname(std::os::fd::AsRawFd::as_raw_fd(&bound)).expect("address");
    let port = address.port();
    let words = format!(":{port}");
    let me = format!(
        "{} fd {}",
        std::process::id(),
        std::os::fd::AsRawFd::as_raw_fd(&bound)
    );
    let found = ask(&[&words], None, &mut |_| ());
    if found.bound_unseen {
        eprintln!("not tested here: this kernel does not tell of bound sockets");
    } else {
        let finding = of_kind(&found, "address-in-use");
        has(&finding.headline, &format!("{me} has bound it"));
        assert_eq!(finding.weight, Weight::Note, "connect() takes such ports");
    }
    // UDP has ports of its own: the same number is free there, or its own story.
    if let Ok(_datagrams) = UdpSocket::bind(("127.0.0.1", port)) {
        let found = ask(&[&words], None, &mut |_| ());
        let told = found
            .findings
            .iter()
            .any(|it| it.headline.contains("UDP port"));
        assert!(told, "{:#?}", found.findings);
        let found = ask(&[&words, "tcp"], None, &mut |_| ());
        let told = found
            .findings
            .iter()
            .any(|it| it.headline.contains("UDP port"));
        assert!(!told, "{:#?}", found.findings);
    }
    drop(bound);
    let found = ask(&[&words, "tcp"], None, &mut |_| ());
    let told = found.findings.iter().any(|it| it.headline.contains(&me));
    assert!(!told, "{:#?}", found.findings);

    // A connection whose listener is gone.
    let Pair {
        listener,
        client,
        server,
    } = Pair::new();
    let words = format!(":{}", listener.local_addr().expect("address").port());
    drop(listener);
    let found = ask(&[&words], None, &mut |_| ());
    has(
        &of_kind(&found, "port-held").headline,
        "1 open connection (ESTABLISHED) keeps it",
    );
    // Nobody holds it any more, and the other end has not closed.
    drop(server);
    let found = ask(&[&words], None, &mut |_| ());
    has(
        &of_kind(&found, "address-in-use").headline,
        "1 left-over connection (FIN_WAIT2) keeps it",
    );
    drop(client);
}

#[test]
fn a_leak_keeps_what_it_had_and_gets_more() {
    let pair = Pair::new();
    let port = pair.filter();
    let watch = Some(Duration::from_secs(1));
    let mut kept = vec![pair.close_wait(), pair.close_wait()];
    let leaks = ask(&[&port], watch, &mut |pause| {
        if pause == 1 {
            kept.push(pair.close_wait());
        }
    });
    let leak = of_kind(&leaks, "close-wait-leak");
    has(&leak.headline, "grew from 2 to 3");
    assert_eq!((leak.facts.before, leak.facts.count), (Some(2), Some(3)));
    // More than before, but others.
    let turns_over = ask(&[&port], watch, &mut |pause| {
        if pause == 1 {
            kept.clear();
            kept.extend((0..4).map(|_| pair.close_wait()));
        }
    });
    assert!(
        keys(&turns_over)
            .iter()
            .all(|(key, _)| *key != "close-wait-leak")
    );
    // They were on their way to be closed.
    let passing = ask(&[&port], watch, &mut |pause| match pause {
        1 => kept.push(pair.close_wait()),
        _ => drop(kept.pop()),
    });
    assert!(
        keys(&passing)
            .iter()
            .all(|(key, _)| *key != "close-wait-leak")
    );
}

#[test]
fn a_process_without_sockets_is_found_all_the_same() {
    let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
    let pid = child.id();
    let found = ask(&[&format!("pid:{pid}")], None, &mut |_| ());
    assert_eq!((found.sockets, found.processes), (0, 1));
    assert_eq!(found.conclusion(), Conclusion::NothingWrong);
    let said = say(&[
        "why",
        &format!("pid:{pid}"),
        "--width",
        "200",
        "--color",
        "never",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    has(
        &said.stdout,
        "Nothing wrong. Looked at 1 process, which holds no TCP socket here",
    );
    // The name is truncated to 15 bytes and may be any other's too.
    let found = ask(&["name:sleep"], None, &mut |_| ());
    assert_ne!(found.conclusion(), Conclusion::NothingMatched);
    assert!(found.processes >= 1);
    // It holds no such socket: nothing is meant.
    let found = ask(&[&format!("pid:{pid}"), ":1"], None, &mut |_| ());
    assert_eq!(found.conclusion(), Conclusion::NothingMatched);
    child.kill().expect("kill");
    child.wait().expect("wait");
    assert_eq!(
        say(&["why", &format!("pid:{pid}")]).code,
        Some(4),
        "it is gone"
    );
}

#[test]
fn watch_looks_three_times() {
    let pair = Pair::new();
    let said = say(&["why", &pair.filter(), "--watch", "50ms", "--format", "json"]);
    let value: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(value["looked"]["looks"], 3, "{value:#}");
    assert!(
        value["looked"]["between_ms"].as_u64() >= Some(300),
        "{value:#}"
    );
    // What was wrong at all of them is told as without it.
    let _kept = pair.close_wait();
    let said = say(&["why", &pair.filter(), "--watch", "50ms", "--format", "json"]);
    assert_eq!(said.code, Some(1));
    has(&said.stdout, "\"diagnosis\":\"close-wait\"");
    let text = say(&["why", &pair.filter(), "--watch", "50ms", "--width", "200"]);
    has(&text.stdout, ", 3 times in ");
}

#[test]
fn a_refused_connection_is_counted_as_one_that_did_not_come_about() {
    let pair = Pair::new();
    let refused = TcpListener::bind("127.0.0.1:0").expect("bind");
    let nobody = refused.local_addr().expect("address");
    drop(refused);
    let watch = Some(Duration::from_secs(1));
    let found = ask(&[&pair.filter()], watch, &mut |pause| {
        if pause == 1 {
            TcpStream::connect(nobody).expect_err("nobody listens");
        }
    });
    let finding = of_kind(&found, "attempts-failed");
    assert_eq!(finding.weight, Weight::Suspect);
    // Others on this machine may count too.
    assert!(finding.facts.count >= Some(1));
    has(&proofs(finding), "seen: AttemptFails +");
}
