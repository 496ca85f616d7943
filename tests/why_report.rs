//! How `sockscope why` tells what it found: JSON that a script can use.

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::{Value, json};
use sockscope::diagnose::picture::{Held, Picture, Process, Since, Socket};
use sockscope::diagnose::{About, Facts, Finding, Proof, Weight, find};
use sockscope::live::listing::Unseen;
use sockscope::live::why::Why;
use sockscope::model::{Evidence, ProcState, TcpState, Tuple};
use sockscope::report::why::record;
use support::say;

/// A process of this name.
fn process(name: &str, pid: i32) -> Process {
    Process {
        name: format!("{name} {pid}"),
        key: u64::from(pid.unsigned_abs()),
        pid,
        program: name.to_owned(),
        parent: None,
        state: Some(ProcState::Sleeping),
        zombie: false,
        signals: None,
        waits_in: None,
    }
}

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
        between: None,
        counters: None,
    }
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
        sockets: Vec::new(),
        processes,
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
