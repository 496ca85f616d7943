//! `run --save`, `replay` and `diff` as commands.

mod support;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use support::{Said, say, sockscope};
use tempfile::TempDir;

/// A folder with records.
struct Shelf(TempDir);

impl Shelf {
    fn new() -> Shelf {
        Shelf(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Runs scenarios and keeps the record of them.
    fn save(&self, name: &str, arguments: &[&str]) -> (String, Said) {
        let file = self.path(name);
        let call = [&["run", "--save", &file], arguments].concat();
        let said = say(&call);
        (file, said)
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.path()).expect("the folder");
        entries.map(|entry| entry.expect("a file").path()).collect()
    }
}

#[test]
fn a_record_is_reported_to_the_letter() {
    let shelf = Shelf::new();
    for arguments in [
        &["normal-close"][..],
        &["normal-close", "--width", "80", "--wire", "full"],
        &["normal-close", "--color", "always", "--width", "120"],
        &["normal-close", "--style", "ss"],
        &["normal-close", "zombie", "--jobs", "2"],
        &["zombie", "--server", "echo-server --sigchld loop {port}"],
    ] {
        let (file, live) = shelf.save("a.jsonl", arguments);
        let mut call = vec!["replay", file.as_str()];
        call.extend(arguments.iter().skip_while(|word| !word.starts_with("--")));
        call.retain(|word| !matches!(*word, "--jobs" | "2"));
        if let Some(at) = call.iter().position(|word| *word == "--server") {
            call.truncate(at);
        }
        let again = say(&call);
        assert_eq!(again.stdout, live.stdout, "{call:?}");
        assert_eq!(again.stderr, live.stderr);
        assert_eq!(again.code, live.code);
    }
    assert_eq!(shelf.files().len(), 1, "nothing but the record is left");
}

#[test]
fn a_record_comes_from_standard_input_too() {
    let shelf = Shelf::new();
    let (file, live) = shelf.save("a.jsonl", &["hello"]);
    let mut child = sockscope(&["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    let record = std::fs::read(&file).expect("the record");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&record).expect("read to its end");
    drop(stdin);
    let again = Said::from(child.wait_with_output().expect("its end"));
    assert_eq!(again.stdout, live.stdout);
}

#[test]
fn one_of_several_is_chosen_by_name() {
    let shelf = Shelf::new();
    let (file, _) = shelf.save("a.jsonl", &["normal-close", "zombie"]);
    let one = say(&["replay", &file, "--scenario", "zombie"]);
    assert_eq!(one.code, Some(0));
    assert!(one.stdout.starts_with("zombie "), "{}", one.stdout);
    let none = say(&["replay", &file, "--scenario", "nope"]);
    assert_eq!(none.code, Some(4));
    assert!(
        none.stderr.contains("it has normal-close, zombie"),
        "{}",
        none.stderr
    );
    let style = say(&["replay", &file, "--style", "ps"]);
    assert_eq!(style.code, Some(2));
    assert!(style.stderr.contains("--scenario NAME"), "{}", style.stderr);
}

#[test]
fn what_a_record_is_of_is_another_record() {
    let shelf = Shelf::new();
    let (file, _) = shelf.save("a.jsonl", &["hello"]);
    let record = std::fs::read_to_string(&file).expect("the record");
    let again = say(&["replay", &file, "--format", "jsonl"]);
    assert_eq!(again.stdout, record);
}

#[test]
fn a_cut_record_is_refused_and_shown_on_request() {
    let shelf = Shelf::new();
    let (file, _) = shelf.save("a.jsonl", &["normal-close"]);
    let record = std::fs::read(&file).expect("the record");
    std::fs::write(&file, &record[..record.len() / 2]).expect("written");
    let refused = say(&["replay", &file]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains(": line "), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("help: --partial"),
        "{}",
        refused.stderr
    );
    let shown = say(&["replay", &file, "--partial"]);
    assert_eq!(shown.code, Some(3));
    assert!(shown.stdout.contains("ESTABLISHED"), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("the record is cut"),
        "{}",
        shown.stdout
    );
    assert!(shown.stderr.starts_with("warning: "), "{}", shown.stderr);
}

/// A record with its header changed.
fn with_header(shelf: &Shelf, file: &str, from: &str, to: &str) -> String {
    let record = std::fs::read_to_string(file).expect("the record");
    assert!(record.contains(from), "{from}");
    let changed = shelf.path("changed.jsonl");
    std::fs::write(&changed, record.replacen(from, to, 1)).expect("written");
    changed
}

#[test]
fn a_doubtful_record_is_refused_and_shown_on_request_with_the_doubt() {
    let shelf = Shelf::new();
    let (file, _) = shelf.save("a.jsonl", &["hello"]);
    let record = std::fs::read_to_string(&file).expect("the record");
    let from = record.find("\"sha256\":\"").expect("a hash") + 10;
    let hash = &record[from..from + 64];
    let newer = "\"schema\":\"sockscope-record/2\",\"new\":[1]";
    for (was, is, doubt) in [
        (
            hash,
            "0".repeat(64),
            "line 1: the scenario's text is not the one",
        ),
        (
            "\"schema\":\"sockscope-record/1\"",
            newer.to_owned(),
            "line 1: a record of the format sockscope-record/2",
        ),
    ] {
        let changed = with_header(&shelf, &file, was, &is);
        let refused = say(&["replay", &changed]);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
        assert!(refused.stderr.contains("--partial"), "{}", refused.stderr);
        assert_eq!(say(&["diff", &file, &changed]).code, Some(2));
        let shown = say(&["replay", &changed, "--partial"]);
        assert_eq!(shown.code, Some(3), "{}", shown.stderr);
        assert!(shown.stdout.contains("ESTABLISHED"), "{}", shown.stdout);
        let told = shown
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            told.contains(&format!("the record is doubtful: {doubt}")),
            "{told}"
        );
        assert!(shown.stderr.starts_with("warning: "), "{}", shown.stderr);
        assert!(shown.stderr.contains(doubt), "{}", shown.stderr);
        let junit = say(&["replay", &changed, "--partial", "--format", "junit"]);
        assert!(junit.stdout.contains("doubtful"), "{}", junit.stdout);
    }
}

#[test]
fn marks_and_empty_lines_that_editors_leave_are_no_damage() {
    let shelf = Shelf::new();
    let (file, live) = shelf.save("a.jsonl", &["hello"]);
    let record = std::fs::read_to_string(&file).expect("the record");
    for text in [
        format!("{record}\n\n"),
        format!("\u{feff}{record}"),
        record.replace('\n', "\r\n"),
        format!("\u{feff}{}  \r\n\n", record.replace('\n', "\r\n")),
    ] {
        std::fs::write(&file, text).expect("written");
        let again = say(&["replay", &file]);
        assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
        assert_eq!(again.stdout, live.stdout);
    }
    let (first, rest) = record.split_once('\n').expect("lines");
    std::fs::write(&file, format!("{first}\n\n{rest}")).expect("written");
    let refused = say(&["replay", &file]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("line 2: no JSON: an empty line"),
        "{}",
        refused.stderr
    );
}

#[test]
fn the_header_says_when_where_and_what_was_asked() {
    let shelf = Shelf::new();
    let before = std::time::SystemTime::now();
    let server = "echo-server --sigchld loop {port}";
    let (file, _) = shelf.save(
        "a.jsonl",
        &["zombie", "--timeout-scale", "2", "--server", server],
    );
    let after = std::time::SystemTime::now();
    let record = std::fs::read_to_string(&file).expect("the record");
    let header: serde_json::Value =
        serde_json::from_str(record.lines().next().expect("a header")).expect("JSON");
    let asked = &header["asked"];
    assert_eq!(asked["timeout_scale"], 2.0);
    assert_eq!(asked["syscalls"], false);
    assert_eq!(asked["events"], "auto");
    assert_eq!(
        asked["programs"]["server"],
        serde_json::json!(["echo-server", "--sigchld", "loop", "{port}"])
    );
    let machine = nix::sys::utsname::uname().expect("a name");
    assert_eq!(header["machine"].as_str(), machine.machine().to_str());
    let read = std::fs::File::open(&file).expect("the record");
    let accept = sockscope::record::Accept::Whole;
    let recording = sockscope::record::read(std::io::BufReader::new(read), accept);
    let recording = recording.expect("a record");
    let began = recording.cases[0].run().header.began.expect("a time");
    assert!((before..=after).contains(&began), "{began:?}");
    for format in ["table", "html", "svg", "markdown"] {
        let said = say(&["replay", &file, "--format", format, "--width", "120"]);
        let text = said.stdout.replace("&apos;", "'").replace("&#39;", "'");
        let wanted = "server: echo-server --sigchld loop 9190, in place of the scenario's";
        assert!(
            text.contains(wanted) || !support::wire(),
            "{format}: {text}"
        );
    }
    let html = say(&["replay", &file, "--format", "html"]).stdout;
    assert!(html.contains("<dt>Began</dt>"), "{html}");
}

#[test]
fn every_pid_that_a_program_sees_is_that_of_a_process_of_the_record() {
    let shelf = Shelf::new();
    for options in [&["--syscalls"][..], &[]] {
        let call = [&["zombie-reaped", "hello"][..], options].concat();
        let (file, said) = shelf.save("a.jsonl", &call);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        let record = std::fs::read_to_string(&file).expect("the record");
        let lines: Vec<serde_json::Value> = record
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let lives = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
        let known: Vec<i64> = lives("spawned")
            .chain(lives("forked"))
            .map(|line| line["ns_pid"].as_i64().expect("it was read"))
            .collect();
        let mut named = 0;
        for call in lives("called") {
            let name = call["call"].as_str().expect("a name");
            let is_pid = ["fork", "clone", "clone3", "wait4", "waitpid", "wait"].contains(&name);
            if let Some(pid @ 1..) = call["result"]["value"].as_i64().filter(|_| is_pid) {
                assert!(known.contains(&pid), "{call}: {known:?}");
                named += 1;
            }
        }
        assert!(named > 0, "nobody forked: {options:?}");
        let shown = say(&["replay", &file, "--all", "--scenario", "zombie-reaped"]).stdout;
        assert!(shown.contains("<server.child>"), "{shown}");
    }
}

#[test]
fn what_is_no_record_is_told_without_control_characters() {
    let shelf = Shelf::new();
    let file = shelf.path("a\u{1b}[2J.jsonl");
    let header = "{\"type\":\"header\",\"schema\":\"sockscope-record/1\",\"attempt\":\"\u{7f}\"}\n";
    std::fs::write(&file, header).expect("written");
    for command in [&["replay", &file][..], &["diff", &file, &file]] {
        let said = say(command);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
        let bare = said.stderr.replace('\n', "");
        assert!(!bare.chars().any(char::is_control), "{bare:?}");
    }
    let folder = say(&["replay", shelf.0.path().to_str().expect("UTF-8")]);
    assert_eq!(folder.code, Some(3), "{}", folder.stderr);
    let missing = say(&["replay", &shelf.path("missing")]);
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
}

#[test]
fn where_no_record_can_be_written_nothing_runs() {
    let shelf = Shelf::new();
    let (_, said) = shelf.save("missing/a.jsonl", &["hello"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(3), ""));
    assert!(said.stderr.contains("cannot write"), "{}", said.stderr);
    assert!(shelf.files().is_empty());
}

#[test]
fn an_interrupted_run_is_kept() {
    let shelf = Shelf::new();
    let scenario = shelf.path("long.toml");
    let text = "title = \"It waits\"\n[programs]\nserver = \"echo-server {port}\"\n[[step]]\n\
                do = \"start server\"\nexpect = \"server exited 0\"\nwithin = \"5m\"\n";
    std::fs::write(&scenario, text).expect("written");
    let file = shelf.path("a.jsonl");
    let mark = support::Mark::new("kept");
    let child = sockscope(&["run", &scenario, "--save", &file])
        .env(support::Mark::NAME, mark.value())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sockscope runs");
    // sockscope itself, its lab's first process, the server.
    while mark.bearers().len() < 3 {
        std::thread::yield_now();
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
    let live = Said::from(child.wait_with_output().expect("its end"));
    assert_eq!(live.code, Some(130));
    let again = say(&["replay", &file]);
    assert_eq!(again.code, Some(130), "{}", again.stderr);
    assert_eq!(again.stdout, live.stdout);
    mark.assert_gone();
}

#[test]
fn two_runs_of_one_scenario_are_the_same() {
    let shelf = Shelf::new();
    let (one, _) = shelf.save("a.jsonl", &["normal-close", "linger-reset"]);
    let (other, _) = shelf.save("b.jsonl", &["normal-close", "linger-reset"]);
    let said = say(&["diff", &one, &other]);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), ""),
        "{}",
        said.stderr
    );
}

