//! Programs that know nothing of sockscope take the place of built-in ones, as `--server` and
//! `--client` do: the right ones pass, the wrong ones fail with the reason.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use sockscope::driver::{self, Options};
use sockscope::model::ProgramName;
use sockscope::report::{self, Detail, Look};
use sockscope::run::{Outcome, Place, Run, Verdict};
use support::{built_in, options, scenario, wire};

/// What an echo server has to do, without a word about its own system calls.
const ECHO: &str = r#"
title = "An echo server serves a client and is rid of it"
[programs]
server = "echo-server {port}"
client = "echo-client {server} {port}"

[[step]]
do     = "start server"
expect = "server.listener LISTEN"

[[step]]
do     = ["start client", "client types hello"]
expect = ["client prints hello", "server.conn SYN_RECV > ESTABLISHED"]

[[step]]
do     = "close stdin of client"
expect = [
  "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT",
  "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
  "server children = 0",
  "server running",
]
never  = ["any zombie", "wire RST"]
within = "300ms"
"#;

/// Compiles a program of `tests/programs_c`.
fn cc(folder: &Path, source: &str, defines: &[&str]) -> PathBuf {
    let program = folder.join(format!("{source}{}", defines.concat()));
    let output = Command::new("cc")
        .args(["-O1", "-o"])
        .arg(&program)
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg(format!("tests/programs_c/{source}.c"))
        .output()
        .expect("cc runs: it links Rust programs too");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{source}: {errors}");
    program
}

/// Options in which `name` is replaced by a command line.
fn with(name: &str, command: &[&str]) -> Options {
    let mut options = options(Some(Place::Wire));
    let words = command.iter().map(|word| (*word).to_owned()).collect();
    options.programs.insert(ProgramName::new(name), words);
    options
}

fn text(run: &Run) -> String {
    let look = Look {
        width: 100,
        color: false,
        unicode: true,
    };
    let table = report::table::render(run, &look, &Detail::default());
    format!("{table}\n{}", report::failure::render(run, &look))
}

/// The failed expectations, each with what was observed and the notes.
fn failures(run: &Run) -> Vec<(String, String)> {
    run.checks()
        .filter_map(|(_, check)| match &check.verdict {
            Verdict::Fail(mismatch) => {
                let told = format!("{}; {}", mismatch.observed, mismatch.notes.join("; "));
                Some((check.text.clone(), told))
            }
            _ => None,
        })
        .collect()
}

fn assert_fails(run: &Run, expectation: &str, because: &[&str]) {
    let failures = failures(run);
    let told = failures.iter().find(|(text, _)| text == expectation);
    let Some((_, told)) = told else {
        panic!("{expectation} did not fail:\n{}", text(run));
    };
    for reason in because {
        assert!(told.contains(reason), "{reason}?\n{told}\n{}", text(run));
    }
}

#[track_caller]
fn assert_passes(run: &Run) {
    assert_eq!(run.outcome(), Outcome::Passed, "{}", text(run));
}

#[test]
fn a_forking_server_that_collects_its_children_passes() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = cc(folder.path(), "fork_server", &["HANDLE_SIGCHLD"]);
    let command = [program.to_str().expect("a path"), "{port}"];
    let options = with("server", &command);
    assert_passes(&driver::run(&scenario(ECHO), &options, None));
}

#[test]
fn a_forking_server_without_a_handler_leaves_a_zombie() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = cc(folder.path(), "fork_server", &[]);
    let command = [program.to_str().expect("a path"), "{port}"];
    let run = driver::run(&scenario(ECHO), &with("server", &command), None);
    assert_eq!(run.outcome(), Outcome::Failed, "{}", text(&run));
    let reason = "server.child is a zombie: its parent server has not called wait";
    assert_fails(&run, "server children = 0", &[reason]);
    assert_fails(&run, "any zombie", &[reason]);
}

#[test]
fn a_parent_that_keeps_the_connection_sends_no_fin() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let defines = ["HANDLE_SIGCHLD", "KEEP_CONNECTION"];
    let program = cc(folder.path(), "fork_server", &defines);
    let command = [program.to_str().expect("a path"), "{port}"];
    let run = driver::run(&scenario(ECHO), &with("server", &command), None);
    assert_eq!(run.outcome(), Outcome::Failed, "{}", text(&run));
    assert_fails(
        &run,
        "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
        &[
            "server.conn is in CLOSE_WAIT since step 3",
            "server fd 4 owes the close",
        ],
    );
}

