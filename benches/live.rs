//! What `sockscope ls` costs beside `ss`, `lsof` and `netstat`: 500 processes that share 1,000,
//! 10,000 and 50,000 established sockets, in a network namespace of their own. And its memory at
//! 100,000.
//!
//! Goals, as ratios of medians: without owners at most 0.5 of `ss -tan`; with owners at most 0.35
//! of `ss -tanp` and of `lsof`; one port with owners at most 0.5 of `ss -tanp` with that filter; one
//! process at most 0.5 of `ss -tanp`; less than 100 MB.
//!
//! All are timed in turns, so that whatever else the machine does hits all of them. Needs root.

mod crowd;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crowd::{Crowd, Failure, HOLD, PROCESSES, fresh_namespace, hold};

const SOCKSCOPE: &str = env!("CARGO_BIN_EXE_sockscope");
const SIZES: [usize; 3] = [1_000, 10_000, 50_000];
const LARGEST: usize = 100_000;
/// What they may take of memory, in megabytes.
const MEMORY: f64 = 100.0;
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let outcome = match arguments.iter().position(|argument| argument == HOLD) {
        Some(at) => hold(&arguments[at + 1..]),
        None => bench(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), Failure> {
    fresh_namespace()?;
    {
        // First of all: the largest of all children that were waited for is then sockscope.
        let crowd = Crowd::new(LARGEST)?;
        for arguments in [&["ls"][..], &["ls", "--format", "json"]] {
            Contestant::new(SOCKSCOPE, arguments).time()?;
            // In units of 1024 bytes.
            let largest = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() as f64 * 1024.0 / 1e6;
            println!(
                "{LARGEST} sockets: `sockscope {}` needs {largest:.1} MB (goal {MEMORY}{})",
                arguments.join(" "),
                if largest > MEMORY { ", missed" } else { "" }
            );
        }
        drop(crowd);
    }
    for size in SIZES {
        fresh_namespace()?;
        let crowd = Crowd::new(size)?;
        println!("\n{size} established sockets in {PROCESSES} processes");
        compare(&crowd)?;
    }
    Ok(())
}

fn compare(crowd: &Crowd) -> Result<(), Failure> {
    let one = "127.0.1.7:9190";
    let pid = format!("pid:{}", crowd.0[PROCESSES / 2].id());
    let ss_one = format!("( src {one} or dst {one} )");
    let mut all = [
        Contestant::new(SOCKSCOPE, &["ls", "tcp", "--no-owners"]),
        Contestant::new("ss", &["-tan"]),
        Contestant::new(SOCKSCOPE, &["ls", "tcp"]),
        Contestant::new("ss", &["-tanp"]),
        Contestant::new("lsof", &["-nP", "-iTCP"]),
        Contestant::new("netstat", &["-tanp"]),
        Contestant::new(SOCKSCOPE, &["ls", one]),
        Contestant::new("ss", &["-tanp", &ss_one]),
        Contestant::new(SOCKSCOPE, &["ls", &pid]),
    ];
    for _ in 0..ROUNDS {
        for contestant in &mut all {
            contestant.time()?;
        }
    }
    println!("  elapsed       worked");
    for contestant in &all {
        println!(
            "{:>9.1} ms {:>9.1} ms  {}",
            median(&contestant.times),
            median(&contestant.worked),
            contestant.what
        );
    }
    // One process costs by what it holds: a small part of a look at all of them.
    let goals = [
        (0, 1, 0.5),
        (2, 3, 0.35),
        (2, 4, 0.35),
        (6, 7, 0.5),
        (8, 3, 0.5),
    ];
    for (mine, theirs, goal) in goals {
        let (mine, theirs): (&Contestant, &Contestant) = (&all[mine], &all[theirs]);
        let ratio = median(&mine.times) / median(&theirs.times);
        println!(
            "{:>9.2}    {:>9.2}     `{}` of `{}` (goal {goal}{})",
            ratio,
            median(&mine.worked) / median(&theirs.worked),
            mine.what,
            theirs.what,
            if ratio > goal { ", missed" } else { "" }
        );
    }
    Ok(())
}

struct Contestant {
    what: String,
    command: Command,
    times: Vec<Duration>,
    /// Of the processor, by program and kernel: what it is worth on a busy machine.
    worked: Vec<Duration>,
}

impl Contestant {
    fn new(program: &str, arguments: &[&str]) -> Contestant {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let name = program.rsplit('/').next().unwrap_or(program);
        Contestant {
            what: format!("{name} {}", arguments.join(" ")),
            command,
            times: Vec::new(),
            worked: Vec::new(),
        }
    }

    fn time(&mut self) -> Result<(), Failure> {
        let before = worked()?;
        let begun = Instant::now();
        // lsof's status is 1 where it could not read everything.
        self.command
            .status()
            .map_err(|error| format!("{}: {error}", self.what))?;
        self.times.push(begun.elapsed());
        self.worked.push(worked()?.saturating_sub(before));
        Ok(())
    }
}

/// Processor time of all children that were waited for.
fn worked() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let of = |time: nix::sys::time::TimeVal| {
        let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2].as_secs_f64() * 1e3
}