#[test]
fn another_server_differs_where_it_does_another_thing() {
    let shelf = Shelf::new();
    let (one, _) = shelf.save("a.jsonl", &["zombie"]);
    let loops = ["zombie", "--server", "echo-server --sigchld loop {port}"];
    let (other, _) = shelf.save("b.jsonl", &loops);
    for width in ["60", "80", "120"] {
        let said = say(&["diff", &one, &other, "--width", width]);
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        for wanted in [
            "first difference in step 4",
            "life of server.child",
            "reaped by server",
        ] {
            let text = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(wanted), "{wanted}: {}", said.stdout);
        }
        assert!(said.stdout.lines().any(|line| line.starts_with('+')));
        let widest = said
            .stdout
            .lines()
            .map(unicode_width::UnicodeWidthStr::width)
            .max();
        assert!(widest <= width.parse().ok(), "{}", said.stdout);
    }
    let (elsewhere, _) = shelf.save("c.jsonl", &["hello"]);
    let said = say(&["diff", &one, &elsewhere]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.starts_with("the scenarios differ"),
        "{}",
        said.stdout
    );
    let twice = say(&["diff", "-", "-"]);
    assert_eq!(twice.code, Some(2));
}

#[test]
fn how_a_state_is_known_is_a_difference_on_request() {
    let shelf = Shelf::new();
    let (one, _) = shelf.save("a.jsonl", &["normal-close"]);
    let record = std::fs::read_to_string(&one).expect("the record");
    let from = record.find("\"state\":\"FIN_WAIT2\",\"evidence\":\"seen\"");
    let Some(at) = from else {
        // No wire here: nothing was seen on the way.
        return;
    };
    let other = shelf.path("b.jsonl");
    let changed = record[at..].replacen("seen", "traced", 1);
    std::fs::write(&other, format!("{}{changed}", &record[..at])).expect("written");
    assert_eq!(say(&["diff", &one, &other]).code, Some(0));
    let said = say(&["diff", "--evidence", &one, &other]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("FIN_WAIT2 (traced)"),
        "{}",
        said.stdout
    );
}
