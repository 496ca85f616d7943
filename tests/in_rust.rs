//! sockscope in Rust tests: this test executable starts labs and built-in programs from itself.

use std::process::Command;

use sockscope::model::TcpState;
use sockscope::{Error, ErrorKind, Outcome, Place, Scenario, Verdict};

const HELLO: &str = r#"
title = "The server greets"
[programs]
server = "hello-server {port}"
client = "hello-client {server} {port}"
[[step]]
do     = "start server"
expect = "server.listener LISTEN"
[[step]]
do     = "start client"
expect = ["client prints Hello World!", "client exited 0"]
"#;

fn places() -> Vec<Place> {
    let mut places = vec![Place::Host];
    match sockscope::wire() {
        Ok(()) => places.extend([Place::Loopback, Place::Wire]),
        Err(why) => eprintln!("only on the host: {why}"),
    }
    places
}

#[test]
fn built_in_programs_run_without_a_command() -> Result<(), Error> {
    for place in places() {
        let run = Scenario::parse(HELLO)?.net(place).run()?;
        run.assert_passed();
        assert_eq!(run.place(), place);
        assert_eq!(run.verdicts().count(), 3);
    }
    Ok(())
}

#[test]
fn programs_that_fork_and_threads_do_too() -> Result<(), Error> {
    for name in ["normal-close", "threads", "event-loop"] {
        Scenario::builtin(name)?.settled().run()?.assert_passed();
    }
    Ok(())
}

#[test]
fn runs_beside_each_other() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let scenario = Scenario::parse(HELLO).expect("it is right");
                scenario.run().expect("it runs").assert_passed();
            });
        }
    });
}

#[test]
fn a_path_can_be_asked_and_asserted() -> Result<(), Error> {
    if let Err(why) = sockscope::wire() {
        eprintln!("not tested here: {why}");
        return Ok(());
    }
    let run = Scenario::parse(HELLO)?.run()?;
    run.assert_path("client.conn", "SYN_SENT > ESTABLISHED >> CLOSE")
        .assert_path("server.conn", "SYN_RECV >> TIME_WAIT");
    assert_eq!(
        run.path("server.listener"),
        Some(vec![TcpState::Listen, TcpState::Close])
    );
    assert_eq!(run.path("nobody.conn"), None);
    for (endpoint, path, message) in [
        (
            "client.conn",
            "SYN_SENT > CLOSE",
            "expected: client.conn SYN_SENT > CLOSE\nobserved: ",
        ),
        (
            "nobody.conn",
            "LISTEN",
            "nobody.conn does not exist; seen: ",
        ),
        ("client.conn", "SYN_SNT", "SYN_SNT"),
        ("client.conn", "held by client", "is no path of states"),
    ] {
        let said = panic_of(|| drop(run.assert_path(endpoint, path).clone()));
        assert!(said.contains(message), "{said}");
    }
    Ok(())
}

#[test]
fn a_failure_panics_with_the_whole_report() -> Result<(), Error> {
    let wrong = HELLO
        .replace("Hello World!", "Good bye")
        .replace("\"client exited 0\"", "");
    let run = Scenario::parse(&wrong)?.timeout_scale(0.1).run()?;
    assert_eq!(run.outcome(), Outcome::Failed);
    assert!(
        run.verdicts()
            .any(|(_, check)| matches!(check.verdict, Verdict::Fail(_)))
    );
    let said = panic_of(|| drop(run.assert_passed().clone()));
    for part in [
        "scenario scenario failed",
        "start client",
        "error: expectation failed",
        "--> scenario:11:12",
        "client prints Good bye",
    ] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
    assert!(said.contains(&run.to_string()));
    Ok(())
}

#[test]
fn what_was_not_observed_does_not_pass() -> Result<(), Error> {
    let scenario = Scenario::parse(&HELLO.replace("client exited 0", "wire no RST"))?;
    let run = scenario.net(Place::Host).run()?;
    assert_eq!(run.outcome(), Outcome::Inconclusive);
    let said = panic_of(|| drop(run.assert_passed().clone()));
    assert!(said.contains("inconclusive"), "{said}");
    let said = panic_of(|| drop(run.assert_path("nobody.conn", "LISTEN").clone()));
    assert!(
        said.contains("nobody.conn LISTEN: inconclusive, cannot see "),
        "{said}"
    );
    Ok(())
}

