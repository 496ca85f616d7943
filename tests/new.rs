//! `sockscope new`: what it writes runs at once.

mod support;

use support::{Said, say, sockscope, wire};

fn say_in(dir: &std::path::Path, arguments: &[&str]) -> Said {
    let output = sockscope(arguments).current_dir(dir).output();
    output.expect("sockscope runs").into()
}

#[test]
fn the_file_runs_at_once_and_passes_on_a_server_that_closes() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = say_in(
        dir.path(),
        &["new", "mine", "--server", "echo-server {port}"],
    );
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("sockscope run mine.toml"));
    let said = say_in(dir.path(), &["run", "mine"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("did you mean `mine.toml`?"));
    if !wire() {
        return;
    }
    let said = say_in(dir.path(), &["run", "mine.toml"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    let said = say_in(
        dir.path(),
        &[
            "run",
            "mine.toml",
            "--server",
            "echo-server {port} --sigchld none",
        ],
    );
    assert_eq!(said.code, Some(1), "{}", said.stdout);
    assert!(said.stdout.contains("is a zombie"), "{}", said.stdout);
}

#[test]
fn a_client_of_ones_own_is_driven_by_its_standard_input() {
    if !wire() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let said = say_in(
        dir.path(),
        &[
            "new",
            "both",
            "--server",
            "echo-server {port}",
            "--client",
            "echo-client {server} {port}",
        ],
    );
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let said = say_in(dir.path(), &["run", "both.toml"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
}

#[test]
fn a_file_that_is_there_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("mine.toml");
    std::fs::write(&path, "precious").expect("written");
    let said = say_in(dir.path(), &["new", "mine", "--server", "x"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("mine.toml"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(&path).expect("kept"), "precious");
}

#[test]
fn a_command_that_cannot_be_read_is_told_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let said = say_in(dir.path(), &["new", "mine", "--server", "./x {prot}"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("did you mean"), "{}", said.stderr);
    assert!(!dir.path().join("mine.toml").exists());
}

#[test]
fn states_are_explained_in_every_spelling() {
    for word in ["CLOSE_WAIT", "close-wait", "CloseWait"] {
        let said = say(&["explain", word]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains("who must act"), "{}", said.stdout);
        assert!(said.stdout.contains("fin-wait2-stuck"), "{}", said.stdout);
    }
}

#[test]
fn a_scenario_is_explained_by_a_run_of_it() {
    if !wire() {
        return;
    }
    let said = say(&["explain", "normal-close", "--width", "100"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for text in [
        "the programs",
        "what happens",
        "FIN_WAIT2",
        "further reading",
    ] {
        assert!(said.stdout.contains(text), "no `{text}` in {}", said.stdout);
    }
    let said = say(&["explain", "normal-close", "--format", "markdown"]);
    assert!(
        said.stdout.starts_with("# normal-close\n"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("```text\n"), "{}", said.stdout);
}
