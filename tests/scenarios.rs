//! The built-in scenarios: all pass on the wire, none fails on the machine's own loopback, and
//! each fails when its program has the bug (or the fix) that it is not about.

mod support;

use sockscope::driver;
use sockscope::report::{self, Detail, Look};
use sockscope::run::{Outcome, Place, Run, Verdict};
use support::{all_names, built_in, options, wire};

fn text(run: &Run) -> String {
    let look = Look {
        width: 120,
        color: false,
        unicode: true,
    };
    let table = report::table::render(run, &look, &Detail::default());
    format!("{table}\n{}", report::failure::render(run, &look))
}

#[test]
fn every_scenario_passes_on_the_wire() {
    if !wire() {
        return;
    }
    let mut failed = Vec::new();
    for name in all_names() {
        let run = driver::run(&built_in(name), &options(Some(Place::Wire)), None);
        if run.outcome() != Outcome::Passed {
            failed.push(format!("{name} {}:\n{}", run.outcome().word(), text(&run)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Where there is no wire, less can be seen, but nothing that is true becomes false.
#[test]
fn no_scenario_fails_on_the_loopback() {
    let mut failed = Vec::new();
    let mut passed = 0;
    for name in all_names() {
        let mut options = options(Some(Place::Host));
        options.settled = true;
        let run = driver::run(&built_in(name), &options, None);
        let passes = |verdict: &Verdict| matches!(verdict, Verdict::Pass(_));
        passed += run.checks().filter(|(_, c)| passes(&c.verdict)).count();
        match run.outcome() {
            Outcome::Passed | Outcome::Inconclusive => {}
            other => failed.push(format!("{name} {}:\n{}", other.word(), text(&run))),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed > 100, "only {passed} expectations hold");
}

/// A scenario, its program, and the command with which it must fail.
const MUTATIONS: &[(&str, &str, &str)] = &[
    (
        "normal-close",
        "server",
        "chat-server {port} --forget-close",
    ),
    ("normal-close", "server", "chat-server {port} --sa-restart"),
    (
        "normal-close",
        "server",
        "chat-server {port} --sigchld none",
    ),
    ("reconnect", "server", "chat-server {port} --forget-close"),
    ("fin-wait2-stuck", "server", "chat-server {port}"),
    ("restarted-read", "server", "chat-server {port}"),
    ("half-close", "server", "echo-server {port}"),
    ("close-wait-leak", "server", "echo-server {port}"),
    ("zombie", "server", "echo-server {port} --sigchld loop"),
    ("zombie", "server", "echo-server {port} --sigchld ignore"),
    (
        "zombie-reaped",
        "server",
        "echo-server {port} --sigchld none",
    ),
    ("zombie-reaped", "server", "echo-server {port} --keep-conn"),
    (
        "five-at-once",
        "server",
        "echo-server {port} --sigchld loop",
    ),
    (
        "five-at-once-reaped",
        "server",
        "echo-server {port} --sigchld once",
    ),
    (
        "sigchld-ignored",
        "server",
        "echo-server {port} --sigchld loop",
    ),
    (
        "interrupted-accept",
        "server",
        "echo-server {port} --eintr retry",
    ),
    (
        "interrupted-accept-retried",
        "server",
        "echo-server {port} --eintr fail",
    ),
    (
        "sigpipe",
        "client",
        "echo-client {server} {port} --two-writes --sigpipe ignore",
    ),
    (
        "sigpipe-ignored",
        "client",
        "echo-client {server} {port} --two-writes",
    ),
    ("linger-reset", "client", "echo-client {server} {port}"),
    (
        "killed-child",
        "client",
        "echo-client {server} {port} --poll",
    ),
    (
        "killed-child",
        "server",
        "echo-server {port} --sigchld none",
    ),
    ("early-notice", "client", "echo-client {server} {port}"),
    (
        "killed-client",
        "server",
        "chat-server {port} --forget-close",
    ),
    ("host-shutdown", "server", "echo-server {port} --keep-conn"),
    ("keepalive", "client", "echo-client {server} {port} --poll"),
    (
        "udp-echo",
        "client",
        "udp-echo-client {server} {port} --connected",
    ),
    (
        "udp-connected",
        "client",
        "udp-echo-client {server} {port} --bind {client}:{port2}",
    ),
    (
        "udp-connected",
        "gullible",
        "udp-echo-client {server} {port} --connected --bind {client}:{port2}",
    ),
    (
        "udp-refused",
        "client",
        "udp-echo-client {server} {port} --connected",
    ),
    (
        "udp-refused",
        "connected",
        "udp-echo-client {server} {port}",
    ),
];

#[test]
fn each_scenario_fails_with_the_other_program() {
    if !wire() {
        return;
    }
    let mut wrong = Vec::new();
    for (name, program, command) in MUTATIONS {
        let mut options = options(Some(Place::Wire));
        // A failure that has to wait for what never comes shall not wait long.
        options.timeout_scale = 0.04;
        let words = shlex::split(command).expect("words");
        options.programs.insert((*program).into(), words);
        let run = driver::run(&built_in(name), &options, None);
        if run.outcome() != Outcome::Failed {
            let outcome = run.outcome().word();
            wrong.push(format!("{name} with {command} {outcome}:\n{}", text(&run)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
