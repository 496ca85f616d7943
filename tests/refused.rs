//! A call of which nothing can run: every report that was asked for says why, and none of an earlier
//! run is left in its place.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::fs;

use folder::{Folder, PASSES, said};

/// Two mistakes: an unknown key in line 2, an unknown state in line 7.
fn wrong() -> String {
    PASSES
        .replace("title", "tilte")
        .replace("client exited 0", "client.conn LISTNE")
}

/// All formats that can be files, old ones.
const STALE: [&str; 6] = ["x.xml", "x.tap", "x.txt", "x.jsonl", "x.html", "x.md"];
const CALL: &str = "--report junit=x.xml --report tap=x.tap --report table=x.txt --save x.jsonl \
                    --report html=x.html --report markdown=x.md";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("wrong.toml", &wrong());
    for name in STALE {
        folder.write(name, "all is well");
    }
    folder
}

/// Every report names these, and is of this call.
#[track_caller]
fn all_say(folder: &Folder, words: &[&str]) {
    for name in STALE {
        let text = folder.read(name);
        assert!(!text.contains("all is well"), "{name}");
        for word in words {
            // HTML and Markdown mark up what they quote.
            let found = text.replace(['\\', '`'], "").contains(word);
            assert!(found, "{word} in {name}:\n{text}");
        }
    }
}

#[test]
fn a_wrong_scenario_is_in_every_report() {
    let folder = folder();
    let call = format!("run ./wrong.toml ./flaky.toml {CALL}");
    let said = folder.say(&call, 2);
    assert_eq!(said.stdout, "");
    assert!(
        said.stderr.contains("--> ./wrong.toml:2:1") && said.stderr.contains("LISTNE"),
        "{}",
        said.stderr
    );
    // The program of the other one did not run.
    assert!(!folder.path("flag").exists());
    all_say(
        &folder,
        &[
            "unknown key tilte",
            "not run: another scenario of the call cannot be",
        ],
    );
    let xml = folder.read("x.xml");
    assert!(
        xml.contains("tests=\"2\" failures=\"0\" errors=\"2\""),
        "{xml}"
    );
    assert!(
        xml.contains("name=\"wrong\"") && xml.contains("file=\"wrong.toml\" line=\"2\""),
        "{xml}"
    );
    let tap = folder.read("x.tap");
    assert!(tap.contains("1..2\nnot ok 1 - wrong\n"), "{tap}");
    // Every mistake is a problem of its own, with its place.
    assert_eq!(tap.matches("\n    line: ").count(), 2, "{tap}");
    assert!(tap.contains("\n    line: 7\n"), "{tap}");
    assert!(folder.read("x.txt").contains("1 inconclusive, 1 error"));
}

#[test]
fn the_record_of_a_wrong_scenario_is_one() {
    let folder = folder();
    folder.say(&format!("run ./wrong.toml {CALL}"), 2);
    let said = folder.say("replay x.jsonl --report tap=again.tap", 2);
    assert!(
        said.stdout.contains("unknown key `tilte`"),
        "{}",
        said.stdout
    );
    assert_eq!(folder.read("again.tap"), folder.read("x.tap"));
}

#[test]
fn a_report_on_standard_output_says_it_too() {
    let folder = folder();
    let said = folder.say("run ./passes.toml ./wrong.toml --format tap", 2);
    assert!(
        said.stdout
            .starts_with("TAP version 14\n1..2\nnot ok 1 - passes\n"),
        "{}",
        said.stdout
    );
}

#[test]
fn what_cannot_be_found_is_in_every_report() {
    let folder = folder();
    for (words, code, told) in [
        ("nope", 2, "unknown scenario nope"),
        ("./none.toml", 2, "cannot read ./none.toml: No such file"),
        ("clsoe/", 4, "no built-in scenario matches clsoe/"),
        ("nope clsoe/", 2, "no built-in scenario matches clsoe/"),
    ] {
        for name in STALE {
            folder.write(name, "all is well");
        }
        folder.say(&format!("run {words} {CALL}"), code);
        all_say(&folder, &[told]);
    }
}

#[test]
fn a_wrong_call_is_in_every_report() {
    let folder = folder();
    for (arguments, told) in [
        ("--program nobody=true", "has no program nobody"),
        ("--program true", "write --program NAME=CMD"),
        ("./passes.toml --style ss", "--style takes one scenario"),
    ] {
        for name in STALE {
            folder.write(name, "all is well");
        }
        let said = folder.say(&format!("run ./passes.toml {arguments} {CALL}"), 2);
        assert_eq!(said.stdout, "");
        all_say(&folder, &[told]);
    }
}

#[test]
fn a_report_that_cannot_be_written_is_in_the_others() {
    let folder = folder();
    let call = format!("run ./flaky.toml --report junit=none/x.xml {CALL}");
    let said = folder.say(&call, 3);
    assert_eq!(said.stdout, "");
    assert_eq!(
        said.stderr,
        "error: cannot write `none/x.xml`: No such file or directory (os error 2)\n"
    );
    assert!(!folder.path("flag").exists());
    all_say(&folder, &["cannot write none/x.xml"]);
}

// GitHub Actions.

#[test]
fn annotations_point_at_every_mistake() {
    let folder = folder();
    let mut command = folder.command("run ./passes.toml ./wrong.toml ./none.toml ./fails.toml");
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.path("summary.md"));
    let said = said(command, 2);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", said.stdout);
    assert!(
        lines[0].starts_with("::error file=wrong.toml,line="),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("::error file=wrong.toml,line="),
        "{lines:?}"
    );
    assert!(
        lines[..2]
            .iter()
            .any(|line| line.contains(",line=2,col=1,"))
            && lines[..2].iter().any(|line| line.contains(",line=7,col=")),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("::error file=none.toml,title=none%3A cannot read "),
        "{lines:?}"
    );
    let summary = folder.read("summary.md");
    assert!(summary.contains("| ERROR | wrong |"), "{summary}");
}

#[test]
fn what_is_wrong_with_the_call_is_annotated_once() {
    let folder = Folder::new();
    let mut command = folder.command("run ./passes.toml ./fails.toml --program true");
    command.env("GITHUB_ACTIONS", "true");
    let said = said(command, 2);
    assert_eq!(
        said.stdout.matches("::error ").count(),
        1,
        "{}",
        said.stdout
    );
}

#[test]
fn nothing_is_left_where_a_scenario_would_be_overwritten() {
    let folder = folder();
    let said = folder.say("run ./wrong.toml --save wrong.toml", 2);
    assert!(
        said.stderr
            .contains("error: `wrong.toml` is read: it cannot be an output as well\n"),
        "{}",
        said.stderr
    );
    assert_eq!(
        fs::read_to_string(folder.path("wrong.toml")).expect("it"),
        wrong()
    );
}
