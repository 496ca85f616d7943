//! A `sockscope watch` that runs beside a test, read line by line.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::sockscope;

/// As long a change may take to be told: sampling is slow where there are very many sockets.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// Kernel events may be lost, which is said; then the whole thing is done once more.
pub(crate) const ATTEMPTS: usize = 5;

/// A watch that runs, and what it prints.
pub(crate) struct Watch {
    pub(crate) child: Child,
    lines: Receiver<Value>,
    pub(crate) seen: Vec<Value>,
}

impl Watch {
    pub(crate) fn start(command: &mut Command) -> Watch {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sockscope runs");
        let out = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let line = line.expect("text");
                let value = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let mut watch = Watch {
            child,
            lines,
            seen: Vec::new(),
        };
        // Whatever happens from here on is told.
        watch.until(|line| line["event"] == "begin");
        watch
    }

    pub(crate) fn on(port: u16, more: &[&str]) -> Watch {
        let filter = format!(":{port}");
        let mut arguments = vec!["watch", &filter, "--jsonl", "--summary"];
        arguments.extend(more);
        Watch::start(&mut sockscope(&arguments))
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.seen[0]["how"] == "traced"
    }

    /// Reads on up to a line of this kind.
    pub(crate) fn until(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("not told: {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if is(&line) {
                return line;
            }
        }
    }

    /// Reads on up to this end's coming into a state; `gone` for none.
    pub(crate) fn state(&mut self, local: u16, state: &str) -> Value {
        self.until(|line| {
            line["event"] == "change"
                && line["local_port"] == local
                && line["new"].as_str().unwrap_or("gone") == state
        })
    }

    pub(crate) fn stop(mut self) -> (Vec<Value>, Option<i32>) {
        let pid = Pid::from_raw(self.child.id() as i32);
        kill(pid, Signal::SIGINT).expect("it runs");
        self.until(|line| line["event"] == "end");
        let code = self.child.wait().expect("ended").code();
        (std::mem::take(&mut self.seen), code)
    }

    /// Connections that come and go while it stands still, and nobody empties its rings.
    pub(crate) fn misses(&self, listener: &TcpListener, connections: usize) {
        let pid = Pid::from_raw(self.child.id() as i32);
        kill(pid, Signal::SIGSTOP).expect("it runs");
        let stops = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(pid), stops).expect("it stops");
        let address = listener.local_addr().expect("address");
        for _ in 0..connections {
            drop(TcpStream::connect(address).expect("connect"));
            drop(listener.accept().expect("accept"));
        }
        kill(pid, Signal::SIGCONT).expect("it is there");
    }

    pub(crate) fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("ended").code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    (listener, port)
}

pub(crate) fn connected(listener: &TcpListener) -> (TcpStream, TcpStream, u16) {
    let address = listener.local_addr().expect("address");
    let client = TcpStream::connect(address).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    let port = client.local_addr().expect("address").port();
    (client, server, port)
}

/// The states that one end came into, one after the other.
pub(crate) fn path(seen: &[Value], local: u16, remote: u16) -> Vec<String> {
    let of = seen.iter().filter(|line| {
        line["event"] == "change" && line["local_port"] == local && line["remote_port"] == remote
    });
    of.map(|line| line["new"].as_str().unwrap_or("gone").to_owned())
        .collect()
}
