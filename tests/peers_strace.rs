//! What `--syscalls` tells beside what `strace -f` prints of the same programs in the same
//! scenario: the same network calls in the same order, with the same results.
//!
//! A process has one tracer, so the scenario runs twice: sockscope holds the wire, and what
//! happens is the same both times. Needs `strace`: `cargo test --features peers`.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use sockscope::driver;
use sockscope::event::{Call, CallResult, Kind};
use sockscope::model::errno_name;
use sockscope::run::{Outcome, Place, Run};
use sockscope::scenario::Scenario;
use support::{SOCKSCOPE, built_in, options, wire};

/// Calls about sockets, whatever their descriptor is.
const NETWORK: [&str; 14] = [
    "socket",
    "socketpair",
    "bind",
    "listen",
    "accept",
    "accept4",
    "connect",
    "shutdown",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "setsockopt",
    "getsockopt",
];

/// Calls that count where their descriptor is a socket.
const OF_SOCKETS: [&str; 5] = ["read", "readv", "write", "writev", "close"];

/// The calls of one thread, one line each.
type Calls = Vec<String>;

/// The scenario without what it says of processes: strace's own are among them.
fn bare(name: &str) -> Scenario {
    let mut scenario = built_in(name);
    for step in &mut scenario.steps {
        step.never.clear();
        step.expect.retain(|line| {
            let text = line.value.to_string();
            let about_sockets = [".conn ", ".listener ", ".udp ", " prints ", "wire "];
            about_sockets
                .iter()
                .any(|word| text.contains(word) || text.starts_with(word))
                && !text.contains(" held by ")
        });
    }
    scenario
}

/// Runs a scenario with each program's command behind these words.
fn run(scenario: &Scenario, syscalls: bool, before: impl Fn(&str) -> Vec<String>) -> Run {
    let mut options = options(Some(Place::Wire));
    options.syscalls = syscalls;
    for (name, program) in &scenario.programs {
        let mut words = before(name.as_str());
        words.extend([SOCKSCOPE, "program"].map(str::to_owned));
        words.extend(program.command.value.iter().cloned());
        options.programs.insert(name.clone(), words);
    }
    let run = driver::run(scenario, &options, None);
    let outcome = run.outcome();
    assert_eq!(outcome, Outcome::Passed, "{} {syscalls}", scenario.name);
    run
}

/// The calls of each thread of a program, in the order in which the threads were made.
fn told(run: &Run, program: &str) -> Vec<Calls> {
    let mut all: BTreeMap<i32, Calls> = BTreeMap::new();
    let pids: BTreeMap<_, _> = run
        .timeline
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Spawned { process, pid, .. } | Kind::Forked { process, pid, .. } => {
                Some((process.clone(), *pid))
            }
            _ => None,
        })
        .collect();
    for event in run.timeline.events() {
        let Kind::Called { process, call } = &event.kind else {
            continue;
        };
        if process.program().as_str() == program
            && let Some(line) = line_of(call)
        {
            let tid = call.thread.unwrap_or(pids[process]);
            all.entry(tid).or_default().push(line);
        }
    }
    all.into_values().collect()
}

fn line_of(call: &Call) -> Option<String> {
    let name = call.name.as_str();
    let counts = NETWORK.contains(&name) || OF_SOCKETS.contains(&name);
    let result = match call.result {
        CallResult::Value(value) => value.to_string(),
        CallResult::Eof => "0".to_owned(),
        CallResult::Errno(libc::EINTR) | CallResult::Restarted(_) => "interrupted".to_owned(),
        CallResult::Errno(errno) => errno_name(errno),
        _ => "?".to_owned(),
    };
    counts.then(|| line(name, &call.args, &result))
}

