//! Several scenarios and several tries: retries, GitHub Actions, interrupts, progress.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use folder::{FAILS, Folder, PASSES, said};

// Retries.

#[test]
fn a_scenario_that_passes_at_the_second_try_is_flaky() {
    let folder = Folder::new();
    let said = folder.say("run ./flaky.toml --retries 3 --report junit=x.xml", 0);
    for expected in [
        "try 1 of 2",
        "error: expectation failed",
        " FLAKY  passed at try 2; try 1 failed",
    ] {
        assert!(
            said.stdout.contains(expected),
            "{expected} in {}",
            said.stdout
        );
    }
    let xml = folder.read("x.xml");
    assert!(
        xml.contains("failures=\"0\"") && xml.contains("<flakyFailure "),
        "{xml}"
    );
}

#[test]
fn a_flaky_scenario_among_several_is_told_too() {
    let folder = Folder::new();
    let call = "run ./passes.toml ./flaky.toml --retries 1";
    let said = folder.say(call, 0);
    for expected in [
        " FLAKY         flaky ",
        " 2 passed (1 flaky), 0 failed",
        "error: expectation failed",
    ] {
        assert!(
            said.stdout.contains(expected),
            "{expected} in {}",
            said.stdout
        );
    }
    fs::remove_dir(folder.path("flag")).expect("it was made");
    folder.say(&format!("{call} --fail-on-flaky"), 1);
    folder.say(&format!("{call} --fail-on-flaky"), 0);
}

#[test]
fn without_retries_nothing_is_tried_again() {
    let folder = Folder::new();
    let said = folder.say("run ./flaky.toml", 1);
    assert!(!said.stdout.contains("try "), "{}", said.stdout);
    let said = folder.say("run ./fails.toml ./passes.toml --retries 2 --width 160", 1);
    assert!(
        said.stdout
            .contains("the last of 3 tries; try 1 failed, try 2 failed"),
        "{}",
        said.stdout
    );
}

// GitHub Actions.

#[test]
fn in_github_actions_annotations_follow_the_table() {
    let folder = Folder::new();
    let run = |call: &str, code| {
        let mut command = folder.command(call);
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", folder.path("summary.md"));
        said(command, code)
    };
    let said = run("run ./fails.toml ./passes.toml", 1);
    let last = said.stdout.lines().last().expect("a line");
    assert!(
        last.starts_with("::error file=fails.toml,line=7,"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains(" 1 passed, 1 failed"),
        "{}",
        said.stdout
    );
    let summary = folder.read("summary.md");
    assert!(
        summary.starts_with("### sockscope: 1 passed, 1 failed, 0 inconclusive\n"),
        "{summary}"
    );
    assert!(summary.contains("| FAILED | fails | expectation failed: client exited 0; observed: "));
    // It is added to, and a plain pass has no row.
    run("run ./passes.toml", 0);
    let more = folder.read("summary.md");
    assert!(
        more.starts_with(&summary)
            && more.ends_with("### sockscope: 1 passed, 0 failed, 0 inconclusive\n\n"),
        "{more}"
    );
    // What was asked for is not mixed with it.
    let said = run("run ./fails.toml --format tap", 1);
    assert!(!said.stdout.contains("::error"), "{}", said.stdout);
}

#[test]
fn a_program_gives_github_no_commands() {
    let folder = Folder::new();
    let says = "\"printf '::error::a\\\\n##[add-mask]b\\\\n'\"";
    folder.write("says.toml", &FAILS.replace("\"false\"", says));
    let text = folder.read("says.toml").replace("exited 0", "exited 1");
    folder.write("says.toml", &text);
    for call in [
        "run ./says.toml",
        "run ./says.toml --width 60 --wire off",
        "run ./says.toml ./passes.toml",
    ] {
        let mut command = folder.command(call);
        command.env("GITHUB_ACTIONS", "true");
        let said = said(command, 1);
        assert!(said.stdout.contains(r"#\x23[add-mask]b"), "{}", said.stdout);
        let commands = said
            .stdout
            .lines()
            .filter(|l| l.trim_start().starts_with("::"));
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), 1, "{commands:?}");
        assert!(
            commands[0].starts_with("::error file=says.toml,"),
            "{commands:?}"
        );
    }
}

/// A line that a runner of GitHub Actions takes for a command.
fn commands(text: &str) -> Vec<&str> {
    let lines = text.split(['\n', '\r']);
    let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    lines.filter(is_command).collect()
}

