//! What `sockscope watch` costs and what it loses. `cargo bench --bench watching`, as root.
//!
//! 50,000 established sockets in 500 processes, in a network namespace of their own. First nothing
//! happens there: the processor time of `watch` after its first look, by kernel events and by
//! sampling. Then short connections come, 5,000 a second and as many as can be: how many of their
//! transitions were told, how many events were lost. Their clients reset them, or close them and
//! stay in TIME_WAIT.
//!
//! Goals: less than 1% of a core while nothing happens, and nothing lost at 5,000 a second.

mod crowd;

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crowd::{Crowd, Failure, HOLD, PROCESSES, fresh_namespace, hold};

const SOCKSCOPE: &str = env!("CARGO_BIN_EXE_sockscope");
const SOCKETS: usize = 50_000;
const IDLE: Duration = Duration::from_secs(10);
const BUSY: Duration = Duration::from_secs(5);
/// How connections end, and how many there are a second; nothing: as many as can be. Those in
/// TIME_WAIT keep their ports, of which there are 28,232.
const RUSHES: [(End, Option<u32>); 3] = [
    (End::Fin, Some(5_000)),
    (End::Reset, Some(5_000)),
    (End::Reset, None),
];

/// How a client ends its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            End::Fin => "closed",
            End::Reset => "reset",
        }
    }

    /// The last state of its client that is told of soon.
    fn last(self) -> &'static str {
        match self {
            End::Fin => "TIME_WAIT",
            End::Reset => "CLOSE",
        }
    }

    /// Its client's states.
    fn path(self) -> &'static [&'static str] {
        match self {
            End::Fin => &[
                "SYN_SENT",
                "ESTABLISHED",
                "FIN_WAIT1",
                "FIN_WAIT2",
                "TIME_WAIT",
            ],
            End::Reset => &["SYN_SENT", "ESTABLISHED", "CLOSE"],
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let outcome = match arguments.iter().position(|argument| argument == HOLD) {
        Some(at) => hold(&arguments[at + 1..]),
        None => bench(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watching: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), Failure> {
    fresh_namespace()?;
    let _crowd = Crowd::new(SOCKETS)?;
    println!("{SOCKETS} established sockets in {PROCESSES} processes");
    for arguments in [&[][..], &["--sample"]] {
        let watch = Watch::begin(arguments, End::Reset)?;
        let share = watch.share_of_a_core(IDLE)?;
        println!(
            "{:>9.2} %  of a core while nothing happens, {} (goal 1 %)",
            share * 100.0,
            watch.how
        );
        watch.end()?;
    }
    for (end, pace) in RUSHES {
        let watch = Watch::begin(&[], end)?;
        let made = connections(end, pace)?;
        let told = watch.end()?;
        println!(
            "{:>9}    connections {} in {BUSY:?}{}: {} were told of whole, {} events lost, {} gaps",
            made,
            end.word(),
            pace.map_or(", as many as can be".to_owned(), |pace| format!(
                " at {pace}/s"
            )),
            told.closed,
            told.lost.ok_or("losses are not counted")?,
            told.gaps.ok_or("gaps are not counted")?
        );
    }
    Ok(())
}

/// Short connections, each ended by the client. How many.
fn connections(end: End, pace: Option<u32>) -> Result<u64, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut made = 0;
    let begun = Instant::now();
    while begun.elapsed() < BUSY {
        let client = TcpStream::connect(address)?;
        let (mut server, _) = listener.accept()?;
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        if end == End::Reset {
            nix::sys::socket::setsockopt(&client, nix::sys::socket::sockopt::Linger, &linger)?;
        }
        drop(client);
        // Until the end is there.
        let _ = server.read(&mut [0]);
        made += 1;
        if let Some(pace) = pace {
            let due = Duration::from_secs(made) / pace;
            thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }
    Ok(made)
}

/// A `sockscope watch`, after its first look.
struct Watch {
    child: Child,
    how: String,
    rest: thread::JoinHandle<Result<Told, String>>,
}

/// What it told.
#[derive(Default)]
struct Told {
    /// Clients that were told of from SYN_SENT to their ends.
    closed: u64,
    /// Nothing where nobody counts.
    lost: Option<u64>,
    gaps: Option<u64>,
}

impl Watch {
    fn begin(arguments: &[&str], end: End) -> Result<Watch, Failure> {
        let mut child = Command::new(SOCKSCOPE)
            .args(["watch", "tcp", "--jsonl", "--summary"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let first: Value = serde_json::from_str(&line)?;
        let how = first["how"].as_str().unwrap_or("by nothing").to_owned();
        let rest = thread::spawn(move || told(lines, end).map_err(|error| error.to_string()));
        Ok(Watch { child, how, rest })
    }

    /// Processor time of all its threads.
    fn worked(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().ok_or("an empty schedstat")?;
            nanoseconds += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    fn share_of_a_core(&self, time: Duration) -> Result<f64, Failure> {
        let before = self.worked()?;
        thread::sleep(time);
        let worked = self.worked()?.saturating_sub(before);
        Ok(worked.as_secs_f64() / time.as_secs_f64())
    }

    fn end(mut self) -> Result<Told, Failure> {
        kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGINT)?;
        let told = self.rest.join().map_err(|_| "the reader panicked")??;
        self.child.wait()?;
        Ok(told)
    }
}

fn told(lines: BufReader<ChildStdout>, end: End) -> Result<Told, Failure> {
    let mut told = Told::default();
    let mut paths = std::collections::HashMap::new();
    for line in lines.lines() {
        let value: Value = serde_json::from_str(&line?)?;
        if value["event"] == "end" {
            told.lost = value["lost"].as_u64();
            told.gaps = value["gaps"].as_u64();
        }
        if value["event"] != "change" || value["role"] != "client" {
            continue;
        }
        let id = value["connection"].as_u64().ok_or("no connection")?;
        let path: &mut Vec<String> = paths.entry(id).or_default();
        path.push(value["new"].as_str().unwrap_or("?").to_owned());
        if value["new"] == end.last() && paths.remove(&id).is_some_and(|path| path == end.path()) {
            told.closed += 1;
        }
    }
    Ok(told)
}