/// A call in the words that both print.
fn line(name: &str, args: &str, result: &str) -> String {
    let words: Vec<&str> = args.split(", ").collect();
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    let kept = match name {
        "socket" => words[..2].join(", "),
        "listen" | "shutdown" => args.to_owned(),
        // strace prints the level before it.
        "setsockopt" | "getsockopt" => {
            let option = words.iter().find(|word| {
                ["SO_", "IP_", "IPV6_", "TCP_"]
                    .iter()
                    .any(|family| word.starts_with(family))
            });
            format!("{}, {}", word(0), option.unwrap_or(&"?"))
        }
        "bind" | "connect" => format!("{}, {}", word(0), address(args)),
        _ => {
            let flags = args
                .split([' ', ',', '|'])
                .filter(|word| word.starts_with("MSG_"));
            let flags: Vec<&str> = flags.collect();
            format!("{} {}", word(0), flags.join("|"))
        }
    };
    format!("{name}({kept}) = {result}")
}

/// `192.0.2.2:9190` and `{sa_family=AF_INET, sin_port=htons(9190), sin_addr=inet_addr("192.0.2.2")}`
/// as the same words.
fn address(args: &str) -> String {
    let between = |from: &str, to: char| {
        let (_, after) = args.split_once(from)?;
        Some(after.split(to).next().unwrap_or_default().to_owned())
    };
    if let Some(port) = between("htons(", ')') {
        let host = between("inet_addr(\"", '"').or_else(|| between("inet_pton(AF_INET6, \"", '"'));
        return format!("{} {port}", host.unwrap_or_default());
    }
    let after = args.split_once(", ").map_or("", |(_, after)| after);
    match after.rsplit_once(':') {
        Some((host, port)) => format!("{} {port}", host.trim_matches(['[', ']'])),
        None => after.to_owned(),
    }
}

/// What strace wrote of a program: a file for each thread, `PROGRAM.TID`.
fn traced(folder: &Path, program: &str) -> Vec<Calls> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let Some((of, tid)) = name.rsplit_once('.') else {
            continue;
        };
        if of != program {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("strace's output");
        let calls: Calls = text.lines().filter_map(parse).collect();
        all.insert(tid.parse::<i32>().expect("a tid"), calls);
    }
    all.into_values()
        .filter(|calls| !calls.is_empty())
        .collect()
}

/// A line of `strace -y`.
fn parse(text: &str) -> Option<String> {
    let (call, result) = text.rsplit_once(" = ")?;
    let (name, args) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let counts = NETWORK.contains(&name)
        || OF_SOCKETS.contains(&name) && args.split_once('<')?.1.starts_with("socket:");
    // Descriptors with what is behind them: `3<socket:[1]>`.
    let mut plain = String::new();
    let mut inside = false;
    for letter in args.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            other if !inside => plain.push(other),
            _ => {}
        }
    }
    let words: Vec<&str> = result.split(' ').collect();
    let result = match words.as_slice() {
        ["-1", "EINTR", ..] => "interrupted",
        ["-1", errno, ..] => errno,
        ["?", restart, ..] if restart.starts_with("ERESTART") => "interrupted",
        [value, ..] => value.split('<').next().unwrap_or_default(),
        [] => "",
    };
    counts.then(|| line(name, &plain, result))
}

fn compare(name: &str) {
    if !wire() {
        return;
    }
    let scenario = bare(name);
    let ours = run(&scenario, true, |_| Vec::new());
    let folder = tempfile::tempdir().expect("a folder");
    let filter = format!("trace={},{}", NETWORK.join(","), OF_SOCKETS.join(","));
    run(&scenario, false, |program| {
        let file = folder.path().join(program);
        let file = file.to_str().expect("a path");
        let words = ["strace", "-ff", "-y", "-o", file, "-e", &filter];
        words.map(str::to_owned).to_vec()
    });
    for program in scenario.programs.keys() {
        let theirs = traced(folder.path(), program.as_str());
        let ours = told(&ours, program.as_str());
        assert!(!theirs.is_empty(), "strace saw nothing of {program}");
        for (thread, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            assert_eq!(
                theirs, ours,
                "{name} {program}, thread {thread}; left: strace"
            );
        }
        assert_eq!(
            theirs.len(),
            ours.len(),
            "{name} {program}: {theirs:?} {ours:?}"
        );
    }
}

#[test]
fn normal_close() {
    compare("normal-close");
}

#[test]
fn half_close() {
    compare("half-close");
}

#[test]
fn linger_reset() {
    compare("linger-reset");
}

#[test]
fn threads() {
    compare("threads");
}

#[test]
fn udp_connected() {
    compare("udp-connected");
}
