//! `sockscope trace`: a command runs as it would alone, and what it did is told beside it.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use support::SOCKSCOPE;

const PATIENCE: Duration = Duration::from_secs(30);

struct Traced {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(SOCKSCOPE);
    command
        .arg("trace")
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn trace(arguments: &[&str], input: &str) -> Traced {
    let mut child = command(arguments).spawn().expect("sockscope starts");
    let mut stdin = child.stdin.take().expect("piped");
    // A command that ends without reading leaves a broken pipe: that is its right.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    end(child)
}

fn end(child: Child) -> Traced {
    let output = child.wait_with_output().expect("it ends");
    Traced {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_command_keeps_its_streams_and_its_exit_code() {
    let traced = trace(&["--", "sh", "-c", "cat; echo no >&2; exit 3"], "typed\n");
    assert_eq!(traced.code, Some(3), "{}", traced.stderr);
    assert_eq!(traced.stdout, "typed\n");
    assert!(traced.stderr.starts_with("no\n"), "{}", traced.stderr);
    assert!(traced.stderr.contains("sh exited 3"), "{}", traced.stderr);
    assert!(traced.stderr.contains("\n ended  "), "{}", traced.stderr);
}

#[test]
fn a_signal_is_told_as_a_shell_tells_it() {
    let traced = trace(&["--", "sh", "-c", "kill -TERM $$"], "");
    assert_eq!(traced.code, Some(128 + libc::SIGTERM), "{}", traced.stderr);
    assert!(
        traced.stderr.contains("sh got SIGTERM from sh"),
        "{}",
        traced.stderr
    );
    assert!(
        traced.stderr.contains("sh killed by SIGTERM from sh"),
        "{}",
        traced.stderr
    );
}

#[test]
fn a_command_that_does_not_start_is_told_as_env_tells_it() {
    for (arguments, code, says) in [
        (
            &["--", "no-such-command"][..],
            127,
            "cannot start `no-such-command`",
        ),
        (&["--", "/etc/passwd"][..], 126, "Permission denied"),
        (
            &["--with", "'open", "--", "true"][..],
            125,
            "inside a quotation",
        ),
        (
            &["-o", "/no/such/folder/file", "--", "true"][..],
            125,
            "cannot write `/no/such/folder/file`",
        ),
    ] {
        let traced = trace(arguments, "");
        assert_eq!(traced.code, Some(code), "{}", traced.stderr);
        assert!(traced.stderr.contains(says), "{}", traced.stderr);
        assert_eq!(traced.stdout, "");
    }
    assert_eq!(trace(&[], "").code, Some(2));
}

#[test]
fn the_timeline_goes_to_a_file_where_one_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("timeline.txt");
    let path = file.to_str().expect("a path in UTF-8");
    let traced = trace(&["-o", path, "--", "echo", "hello"], "");
    assert_eq!((traced.code, traced.stdout.as_str()), (Some(0), "hello\n"));
    assert_eq!(traced.stderr, "");
    let timeline = fs::read_to_string(&file).expect("it was written");
    assert!(timeline.contains("echo exited 0"), "{timeline}");
}

#[test]
fn a_record_is_kept_and_gives_the_same_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("record.jsonl");
    let path = file.to_str().expect("a path in UTF-8");
    let traced = trace(&["--save", path, "--width", "90", "--", "true"], "");
    assert_eq!(traced.code, Some(0), "{}", traced.stderr);
    let replayed = Command::new(SOCKSCOPE)
        .args(["replay", path, "--width", "90"])
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("sockscope starts");
    assert_eq!(String::from_utf8_lossy(&replayed.stdout), traced.stderr);
}

/// A server on the machine's own network, and a client that sockscope does not trace.
#[test]
fn a_server_on_this_machine_is_watched_until_it_is_interrupted() {
    let server = [
        "--",
        SOCKSCOPE,
        "program",
        "echo-server",
        "--sigchld",
        "loop",
        "0",
    ];
    let mut child = command(&server).spawn().expect("sockscope starts");
    // Nobody knows the port before the server has it: it is asked of /proc.
    let port = loop {
        match port_below(child.id() as i32) {
            Some(port) => break port,
            None if child.try_wait().expect("its state").is_some() => {
                panic!("it ended: {}", end(child).stderr)
            }
            None => std::thread::yield_now(),
        }
    };
    let client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    (&client).write_all(b"hello\n").expect("room");
    let mut line = String::new();
    let mut lines = BufReader::new(&client);
    lines.read_line(&mut line).expect("an answer");
    assert_eq!(line, "hello\n");
    client
        .shutdown(std::net::Shutdown::Write)
        .expect("connected");
    lines.read_to_string(&mut line).expect("the end");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    drop(child.stdin.take());
    let traced = end(child);
    assert_eq!(traced.code, Some(128 + libc::SIGINT), "{}", traced.stderr);
    for says in [
        "LISTEN",
        "ESTABLISHED",
        "sockscope.child read(4, \"hello\\n\", 4096) → 6",
        "sockscope.child exited 0",
        "sockscope killed by SIGINT from sockscope",
    ] {
        let flat = traced
            .stderr
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(flat.contains(says), "{says}:\n{}", traced.stderr);
    }
}

/// Waits until something below `pid` is there.
fn await_below(pid: i32, mut is_there: impl FnMut(&[procfs::process::Stat]) -> bool) {
    let begun = Instant::now();
    while !is_there(&below(pid)) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", below(pid));
        std::thread::yield_now();
    }
}

