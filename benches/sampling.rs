//! What one look costs: two known sockets and five known processes with descriptors kept open,
//! beside one `ss -tanp` and one `lsof -nP -i`. Goal: below 50 µs.
//!
//! The three are timed in turns, so that whatever else the machine does hits all of them.

use std::hint::black_box;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use sockscope::model::{ProcessName, Tuple};
use sockscope::observe::diag::DiagSocket;
use sockscope::observe::holders::holders_among;
use sockscope::observe::inet_diag::StateMask;
use sockscope::observe::inventory::inventory;
use sockscope::observe::process::{ProcRoot, ProcessWatch};

const ROUNDS: usize = 15;
const LOOKS: u32 = 500;
const PROCESSES: usize = 5;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sampling: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (_server, _) = listener.accept()?;
    let end = Tuple {
        local: client.local_addr()?,
        remote: client.peer_addr()?,
    };
    let mut children = Vec::new();
    for _ in 0..PROCESSES {
        children.push(
            Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()?,
        );
    }
    let outcome = compare(end, &children);
    for child in &mut children {
        drop(child.stdin.take());
        child.wait()?;
    }
    outcome
}

fn compare(end: Tuple, children: &[Child]) -> Result<(), Failure> {
    let diag = DiagSocket::open()?;
    let mut watches = Vec::new();
    for (index, child) in children.iter().enumerate() {
        let pid = i32::try_from(child.id())?;
        let watch = ProcessWatch::open(&ProcRoot::default(), pid)?.ok_or("a process is gone")?;
        watches.push((ProcessName::new(format!("cat{index}")), watch));
    }

    let mut query = Series::new("one exact query");
    let mut stat = Series::new("one stat");
    let mut look = Series::new("one look: 2 sockets, 5 processes");
    let mut holders = Series::new("the holders among 5 processes");
    let mut dump = Series::new("a dump of all connections");
    let mut list = Series::new("the inventory (netstat2)");
    let mut tools = [
        Tool::new("ss", &["-tanp"]),
        Tool::new("lsof", &["-nP", "-i"]),
    ];
    for _ in 0..ROUNDS {
        query.time(LOOKS, || Ok(diag.query(end)?))?;
        stat.time(LOOKS, || Ok(watches[0].1.stat()?))?;
        look.time(LOOKS, || {
            black_box(diag.query(end)?.ok_or("the client's end is gone")?);
            black_box(
                diag.query(end.reversed())?
                    .ok_or("the server's end is gone")?,
            );
            for (_, watch) in &watches {
                black_box(watch.stat()?.ok_or("a process is gone")?);
            }
            Ok(())
        })?;
        holders.time(20, || {
            let watched = watches.iter().map(|(name, watch)| (name, watch));
            Ok(holders_among(watched)?)
        })?;
        dump.time(20, || Ok(diag.dump(StateMask::CONNECTIONS)?))?;
        list.time(5, || Ok(inventory()?))?;
        for tool in &mut tools {
            tool.time()?;
        }
    }

    for series in [&query, &stat, &look, &holders, &dump, &list] {
        println!("{:>10.1} µs  {}", micros(series.median()), series.what);
    }
    for tool in &tools {
        match &tool.missing {
            None => println!(
                "{:>10.1} µs  one `{}`: {:.0} looks",
                micros(tool.series.median()),
                tool.series.what,
                tool.series.median().as_secs_f64() / look.median().as_secs_f64()
            ),
            Some(why) => println!("   skipped     `{}`: {why}", tool.series.what),
        }
    }
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The times of one thing, one for each round.
struct Series {
    what: String,
    times: Vec<Duration>,
}

impl Series {
    fn new(what: &str) -> Series {
        Series {
            what: what.to_owned(),
            times: Vec::new(),
        }
    }

    /// The mean of `times` in a row counts as one time.
    fn time<T>(
        &mut self,
        times: u32,
        mut what: impl FnMut() -> Result<T, Failure>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        for _ in 0..times {
            black_box(what()?);
        }
        self.times.push(begun.elapsed() / times);
        Ok(())
    }

    fn median(&self) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }
}

/// A program that people use instead.
struct Tool {
    series: Series,
    command: Command,
    missing: Option<String>,
}

impl Tool {
    fn new(name: &str, args: &[&str]) -> Tool {
        let mut command = Command::new(name);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Tool {
            series: Series::new(&format!("{name} {}", args.join(" "))),
            command,
            missing: None,
        }
    }

    fn time(&mut self) -> Result<(), Failure> {
        if self.missing.is_some() {
            return Ok(());
        }
        let begun = Instant::now();
        match self.command.status() {
            // lsof's status is 1 where it could not read everything.
            Ok(_) => self.series.times.push(begun.elapsed()),
            Err(error) => self.missing = Some(error.to_string()),
        }
        Ok(())
    }
}