#[test]
fn errors_are_whole_texts() {
    let text = |result: Result<_, Error>| format!("{:?}", result.map(drop).expect_err("wrong"));
    let wrong = Scenario::parse(&HELLO.replace("LISTEN", "LISTNE"));
    let said = text(wrong.map(drop));
    assert!(
        said.contains("--> scenario:8:27") && said.contains("did you mean"),
        "{said}"
    );
    let missing = text(Scenario::from_file("/nonexistent/x.toml").map(drop));
    assert!(
        missing.contains("cannot read `/nonexistent/x.toml`"),
        "{missing}"
    );
    let hello = || Scenario::parse(HELLO).expect("it is right");
    let nobody = text(hello().program("nobody", ["true"]).run().map(drop));
    assert!(
        nobody.contains("has no program `nobody`; it has client, server"),
        "{nobody}"
    );
    let empty = text(
        hello()
            .program("server", Vec::<String>::new())
            .run()
            .map(drop),
    );
    assert!(
        empty.contains("the command for `server` is empty"),
        "{empty}"
    );
    let brace = text(hello().program("server", ["x", "{prot}"]).run().map(drop));
    assert!(brace.contains("unknown placeholder `{prot}`"), "{brace}");
}

/// Runs one of this file's tests in a process with that `SOCKSCOPE_BIN`; gives what it printed and
/// whether it passed.
fn with_bin(bin: &str) -> (bool, String) {
    let this = std::env::current_exe().expect("this test");
    let output = Command::new(this)
        .args(["--exact", "built_in_programs_run_without_a_command"])
        .env("SOCKSCOPE_BIN", bin)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said)
}

#[test]
fn a_command_can_be_named() {
    let (passed, said) = with_bin(env!("CARGO_BIN_EXE_sockscope"));
    assert!(passed, "{said}");
    let (passed, said) = with_bin("/bin/true");
    assert!(!passed && said.contains("that is not sockscope"), "{said}");
    let (passed, said) = with_bin("/nonexistent/sockscope");
    assert!(!passed && said.contains("cannot be executed"), "{said}");
}

fn panic_of(what: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(what).expect_err("it panics");
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn a_run_leaves_its_record_and_its_reports() -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let run = Scenario::parse(HELLO)?.net(Place::Host).run()?;
    run.save(path("run.jsonl"))?;
    run.report("junit", path("run.xml"))?;
    let read = |name: &str| std::fs::read_to_string(path(name)).expect("it is there");
    assert!(read("run.xml").starts_with("<?xml"));
    let replayed = Command::new(env!("CARGO_BIN_EXE_sockscope"))
        .arg("replay")
        .arg(path("run.jsonl"))
        .output()
        .expect("sockscope runs");
    assert_eq!(replayed.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&replayed.stdout).contains("passed"));
    let kind = |result: Result<(), Error>| result.expect_err("it cannot be").kind();
    assert_eq!(kind(run.report("pdf", path("run"))), ErrorKind::Format);
    assert_eq!(kind(run.save(path("no/folder"))), ErrorKind::Output);
    assert!(!path("run").exists());
    Ok(())
}

#[test]
fn errors_say_what_kind_they_are() {
    let kind = |result: Result<sockscope::Run, Error>| result.expect_err("it is wrong").kind();
    let of = |scenario: Result<Scenario, Error>| kind(scenario.and_then(|it| it.run()));
    assert_eq!(of(Scenario::builtin("nothing")), ErrorKind::Scenario);
    assert_eq!(of(Scenario::parse("title = 1")), ErrorKind::Scenario);
    let other = Scenario::parse(HELLO).map(|it| it.program("srever", ["true"]));
    assert_eq!(of(other), ErrorKind::Program);
}