/// All processes below `pid`, also those that `pid` adopted.
fn below(pid: i32) -> Vec<procfs::process::Stat> {
    let all = procfs::process::all_processes().expect("/proc");
    let all: Vec<_> = all.flatten().filter_map(|one| one.stat().ok()).collect();
    let mut found = vec![pid];
    loop {
        let more =
            |one: &&procfs::process::Stat| found.contains(&one.ppid) && !found.contains(&one.pid);
        match all.iter().find(more) {
            Some(one) => found.push(one.pid),
            None => break,
        }
    }
    let is_below = |one: &procfs::process::Stat| one.pid != pid && found.contains(&one.pid);
    all.into_iter().filter(is_below).collect()
}

fn runs(stats: &[procfs::process::Stat], comm: &str) -> bool {
    stats.iter().any(|stat| stat.comm == comm)
}

/// As Ctrl-C in a terminal does: the whole process group is interrupted.
#[test]
fn whoever_interrupts_the_group_gets_the_timeline() {
    let mut trace = command(&["--", "sleep", "60"]);
    let child = trace.process_group(0).spawn().expect("sockscope starts");
    let group = Pid::from_raw(child.id() as i32);
    await_below(child.id() as i32, |below| runs(below, "sleep"));
    killpg(group, Signal::SIGINT).expect("it runs");
    let traced = end(child);
    assert_eq!(traced.code, Some(128 + libc::SIGINT), "{}", traced.stderr);
    assert!(
        traced.stderr.contains("sleep killed by SIGINT"),
        "{}",
        traced.stderr
    );
}

