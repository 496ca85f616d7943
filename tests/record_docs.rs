//! What docs/record.md shows of jq is what jq prints.

mod support;

use std::process::Command;

use support::{say, wire};

const PAGE: &str = include_str!("../docs/record.md");

/// The blocks of jq and what the page says that they print; nothing where it does not say.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = PAGE
        .split("```sh\n")
        .filter(|block| block.starts_with("jq "));
    blocks
        .map(|block| {
            let (command, rest) = block.split_once("```\n").expect("an end");
            let shown = rest.strip_prefix("```text\n");
            (
                command,
                shown.map_or("", |shown| shown.split("```").next().unwrap_or_default()),
            )
        })
        .collect()
}

#[test]
fn the_examples_print_what_they_show() {
    if !wire() {
        return;
    }
    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("not tested here: no jq");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.jsonl");
    let said = say(&[
        "run",
        "normal-close",
        "--save",
        file.to_str().expect("UTF-8"),
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let examples = examples();
    assert!(examples.len() >= 3);
    for (command, shown) in examples {
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        let said = support::Said::from(output);
        assert_eq!(
            (said.stdout.as_str(), said.stderr.as_str()),
            (shown, ""),
            "{command}"
        );
    }
}
