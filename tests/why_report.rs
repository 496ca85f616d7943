//! How `sockscope why` tells what it found: few lines however many cases there are, and JSON that
//! a script can use.

#[path = "support/made_up.rs"]
mod made_up;
mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use jsonschema::Validator;
use made_up::process;
use serde_json::{Value, json};
use sockscope::diagnose::picture::{Held, Picture, Process, Since, Socket, few};
use sockscope::diagnose::{About, Facts, Finding, Proof, Weight, find};
use sockscope::live::listing::Unseen;
use sockscope::live::why::Why;
use sockscope::model::{Evidence, ProcState, TcpState, Tuple};
use sockscope::report::why::record;
use sockscope::report::{self, Look};
use support::say;

/// A connection in CLOSE_WAIT, to this port of 10.0.0.`host`.
fn waiting(host: u8, port: u16, holders: &[usize], age: Option<u64>) -> Socket {
    let remote: SocketAddr = ([10, 0, 0, host], port).into();
    let tuple = Tuple {
        local: ([10, 0, 0, 1], 9190).into(),
        remote,
    };
    let held = holders.iter().map(|process| Held {
        process: *process,
        fd: 4,
        close_on_exec: None,
    });
    Socket {
        name: tuple.to_string(),
        key: u64::from(host) << 16 | u64::from(port),
        place: None,
        netns: None,
        tuple: Some(tuple),
        state: TcpState::CloseWait,
        known: Evidence::Seen,
        facts: None,
        holders: Some(held.collect()),
        more_holders: false,
        peer: None,
        since: age.map(|age| Since::AtLeast(Duration::from_secs(age))),
        let_go: None,
        sent_again: 0,
        overflows: None,
        earlier: None,
    }
}

/// What a rule would say of each socket of a picture.
fn findings(picture: &Picture) -> Vec<Finding> {
    let sockets = picture.sockets.iter();
    let found = sockets.map(|socket| Finding {
        diagnosis: find("close-wait").expect("a diagnosis"),
        weight: Weight::Wrong,
        about: About::Socket(socket.key),
        facts: Facts::of_socket(picture, socket),
        headline: format!("{} is left by {}", socket.name, picture.holder_list(socket)),
        evidence: vec![Proof::seen(format!("this of {}", socket.remote()))],
        fix: format!("close it in {}", picture.holder_names(socket)),
    });
    found.collect()
}

fn why(findings: Vec<Finding>) -> Why {
    Why {
        findings,
        sockets: 5000,
        processes: 100,
        unseen: Unseen::default(),
        looks: 1,
        between: None,
        counters: None,
        bound_unseen: false,
    }
}

fn text(why: &Why) -> String {
    let look = Look {
        width: 80,
        color: false,
        unicode: true,
    };
    report::why::render(why, &look)
}

/// Text whose lines are not broken.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in:\n{text}");
}

/// Five thousand connections of a server that forks: each is held by its parent and by a child of
/// its own, and has an age of its own. The first ones by address are the newest.
fn leak() -> Why {
    let mut processes = vec![process("leak", 100)];
    processes.extend((0..5000).map(|child| process("leak", 101 + child)));
    let sockets = (0..5000_u16).map(|index| {
        let host = if index < 4900 { 2 } else { 3 };
        let holders = [0, 1 + usize::from(index)];
        waiting(host, 20000 + index, &holders, Some(1 + u64::from(index)))
    });
    let picture = Picture {
        sockets: sockets.collect(),
        processes,
        ..Picture::default()
    };
    why(findings(&picture))
}

