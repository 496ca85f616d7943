//! What `sockscope ls` lists, as JSON.

use std::net::TcpListener;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::support::say;

/// Held by each test: what one of them lets its child inherit, another one's would have too.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn json(arguments: &[&str]) -> Value {
    let mut all = vec!["ls", "--format", "json"];
    all.extend(arguments);
    let said = say(&all);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

pub(crate) fn rows(arguments: &[&str]) -> Vec<Value> {
    json(arguments)["sockets"]
        .as_array()
        .expect("a list")
        .clone()
}

pub(crate) fn pids(row: &Value) -> Vec<u64> {
    let holders = row["holders"].as_array().expect("a list");
    let mut pids: Vec<u64> = holders
        .iter()
        .map(|holder| holder["pid"].as_u64().expect("a pid"))
        .collect();
    pids.dedup();
    pids
}

/// The one socket of these addresses.
pub(crate) fn one(rows: &[Value], local: u16, remote: u16) -> &Value {
    let mut found = rows.iter().filter(|row| {
        row["local_port"] == u64::from(local) && row["remote_port"] == u64::from(remote)
    });
    let first = found
        .next()
        .unwrap_or_else(|| panic!("{local} > {remote} in {rows:#?}"));
    assert_eq!(found.next(), None, "twice");
    first
}

pub(crate) fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("address").port()
}

pub(crate) fn filter(listener: &TcpListener) -> String {
    format!("127.0.0.1:{}", port(listener))
}

pub(crate) fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().expect("wait");
}
