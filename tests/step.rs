//! `--step` and `--quiz`: somebody decides at each step and packet.

mod support;

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use support::{Said, sockscope, wire};

/// Runs a scenario with these answers on standard input.
fn answered(arguments: &[&str], answers: &str) -> Said {
    let mut child = sockscope(arguments)
        .args(["--width", "100", "--color", "never"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    let mut stdin = child.stdin.take().expect("piped");
    // Whoever quits does not read the rest.
    let _ = stdin.write_all(answers.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("ends").into()
}

#[test]
fn enter_delivers_each_segment_and_the_states_of_both_ends_are_shown() {
    if !wire() {
        return;
    }
    let said = answered(&["run", "normal-close", "--step"], &"\n".repeat(40));
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    let expected = [
        "step 2  start client",
        "on the wire  client ── SYN seq=0 ──▶ server",
        "client.conn     SYN_SENT",
        "server.conn     SYN_RECV",
        "on the wire  server ── SYN,ACK seq=0 ack=1 ──▶ client",
        "held by server fd 4, server.child fd 4",
        "FIN,ACK",
        "server.conn     CLOSE_WAIT",
        "client.conn     TIME_WAIT",
        " passed",
    ];
    let mut rest = said.stdout.as_str();
    for text in expected {
        let at = rest
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}` in order in:\n{}", said.stdout));
        rest = &rest[at..];
    }
}

/// Runs normal-close, looks at the first SYN for longer than its timer, and then answers so.
fn looked_at_for_long(answers: &str) -> Said {
    let mut child = sockscope(&["run", "normal-close", "--step"])
        .args(["--width", "100", "--color", "never"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = child.stdout.take().expect("piped");
    stdin.write_all(b"\n\n").expect("it asks");
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("deliver  d drop") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("it asks");
        shown.push(byte[0]);
    }
    // As a person looks; the kernel sends the SYN again after one second.
    std::thread::sleep(Duration::from_millis(2500));
    stdin.write_all(answers.as_bytes()).expect("it asks");
    drop(stdin);
    stdout.read_to_end(&mut shown).expect("text");
    let mut said = Said::from(child.wait_with_output().expect("ends"));
    said.stdout = String::from_utf8_lossy(&shown).into_owned();
    said
}

#[test]
fn looking_for_long_changes_nothing() {
    if !wire() {
        return;
    }
    for answers in ["\n".repeat(40), "r\n".to_owned()] {
        let said = looked_at_for_long(&answers);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        let note = "client sent its SYN again while you were looking: left out";
        assert!(said.stdout.contains(note), "{}", said.stdout);
        assert!(!said.stdout.contains("come to rest"), "{}", said.stdout);
    }
}

#[test]
fn a_dropped_syn_ack_is_sent_again() {
    if !wire() {
        return;
    }
    let said = looked_at_for_long(&format!("\nd\n{}", "\n".repeat(60)));
    let after = said.stdout.split("you dropped it").nth(1);
    let after = after.unwrap_or_else(|| panic!("{}", said.stdout));
    for says in ["SYN,ACK (again)", "ESTABLISHED"] {
        assert!(after.contains(says), "no {says} in:\n{}", said.stdout);
    }
}

#[test]
fn a_dropped_segment_is_sent_again() {
    if !wire() {
        return;
    }
    // Begin two steps, drop the SYN, run on: the kernel sends it again after a second.
    let said = answered(&["run", "normal-close", "--step"], "\n\nd\nr\n");
    assert!(said.stdout.contains("you dropped it"), "{}", said.stdout);
}

#[test]
fn q_quits_and_nothing_runs_on() {
    if !wire() {
        return;
    }
    let mark = support::Mark::new("step-quit");
    let mut child = sockscope(&["run", "normal-close", "--step"])
        .env(support::Mark::NAME, mark.value())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"\n\n\nq\n").expect("typed");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(mark.bearers(), Vec::<i32>::new());
}

#[test]
fn the_quiz_knows_right_from_wrong() {
    if !wire() {
        return;
    }
    let said = answered(
        &["run", "normal-close", "--quiz"],
        "\n\n\nsyn-rcvd\n\nLISTEN\nr\n",
    );
    assert!(said.stdout.contains("right: "), "{}", said.stdout);
    assert!(
        said.stdout.contains("no: client.conn is ESTABLISHED"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("quiz  1 of 2 right"),
        "{}",
        said.stdout
    );
}

#[test]
fn stepping_takes_one_scenario() {
    let said = answered(&["run", "normal-close", "normal-close", "--step"], "");
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("take one scenario"), "{}", said.stderr);
}