#[test]
fn five_thousand_sockets_with_one_cause_are_some_twenty_lines() {
    let text = text(&leak());
    assert!(text.lines().count() <= 22, "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // The span of ages, and the oldest first.
    let words = words(&text);
    has(
        &words,
        "CLOSE_WAIT: the close is owed (5,000 cases, for at least 1.0 s to 1 h 23 min)",
    );
    let oldest = text.find("10.0.0.3:24999 is left by leak 100 fd 4 and leak 5100 fd 4");
    let next = text.find("10.0.0.3:24998 is left by");
    assert!(oldest.is_some() && oldest < next, "{text}");
    assert!(
        !text.contains(":20000"),
        "the newest is none of these: {text}"
    );
    // How it is known, of the oldest.
    assert_eq!(text.matches("seen: this of").count(), 1, "{text}");
    has(&text, "seen: this of 10.0.0.3:24999");
    has(&text, "  … and 4,997 more\n");
    // Where the others are.
    has(
        &words,
        "held by 5,001 processes: leak 100 (5,000), leak 1000 (1), leak 1001 (1) and 4,998 more",
    );
    has(&words, "to 2 hosts: 10.0.0.2 (4,900), 10.0.0.3 (100)");
    has(
        &words,
        "fix close it in leak 100 and leak 5100; likewise in the others",
    );
    has(&words, "; sockscope explain close-wait");
}

#[test]
fn other_programs_are_another_cause() {
    let processes = vec![process("one", 7), process("two", 8), process("one", 9)];
    let sockets = vec![
        waiting(2, 1, &[0], Some(1)),
        waiting(2, 2, &[1], Some(1)),
        waiting(2, 3, &[2], Some(9)),
        waiting(2, 4, &[], None),
    ];
    let picture = Picture {
        sockets,
        processes,
        ..Picture::default()
    };
    let why = why(findings(&picture));
    let value: Value = serde_json::from_str(&record::json(&why).expect("JSON")).expect("JSON");
    let ports: Vec<Vec<u64>> = value["diagnoses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|group| {
            let cases = group["cases"].as_array().expect("a list").iter();
            let port = |case: &Value| case["sockets"][0]["remote_port"].as_u64().expect("a port");
            cases.map(port).collect()
        })
        .collect();
    // Both of `one`, the older first; that of `two`; that of nobody.
    assert_eq!(ports, [vec![3, 1], vec![2], vec![4]]);
    let text = text(&why);
    has(&text, "(2 cases, for at least 1.0 s to 9.0 s)");
    // Of few cases each says how it is known.
    assert_eq!(text.matches("seen: this of").count(), 4, "{text}");
}

#[test]
fn ages_that_are_not_known_are_not_told() {
    let told = |ages: &[Option<u64>]| {
        let sockets = ages
            .iter()
            .zip(1..)
            .map(|(age, port)| waiting(2, port, &[0], *age));
        let picture = Picture {
            sockets: sockets.collect(),
            processes: vec![process("one", 7)],
            ..Picture::default()
        };
        let text = words(&text(&why(findings(&picture))));
        let (title, _) = text.split_once(" 10.0.0.1").expect("a case");
        title.to_owned()
    };
    let title = "wrong CLOSE_WAIT: the close is owed (2 cases";
    assert_eq!(told(&[None, None]), format!("{title})"));
    assert_eq!(
        told(&[Some(5), None]),
        format!("{title}, the oldest known for at least 5.0 s)")
    );
    assert_eq!(
        told(&[Some(5), Some(5)]),
        format!("{title}, for at least 5.0 s)")
    );
}

#[test]
fn of_many_holders_the_first_are_named_and_json_has_all() {
    let processes: Vec<Process> = (0..121)
        .map(|index| process("prefork", 1685 + index))
        .collect();
    let holders: Vec<usize> = (0..121).collect();
    let picture = Picture {
        sockets: vec![waiting(2, 1, &holders, None)],
        processes,
        ..Picture::default()
    };
    let why = why(findings(&picture));
    let text = words(&text(&why));
    has(
        &text,
        "is left by prefork 1685 fd 4, prefork 1686 fd 4 and 119 more seen:",
    );
    has(
        &text,
        "fix close it in prefork 1685, prefork 1686 and 119 more see",
    );
    let value: Value = serde_json::from_str(&record::json(&why).expect("JSON")).expect("JSON");
    let holders = &value["diagnoses"][0]["cases"][0]["sockets"][0]["holders"];
    assert_eq!(holders.as_array().map(Vec::len), Some(121));
    assert_eq!(holders[120]["pid"], 1805);
}