#[test]
fn a_program_gives_github_no_commands_in_any_format() {
    let folder = Folder::new();
    let says = r#""printf '::error::a\\n##[add-mask]b\\r::c\\n   ::d\\n'""#;
    let text = FAILS.replace("\"false\"", says);
    let text = text.replace(
        "\"Fails\"",
        "\"::error::title ##[error]x\"\nabout = \"::error::about\"",
    );
    let text = text.replace("exited 0\"", "prints ##[never]c\"\nwithin = \"1ms\"");
    folder.write("says.toml", &text);
    let in_actions = |call: &str, code| {
        let mut command = folder.command(call);
        command.env("GITHUB_ACTIONS", "true");
        said(command, code)
    };
    let mut calls: Vec<(String, &str)> = sockscope::report::format::FORMATS
        .iter()
        .filter(|about| about.name != "github" && about.name != "table")
        .map(|about| {
            (
                format!("run ./says.toml --format {}", about.name),
                about.name,
            )
        })
        .collect();
    calls.push(("explain ./says.toml".to_owned(), "table"));
    calls.push((
        "explain ./says.toml --format markdown".to_owned(),
        "markdown",
    ));
    calls.push((
        "run ./says.toml --format tap --report junit=/dev/stdout".to_owned(),
        "tap",
    ));
    for (call, format) in &calls {
        let code = if call.starts_with("explain") { 0 } else { 1 };
        let text = in_actions(call, code).stdout;
        assert_eq!(commands(&text), Vec::<&str>::new(), "{call}");
        let escaped = match *format {
            "tap" | "json" | "jsonl" => r"##\u005b",
            "junit" | "svg" | "html" => "##&#91;",
            // It escapes what means something to it, and a number sign does.
            "mermaid" => "#35;#35;#91;",
            _ => r"#\x23[",
        };
        assert!(text.contains(escaped), "{call}: {text}");
        // Elsewhere nothing is changed.
        let plain = folder.say(call, code).stdout;
        assert!(
            !plain.contains(escaped) || *format == "mermaid",
            "{call}: {plain}"
        );
    }
    let json = in_actions("run ./says.toml --format json", 1).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(value.to_string().contains("##[add-mask]b"), "{value}");
    let wrong = in_actions("run ./##[error]x.toml", 2);
    assert!(
        wrong.stderr.contains(r"cannot read `./#\x23[error]x.toml`"),
        "{}",
        wrong.stderr
    );
}

// Interrupts.

#[test]
fn an_interrupt_begins_nothing_more_and_has_one_line() {
    let folder = Folder::new();
    let waits = PASSES.replace("\"true\"", "\"sleep 1000\"");
    let waits = waits.replace("exited 0\"", "exited 0\"\nwithin = \"1000s\"");
    folder.write("waits.toml", &waits);
    let mut command = folder
        .command("run ./passes.toml ./waits.toml ./flaky.toml ./fails.toml --report tap=all.tap");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut out = String::new();
    std::io::BufRead::read_line(&mut lines, &mut out).expect("the first line");
    assert!(out.starts_with(" passed "), "{out}");
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
    std::io::Read::read_to_string(&mut lines, &mut out).expect("the rest");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(
        out.contains("\n INTERRUPTED   waits, flaky, fails\n"),
        "{out}"
    );
    assert_eq!(out.matches("INTERRUPTED").count(), 1, "{out}");
    assert!(!folder.path("flag").exists(), "it was begun");
    // They are in the report: nobody shall take them for passed.
    assert_eq!(folder.read("all.tap").matches("not ok").count(), 3);
}

// Progress.

#[test]
fn nothing_of_the_progress_is_seen_in_a_pipe() {
    let folder = Folder::new();
    folder.write("slow.toml", &PASSES.replace("\"true\"", "\"sleep 1.5\""));
    for call in ["run ./slow.toml", "run ./slow.toml ./passes.toml"] {
        assert_eq!(folder.say(call, 0).stderr, "");
    }
}

/// All that sockscope writes on a terminal, escape codes and all.
fn on_a_terminal(mut command: Command, term: &str) -> String {
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let slave = pty.slave;
    command
        .env("TERM", term)
        .stdout(slave.try_clone().expect("a copy"))
        .stderr(slave);
    let mut child = command.spawn().expect("it runs");
    // It holds the terminal's other end.
    drop(command);
    let mut written = Vec::new();
    // Once nobody has the other end, Linux answers EIO.
    let _ = fs::File::from(pty.master).read_to_end(&mut written);
    assert!(child.wait().expect("it ends").success());
    String::from_utf8_lossy(&written).into_owned()
}

/// How a terminal clears its line.
const CLEAR: &str = "\r\x1b[2K";

/// What is left of each line.
fn screen(written: &str) -> String {
    let left = |line: &str| line.rsplit(CLEAR).next().unwrap_or_default().to_owned();
    let lines: Vec<String> = written.lines().map(left).collect();
    lines.join("\n")
}

#[test]
fn a_long_run_says_on_a_terminal_what_it_does_and_takes_it_away() {
    let folder = Folder::new();
    folder.write("slow.toml", &PASSES.replace("\"true\"", "\"sleep 1.5\""));
    for (call, line) in [
        ("run ./slow.toml", "step 1 of 1: start client"),
        ("run ./slow.toml ./passes.toml", "0 of 2 done  slow"),
    ] {
        let written = on_a_terminal(folder.command(call), "xterm");
        assert!(written.contains(line), "{written:?}");
        let left = screen(&written);
        assert!(left.contains("passed"), "{left:?}");
        assert!(
            !left.contains("step 1 of 1") && !left.contains(" done"),
            "{left:?}"
        );
        let written = on_a_terminal(folder.command(call), "dumb");
        assert!(
            !written.contains(line) && !written.contains(CLEAR),
            "{written:?}"
        );
    }
}

#[test]
fn a_quick_run_has_no_progress() {
    let folder = Folder::new();
    let written = on_a_terminal(folder.command("run ./passes.toml"), "xterm");
    assert!(!written.contains("step 1 of 1"), "{written:?}");
}
