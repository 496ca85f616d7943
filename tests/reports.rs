//! `--format` and `--report` as their user meets them: what goes where, and what happens when it
//! cannot.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use folder::{Folder, said};
use support::{SOCKSCOPE, say};

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
            "two outputs cannot both be `x`",
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
fn a_link_to_a_file_that_is_not_there_yet_makes_it() {
    let folder = Folder::new();
    fs::create_dir(folder.path("d")).expect("a folder");
    std::os::unix::fs::symlink("d/new.tap", folder.path("link.tap")).expect("a link");
    folder.say("run ./passes.toml --report tap=link.tap", 0);
    assert!(folder.path("link.tap").is_symlink());
    assert!(folder.read("d/new.tap").starts_with("TAP version 14\n"));
    std::os::unix::fs::symlink("round.tap", folder.path("round.tap")).expect("a link");
    let said = folder.say("run ./passes.toml --report tap=round.tap", 3);
    assert_eq!(
        said.stderr,
        "error: cannot write `round.tap`: Too many levels of symbolic links (os error 40)\n"
    );
}

#[test]
fn a_file_below_dev_is_a_file() {
    let memory = match tempfile::tempdir_in("/dev/shm") {
        Ok(memory) => memory,
        Err(why) => {
            eprintln!("not tested here: /dev/shm: {why}");
            return;
        }
    };
    let folder = Folder::new();
    let file = memory.path().join("x.tap");
    let call = format!("run ./passes.toml --report tap={}", file.display());
    folder.say(&call, 0);
    let first = fs::read_to_string(&file).expect("it is there");
    assert!(first.starts_with("TAP version 14\n"), "{first}");
    folder.say(&call, 0);
    let second = fs::read_to_string(&file).expect("it is there");
    assert_eq!(second.matches("TAP version").count(), 1, "{second}");
}

#[test]
fn a_path_that_cannot_be_written_is_told_before_anything_runs() {
    let folder = Folder::new();
    for (path, why) in [
        ("none/x.xml", "No such file or directory (os error 2)"),
        (".", "Is a directory (os error 21)"),
        ("new/", "Is a directory (os error 21)"),
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

#[test]
fn formats_are_listed_in_the_help() {
    let said = say(&["run", "--help"]);
    for about in sockscope::report::format::FORMATS {
        let line = format!("- {}:", about.name);
        assert!(said.stdout.contains(&line), "{line} in {}", said.stdout);
    }
}
