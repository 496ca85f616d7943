//! The command line as its user meets it: words, messages, exit codes.

mod support;

use std::net::TcpListener;
use std::process::Stdio;

use support::{Said, say, sockscope, wire};

/// A server that ends, or does what its name says, instead of listening.
const LISTENS: &str = r#"
title = "Listens"
[programs]
server = "chat-server {port}"
[[step]]
do     = "start server"
expect = "server.listener LISTEN"
within = "300ms"
"#;

/// Passes on every place.
const PASSES: &str = r#"
title = "Passes"
[programs]
client = "true"
[[step]]
do     = "start client"
expect = "client exited 0"
"#;

/// Fails on every place.
const FAILS: &str = r#"
title = "Fails"
[programs]
client = "false"
[[step]]
do     = "start client"
expect = "client exited 0"
"#;

/// Has a path that only the wire shows whole.
const CONNECTS: &str = r#"
title = "Connects"
[programs]
server = "echo-server {port}"
client = "echo-client {server} {port}"
[[step]]
do     = "start server"
expect = "server.listener LISTEN"
[[step]]
do     = "start client"
expect = "client.conn SYN_SENT > ESTABLISHED"
"#;

struct File(tempfile::NamedTempFile);

impl File {
    fn new(text: impl AsRef<[u8]>) -> File {
        let file = tempfile::Builder::new().suffix(".toml").tempfile();
        let file = file.expect("a file");
        std::fs::write(file.path(), text).expect("written");
        File(file)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("a path")
    }
}

/// Runs a scenario's text with more arguments.
fn run(text: &str, arguments: &[&str]) -> Said {
    let file = File::new(text);
    let mut all = vec!["run", file.path()];
    all.extend(arguments);
    say(&all)
}

/// What a test says of an outcome.
trait Judged: Sized {
    fn exits(self, code: i32) -> Self;
    fn prints(self, text: &str) -> Self;
    fn prints_nothing(self) -> Self;
    fn complains(self, text: &str) -> Self;
    fn complains_exactly(self, text: &str) -> Self;
}

impl Judged for Said {
    #[track_caller]
    fn exits(self, code: i32) -> Said {
        let (stdout, stderr) = (&self.stdout, &self.stderr);
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{stdout}\nstderr:\n{stderr}"
        );
        self
    }

    #[track_caller]
    fn prints(self, text: &str) -> Said {
        assert!(self.stdout.contains(text), "{text:?} in:\n{}", self.stdout);
        self
    }

    #[track_caller]
    fn prints_nothing(self) -> Said {
        assert_eq!(self.stdout, "");
        self
    }

    #[track_caller]
    fn complains(self, text: &str) -> Said {
        assert!(self.stderr.contains(text), "{text:?} in:\n{}", self.stderr);
        self
    }

    #[track_caller]
    fn complains_exactly(self, text: &str) -> Said {
        assert_eq!(self.stderr, text);
        self
    }
}

// Exit codes.

#[test]
fn code_0_when_every_expectation_passed() {
    run(PASSES, &[]).exits(0).prints("passed");
}

#[test]
fn code_1_when_an_expectation_failed() {
    run(FAILS, &[])
        .exits(1)
        .prints("FAILED")
        .prints("observed: ")
        .prints("client exited 1");
}

#[test]
fn code_2_when_the_call_is_wrong() {
    for call in [
        &["run"][..],
        &["frobnicate"],
        &["run", "normal-close", "--frobnicate"],
        &["program", "nope"],
    ] {
        say(call).exits(2).prints_nothing().complains("error: ");
    }
}

#[test]
fn code_3_when_it_could_not_be_observed() {
    run(CONNECTS, &["--net", "host", "--events", "off"])
        .exits(3)
        .prints("INCONCLUSIVE")
        .prints("remedy: --net wire");
    run(CONNECTS, &["--net", "host", "--settled"]).exits(0);
}

#[test]
fn code_4_when_no_scenario_matches() {
    say(&["run", "clsoe/"])
        .exits(4)
        .prints_nothing()
        .complains_exactly(
            "error: no built-in scenario matches `clsoe/`\n  = help: did you mean `close/`?\n",
        );
    say(&["list", "banana"])
        .exits(4)
        .complains("the topics are close");
}

#[test]
fn the_help_lists_the_exit_codes() {
    for call in [&["--help"][..], &["run", "--help"], &["list", "--help"]] {
        say(call)
            .exits(0)
            .prints("Exit codes:")
            .prints("  4  no built-in")
            .prints("130  interrupted");
    }
}

