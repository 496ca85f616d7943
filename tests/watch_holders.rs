//! Whom `sockscope watch` names as the holder of a socket that changed hands.

mod support;
#[path = "support/watching.rs"]
mod watching;

use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Uid;
use serde_json::Value;
use watching::{ATTEMPTS, Watch, connected, listener};

/// A process that has the socket, and does nothing.
struct Keeper(Child);

impl Keeper {
    fn of(socket: OwnedFd) -> Keeper {
        let child = Command::new("sleep")
            .arg("1000")
            .stdin(Stdio::from(socket))
            .spawn();
        Keeper(child.expect("sleep runs"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn copy(socket: &TcpStream) -> OwnedFd {
    socket.try_clone().expect("a copy").into()
}

/// The pids of the holders, and whether they were found before the change.
fn holders(change: &Value) -> (Vec<u32>, bool) {
    let pids = change["holders"].as_array().expect("holders").iter();
    (
        pids.map(|held| held["pid"].as_u64().expect("a pid") as u32)
            .collect(),
        change["holders_last_known"].as_bool().expect("a truth"),
    )
}

#[test]
fn whoever_has_the_socket_now_is_named() {
    if !Uid::effective().is_root() {
        return;
    }
    for attempt in 1..=ATTEMPTS {
        let (listener, port) = listener();
        let mut watch = Watch::on(port, &[]);
        let (client, server, _) = connected(&listener);
        let established = watch.state(port, "ESTABLISHED");
        let keeper = Keeper::of(server.into());
        client.shutdown(Shutdown::Write).expect("shutdown");
        let (pids, last_known) = holders(&watch.state(port, "CLOSE_WAIT"));
        let was = holders(&established);
        watch.stop();
        // There may have been no time for one of the looks.
        let looked = was == (vec![std::process::id()], false) && !last_known;
        if !looked && attempt < ATTEMPTS {
            assert!(last_known || pids != [std::process::id()], "{pids:?}");
            continue;
        }
        assert_eq!((pids, last_known), (vec![keeper.0.id()], false));
        return;
    }
}

#[test]
fn whoever_ended_holds_nothing() {
    if !Uid::effective().is_root() {
        return;
    }
    for attempt in 1..=ATTEMPTS {
        let (listener, port) = listener();
        let mut watch = Watch::on(port, &[]);
        if !watch.is_traced() {
            return;
        }
        let (client, server, _) = connected(&listener);
        watch.state(port, "ESTABLISHED");
        let keeper = Keeper::of(copy(&server));
        client.shutdown(Shutdown::Write).expect("shutdown");
        let (pids, last_known) = holders(&watch.state(port, "CLOSE_WAIT"));
        let both = pids.len() == 2 && !last_known;
        drop(keeper);
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&client, sockopt::Linger, &linger).expect("an option");
        drop(client);
        let (pids, last_known) = holders(&watch.state(port, "CLOSE"));
        watch.stop();
        if (!both || pids.len() != 1) && attempt < ATTEMPTS {
            continue;
        }
        assert_eq!((pids, last_known), (vec![std::process::id()], true));
        drop(server);
        return;
    }
}
