//! What `sockscope watch` does where its output is not taken, and where it was blind.

mod support;
#[path = "support/watching.rs"]
mod watching;

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::sockscope;
use watching::{PATIENCE, Watch, listener};

/// A watch whose output is a pipe that is full already.
struct Stuck {
    child: Child,
    _unread: std::io::PipeReader,
}

impl Stuck {
    fn with(arguments: &[&str]) -> Stuck {
        let (unread, mut full) = std::io::pipe().expect("a pipe");
        fcntl(full.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a flag");
        while full.write(&[b'\n'; 4096]).is_ok() {}
        assert_eq!(nix::unistd::write(&full, b"\n"), Err(Errno::EAGAIN));
        fcntl(full.as_fd(), FcntlArg::F_SETFL(OFlag::empty())).expect("a flag");
        let child = sockscope(&[&["watch", "--jsonl", "--summary"], arguments].concat())
            .stdin(Stdio::null())
            .stdout(full)
            .stderr(Stdio::null())
            .spawn()
            .expect("sockscope runs");
        Stuck {
            child,
            _unread: unread,
        }
    }

    /// Waits until signals come as messages.
    fn listens_to_signals(&self) {
        let path = format!("/proc/{}/status", self.child.id());
        let term = 1u64 << (Signal::SIGTERM as i32 - 1);
        wait_until(|| {
            let status = std::fs::read_to_string(&path).expect("it runs");
            let mut lines = status.lines();
            let mask = lines.find_map(|line| line.strip_prefix("SigBlk:"));
            let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16);
            mask.expect("a number") & term != 0
        });
    }

    fn ended(mut self) -> Option<i32> {
        let mut status = None;
        wait_until(|| {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("ended").code()
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signal_ends_a_watch_whose_output_is_not_taken() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (_listener, port) = listener();
        let stuck = Stuck::with(&[&format!(":{port}")]);
        stuck.listens_to_signals();
        kill(Pid::from_raw(stuck.child.id() as i32), signal).expect("it runs");
        // The end is missing in the output, which is said.
        assert_eq!(stuck.ended(), Some(3), "{signal}");
    }
}

#[test]
fn the_time_is_up_also_where_the_output_is_not_taken() {
    let (_listener, port) = listener();
    let stuck = Stuck::with(&[&format!(":{port}"), "--for", "100ms"]);
    assert_eq!(stuck.ended(), Some(3));
}

#[test]
fn what_did_not_come_true_while_events_were_lost_is_inconclusive() {
    let (listener, port) = listener();
    let mut watch = Watch::on(
        port,
        &[
            "--ring",
            "4k",
            "--for",
            "3s",
            "--until",
            "state:closing count>1000",
        ],
    );
    if !watch.is_traced() {
        return;
    }
    watch.misses(&listener, 100);
    let lost = watch.until(|line| line["event"] == "lost" || line["event"] == "end");
    assert_eq!(lost["event"], "lost");
    assert!(lost["events"].as_u64() > Some(0), "{lost}");
    let end = watch.until(|line| line["event"] == "end");
    assert!(end["lost"].as_u64() >= lost["lost"].as_u64(), "{end}");
    assert_eq!(end["until"], false);
    assert_eq!(watch.ended(), Some(3));
}
