//! A folder with a scenario that passes, one that fails and one that fails at its first run only.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Said, sockscope};

/// Passes on every place.
pub(crate) const PASSES: &str = r#"
title = "Passes"
[programs]
client = "true"
[[step]]
do     = "start client"
expect = "client exited 0"
"#;

/// Fails on every place.
pub(crate) const FAILS: &str = r#"
title = "Fails"
[programs]
client = "false"
[[step]]
do     = "start client"
expect = "client exited 0"
"#;

/// A folder with scenarios, in which sockscope runs.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        folder.write("passes.toml", PASSES);
        folder.write("fails.toml", FAILS);
        // Makes a folder and fails; later it is there, and the program passes.
        let flag = folder.path("flag");
        let client = format!("sh -c 'mkdir {} && exit 1; exit 0'", flag.display());
        folder.write(
            "flaky.toml",
            &PASSES.replace("\"true\"", &format!("{client:?}")),
        );
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a report")
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = sockscope(&arguments);
        command.current_dir(self.0.path());
        command
    }

    /// Runs sockscope in the folder.
    #[track_caller]
    pub(crate) fn say(&self, arguments: &str, code: i32) -> Said {
        said(self.command(arguments), code)
    }

    /// All files but the scenarios.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| !name.ends_with(".toml"))
            .collect();
        names.sort();
        names
    }
}

/// Runs a command, which has to end with that code.
#[track_caller]
pub(crate) fn said(mut command: Command, code: i32) -> Said {
    let said = Said::from(command.output().expect("it runs"));
    let (stdout, stderr) = (&said.stdout, &said.stderr);
    assert_eq!(
        said.code,
        Some(code),
        "stdout:\n{stdout}\nstderr:\n{stderr}"
    );
    said
}
