//! Nothing is left behind: no process after a run, a failed run, an interrupt, or SIGKILL to
//! sockscope at any moment, in every place.

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Mark, sockscope, wire};

const PLACES: [&str; 3] = ["wire", "loopback", "host"];

/// A scenario that does not end by itself, with a server that has forked.
const LASTING: &str = r#"
title = "Lasts"
[programs]
server = "chat-server {port}"
client = "chat-client {server} {port}"
[[step]]
do     = ["start server", "start client"]
expect = ["server.conn held by server, server.child"]
[[step]]
expect = ["server.listener CLOSE"]
within = "60s"
"#;

fn lasting() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new()
        .suffix(".toml")
        .tempfile()
        .expect("a file");
    std::fs::write(&file, LASTING).expect("written");
    file
}

fn places() -> &'static [&'static str] {
    match wire() {
        true => &PLACES,
        false => &PLACES[2..],
    }
}

/// Kills sockscope with SIGKILL, round by round a little later.
fn sigkill_rounds(name: &str, options: &[&str], rounds: u64, later: Duration) {
    let file = lasting();
    let path = file.path().to_str().expect("a path");
    let mark = Mark::new(name);
    // From before the lab exists to well into the waiting step.
    for round in 0..rounds {
        let places = places();
        let place = places[round as usize % places.len()];
        let mut child = sockscope(&["run", path, "--net", place])
            .args(options)
            .env(Mark::NAME, mark.value())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sockscope runs");
        let until = Instant::now() + later * round as u32;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().expect("killed");
        child.wait().expect("reaped");
    }
    mark.assert_gone();
}

#[test]
fn sigkill_at_any_moment() {
    sigkill_rounds("sigkill", &[], 200, Duration::from_micros(137));
}

/// Whoever stands in a tracer's stop when the tracer dies neither stays stopped nor goes on.
#[test]
fn sigkill_at_any_moment_of_a_traced_run() {
    let options = ["--syscalls"];
    sigkill_rounds("traced", &options, 150, Duration::from_micros(273));
}

#[test]
fn an_interrupt_ends_everything_with_code_130() {
    let file = lasting();
    let path = file.path().to_str().expect("a path");
    for place in places() {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let mark = Mark::new(&format!("interrupt-{place}-{signal}"));
            let child = sockscope(&["run", path, "--net", place])
                .env(Mark::NAME, mark.value())
                .stdout(Stdio::piped())
                .process_group(0)
                .spawn()
                .expect("sockscope runs");
            // The programs run: sockscope, the first process, the programs and their children.
            let begun = Instant::now();
            while mark.bearers().len() < 6 {
                assert!(begun.elapsed() < Duration::from_secs(20), "programs start");
                std::thread::yield_now();
            }
            kill(Pid::from_raw(child.id() as i32), signal).expect("sent");
            let output = child.wait_with_output().expect("ends");
            assert_eq!(output.status.code(), Some(130), "{place} {signal}");
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert!(stdout.contains("INTERRUPTED  in step"), "{stdout}");
            // Not in its own time: sockscope waits for the end of everything.
            assert_eq!(mark.bearers(), Vec::<i32>::new(), "{place} {signal}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = sockscope(&["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    let mut first = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::with_capacity(1, stdout)
        .read_line(&mut first)
        .expect("a line");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_failed_run_leaves_nothing() {
    let file = lasting();
    let path = file.path().to_str().expect("a path");
    for place in places() {
        for traced in [&[][..], &["--syscalls"][..]] {
            let mark = Mark::new(&format!("failed-{place}-{}", traced.len()));
            let output = sockscope(&["run", path, "--net", place, "--timeout-scale", "0.001"])
                .args(traced)
                .env(Mark::NAME, mark.value())
                .output()
                .expect("sockscope runs");
            assert_eq!(output.status.code(), Some(1), "{place} {traced:?}");
            assert_eq!(mark.bearers(), Vec::<i32>::new(), "{place} {traced:?}");
        }
    }
}
