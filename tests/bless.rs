//! `--bless`: what was observed, written into the scenario.

mod support;

use sockscope::bless::{Blessed, Change, bless};
use sockscope::driver;
use sockscope::report::{Look, failure};
use sockscope::run::{Outcome, Place};
use sockscope::scenario::{Scenario, SourceText, builtin};
use support::{all_names, options, say, wire};
use toml_edit::{ArrayOfTables, DocumentMut};

const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
};

fn blessed(scenario: &Scenario, place: Place) -> Blessed {
    let run = driver::observe(scenario, &options(Some(place)), None);
    bless(scenario, &run).unwrap_or_else(|error| panic!("{}: {error}", scenario.name))
}

fn named(name: &str, text: String) -> Scenario {
    let source = SourceText {
        name: format!("{name}.toml"),
        text,
    };
    Scenario::parse(source.clone(), name, "")
        .unwrap_or_else(|error| panic!("{}", error.render(&source, false)))
}

/// Without any expectation. A step that does nothing else is left out.
fn bare(text: &str) -> String {
    let mut document: DocumentMut = text.parse().expect("TOML");
    let steps = document["step"].as_array_of_tables_mut().expect("steps");
    let mut kept = ArrayOfTables::new();
    for step in steps.iter() {
        let mut step = step.clone();
        step.remove("expect");
        step.remove("never");
        if step.contains_key("do") {
            kept.push(step);
        }
    }
    *steps = kept;
    document.to_string()
}

/// What is wrong with a scenario that was stripped and blessed: nothing, or why it does not pass
/// several times in a row.
fn retold(name: &str) -> Option<String> {
    const ROUNDS: usize = 5;
    let bare = named(name, bare(builtin::find(name).expect("built in").text));
    let run = driver::observe(&bare, &options(Some(Place::Wire)), None);
    let done = match bless(&bare, &run) {
        Ok(done) => done,
        Err(error) => return Some(format!("{name}: {error}")),
    };
    // An order that only a later packet would fit: without a line to wait for, it never comes.
    let orders: Vec<&str> = done.kept.iter().map(|kept| kept.line.as_str()).collect();
    if name == "lost-last-ack" {
        assert_eq!(orders, ["hold retransmissions from server"]);
        return None;
    }
    if !orders.is_empty() {
        return Some(format!("{name}: {orders:?}"));
    }
    let told = named(name, done.text);
    (0..ROUNDS).find_map(|round| {
        let run = driver::run(&told, &options(Some(Place::Wire)), None);
        (run.outcome() != Outcome::Passed)
            .then(|| format!("{name}, round {round}: {}", failure::render(&run, &LOOK)))
    })
}

