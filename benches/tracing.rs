//! What tracing costs: an echo workload alone, under `sockscope run --syscalls`, and under strace,
//! in one run and on one CPU (on all with `SOCKSCOPE_CPUS=all`). `cargo bench --bench tracing`.
//!
//! The workload is two processes that send 64 bytes to and fro over the loopback, and it times
//! itself. It does so once with `send(2)` and `recv(2)`, which `strace -e trace=network` stops
//! at, and once with `write(2)` and `read(2)`, which that leaves alone: then the filter is
//! `network,read,write`, since sockscope shows them, and its stops are the same calls.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

const SOCKSCOPE: &str = env!("CARGO_BIN_EXE_sockscope");
const ROUND_TRIPS: usize = 3000;
const ROUNDS: usize = 7;
const MESSAGE: usize = 64;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[1..] {
        ["echo", calls] => serve(calls),
        ["ask", calls, port] => ask(calls, port.parse()?),
        _ => bench(),
    }
}

/// A connection that is used by `send` and `recv` (as the standard library does) or by `write`
/// and `read`.
fn used_by(calls: &str, stream: TcpStream) -> Result<Box<dyn Talk>, Failure> {
    stream.set_nodelay(true)?;
    Ok(match calls {
        "write" => Box::new(File::from(OwnedFd::from(stream))),
        _ => Box::new(stream),
    })
}

trait Talk: Read + Write {}
impl<T: Read + Write> Talk for T {}

/// The workload's server: starts its client and echoes until the end of file.
fn serve(calls: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let mut client = Command::new(std::env::current_exe()?)
        .args(["ask", calls, &port])
        .spawn()?;
    let mut stream = used_by(calls, listener.accept()?.0)?;
    let mut message = [0; MESSAGE];
    while stream.read(&mut message)? > 0 {
        stream.write_all(&message)?;
    }
    client.wait()?;
    Ok(())
}

/// The workload's client: prints how long the round trips took, in nanoseconds.
fn ask(calls: &str, port: u16) -> Result<(), Failure> {
    let mut stream = used_by(calls, TcpStream::connect(("127.0.0.1", port))?)?;
    let mut message = [7; MESSAGE];
    let begun = Instant::now();
    for _ in 0..ROUND_TRIPS {
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
    }
    println!("took {}", begun.elapsed().as_nanos());
    Ok(())
}

/// Runs a command around the workload; the time that the workload printed.
fn timed(command: &mut Command) -> Result<Duration, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, after) = text.split_once("took ").ok_or_else(|| {
        format!(
            "{command:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    Ok(Duration::from_nanos(digits.parse()?))
}

/// A scenario of one program, the workload.
fn scenario(folder: &Path, this: &Path, calls: &str) -> Result<String, Failure> {
    let path = folder.join(format!("{calls}.toml"));
    let text = format!(
        "title = \"Echo\"\n[programs]\necho = \"{} echo {calls}\"\n[[step]]\ndo = \"start echo\"\n\
         expect = \"echo exited 0\"\nwithin = \"60s\"\n",
        this.display()
    );
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// On one CPU everything waits for everything, so that whoever works in the traced process's way
/// is counted in full.
fn choose_cpus() -> Result<&'static str, Failure> {
    if std::env::var_os("SOCKSCOPE_CPUS").is_some_and(|cpus| cpus == "all") {
        return Ok("all CPUs");
    }
    let own = Pid::from_raw(0);
    let allowed = sched_getaffinity(own)?;
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu) == Ok(true));
    let mut only = CpuSet::new();
    only.set(first.ok_or("no CPU")?)?;
    sched_setaffinity(own, &only)?;
    Ok("one CPU")
}

fn bench() -> Result<(), Failure> {
    let cpus = choose_cpus()?;
    let this = std::env::current_exe()?;
    let folder = tempfile::tempdir()?;
    println!("{ROUND_TRIPS} round trips of {MESSAGE} bytes, best of {ROUNDS}, {cpus}");
    for (calls, network) in [("send", "network"), ("write", "network,read,write")] {
        let path = scenario(folder.path(), &this, calls)?;
        let strace = |options: &[&str]| {
            let mut command = Command::new("strace");
            command
                .args(["-f", "-o", "/dev/null"])
                .args(options)
                .arg(&this)
                .args(["echo", calls]);
            command
        };
        let trace = format!("trace={network}");
        let mut alone = Command::new(&this);
        alone.args(["echo", calls]);
        let sockscope = |options: &[&str]| {
            let mut command = Command::new(SOCKSCOPE);
            command.args(["run", &path, "--net", "host"]).args(options);
            command
        };
        let mut contenders = [
            ("alone".to_owned(), alone),
            ("sockscope run".to_owned(), sockscope(&[])),
            (
                "sockscope run --syscalls".to_owned(),
                sockscope(&["--syscalls"]),
            ),
            (format!("strace -f -e {trace}"), strace(&["-e", &trace])),
            (
                format!("strace -f --seccomp-bpf -e {trace}"),
                strace(&["--seccomp-bpf", "-e", &trace]),
            ),
            (
                "strace -f --seccomp-bpf".to_owned(),
                strace(&["--seccomp-bpf"]),
            ),
        ];
        // In turns, so that whatever else the machine does hits all of them.
        let mut best = [Duration::MAX; 6];
        for _ in 0..ROUNDS {
            for (best, (name, command)) in best.iter_mut().zip(&mut contenders) {
                match timed(command) {
                    Ok(time) => *best = time.min(*best),
                    Err(error) if name.starts_with("strace") => {
                        eprintln!("not measured: {error}");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        println!("\n{calls}");
        for (time, (name, _)) in best.iter().zip(&contenders) {
            if *time == Duration::MAX {
                continue;
            }
            let micros = time.as_secs_f64() * 1e6 / ROUND_TRIPS as f64;
            let ratio = time.as_secs_f64() / best[0].as_secs_f64();
            println!("  {name:<52} {micros:8.1} µs a round trip  {ratio:6.2}");
        }
    }
    Ok(())
}