// Naming scenarios.

#[test]
fn an_unknown_scenario_is_answered_with_near_ones() {
    say(&["run", "normal-cloes"])
        .exits(2)
        .prints_nothing()
        .complains_exactly(
            "error: unknown scenario `normal-cloes`\n  \
         = help: did you mean `normal-close`? `sockscope list` names them all\n",
        );
}

#[test]
fn all_wrong_names_are_told_at_once() {
    say(&["run", "normal-cloes", "./none.toml"])
        .exits(2)
        .complains("`normal-cloes`")
        .complains("cannot read `./none.toml`: No such file");
}

#[test]
fn a_directory_is_no_scenario() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path");
    for path in [path.to_owned(), format!("{path}/")] {
        say(&["run", &path])
            .exits(2)
            .complains("is a directory")
            .complains("name the .toml file in it");
    }
}

#[test]
fn a_file_that_is_no_toml_is_shown_where() {
    let file = File::new("title = \n");
    say(&["run", file.path()])
        .exits(2)
        .complains("error: not TOML")
        .complains(&format!("{}:1:9", file.path()));
}

#[test]
fn a_file_that_is_no_text_is_told() {
    let file = File::new(b"title = \"\xff\"");
    say(&["run", file.path()])
        .exits(2)
        .complains("is not UTF-8 text (byte 9 is the first wrong one)");
}

#[test]
fn an_unknown_key_is_shown_where() {
    let file = File::new(PASSES.replace("title", "tilte"));
    say(&["run", file.path()])
        .exits(2)
        .complains(&format!("{}:2:1", file.path()))
        .complains("did you mean `title`?");
}

#[test]
fn a_topic_is_a_list_of_scenarios() {
    let all = say(&["list", "close/"]).exits(0).stdout;
    assert!(all.starts_with("close\n  "), "{all}");
    assert!(all.contains("normal-close  "), "{all}");
    assert!(
        all.lines().skip(1).all(|line| line.starts_with("  ")),
        "{all}"
    );
}

#[test]
fn show_prints_the_file_itself() {
    let text = include_str!("../scenarios/close/normal-close.toml");
    assert_eq!(say(&["show", "normal-close"]).exits(0).stdout, text);
    assert_eq!(say(&["show", "close/normal-close"]).exits(0).stdout, text);
}

// Programs.

#[test]
fn a_program_that_is_not_there_is_named() {
    run(LISTENS, &["--server", "no-such-program {port}"])
        .exits(3)
        .prints("error: cannot start `no-such-program`: No such file or directory")
        .prints("do     = \"start server\"")
        .prints("help: `no-such-program` is neither a built-in program nor a command in PATH");
}

#[test]
fn a_program_that_is_not_executable_is_named() {
    run(LISTENS, &["--server", "/etc/passwd {port}"])
        .exits(3)
        .prints("cannot start `/etc/passwd`: Permission denied")
        .prints("is `/etc/passwd` an executable file?");
}

#[test]
fn a_program_that_exits_at_once_is_told_with_its_last_words() {
    run(LISTENS, &["--server", "sh -c 'echo out of cheese; exit 7'"])
        .exits(1)
        .prints("server.listener does not exist")
        .prints("note: server exited 7; the last it printed: \"out of cheese\"");
    // Gone before anybody could look.
    for _ in 0..10 {
        run(LISTENS, &["--server", "true"])
            .exits(1)
            .prints("note: server exited 0, without a word");
    }
}

#[test]
fn a_program_that_never_listens_fails_in_time() {
    run(LISTENS, &["--server", "sleep 1000"])
        .exits(1)
        .prints("observed: server.listener does not exist; no socket was seen");
}

#[test]
fn who_has_a_taken_port_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let me = format!("port {port} is taken: 127.0.0.1:{port} is listened on by cli-");
    let server = format!("chat-server {port}");
    let wide = ["--net", "host", "--settled", "--width", "200"];
    let said = run(LISTENS, &[&wide[..], &["--server", &server]].concat());
    let said = said.exits(1).prints(&me);
    assert!(
        said.stdout
            .contains(&format!("(pid {})", std::process::id())),
        "{}",
        said.stdout
    );
    // A program that only prints what happened.
    let foreign = format!("sh -c 'echo bind: Address already in use; exit 1' server {port}");
    run(LISTENS, &[&wide[..], &["--server", &foreign]].concat())
        .exits(1)
        .prints(&me);
}

