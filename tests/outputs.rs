//! Everything that a call writes: nothing overwrites anything else of it, and what can be written is
//! written, whatever becomes of the rest.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::process::Command;

use folder::{Folder, said};
use support::SOCKSCOPE;

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