#[test]
fn that_a_process_holds_nothing_is_told_only_where_that_was_seen() {
    let mut idle = why(Vec::new());
    (idle.sockets, idle.processes) = (0, 1);
    has(
        &words(&text(&idle)),
        "Nothing wrong. Looked at 1 process, which holds no TCP socket here.",
    );
    idle.unseen.processes = 1;
    let blind = words(&text(&idle));
    has(
        &blind,
        "could be read. Looked at 0 TCP sockets and 1 process.",
    );
    idle.unseen = Unseen {
        hides: true,
        elsewhere: 1,
        ..Unseen::default()
    };
    let hidden = words(&text(&idle));
    has(&hidden, "Nothing found among what could be read.");
    has(&hidden, "This /proc hides processes of others (hidepid)");
    has(
        &hidden,
        "1 process of the filter has sockets in another network namespace",
    );
    idle.bound_unseen = true;
    has(
        &words(&text(&idle)),
        "(before Linux 6.8) does not tell of sockets",
    );
}

#[test]
fn few_are_all_named() {
    let words: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let told: Vec<String> = (0..=4).map(|many| few(&words[..many])).collect();
    assert_eq!(told, ["", "a", "a and b", "a, b and c", "a, b and 2 more"]);
}

/// The schema of `--format json`, and that of a line of `--format jsonl`; strict: a field that it
/// does not know is an error.
fn schemas() -> [Validator; 3] {
    let mut schema: Value = serde_json::from_str(&record::schema_text()).expect("JSON");
    for definition in [
        "Case",
        "Diagnosis",
        "Line",
        "LastLine",
        "Looked",
        "SocketFact",
    ] {
        schema["$defs"][definition]["unevaluatedProperties"] = json!(false);
    }
    let of = |definition: &str| {
        let mut schema = schema.clone();
        let root = schema.as_object_mut().expect("an object");
        root.remove("properties");
        root.remove("required");
        root.insert("$ref".into(), format!("#/$defs/{definition}").into());
        jsonschema::validator_for(&schema).expect("a schema")
    };
    [
        jsonschema::validator_for(&schema).expect("a schema"),
        of("Line"),
        of("LastLine"),
    ]
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn json_names_what_is_wrong_by_values() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let client = TcpStream::connect(address).expect("connect");
    let (server, from) = listener.accept().expect("accept");
    drop(client);
    let mut byte = [0];
    std::io::Read::read(&mut &server, &mut byte).expect("EOF");

    let port = format!(":{}", address.port());
    let said = say(&["why", &port, "--format", "json"]);
    let document = value(&said.stdout);
    let [whole, line_schema, last_schema] = schemas();
    if let Err(error) = whole.validate(&document) {
        panic!("{error}\n{document:#}");
    }
    let group = document["diagnoses"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|group| group["diagnosis"] == "close-wait")
        .unwrap_or_else(|| panic!("no close-wait: {document:#}"));
    let socket = &group["cases"][0]["sockets"][0];
    assert_eq!(socket["local_address"], "127.0.0.1");
    assert_eq!(socket["local_port"], address.port());
    assert_eq!(socket["remote_port"], from.port());
    assert_eq!(socket["state"], "CLOSE_WAIT");
    assert!(socket["age_ms"].is_u64(), "{socket:#}");
    assert_eq!(socket["held"], "processes");
    let holder = &socket["holders"][0];
    assert_eq!(holder["pid"], std::process::id());
    assert_eq!(holder["fd"], server.as_raw_fd());
    assert!(holder["name"].is_string());
    let other = &group["cases"][0]["other_end"];
    assert_eq!(other["state"], "FIN_WAIT2");
    assert_eq!(other["local_port"], from.port());

    // The port is a value too, and what has it.
    let held = document["diagnoses"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|group| group["diagnosis"] == "port-held")
        .unwrap_or_else(|| panic!("no port-held: {document:#}"));
    assert_eq!(held["weight"], "note");
    assert_eq!(held["cases"][0]["port"], address.port());
    assert_eq!(held["cases"][0]["sockets"][0]["state"], "LISTEN");

    let said = say(&["why", &port, "--format", "jsonl"]);
    let lines: Vec<Value> = said.stdout.lines().map(value).collect();
    let (last, cases) = lines.split_last().expect("lines");
    last_schema.validate(last).expect("the last line");
    for case in cases {
        line_schema.validate(case).expect("a line");
    }
    let pid = std::process::id();
    let mine = |case: &&Value| {
        case["diagnosis"] == "close-wait" && case["sockets"][0]["holders"][0]["pid"] == pid
    };
    assert_eq!(cases.iter().filter(mine).count(), 1, "{}", said.stdout);
}