#[test]
fn a_flood_of_output_is_cut() {
    // Time enough to read it all on a machine that has much else to do.
    let said = run(
        LISTENS,
        &[
            "--timeout-scale",
            "20",
            "--server",
            "sh -c 'yes | head -c 2000000; exit 3'",
        ],
    )
    .exits(1)
    .prints("server exited 3")
    .prints("more bytes, not kept");
    assert!(said.stdout.lines().count() < 200, "{}", said.stdout);
}

#[test]
fn hostile_output_is_made_visible() {
    let said = run(
        LISTENS,
        &["--server", r#"sh -c 'printf "\377\033[31mred\n"; exit 3'"#],
    )
    .exits(1)
    .prints(r"\x1b[31mred");
    assert!(!said.stdout.contains('\x1b'), "{}", said.stdout);
}

#[test]
fn replacements_are_checked_before_anything_runs() {
    for (arguments, message) in [
        (
            &["--program", "servr=true"][..],
            "has no program `servr`; it has client, server",
        ),
        (&["--program", "true"], "write --program NAME=CMD"),
        (&["--server", ""], "the command for `server` is empty"),
        (&["--server", "a 'b"], "ends inside a quotation: a 'b"),
        (
            &["--server", "a", "--program", "server=b"],
            "program `server` is replaced twice",
        ),
        (
            &["--server", "./mychat {prt}"],
            "unknown placeholder `{prt}`",
        ),
    ] {
        let call = [&["run", "normal-close"], arguments].concat();
        say(&call).exits(2).prints_nothing().complains(message);
    }
}

#[test]
fn program_lists_what_is_built_in() {
    say(&["program"]).exits(0).prints("chat-server ");
    say(&["program", "nope"])
        .exits(2)
        .complains("no built-in program is called `nope`");
}

// Numbers.

#[test]
fn numbers_out_of_range_are_refused() {
    for (option, value, message) in [
        ("--timeout-scale", "0", "a number from 0.001 to 10000"),
        ("--timeout-scale", "inf", "a number from 0.001 to 10000"),
        ("--timeout-scale", "NaN", "a number from 0.001 to 10000"),
        ("--timeout-scale", "10001", "a number from 0.001 to 10000"),
        ("--jobs", "0", "a whole number from 1"),
        ("--jobs", "many", "a whole number from 1"),
        ("--width", "59", "59 is not in 60"),
    ] {
        say(&["run", "normal-close", option, value])
            .exits(2)
            .prints_nothing()
            .complains(message);
    }
}

#[test]
fn the_timeout_scale_scales() {
    run(PASSES, &["--timeout-scale", "10000"]).exits(0);
    let begun = std::time::Instant::now();
    let slow = LISTENS.replace("300ms", "60s");
    let arguments = ["--server", "sleep 1000", "--timeout-scale", "0.001"];
    run(&slow, &arguments).exits(1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
}

// Several scenarios.

#[test]
fn several_scenarios_have_a_line_each_and_the_failed_one_in_full() {
    let (good, bad) = (File::new(PASSES), File::new(FAILS));
    let said = say(&["run", good.path(), bad.path(), good.path(), "--jobs", "3"])
        .exits(1)
        .prints("2 passed, 1 failed, 0 inconclusive")
        .prints("error: expectation failed");
    let verdicts: Vec<&str> = said
        .stdout
        .lines()
        .take(3)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(verdicts, ["passed", "FAILED", "passed"], "{}", said.stdout);
}

#[test]
fn one_inconclusive_scenario_is_no_success() {
    let good = File::new(PASSES);
    say(&["run", good.path(), "normal-close", "--net", "host"])
        .exits(3)
        .prints("1 passed, 0 failed, 1 inconclusive");
}

// Output.

#[test]
fn a_full_disk_is_an_error() {
    let file = File::new(PASSES);
    for call in [
        &["list"][..],
        &["--help"],
        &["program"],
        &["show", "normal-close"],
        &["run", file.path()],
        &["run", file.path(), file.path()],
    ] {
        let full = std::fs::File::create("/dev/full").expect("/dev/full");
        let output = sockscope(call).stdout(full).output().expect("runs");
        Said::from(output)
            .exits(3)
            .complains_exactly("error: standard output: No space left on device (os error 28)\n");
    }
}

#[test]
fn a_reader_that_went_away_is_none() {
    let file = File::new(PASSES);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = sockscope(&["run", file.path()])
        .stdout(writer)
        .output()
        .expect("runs");
    Said::from(output).exits(0).complains_exactly("");
}

#[test]
fn colour_is_asked_for_or_not() {
    let file = File::new(FAILS);
    let colored = |arguments: &[&str], no_color: Option<&str>| {
        let mut command = sockscope(&[&["run", file.path()], arguments].concat());
        command.env_remove("CLICOLOR_FORCE").stderr(Stdio::piped());
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let said = Said::from(command.output().expect("runs")).exits(1);
        said.stdout.contains('\x1b')
    };
    assert!(!colored(&[], None), "a pipe is no terminal");
    assert!(colored(&["--color", "always"], None));
    assert!(colored(&["--color", "always"], Some("1")), "asked for");
    assert!(!colored(&["--color", "never"], None));
    assert!(!colored(&["--color", "auto"], Some("1")));
}

#[test]
fn without_utf_8_everything_is_ascii() {
    if !wire() {
        return;
    }
    let failing = File::new(LISTENS);
    for call in [
        &["run", "normal-close"][..],
        &["run", failing.path(), "--server", "false"],
        &["run", "normal-close", "normal-close"],
        &["run", "normal-close", "--style", "ss"],
        &["list"],
    ] {
        for (name, value) in [("LC_ALL", "C"), ("LC_ALL", "POSIX"), ("LANG", "de_DE")] {
            let mut command = sockscope(call);
            command.env_remove("LC_ALL").env_remove("LC_CTYPE");
            let output = command.env_remove("LANG").env(name, value).output();
            let output = output.expect("runs");
            assert!(
                output.stdout.is_ascii() && output.stderr.is_ascii(),
                "{call:?}:\n{}",
                String::from_utf8_lossy(&output.stdout)
            );
        }
    }
}

#[test]
fn no_line_is_wider_than_asked_for() {
    if !wire() {
        return;
    }
    for width in [60, 80, 100, 120] {
        let said = say(&["run", "normal-close", "--width", &width.to_string()]).exits(0);
        for line in said.stdout.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn the_styles_show_every_step_as_the_tool_would() {
    if !wire() {
        return;
    }
    for (style, command, row) in [
        ("lsof", "server$ lsof -nP -iTCP", "(ESTABLISHED)"),
        ("ss", "server$ ss -tano", "ESTAB "),
        ("netstat", "server$ netstat -tan", " ESTABLISHED"),
        ("ps", "server$ ps -o pid,ppid,stat,args", "chat-server "),
    ] {
        say(&["run", "normal-close", "--style", style])
            .exits(0)
            .prints(": client types q\n")
            .prints(command)
            .prints(row);
    }
}

#[test]
fn all_with_a_scenario_prints_more() {
    if !wire() {
        return;
    }
    let plain = say(&["run", "normal-close"]).exits(0).stdout;
    let all = say(&["run", "normal-close", "--all"]).exits(0).stdout;
    assert!(all.lines().count() > plain.lines().count());
    let off = say(&["run", "normal-close", "--wire", "off"]).exits(0);
    assert!(plain.contains("SYN,ACK") && !off.stdout.contains("SYN,ACK"));
}

#[test]
fn doctor_says_yes_or_no_and_why() {
    let said = say(&["doctor"]);
    let missing = said.stdout.lines().any(|line| line.starts_with("no "));
    let said = said.exits(if missing { 3 } else { 0 });
    said.prints("wire (TUN)").prints("network namespaces");
}

#[test]
fn a_path_need_not_be_utf8() {
    use std::os::unix::ffi::OsStringExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder
        .path()
        .join(std::ffi::OsString::from_vec(b"caf\xe9.toml".to_vec()));
    let text = "title = \"A path\"\n[programs]\nserver = \"echo-server {port}\"\n[[step]]\n\
                do = \"start server\"\nexpect = \"server.listener LISTEN\"\n";
    std::fs::write(&path, text).expect("written");
    let call = |arguments: &[&str]| {
        let output = support::sockscope(arguments).arg(&path).output();
        support::Said::from(output.expect("sockscope runs"))
    };
    let shown = call(&["show"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), text));
    let ran = call(&["run"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("caf\u{fffd} "), "{}", ran.stdout);
    let blessed = call(&["run", "--bless"]);
    assert_eq!(blessed.code, Some(2), "{}", blessed.stderr);
    assert!(blessed.stderr.contains("UTF-8"), "{}", blessed.stderr);
    std::fs::remove_file(&path).expect("removed");
    let missing = call(&["run"]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
}