#[test]
fn a_program_that_signals_its_group_is_signalled_once() {
    let script = "trap 'echo got' HUP; kill -HUP 0; read line; echo $line";
    let mut trace = command(&["--", "sh", "-c", script]);
    let mut child = trace.process_group(0).spawn().expect("sockscope starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert_eq!(next(), "got");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"over\n").expect("it reads");
    assert_eq!(next(), "over");
    assert_eq!(end(child).code, Some(0));
}

/// The command has ended, and what it left behind is in a session of its own: nobody else would
/// end it.
#[test]
fn what_a_command_leaves_behind_is_ended_by_the_first_interrupt() {
    let trace = &["--", "sh", "-c", "setsid sleep 60 & exit 0"];
    let child = command(trace).spawn().expect("sockscope starts");
    await_below(child.id() as i32, |below| {
        runs(below, "sleep") && !runs(below, "sh")
    });
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    let traced = end(child);
    assert_eq!(traced.code, Some(0), "{}", traced.stderr);
    assert!(
        traced.stderr.contains("killed by SIGKILL from sockscope"),
        "{}",
        traced.stderr
    );
}

/// The other end of the first connection is accepted, and held by this test.
#[test]
fn the_other_end_is_a_strangers() {
    let listen = || std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let (first, second) = (listen(), listen());
    let port = |of: &std::net::TcpListener| of.local_addr().expect("bound").port().to_string();
    let (one, other) = (port(&first), port(&second));
    let with = format!("{SOCKSCOPE} program hello-client 127.0.0.1 {other}");
    let client = [SOCKSCOPE, "program", "hello-client", "127.0.0.1", &one];
    let trace = [&["--with", &with, "--"], &client[..]].concat();
    let mut child = command(&trace).spawn().expect("sockscope starts");
    drop(child.stdin.take());
    let held = first.accept().expect("it connects").0;
    // Begun when the first one waits: until then its sockets were looked at.
    drop(second.accept().expect("it connects"));
    drop(held);
    let traced = end(child);
    assert!(
        traced.stderr.contains("held by no process of the run"),
        "{}",
        traced.stderr
    );
    // The second one may have been looked at before it was accepted.
    let queued = "stranger.conn held by nobody: not accepted yet";
    assert!(!traced.stderr.contains(queued), "{}", traced.stderr);
}

#[test]
fn a_scenario_from_this_machines_network_passes_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hello.toml");
    let path = file.to_str().expect("a path in UTF-8");
    let client = "hello-client {server} {port}";
    for events in ["auto", "off"] {
        let said = ["--events", events, "--scenario", path, "--with", client];
        let traced = trace(&[&said[..], &["--", "hello-server", "{port}"]].concat(), "");
        assert_eq!(traced.code, Some(0), "{}", traced.stderr);
        let text = fs::read_to_string(&file).expect("it was written");
        for _ in 0..3 {
            let run = Command::new(SOCKSCOPE)
                .args(["run", path, "--net", "host"])
                .env("LC_ALL", "C.UTF-8")
                .output()
                .expect("sockscope starts");
            let told = String::from_utf8_lossy(&run.stdout);
            assert!(run.status.success(), "{text}\n{told}");
        }
    }
}

/// The port of a listener that a process below `pid` has.
fn port_below(pid: i32) -> Option<u16> {
    let tables = procfs::net::tcp().ok()?.into_iter();
    let tables = tables.chain(procfs::net::tcp6().ok()?);
    let listeners: Vec<(u64, u16)> = tables
        .filter(|entry| entry.state == procfs::net::TcpState::Listen)
        .map(|entry| (entry.inode, entry.local_address.port()))
        .collect();
    for stat in below(pid) {
        let Ok(process) = procfs::process::Process::new(stat.pid) else {
            continue;
        };
        for fd in process.fd().into_iter().flatten().flatten() {
            if let procfs::process::FDTarget::Socket(inode) = fd.target
                && let Some((_, port)) = listeners.iter().find(|(of, _)| *of == inode)
            {
                return Some(*port);
            }
        }
    }
    None
}

#[test]
fn two_commands_meet_in_a_lab() {
    if !support::wire() {
        return;
    }
    let traced = trace(
        &[
            "--net",
            "wire",
            "--with",
            "hello-client {server} {port}",
            "--",
            "hello-server",
            "{port}",
        ],
        "",
    );
    assert_eq!(traced.code, Some(0), "{}", traced.stderr);
    assert!(
        traced.stdout.starts_with("Hello World!"),
        "{}",
        traced.stdout
    );
    for says in ["SYN_RECV", "LAST_ACK", "hello-server exited 0"] {
        assert!(traced.stderr.contains(says), "{says}:\n{}", traced.stderr);
    }
}

#[test]
fn what_was_seen_becomes_a_scenario_that_passes() {
    if !support::wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hello.toml");
    let path = file.to_str().expect("a path in UTF-8");
    let client = "hello-client {server} {port}";
    let traced = trace(
        &[
            "--net",
            "wire",
            "--scenario",
            path,
            "--with",
            client,
            "--",
            "hello-server",
            "{port}",
        ],
        "",
    );
    let text = fs::read_to_string(&file).expect(&traced.stderr);
    for says in [
        "SYN_SENT > ESTABLISHED",
        "observe = [\"syscalls\"]",
        "wire 1 SYN from client",
        "server.listener held by",
        "never = [\"wire RST\", \"wire retransmissions\"]",
    ] {
        assert!(text.contains(says), "{says}:\n{text}");
    }
    for _ in 0..3 {
        let run = Command::new(SOCKSCOPE)
            .args(["run", path])
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("sockscope starts");
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{text}\n{told}");
    }
}