#[test]
fn a_zombie_and_its_parent_are_values() {
    let mut processes = vec![process("parent", 7), process("child", 8)];
    processes[1].parent = Some(0);
    processes[1].state = Some(ProcState::Zombie);
    let picture = Picture {
        processes,
        ..Picture::default()
    };
    let why = why(vec![Finding {
        diagnosis: find("zombie").expect("a diagnosis"),
        weight: Weight::Wrong,
        about: About::Process(8),
        facts: Facts::of_processes(&picture, &picture.processes[1..]),
        headline: "h".into(),
        evidence: Vec::new(),
        fix: "f".into(),
    }]);
    let document = value(&record::json(&why).expect("JSON"));
    assert_eq!(
        document["diagnoses"][0]["cases"][0]["processes"],
        json!([{ "pid": 8, "name": "child", "state": "Z", "parent_pid": 7, "parent_name": "parent" }])
    );
    let [whole, ..] = schemas();
    whole.validate(&document).expect("by the schema");
}

#[test]
fn the_schema_in_docs_is_current_and_describes_every_field() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/why.schema.json");
    let text = record::schema_text();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("the file"), text);
    assert_eq!(say(&["schema", "why"]).stdout, text);
    let schema = value(&text);
    let [whole, ..] = schemas();
    let wrong = json!({ "diagnoses": [], "looked": {}, "more": 1 });
    assert!(whole.validate(&wrong).is_err(), "it can refuse");
    // The page has them too, but for those that are as in `ls`.
    let page = include_str!("../docs/why.md");
    for definition in ["Line", "SocketFact", "HolderFact", "ProcessFact", "Looked"] {
        let properties = schema["$defs"][definition]["properties"].as_object();
        for (name, property) in properties.expect("properties") {
            let described = ["description", "$ref"];
            assert!(
                described.iter().any(|key| property.get(key).is_some()),
                "{definition}.{name}"
            );
            assert!(
                page.contains(&format!("{name}`")) || page.contains(&format!("{name}[]")),
                "docs/why.md has no {definition}.{name}"
            );
        }
    }
}

#[test]
fn the_example_of_the_page_prints_holders() {
    if std::process::Command::new("jq")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("not tested here: no jq");
        return;
    }
    let page = include_str!("../docs/why.md");
    let (_, example) = page.split_once("  | jq ").expect("an example");
    let (filter, _) = example.split_once("\n```").expect("its end");
    let picture = Picture {
        sockets: vec![waiting(2, 1, &[0, 1], None), waiting(2, 2, &[1], None)],
        processes: vec![process("one", 7), process("one", 8)],
        ..Picture::default()
    };
    let lines = record::json_lines(&why(findings(&picture))).expect("JSON");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("why.jsonl");
    std::fs::write(&file, lines).expect("written");
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("jq {filter} < {}", file.display())])
        .output()
        .expect("a shell");
    let said = support::Said::from(output);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("one 7 fd 4\none 8 fd 4\none 8 fd 4\n", "")
    );
}
