//! `--format`, `--report` and `--retries` as their user meets them: what goes where, and what
//! happens when it cannot.

mod support;

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{SOCKSCOPE, Said, say, sockscope};

const PASSES: &str = r#"
title = "Passes"
[programs]
client = "true"
[[step]]
do     = "start client"
expect = "client exited 0"
"#;

const FAILS: &str = r#"
title = "Fails"
[programs]
client = "false"
[[step]]
do     = "start client"
expect = "client exited 0"
"#;

/// A folder with scenarios, in which sockscope runs.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
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

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a report")
    }

    fn command(&self, arguments: &str) -> Command {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = sockscope(&arguments);
        command.current_dir(self.0.path());
        command
    }

    #[track_caller]
    fn say(&self, arguments: &str, code: i32) -> Said {
        said(self.command(arguments), code)
    }

    /// All files but the scenarios.
    fn files(&self) -> Vec<String> {
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

#[track_caller]
fn said(mut command: Command, code: i32) -> Said {
    let said = Said::from(command.output().expect("it runs"));
    let (stdout, stderr) = (&said.stdout, &said.stderr);
    assert_eq!(
        said.code,
        Some(code),
        "stdout:\n{stdout}\nstderr:\n{stderr}"
    );
    said
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

// Formats.

#[test]
fn a_format_takes_the_place_of_the_table() {
    let folder = Folder::new();
    for (format, begins) in [
        (
            "junit",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites ",
        ),
        (
            "tap",
            "TAP version 14\n1..2\nok 1 - passes\nnot ok 2 - fails\n",
        ),
        (
            "github",
            "::error file=fails.toml,line=7,col=11,endColumn=26,title=fails%3A expectation failed::client exited 0%0Aexpected: ",
        ),
    ] {
        let said = folder.say(
            &format!("run ./passes.toml ./fails.toml --format {format}"),
            1,
        );
        assert!(said.stdout.starts_with(begins), "{}", said.stdout);
        assert!(
            !said.stdout.contains("1 passed, 1 failed"),
            "{}",
            said.stdout
        );
    }
}

#[test]
fn reports_are_written_beside_the_table() {
    let folder = Folder::new();
    let said = folder.say(
        "run ./passes.toml ./fails.toml --report junit=all.xml --report tap=all.tap \
         --report table=all.txt",
        1,
    );
    assert!(
        said.stdout.contains("1 passed, 1 failed"),
        "{}",
        said.stdout
    );
    assert_eq!(folder.files(), ["all.tap", "all.txt", "all.xml"]);
    assert!(folder.read("all.xml").contains("failures=\"1\""));
    assert!(folder.read("all.tap").starts_with("TAP version 14\n1..2\n"));
    assert!(folder.read("all.txt").contains("1 passed, 1 failed"));
}

#[test]
fn a_report_to_standard_output_takes_the_place_of_the_table() {
    let folder = Folder::new();
    let said = folder.say("run ./passes.toml --report tap=-", 0);
    assert!(said.stdout.starts_with("TAP version 14"), "{}", said.stdout);
    assert_eq!(folder.files().len(), 0);
    for call in [
        "run ./passes.toml --report tap=- --report junit=-",
        "run ./passes.toml --report tap=- --format junit",
    ] {
        let said = folder.say(call, 2);
        assert_eq!(
            said.stderr,
            "error: only one report can go to standard output\n"
        );
    }
}

#[test]
fn calls_that_cannot_be_meant_are_refused() {
    let folder = Folder::new();
    for (call, message) in [
        ("--report junit", "write --report FORMAT=FILE"),
        ("--report junit=", "write --report FORMAT=FILE"),
        (
            "--report nope=x",
            "no format is called `nope`; there are table, ",
        ),
        ("--format nope", "possible values: table"),
        (
            "--report tap=x --report junit=x",
            "two reports cannot both be `x`",
        ),
        ("--step --format tap", "cannot be used with"),
        ("--step --retries 1", "cannot be used with"),
        ("--style ss --format tap", "cannot be used with"),
        ("./fails.toml --style ss", "--style takes one scenario"),
        ("./fails.toml --step", "--step and --quiz take one scenario"),
    ] {
        let said = folder.say(&format!("run ./passes.toml {call}"), 2);
        assert!(said.stderr.contains(message), "{call}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{call}");
    }
    assert_eq!(folder.files().len(), 0);
}

// Files.

#[test]
fn a_file_is_replaced_and_keeps_its_mode() {
    let folder = Folder::new();
    folder.write("kept.xml", &"old ".repeat(10_000));
    fs::set_permissions(folder.path("kept.xml"), Permissions::from_mode(0o640)).expect("set");
    std::os::unix::fs::symlink("kept.xml", folder.path("link.xml")).expect("a link");
    let call = "run ./passes.toml --report junit=link.xml --report tap=new.tap";
    let command = format!("umask 027; exec {SOCKSCOPE} {call}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(folder.0.path());
    said(shell, 0);
    assert!(folder.path("link.xml").is_symlink());
    assert!(folder.read("kept.xml").starts_with("<?xml"));
    assert!(!folder.read("kept.xml").contains("old"));
    for name in ["kept.xml", "new.tap"] {
        let mode = fs::metadata(folder.path(name))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640, "{name}");
    }
    assert_eq!(folder.files(), ["kept.xml", "link.xml", "new.tap"]);
}

#[test]
fn a_path_that_cannot_be_written_is_told_before_anything_runs() {
    let folder = Folder::new();
    for (path, why) in [
        ("none/x.xml", "No such file or directory (os error 2)"),
        (".", "Is a directory (os error 21)"),
        ("passes.toml/x.xml", "Not a directory (os error 20)"),
    ] {
        let said = folder.say(&format!("run ./flaky.toml --report junit={path}"), 3);
        assert_eq!(
            said.stderr,
            format!("error: cannot write `{path}`: {why}\n")
        );
        assert_eq!(said.stdout, "");
    }
    // The program did not run.
    assert_eq!(folder.files().len(), 0);
}

#[test]
fn a_folder_of_somebody_else_is_told_before_anything_runs() {
    if !is_root() {
        eprintln!("not tested here: only root can make a folder of somebody else");
        return;
    }
    let folder = Folder::new();
    // Where nobody may read the build folder, it reads a copy.
    let copy = folder.path("sockscope");
    fs::copy(SOCKSCOPE, &copy).expect("a copy");
    fs::set_permissions(folder.0.path(), Permissions::from_mode(0o755)).expect("set");
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&copy)
        .args(["run", "./passes.toml", "--report", "junit=x.xml"])
        .current_dir(folder.0.path());
    let said = said(command, 3);
    assert_eq!(
        said.stderr,
        "error: cannot write `x.xml`: Permission denied (os error 13)\n"
    );
}

#[test]
fn what_is_no_file_is_written_to_and_stays() {
    let folder = Folder::new();
    let said = folder.say("run ./passes.toml --report tap=/dev/stderr", 0);
    assert!(
        said.stderr.starts_with("TAP version 14\n"),
        "{}",
        said.stderr
    );
    folder.say("run ./passes.toml --report tap=/dev/null", 0);
    assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
    let said = folder.say("run ./passes.toml --report tap=/dev/full", 3);
    let full = "error: cannot write `/dev/full`: No space left on device (os error 28)\n";
    assert_eq!(said.stderr, full);
    // Standard output is a file: the report comes after the table.
    let file = fs::File::create(folder.path("out.txt")).expect("a file");
    let mut command = folder.command("run ./passes.toml --report tap=/dev/stdout");
    assert!(command.stdout(file).status().expect("it runs").success());
    let out = folder.read("out.txt");
    let at = |text| out.find(text).unwrap_or_else(|| panic!("{text} in {out}"));
    assert!(at(" passed  1 expectation") < at("TAP version 14"));
}

#[test]
fn a_file_that_may_not_grow_is_left_as_it_was() {
    let folder = Folder::new();
    folder.write("kept.xml", "old");
    let call = "run ./passes.toml --report junit=kept.xml --report tap=new.tap";
    let command = format!("ulimit -f 0; exec {SOCKSCOPE} {call}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(folder.0.path());
    let said = said(shell, 3);
    assert_eq!(
        said.stderr,
        "error: cannot write `kept.xml`: File too large (os error 27)\n\
         error: cannot write `new.tap`: File too large (os error 27)\n"
    );
    assert!(
        said.stdout.contains(" passed  1 expectation"),
        "{}",
        said.stdout
    );
    assert_eq!(folder.read("kept.xml"), "old");
    assert_eq!(folder.files(), ["kept.xml"]);
}

#[test]
fn a_full_disk_is_left_as_it_was() {
    if !is_root() {
        eprintln!("not tested here: only root can mount a small disk");
        return;
    }
    let folder = Folder::new();
    fs::create_dir(folder.path("disk")).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=16k none disk || exit 99
         echo old > disk/kept.xml
         head -c 100000 /dev/zero > disk/filler 2>/dev/null
         {SOCKSCOPE} run ./passes.toml --report junit=disk/kept.xml --report tap=disk/new.tap
         code=$?
         cat disk/kept.xml
         ls -A disk
         exit $code"
    );
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", &script])
        .current_dir(folder.0.path());
    let said = said(command, 3);
    assert_eq!(
        said.stderr,
        "error: cannot write `disk/kept.xml`: No space left on device (os error 28)\n\
         error: cannot write `disk/new.tap`: No space left on device (os error 28)\n"
    );
    assert!(
        said.stdout.ends_with("\nold\nfiller\nkept.xml\n"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = Folder::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = folder.command("run ./passes.toml --format junit --report tap=x.tap");
    command.stdout(writer);
    let said = said(command, 0);
    assert_eq!(said.stderr, "");
    assert_eq!(folder.files(), ["x.tap"]);
}

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
    assert!(!Path::new(&folder.path("flag")).exists(), "it was begun");
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

#[test]
fn formats_are_listed_in_the_help() {
    let said = say(&["run", "--help"]);
    for about in sockscope::report::format::FORMATS {
        let line = format!("- {}:", about.name);
        assert!(said.stdout.contains(&line), "{line} in {}", said.stdout);
    }
}