#[test]
fn every_scenario_can_be_told_by_what_it_did() {
    // A step without expectations waits for nothing: on a busy machine it may be over too early.
    const TRIES: usize = 3;
    if !wire() {
        return;
    }
    let wrong: Vec<String> = all_names()
        .into_iter()
        .filter_map(|name| {
            let tries: Vec<String> = (0..TRIES).map_while(|_| retold(name)).collect();
            tries
                .iter()
                .for_each(|wrong| eprintln!("tried again: {wrong}"));
            (tries.len() == TRIES).then(|| tries.join("\n"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A chat, with one line of `expect` in the last step.
fn chat(last: &str) -> String {
    format!(
        r#"title = "A chat"
[programs]
server = "chat-server {{port}}"
client = "chat-client {{server}} {{port}}"
[[step]]
do     = ["start server", "start client", "client types hello"]
expect = "server prints hello"    # a greeting
[[step]]
do     = "client types q"         # shutdown()
expect = [
  # the client's side
  "client exited 0, reaped",      # its parent
  '{last}',                       # this one
  "server running",
]
within = "300ms"
"#
    )
}

#[test]
fn what_failed_becomes_what_was_observed_in_the_same_form() {
    if !wire() {
        return;
    }
    let path = "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT";
    let sequence = "wire client FIN > server ACK > server FIN > client ACK";
    for (wrong, right) in [
        ("client.conn CLOSE", "client.conn TIME_WAIT"),
        ("client.conn ESTABLISHED > CLOSE_WAIT", path),
        (
            "client.conn ESTABLISHED >> CLOSE",
            "client.conn ESTABLISHED >> TIME_WAIT",
        ),
        ("client.conn held by client", "client.conn held by nobody"),
        ("server.listener send-q = 7", "server.listener send-q = 5"),
        ("server.listener recv-q >= 1", "server.listener recv-q = 0"),
        ("client.conn timer off", "client.conn timer timewait"),
        ("server.child exited 1", "server.child exited 0"),
        (
            "server.child killed by SIGTERM, reaped",
            "server.child exited 0, reaped",
        ),
        (
            "server.child reaped by init",
            "server.child reaped by parent",
        ),
        ("server.child zombie", "server.child reaped"),
        ("server exited 0", "server running"),
        ("server.child running", "server.child exited 0, reaped"),
        ("any zombie", "no zombies"),
        ("server children = 3", "server children = 0"),
        ("wire 3 FIN", "wire 2 FIN"),
        ("wire RST", "wire no RST"),
        ("wire client FIN", sequence),
        ("wire client FIN > server FIN > client ACK", sequence),
    ] {
        let old = named("chat", chat(wrong));
        let done = blessed(&old, Place::Wire);
        // To the letter but for that line.
        let expected = chat(wrong).replace(&format!("'{wrong}'"), &format!("\"{right}\""));
        assert_eq!(done.text, expected, "{wrong}");
        assert_eq!(
            done.changes,
            [Change::Replaced {
                from: old.steps[1].expect[1].value.to_string(),
                to: right.into(),
            }]
        );
        assert!(done.kept.is_empty());
        let run = driver::run(&named("chat", done.text), &options(Some(Place::Wire)), None);
        assert_eq!(run.outcome(), Outcome::Passed, "{right}");
    }
}

#[test]
fn what_did_not_happen_has_no_line() {
    if !wire() {
        return;
    }
    for wrong in [
        "client failed EPIPE",
        "server caught SIGTERM",
        "server.conn2 ESTABLISHED",
    ] {
        let done = blessed(&named("chat", chat(wrong)), Place::Wire);
        assert_eq!(done.changes, [Change::Removed(wrong.into())]);
        assert!(!done.text.contains(wrong));
        for comment in [
            "# a greeting",
            "# its parent",
            "# this one",
            "# the client's side",
        ] {
            assert!(done.text.contains(comment), "{comment}:\n{}", done.text);
        }
        named("chat", done.text);
    }
    let never = chat("client.conn TIME_WAIT").replace("within", "never  = \"wire FIN\"\nwithin");
    let done = blessed(&named("chat", never.clone()), Place::Wire);
    assert_eq!(done.changes, [Change::Removed("never: wire FIN".into())]);
    assert_eq!(done.text, never.replace("\"wire FIN\"", "[]"));
}

/// Where nobody can see paths and segments, nothing is said of them.
#[test]
fn what_nobody_saw_is_not_blessed() {
    let path = "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT";
    for unseen in [path, "wire no RST"] {
        let text = chat(unseen);
        let mut options = options(Some(Place::Host));
        options.settled = true;
        let scenario = named("chat", text.clone());
        let done = bless(&scenario, &driver::observe(&scenario, &options, None)).expect("blessed");
        assert_eq!(done.text, text);
        let done = blessed(&scenario, Place::Host);
        assert_eq!(done.text, text);
        assert_eq!(done.kept.len(), 1);
        assert_eq!((done.kept[0].step, done.kept[0].line.as_str()), (1, unseen));
    }
    let done = blessed(&named("chat", bare(&chat("no zombies"))), Place::Host);
    for change in &done.changes {
        let Change::Added(line) = change else {
            panic!("{change:?}");
        };
        assert!(!line.contains('>') && !line.starts_with("wire"), "{line}");
    }
    assert!(
        done.text.contains("\"client.conn TIME_WAIT\""),
        "{}",
        done.text
    );
}

#[test]
fn a_run_that_broke_off_blesses_nothing() {
    let text = chat("no zombies").replace("chat-server {port}", "/nonexistent/server");
    let scenario = named("chat", text);
    let run = driver::observe(&scenario, &options(Some(Place::Host)), None);
    let error = bless(&scenario, &run).expect_err("it did not start");
    assert!(
        error
            .to_string()
            .contains("cannot start `/nonexistent/server`"),
        "{error}"
    );
}

#[test]
fn the_command_writes_the_file_and_runs_it_again() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("chat.toml");
    let path = file.to_str().expect("UTF-8");
    std::fs::write(&file, chat("client.conn CLOSE")).expect("written");
    let bless = || say(&["run", path, "--bless"]);
    let said = bless();
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (Some(0), ""),
        "{}",
        said.stdout
    );
    for part in [
        format!("--- {path}\n+++ {path}\n@@ -10,7 +10,7 @@\n"),
        "\n-  'client.conn CLOSE',                       # this one\n".into(),
        "\n+  \"client.conn TIME_WAIT\",                       # this one\n".into(),
        format!(" blessed  1 line replaced in {path}\n\n run again: the file passes\n"),
    ] {
        assert!(
            said.stdout.contains(&part),
            "no {part:?} in:\n{}",
            said.stdout
        );
    }
    let text = std::fs::read_to_string(&file).expect("there");
    let right =
        chat("client.conn CLOSE").replace("'client.conn CLOSE'", "\"client.conn TIME_WAIT\"");
    assert_eq!(text, right);

    let said = bless();
    assert_eq!(said.code, Some(0));
    let nothing = format!(" blessed  nothing to change in {path}\n\n the file passes\n");
    assert_eq!(said.stdout, nothing);
    assert_eq!(std::fs::read_to_string(&file).expect("there"), text);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        1
    );
}

#[test]
fn a_built_in_scenario_cannot_be_blessed() {
    let said = say(&["run", "normal-close", "--bless"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        said.stderr,
        "error: `normal-close` is built in and cannot be blessed\n  \
         = help: `sockscope show normal-close > normal-close.toml`, then bless that file\n"
    );
}
