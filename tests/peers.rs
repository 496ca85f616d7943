//! `--style lsof|ss|netstat|ps` beside the tools themselves: a scenario holds still, runs the real
//! tool in the same place, and its rows must be those that sockscope prints.
//!
//! Needs `lsof`, `ss`, `netstat` and `ps`: `cargo test --features peers`.

mod support;

use std::collections::BTreeSet;

use sockscope::event::{Kind, Stream};
use sockscope::report::Look;
use sockscope::report::style::{self, Style};
use sockscope::run::{Outcome, Place, Run};
use support::{options, scenario, wire};

/// A connection, one half closed, one in TIME_WAIT, a listener, a zombie: then the tools.
const HELD: &str = r#"
title = "Held still"
paths = "settled"
[programs]
server  = "echo-server {port} --sigchld none"
first   = "echo-client {server} {port}"
second  = "echo-client {server} {port}"
ss      = { command = "ss -tan", host = "server" }
far-ss  = { command = "ss -tan", host = "client" }
netstat = { command = "netstat -tan", host = "server" }
lsof    = { command = "lsof -nP -iTCP", host = "server" }
ps      = { command = "ps -e -ww -o pid,ppid,stat,args", host = "server" }
[[step]]
do     = ["start server", "start first", "close stdin of first", "start second", "second types hi"]
expect = [
  "first.conn TIME_WAIT",
  "second.conn ESTABLISHED",
  "second prints hi",
  "server zombies = 1",
]
[[step]]
do     = ["start ss", "start far-ss", "start netstat", "start lsof", "start ps"]
expect = [
  "ss exited 0", "far-ss exited 0", "netstat exited 0", "ps exited 0",
  "lsof exited 0, reaped",
]
"#;

const LOOK: Look = Look {
    width: 200,
    color: false,
    unicode: true,
};

type Rows = BTreeSet<Vec<String>>;

fn held(place: Place) -> Run {
    let run = sockscope::driver::run(&scenario(HELD), &options(Some(place)), None);
    assert_eq!(
        run.outcome(),
        Outcome::Passed,
        "{}",
        sockscope::report::failure::render(&run, &LOOK)
    );
    run
}

/// What a program of the run printed.
fn printed(run: &Run, program: &str) -> Vec<String> {
    let lines = run.timeline.events().iter().filter_map(|e| match &e.kind {
        Kind::Output {
            process,
            stream: Stream::Stdout,
            text,
        } if process.as_str() == program => Some(text.clone()),
        _ => None,
    });
    lines.collect()
}

/// What sockscope prints in a tool's style after the first step, on one host where hosts differ.
fn imitated(run: &Run, style: Style, host: &str) -> Vec<String> {
    let text = style::render(run, style, &LOOK);
    let first = text.split("\n\n").next().expect("the first step");
    let is_prompt = |line: &str| line.contains("$ ");
    let prompt = match run.header.place {
        Place::Wire => format!("{host}$ "),
        _ => "$ ".to_owned(),
    };
    first
        .lines()
        .skip_while(|line| !line.starts_with(&prompt))
        .skip(1)
        .take_while(|line| !is_prompt(line))
        .map(str::to_owned)
        .collect()
}

/// The wanted fields of the rows that speak of the run's port (a machine has others).
fn rows(lines: &[String], port: &str, wanted: impl Fn(&[&str]) -> Vec<String>) -> Rows {
    let port = format!(":{port}");
    lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| {
            fields
                .iter()
                .any(|f| f.split("->").any(|a| a.ends_with(&port)))
        })
        .map(|fields| wanted(&fields))
        .collect()
}

fn port(run: &Run) -> String {
    let server = run.timeline.endpoints().iter().find_map(|e| {
        (e.name.to_string() == "server.listener").then(|| Some(e.tuple?.local.port().to_string()))
    });
    server.flatten().expect("a listener")
}

fn fields(count: usize) -> impl Fn(&[&str]) -> Vec<String> {
    move |fields| fields.iter().take(count).map(|f| f.to_string()).collect()
}

#[track_caller]
fn same(theirs: Rows, ours: Rows) {
    assert!(!theirs.is_empty(), "the tool printed nothing of the run");
    assert_eq!(theirs, ours, "left: the tool, right: sockscope");
}

#[test]
fn ss_and_netstat_on_the_wire() {
    if !wire() {
        return;
    }
    let run = held(Place::Wire);
    let port = port(&run);
    // State, queues, both addresses.
    for (program, host) in [("ss", "server"), ("far-ss", "client")] {
        same(
            rows(&printed(&run, program), &port, fields(5)),
            rows(&imitated(&run, Style::Ss, host), &port, fields(5)),
        );
    }
    // Protocol, queues, both addresses, state.
    same(
        rows(&printed(&run, "netstat"), &port, fields(6)),
        rows(&imitated(&run, Style::Netstat, "server"), &port, fields(6)),
    );
}

#[test]
fn ss_netstat_and_lsof_on_the_machines_own_network() {
    let run = held(Place::Host);
    let port = port(&run);
    for (style, program, count) in [(Style::Ss, "ss", 5), (Style::Netstat, "netstat", 6)] {
        same(
            rows(&printed(&run, program), &port, fields(count)),
            rows(&imitated(&run, style, ""), &port, fields(count)),
        );
    }
    // All but COMMAND, which is sockscope for a built-in program, and USER, which is a number
    // here and a name there.
    let wanted = |fields: &[&str]| {
        let (command, user) = (0, 2);
        let kept = fields.iter().enumerate();
        kept.filter(|(i, _)| *i != command && *i != user)
            .map(|(_, field)| field.to_string())
            .collect()
    };
    same(
        rows(&printed(&run, "lsof"), &port, wanted),
        rows(&imitated(&run, Style::Lsof, ""), &port, wanted),
    );
}

#[test]
fn ps_on_the_machines_own_network() {
    let run = held(Place::Host);
    let theirs = printed(&run, "ps");
    let ours = imitated(&run, Style::Ps, "");
    let mut zombies = 0;
    assert!(ours.len() > 3, "a heading, the server, its children");
    for line in ours.iter().skip(1) {
        let mine: Vec<&str> = line.split_whitespace().collect();
        let real = theirs
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|fields| fields.first() == mine.first())
            .unwrap_or_else(|| panic!("ps does not know {line}"));
        // The parent of a program's first process is the lab's, which is no part of the run.
        assert!(mine[1] == "?" || mine[1] == real[1], "{mine:?} {real:?}");
        assert!(real[2].starts_with(mine[2]), "{mine:?} {real:?}");
        match mine[2] {
            "Z" => {
                assert_eq!(mine.last(), Some(&"<defunct>"));
                assert_eq!(real.last(), Some(&"<defunct>"));
                zombies += 1;
            }
            _ => assert!(real.ends_with(&mine[3..]), "{mine:?} {real:?}"),
        }
    }
    assert_eq!(zombies, 1);
}
