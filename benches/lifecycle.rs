//! What a whole lifecycle costs: normal-close end to end on the wire, beside one look with ss or
//! lsof, and what it is made of. `cargo bench --bench lifecycle`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sockscope::driver::{self, Options};
use sockscope::lab::protocol::Setup;
use sockscope::lab::{self, Lab};
use sockscope::model::HostName;
use sockscope::run::{Outcome, Place};
use sockscope::scenario::{self, Scenario, SourceText};

const SOCKSCOPE: &str = env!("CARGO_BIN_EXE_sockscope");
const ROUNDS: usize = 31;

/// The median of so many rounds.
fn median(mut round: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            round();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn spawn(command: &[&str]) -> Option<Duration> {
    let run = || {
        Command::new(command[0])
            .args(&command[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    };
    run().ok()?;
    Some(median(|| {
        run().expect("it ran before");
    }))
}

fn show(what: &str, time: Duration, whole: Duration) {
    let ms = time.as_secs_f64() * 1000.0;
    let ratio = time.as_secs_f64() / whole.as_secs_f64();
    println!("{what:<44} {ms:9.3} ms  {ratio:6.3}");
}

fn main() {
    let options = Options {
        executable: SOCKSCOPE.into(),
        net: Some(Place::Wire),
        timeout_scale: 1.0,
        settled: false,
        events: Default::default(),
        syscalls: false,
        programs: Default::default(),
    };
    let normal_close = scenario::load("normal-close").expect("built in");
    let mut last = Outcome::Passed;
    let library = median(|| {
        let run = driver::run(&normal_close, &options, None);
        last = run.outcome();
    });
    if last != Outcome::Passed {
        println!("not measured: normal-close {} on the wire", last.word());
        return;
    }
    println!("{:<44} {:>12}  of normal-close", "median of 31", "");
    show("normal-close", library, library);
    if let Some(command) = spawn(&[SOCKSCOPE, "run", "normal-close"]) {
        show("sockscope run normal-close", command, library);
    }
    for command in [&["ss", "-tanp"][..], &["lsof", "-nP", "-i"]] {
        match spawn(command) {
            Some(time) => show(&format!("{}, once", command.join(" ")), time, library),
            None => println!("{} is not installed", command[0]),
        }
    }
    let setup = |wire| Setup {
        traced: false,
        isolated: true,
        wire,
        cpu: None,
        hosts: ["client", "server"]
            .iter()
            .enumerate()
            .map(|(index, name)| lab::host_spec(HostName::from(*name), index))
            .collect(),
    };
    let open = |wire| {
        median(|| {
            drop(Lab::open(Path::new(SOCKSCOPE), setup(wire)).expect("a lab"));
        })
    };
    show(
        "a lab with two hosts, opened and closed",
        open(false),
        library,
    );
    show("the same with a wire", open(true), library);
    if let Some(time) = spawn(&[SOCKSCOPE, "--version"]) {
        show("a program of sockscope's, spawned", time, library);
    }
    let (few, many) = (echoes(0), echoes(ECHOES));
    let mut segments = 0;
    let mut echo = |scenario: &Scenario, count: bool| {
        median(|| {
            let run = driver::run(scenario, &options, None);
            assert_eq!(run.outcome(), Outcome::Passed);
            if count {
                segments = run.timeline.packets().len();
            }
        })
    };
    let without = echo(&few, false);
    let with = echo(&many, true);
    let more = u32::try_from(segments.saturating_sub(HANDSHAKE)).unwrap_or(u32::MAX);
    let segment = with.saturating_sub(without).checked_div(more);
    show(
        &format!("one segment and its share of a step ({more} more)"),
        segment.unwrap_or_default(),
        library,
    );
}

/// Lines that are echoed, one step each: four segments.
const ECHOES: usize = 50;
/// Segments of a scenario that echoes nothing.
const HANDSHAKE: usize = 3;

/// A scenario that echoes so many lines.
fn echoes(lines: usize) -> Scenario {
    let step = "[[step]]\ndo = \"client types x\"\nexpect = \"client prints x\"\n";
    let text = format!(
        r#"
title = "Echo"
[programs]
server = "echo-server {{port}}"
client = "echo-client {{server}} {{port}}"
[[step]]
do = "start server"
expect = "server.listener LISTEN"
[[step]]
do = "start client"
expect = "client.conn ESTABLISHED"
{}"#,
        step.repeat(lines)
    );
    let source = SourceText {
        name: "echo.toml".into(),
        text,
    };
    Scenario::parse(source, "echo", "").expect("a scenario")
}
