//! Everything that a call writes: nothing overwrites anything else of it, and what can be written is
//! written, whatever becomes of the rest.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::fs::{self, File};
use std::process::Command;

use folder::{Folder, said};
use support::SOCKSCOPE;

// One file for two.

#[test]
fn no_output_is_another_one_or_an_input() {
    let folder = Folder::new();
    folder.say("run ./passes.toml --save kept.jsonl", 0);
    fs::create_dir(folder.path("d")).expect("a folder");
    std::os::unix::fs::symlink("a.xml", folder.path("link.xml")).expect("a link");
    folder.write("a.xml", "old");
    let before = folder.files();
    let read = |name: &str| folder.read(name);
    let (passes, kept) = (read("passes.toml"), read("kept.jsonl"));
    for (call, message) in [
        (
            "run ./passes.toml --save s.jsonl --pcap s.jsonl",
            "two outputs cannot both be `s.jsonl`",
        ),
        (
            "run ./passes.toml --report junit=a.xml --report tap=./a.xml",
            "`a.xml` and `./a.xml` are the same file",
        ),
        (
            "run ./passes.toml --report junit=a.xml --report tap=link.xml",
            "`a.xml` and `link.xml` are the same file",
        ),
        (
            "run ./passes.toml --report junit=d/new.xml --pcap d/../d/new.xml",
            "`d/new.xml` and `d/../d/new.xml` are the same file",
        ),
        (
            "run ./passes.toml --save passes.toml",
            "`passes.toml` is read: it cannot be an output as well",
        ),
        (
            "run ./fails.toml ./passes.toml --pcap d/../passes.toml",
            "`d/../passes.toml` is read: it cannot be an output as well",
        ),
        (
            "replay kept.jsonl --report tap=./kept.jsonl",
            "`./kept.jsonl` is read: it cannot be an output as well",
        ),
    ] {
        let said = folder.say(call, 2);
        assert_eq!(said.stderr, format!("error: {message}\n"), "{call}");
        assert_eq!(said.stdout, "", "{call}");
    }
    let said = folder.say("trace --output t.txt --save ./t.txt -- true", 125);
    assert_eq!(
        said.stderr,
        "error: `t.txt` and `./t.txt` are the same file\n"
    );
    assert_eq!(folder.files(), before);
    assert_eq!((read("passes.toml"), read("kept.jsonl")), (passes, kept));
    assert_eq!(read("a.xml"), "old");
}

#[test]
fn no_output_is_the_file_that_standard_output_goes_to() {
    let folder = Folder::new();
    let out = File::create(folder.path("x.tap")).expect("a file");
    let mut command = folder.command("run ./passes.toml --report tap=x.tap");
    command.stdout(out);
    let said = said(command, 2);
    assert_eq!(
        said.stderr,
        "error: standard output goes to `x.tap` already\n"
    );
}

#[test]
fn what_is_no_file_may_be_named_beside_standard_output() {
    let folder = Folder::new();
    let mut command = folder.command("run ./passes.toml --report tap=/dev/null");
    command.stdout(File::options().write(true).open("/dev/null").expect("it"));
    said(command, 0);
}

// What fails does not keep the rest from being written.

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("it")
}

const FULL: &str = "error: standard output: No space left on device (os error 28)\n";

#[test]
fn reports_are_written_though_standard_output_is_full() {
    let folder = Folder::new();
    for call in [
        "run ./passes.toml",
        "run ./passes.toml ./passes.toml",
        "run ./passes.toml --format junit",
        "run ./passes.toml --style ss",
    ] {
        let call = format!("{call} --report tap=x.tap --save x.jsonl");
        let mut command = folder.command(&call);
        command.stdout(full());
        let said = said(command, 3);
        assert_eq!(said.stderr, FULL, "{call}");
        assert!(folder.read("x.tap").starts_with("TAP version 14\n"));
        fs::remove_file(folder.path("x.tap")).expect("it was there");
        let mut command = folder.command("replay x.jsonl --report tap=x.tap");
        command.stdout(full());
        let said = folder::said(command, 3);
        assert_eq!(said.stderr, FULL, "{call}");
        fs::remove_file(folder.path("x.tap")).expect("it was written");
    }
}

#[test]
fn packets_are_written_though_standard_output_is_full() {
    if !support::wire() {
        return;
    }
    let folder = Folder::new();
    let mut command = folder.command("run hello --pcap x.pcapng --report tap=x.tap");
    command.stdout(full());
    said(command, 3);
    assert_eq!(folder.files(), ["x.pcapng", "x.tap"]);
}

#[test]
fn a_summary_that_cannot_be_added_to_is_an_error() {
    let folder = Folder::new();
    let mut command = folder.command("run ./passes.toml --report tap=x.tap");
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.path("none/summary.md"));
    let said = said(command, 3);
    assert_eq!(
        said.stderr,
        "error: cannot add to GITHUB_STEP_SUMMARY: No such file or directory (os error 2)\n"
    );
    assert!(said.stdout.contains(" passed "), "{}", said.stdout);
    assert_eq!(folder.files(), ["x.tap"]);
}

#[test]
fn standard_output_that_may_not_grow_is_an_error() {
    let folder = Folder::new();
    for call in [
        "run ./passes.toml",
        "list",
        "show normal-close",
        "ls --format jsonl",
    ] {
        let command = format!("ulimit -f 0; exec {SOCKSCOPE} {call} >out.txt");
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder.0.path());
        // A socket, so that `ls` has something to say.
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let said = said(shell, 3);
        assert_eq!(
            said.stderr, "error: standard output: File too large (os error 27)\n",
            "{call}"
        );
    }
}

#[test]
fn a_program_under_test_dies_of_the_size_limit_as_ever() {
    let folder = Folder::new();
    let writes = "\"sh -c 'echo x > f.txt; kill -XFSZ $$'\"";
    let text = folder::PASSES.replace("\"true\"", writes);
    folder.write(
        "writes.toml",
        &text.replace("exited 0", "killed by SIGXFSZ"),
    );
    folder.say("run ./writes.toml", 0);
}

// Readers.

#[test]
fn what_nobody_reads_is_not_run() {
    let folder = Folder::new();
    let unread = |call: &str, code| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = folder.command(call);
        command.stdout(writer);
        let said = said(command, code);
        assert_eq!(said.stderr, "", "{call}");
        let flag = folder.path("flag");
        fs::remove_dir(flag).is_ok()
    };
    for call in [
        "run ./passes.toml ./flaky.toml",
        "run ./passes.toml ./flaky.toml --format junit",
        "run ./passes.toml ./flaky.toml --jobs 2",
    ] {
        assert!(!unread(call, 141), "{call}");
    }
    // Somebody reads the file later.
    let call = "run ./passes.toml ./flaky.toml --report tap=x.tap";
    assert!(unread(call, 1));
    assert!(folder.read("x.tap").contains("not ok 2 - flaky"));
    // A single one was begun already.
    assert!(unread("run ./flaky.toml", 1));
}

#[test]
fn a_summary_is_read_by_somebody() {
    let folder = Folder::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = folder.command("run ./passes.toml ./flaky.toml");
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.path("summary.md"))
        .stdout(writer);
    said(command, 1);
    assert!(folder.read("summary.md").contains("1 passed, 1 failed"));
}
