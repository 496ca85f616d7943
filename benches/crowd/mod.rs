//! Hundreds of processes that share many established sockets: what benches of the live commands
//! look at. A process is the bench itself, executed anew with [`HOLD`].

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, unshare};

/// The argument by which the bench is one of the processes.
pub(crate) const HOLD: &str = "hold-sockets";
/// How many there are.
pub(crate) const PROCESSES: usize = 500;
/// Each process listens on this port of an address of its own.
const PORT: u16 = 9190;

/// What ends a bench.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// One of the processes: connects to itself and holds both ends until its input ends.
pub(crate) fn hold(arguments: &[String]) -> Result<(), Failure> {
    let [address, pairs] = arguments else {
        return Err("an address and a number".into());
    };
    let listener = TcpListener::bind((address.as_str(), PORT))?;
    let mut held = Vec::new();
    for _ in 0..pairs.parse()? {
        held.push(TcpStream::connect((address.as_str(), PORT))?);
        held.push(listener.accept()?.0);
    }
    println!("ready");
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The processes, until it is dropped.
pub(crate) struct Crowd(pub(crate) Vec<Child>);

impl Crowd {
    /// All of them, with so many sockets together.
    pub(crate) fn new(sockets: usize) -> Result<Crowd, Failure> {
        let mut crowd = Crowd(Vec::new());
        for index in 0..PROCESSES {
            let address = format!("127.0.{}.{}", 1 + index / 250, 1 + index % 250);
            let pairs = sockets / PROCESSES / 2;
            crowd.0.push(
                Command::new(std::env::current_exe()?)
                    .args([HOLD, &address, &pairs.to_string()])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()?,
            );
        }
        for child in &mut crowd.0 {
            let mut line = String::new();
            let stdout = child.stdout.as_mut().ok_or("no output")?;
            BufReader::new(stdout).read_line(&mut line)?;
            if line != "ready\n" {
                return Err("a process could not make its sockets".into());
            }
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// Without what the last crowd left in TIME_WAIT.
pub(crate) fn fresh_namespace() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status()?;
    match up.success() {
        true => Ok(()),
        false => Err("cannot set lo up".into()),
    }
}