#[test]
fn an_event_loop_closes_or_leaks() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let right = cc(folder.path(), "epoll_server", &[]);
    let command = [right.to_str().expect("a path"), "{port}"];
    let options = with("server", &command);
    assert_passes(&driver::run(&scenario(ECHO), &options, None));

    let wrong = cc(folder.path(), "epoll_server", &["FORGET_CLOSE"]);
    let command = [wrong.to_str().expect("a path"), "{port}"];
    let run = driver::run(&scenario(ECHO), &with("server", &command), None);
    assert_fails(
        &run,
        "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT",
        &["server fd 5 owes the close"],
    );
}

#[test]
fn a_chat_of_ones_own_closes_as_normal_close_says() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = cc(folder.path(), "chat_server", &[]);
    let client = cc(folder.path(), "chat_client", &[]);
    let mut options = with("server", &[server.to_str().expect("a path"), "{port}"]);
    let words = [client.to_str().expect("a path"), "{server}", "{port}"];
    options
        .programs
        .insert("client".into(), words.map(str::to_owned).to_vec());
    let run = driver::run(&built_in("normal-close"), &options, None);
    // What the programs' own system calls returned, nobody told: those expectations, and only
    // those, are inconclusive.
    for (_, check) in run.checks() {
        match &check.verdict {
            Verdict::Pass(_) => {}
            Verdict::Inconclusive { why, .. } => {
                assert!(why.contains("is not a built-in program"), "{}", text(&run));
            }
            _ => panic!("{}", text(&run)),
        }
    }
    assert!(run.stopped.is_none(), "{}", text(&run));
}

#[test]
fn a_chat_server_whose_read_is_restarted_never_closes() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = cc(folder.path(), "chat_server", &["WITH_RESTART"]);
    let command = [server.to_str().expect("a path"), "{port}"];
    let mut options = with("server", &command);
    options.timeout_scale = 0.1;
    let run = driver::run(&built_in("normal-close"), &options, None);
    assert_eq!(run.outcome(), Outcome::Failed, "{}", text(&run));
    let told = failures(&run);
    assert!(
        told.iter().any(|(_, why)| why.contains("owes the close")),
        "{}",
        text(&run)
    );
}

#[test]
fn a_client_that_only_closes_sends_no_fin() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let client = cc(folder.path(), "chat_client", &["ONLY_CLOSE"]);
    let command = [client.to_str().expect("a path"), "{server}", "{port}"];
    let mut options = with("client", &command);
    options.timeout_scale = 0.1;
    let run = driver::run(&built_in("normal-close"), &options, None);
    assert_eq!(run.outcome(), Outcome::Failed, "{}", text(&run));
    let told = failures(&run);
    assert!(
        told.iter()
            .any(|(_, why)| why.contains("client.conn is still held by client fd 3")),
        "{}",
        text(&run)
    );
}

#[test]
fn a_python_server_closes_or_leaks() {
    if !wire() {
        return;
    }
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("not tested here: no python3");
        return;
    }
    let path = std::fs::canonicalize("tests/programs_py/echo_server.py").expect("the program");
    let path = path.to_str().expect("a path");
    let right = with("server", &["python3", path, "{port}"]);
    assert_passes(&driver::run(&scenario(ECHO), &right, None));

    let wrong = with("server", &["python3", path, "{port}", "forget"]);
    let run = driver::run(&scenario(ECHO), &wrong, None);
    assert_fails(
        &run,
        "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
        &["owes the close"],
    );
}

#[test]
fn what_a_program_does_not_tell_is_inconclusive() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = cc(folder.path(), "fork_server", &["HANDLE_SIGCHLD"]);
    let text = format!("{ECHO}\n[[step]]\nexpect = [\"server failed EPIPE\"]\n");
    let command = [program.to_str().expect("a path"), "{port}"];
    let run = driver::run(&scenario(&text), &with("server", &command), None);
    assert_eq!(run.outcome(), Outcome::Inconclusive);
    let last = run.checks().last().map(|(_, check)| check.verdict.clone());
    let Some(Verdict::Inconclusive { why, .. }) = last else {
        panic!("{last:?}");
    };
    assert_eq!(
        why,
        "cannot see system calls: server is not a built-in program"
    );
}
