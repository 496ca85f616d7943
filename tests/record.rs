//! A record holds all that any report shows: what is reported from it is to the letter what the
//! run itself reports. And whatever else a file may hold is told, not believed.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/runs.rs"]
mod runs;
mod support;

use std::time::{Duration, UNIX_EPOCH};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use sockscope::compare;
use sockscope::driver;
use sockscope::event::{
    Aspect, Call, CallResult, Cause, Event, Kind, PacketId, Reaper, SignalFate, SignalOrigin,
    SocketKey, Source, TcpFlags, ToldSegment,
};
use sockscope::model::{ExitStatus, ProcState, TcpState, TimerKind};
use sockscope::record::{self, Accept, Recording, schema};
use sockscope::report::difference;
use sockscope::report::format::{FORMATS, Format, render};
use sockscope::report::style::{self, Style};
use sockscope::report::{Detail, Look, WireDetail};
use sockscope::run::{Asked, AskedEvents, Mistake, Outcome, Place, Run};
use sockscope::scenario;
use sockscope::suite::Case;
use sockscope::timeline::Timeline;
use support::{all_names, built_in, options};

const LOOKS: [Look; 3] = [
    Look {
        width: 80,
        color: false,
        unicode: true,
    },
    Look {
        width: 120,
        color: true,
        unicode: true,
    },
    Look {
        width: 60,
        color: false,
        unicode: false,
    },
];

const DETAILS: [Detail; 3] = [
    Detail {
        all: false,
        wire: WireDetail::Full,
    },
    Detail {
        all: true,
        wire: WireDetail::Flags,
    },
    Detail {
        all: false,
        wire: WireDetail::Off,
    },
];

/// Every report that there is, each with a name.
fn reports(cases: &[Case]) -> Vec<(String, String)> {
    reports_with(cases, &LOOKS, &DETAILS)
}

fn reports_with(cases: &[Case], looks: &[Look], details: &[Detail]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for look in looks {
        for detail in details {
            for about in FORMATS {
                if about.format.takes(cases.len()).is_ok() {
                    let name = format!("{} {look:?} {detail:?}", about.name);
                    let text = render(about.format, cases, look, detail).expect("a report");
                    all.push((name, text));
                }
            }
        }
        for case in cases {
            for (style, name) in Style::NAMED {
                let text = style::render(case.run(), style, look);
                all.push((format!("{name} {look:?}"), text));
            }
        }
    }
    all
}

fn lines(cases: &[Case]) -> String {
    record::lines(cases).expect("JSON")
}

fn read(text: &str) -> Recording {
    record::read(text.as_bytes(), Accept::Whole).unwrap_or_else(|error| panic!("{error}"))
}

fn assert_the_same(cases: &[Case]) {
    let text = lines(cases);
    let again = read(&text);
    assert!(again.cut.is_none());
    let (live, replayed) = (reports(cases), reports(&again.cases));
    assert_eq!(live.len(), replayed.len());
    for ((name, live), (_, replayed)) in live.iter().zip(&replayed) {
        let scenario = &cases[0].run().header.scenario;
        assert!(live == replayed, "{scenario}: {name}\n{live}\n{replayed}");
    }
    for (case, again) in cases.iter().zip(&again.cases) {
        assert_eq!(again.tries(), case.tries());
        assert_eq!(again.run().header, case.run().header);
        assert_eq!(
            again.run().timeline.endpoints(),
            case.run().timeline.endpoints()
        );
    }
}

fn made_by_hand() -> Vec<Run> {
    vec![
        runs::normal_close(),
        runs::zombie(),
        runs::failed(),
        runs::inconclusive(),
        runs::hostile(),
        runs::lost_fin(),
        runs::simultaneous_close(),
        runs::twenty(),
        runs::megabyte(),
        runs::stopped(),
        runs::refused(),
        runs::interrupted(),
        runs::three_hosts(),
        runs::datagrams(),
        runs::closed_window(),
        of_every_kind(),
        wrong(),
    ]
}

/// A run that did not begin, since its scenario has three mistakes.
fn wrong() -> Run {
    let mut run = runs::refused();
    let stopped = run.stopped.as_mut().expect("it was refused");
    stopped.outcome = Outcome::Usage;
    stopped.span = Some(0..5);
    stopped.more = [(Some(8..10), None), (None, Some("write one"))]
        .map(|(span, help)| Mistake {
            why: "no step".to_owned(),
            span,
            help: help.map(str::to_owned),
        })
        .into();
    run
}

/// A run with whatever the others do not show.
fn of_every_kind() -> Run {
    let mut run = runs::normal_close();
    run.header.machine = Some("x86_64".to_owned());
    run.header.began = Some(UNIX_EPOCH + Duration::new(1_795_797_600, 123_456_789));
    let command = ["./a b", "\u{1b}[31m", "{port}"].map(str::to_owned);
    run.header.asked = Some(Asked {
        net: Some(Place::Wire),
        syscalls: true,
        events: AskedEvents::On,
        settled: true,
        timeout_scale: 2.5,
        programs: [("server".into(), command.to_vec())].into(),
    });
    let key = run.timeline.endpoints()[0].key;
    let tuple = run.timeline.endpoints()[1].tuple.expect("addresses");
    let mut facts = run.timeline.endpoints()[1].facts.clone().expect("facts");
    facts.timer = TimerKind::Unknown(9);
    facts.cookie = u64::MAX;
    let process = || "server".into();
    let call = |name: &str, result| Kind::Called {
        process: process(),
        call: Call {
            name: name.to_owned(),
            args: "5, \"\u{1b}[31m\u{0}\u{2028}\"".to_owned(),
            result,
            fd: Some(5),
            inode: Some(4711),
            opened: Some(u32::MAX),
            thread: Some(4711),
        },
    };
    let signal = |signal, from, fate| Kind::Signal {
        process: process(),
        signal,
        from,
        fate,
    };
    let socket = |state, cause| Kind::Socket {
        key: SocketKey(77),
        host: "server".into(),
        state,
        evidence: sockscope::model::Evidence::Traced,
        facts: None,
        owner: None,
        cause,
    };
    let mut packet = run.timeline.packets()[0].packet.clone();
    packet.id = PacketId(4000);
    packet.to = None;
    if let sockscope::event::Body::Tcp(segment) = &mut packet.body {
        segment.flags = TcpFlags(0xff);
    }
    let kinds = [
        Kind::Forked {
            process: "server.child9".into(),
            pid: 4711,
            ns_pid: Some(9),
            parent: process(),
        },
        call("wait4", CallResult::Value(9)),
        call("read", CallResult::Restarted(512)),
        call("nanosleep", CallResult::Restarted(516)),
        call("exit_group", CallResult::Never),
        call("write", CallResult::Errno(32)),
        call("write", CallResult::Errno(9999)),
        call("lseek", CallResult::Value(i64::MIN)),
        signal(
            17,
            SignalOrigin::Process("server.child".into()),
            SignalFate::Ignored,
        ),
        signal(34, SignalOrigin::Sockscope, SignalFate::Generated),
        signal(13, SignalOrigin::Kernel, SignalFate::Delivered),
        signal(9, SignalOrigin::Stranger { pid: 1 }, SignalFate::Delivered),
        signal(15, SignalOrigin::Unknown, SignalFate::Delivered),
        Kind::Told {
            key: None,
            what: ToldSegment::ResetSent,
            tuple,
        },
        Kind::Told {
            key: Some(key),
            what: ToldSegment::Retransmitted,
            tuple,
        },
        Kind::Told {
            key: Some(key),
            what: ToldSegment::ResetReceived,
            tuple,
        },
        Kind::Executed {
            process: process(),
            command: vec!["./server".into(), String::new()],
        },
        Kind::Renamed {
            process: process(),
            comm: "a\u{1b}b".to_owned(),
        },
        Kind::ProcessState {
            process: process(),
            state: ProcState::Unknown('ß'),
        },
        Kind::Exited {
            process: process(),
            status: Some(ExitStatus::Signaled {
                signal: 6,
                core: true,
            }),
        },
        Kind::Exited {
            process: process(),
            status: None,
        },
        Kind::Adopted {
            process: process(),
            by: Reaper::Unknown,
        },
        Kind::Reaped {
            process: process(),
            by: Reaper::Kernel,
        },
        socket(TcpState::Unknown(77), Some(Cause::Timer)),
        socket(TcpState::Close, Some(Cause::Sent(PacketId(1)))),
        Kind::Gauges { key, facts },
        Kind::Holders {
            key,
            holders: Vec::new(),
            unreadable: vec!["server".into()],
        },
        Kind::Sent(packet),
        Kind::Held {
            packet: PacketId(4000),
        },
        Kind::Dropped {
            packet: PacketId(4000),
            why: "the wire is cut".into(),
        },
        Kind::Note {
            text: "a note".into(),
        },
        Kind::Gap {
            aspect: Aspect::Calls,
            why: "lost".into(),
        },
    ];
    let last = run.timeline.events().last().expect("an event").clone();
    let mut timeline = Timeline::from(run.timeline.events().to_vec());
    for (later, kind) in kinds.into_iter().enumerate() {
        timeline.replay(Event {
            at: last.at + Duration::from_nanos(later as u64),
            step: last.step,
            source: Source::Kernel,
            kind,
        });
    }
    run.timeline = timeline;
    run
}

#[test]
fn every_scenario_is_reported_again_to_the_letter() {
    let mut all = Vec::new();
    for name in all_names() {
        let case = Case::from(driver::run(&built_in(name), &options(None), None));
        assert_the_same(std::slice::from_ref(&case));
        all.push(case);
    }
    assert_the_same(&all);
}

#[test]
fn what_fails_is_reported_again_to_the_letter() {
    let mut files: Vec<_> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verdicts"))
            .expect("the folder")
            .map(|entry| entry.expect("a file").path())
            .collect();
    files.sort();
    for file in files {
        let scenario = scenario::load(file.to_str().expect("UTF-8"))
            .unwrap_or_else(|error| panic!("{}", error.render(false)));
        let run = driver::run(&scenario, &options(None), None);
        assert_the_same(&[run.into()]);
    }
}

#[test]
fn runs_made_by_hand_are_reported_again_to_the_letter() {
    let cases: Vec<Case> = made_by_hand().into_iter().map(Case::from).collect();
    for case in &cases {
        assert_the_same(std::slice::from_ref(case));
    }
    assert_the_same(&cases);
    let again = read(&lines(&cases));
    for (case, again) in cases.iter().zip(&again.cases) {
        let (events, same) = (case.run().timeline.events(), again.run().timeline.events());
        assert_eq!(events, same);
        assert_eq!(case.run().header, again.run().header);
        assert_eq!(case.run().steps, again.run().steps);
        assert_eq!(case.run().stopped, again.run().stopped);
    }
}

#[test]
fn a_record_on_a_terminal_steers_nothing() {
    let case = [of_every_kind().into(), runs::hostile().into()];
    for text in [lines(&case), record::document(&case).expect("JSON")] {
        assert!(
            text.chars()
                .all(|c| c == '\n' || c.is_ascii() && !c.is_ascii_control())
        );
    }
}

#[test]
fn tries_stay_together() {
    let mut flaky = Case::from(runs::failed());
    let mut other = runs::normal_close();
    other.header.scenario = runs::failed().header.scenario;
    flaky.again(other);
    assert!(flaky.is_flaky());
    assert_the_same(&[runs::zombie().into(), flaky, runs::zombie().into()]);
}

/// The schema, strict: a field that it does not know is an error.
fn strict() -> (Validator, Validator) {
    let mut schema: Value = serde_json::from_str(&schema::schema_text()).expect("JSON");
    let validator = |schema: &Value| jsonschema::validator_for(schema).expect("a schema");
    for line in schema["oneOf"].as_array_mut().expect("the lines") {
        line["unevaluatedProperties"] = json!(false);
    }
    let lines = validator(&schema);
    let mut document = schema.clone();
    let root = document.as_object_mut().expect("an object");
    root.remove("oneOf");
    root.insert("$ref".into(), "#/$defs/Document".into());
    root.insert("unevaluatedProperties".into(), false.into());
    (lines, validator(&document))
}

#[test]
fn the_schema_describes_what_is_written() {
    let (lines_schema, document_schema) = strict();
    let mut all: Vec<Case> = made_by_hand().into_iter().map(Case::from).collect();
    for name in all_names() {
        all.push(driver::run(&built_in(name), &options(None), None).into());
    }
    for line in lines(&all).lines() {
        let value: Value = serde_json::from_str(line).expect("JSON");
        if let Err(error) = lines_schema.validate(&value) {
            panic!("{error}\n{line}");
        }
    }
    let document: Value =
        serde_json::from_str(&record::document(&all).expect("JSON")).expect("JSON");
    if let Err(error) = document_schema.validate(&document) {
        panic!("{error}");
    }
    let wrong = json!({ "type": "event", "index": 0, "at_ns": 0, "step": 1, "source": "driver",
                        "kind": "quiet", "more": 1 });
    assert!(lines_schema.validate(&wrong).is_err());
}

#[test]
fn the_schema_in_docs_is_current_and_describes_every_field() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/record.schema.json");
    let text = schema::schema_text();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("the file"), text);
    assert_eq!(support::say(&["schema", "record"]).stdout, text);
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    assert_described(&schema, "");
}

fn assert_described(value: &Value, at: &str) {
    if let Some(properties) = value.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            let described = ["description", "const", "$ref"];
            assert!(
                described.iter().any(|key| property.get(key).is_some()),
                "{at}/{name}"
            );
        }
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                assert_described(value, &format!("{at}/{key}"));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| assert_described(value, at)),
        _ => {}
    }
}

/// What a test does to the lines of a record.
type Change = Box<dyn FnOnce(&mut Vec<Value>)>;

/// Changes one line of a record and says what reading it complains of.
fn complaint(change: impl FnOnce(&mut Vec<Value>)) -> String {
    let mut values: Vec<Value> = lines(&[runs::failed().into()])
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    change(&mut values);
    let text: String = values.iter().map(|value| format!("{value}\n")).collect();
    complaint_of(text.as_bytes())
}

fn complaint_of(bytes: &[u8]) -> String {
    match record::read(bytes, Accept::Whole) {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The first line with this value.
fn find(values: &[Value], key: &str, value: &str) -> usize {
    let found = values.iter().position(|line| line[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value}"))
}

#[test]
fn what_contradicts_itself_is_told_with_its_line() {
    assert_eq!(complaint(|_| {}), "nothing");
    let sent = complaint(|lines| {
        let at = find(lines, "kind", "delivered");
        lines[at]["packet"] = json!(99);
    });
    assert!(
        sent.ends_with(": there is no packet 99 before this line"),
        "{sent}"
    );
    let cases: [(&str, Change); 16] = [
        (
            "packet 1 leaves a second time",
            Box::new(|lines| {
                let at = lines
                    .iter()
                    .rposition(|line| line["kind"] == "sent")
                    .expect("one");
                lines[at]["packet"] = json!(1);
            }),
        ),
        (
            "there is no packet 99",
            Box::new(|lines| {
                let at = lines
                    .iter()
                    .position(|line| line["cause"]["packet"].is_u64())
                    .expect("one");
                lines[at]["cause"]["packet"] = json!(99);
            }),
        ),
        (
            "there is no socket 99",
            Box::new(|lines| {
                let at = find(lines, "kind", "holders");
                lines[at]["socket"] = json!(99);
            }),
        ),
        (
            "socket 0 is server.listener, not client.conn",
            Box::new(|lines| {
                let at = find(lines, "kind", "holders");
                lines[at]["endpoint"] = json!("client.conn");
            }),
        ),
        (
            "there is no event 5000",
            Box::new(|lines| {
                let at = find(lines, "verdict", "fail");
                lines[at]["events"] = json!([5000]);
            }),
        ),
        (
            "bytes 3 to 900000 are no part",
            Box::new(|lines| {
                let at = find(lines, "type", "verdict");
                lines[at]["span"] = json!({"start": 3, "end": 900_000});
            }),
        ),
        (
            "bytes 9 to 3 are no part",
            Box::new(|lines| {
                let at = find(lines, "type", "step");
                lines[at]["span"] = json!({"start": 9, "end": 3});
            }),
        ),
        (
            "event 4 was to come, not 5",
            Box::new(|lines| {
                lines.remove(5);
            }),
        ),
        (
            "the end counts",
            Box::new(|lines| {
                let at = lines
                    .iter()
                    .rposition(|line| line["type"] == "verdict")
                    .expect("one");
                lines.remove(at);
            }),
        ),
        (
            "the end says passed, the verdicts come to failed",
            Box::new(|lines| {
                lines.last_mut().expect("an end")["outcome"] = json!("passed");
            }),
        ),
        (
            "the scenario's text is not the one",
            Box::new(|lines| {
                lines[0]["scenario"]["text"] = json!("title = \"another\"");
            }),
        ),
        (
            "this event is older",
            Box::new(|lines| {
                lines[4]["at_ns"] = json!(0);
            }),
        ),
        (
            "step 1 was to come, not 18446744073709551615",
            Box::new(|lines| {
                lines[1]["step"] = json!(u64::MAX);
            }),
        ),
        (
            "try 1 was to come, not 2",
            Box::new(|lines| {
                lines[0]["attempt"] = json!(2);
            }),
        ),
        (
            "the record that begins in line 1 is cut",
            Box::new(|lines| {
                lines.pop();
            }),
        ),
        (
            "a verdict before any step cannot stand here",
            Box::new(|lines| {
                let at = find(lines, "type", "step");
                lines.remove(at);
            }),
        ),
    ];
    for (wanted, change) in cases {
        let told = complaint(change);
        assert!(told.contains(wanted), "{wanted}: {told}");
        assert!(told.starts_with("line "), "{told}");
    }
}

#[test]
fn mistakes_stand_in_the_scenario() {
    let mut run = wrong();
    let stopped = run.stopped.as_mut().expect("it was refused");
    stopped.more[0].span = Some(8..9000);
    let text = lines(&[run.into()]);
    assert!(complaint_of(text.as_bytes()).contains("bytes 8 to 9000 are no part of"));
}

#[test]
fn a_foreign_file_is_told() {
    let deep = "[".repeat(100_000);
    let newer = r#"{"type":"header","schema":"sockscope-record/2","sockscope":"9.0.0"}"#;
    for (bytes, wanted) in [
        (&b""[..], "nothing at all"),
        (b"\n", "nothing at all"),
        (b"\xef\xbb\xbf\n", "nothing at all"),
        (b"title = \"x\"\n", "no record of sockscope"),
        (b"{}\n", "no record of sockscope"),
        (b"[1]\n", "no record of sockscope"),
        (b"\xff\xfe\n", "no record of sockscope"),
        (b"\x7fELF\x02\x01\x01\0", "no record of sockscope"),
        (b"{\"schema\":\"other/1\"}\n", "no record of sockscope"),
        (
            b"{\"schema\":\"sockscope-record/x\"}\n",
            "no record of sockscope",
        ),
        (b"{\"type\":\"quiet\"}\n", "no record of sockscope"),
        (deep.as_bytes(), "no record of sockscope"),
        (
            newer.as_bytes(),
            "sockscope-record/2, which sockscope 9.0.0 wrote",
        ),
        (
            b"{\"schema\":\"sockscope-record/1\",\"type\":\"header\"}\n",
            "no line of a record: missing field",
        ),
    ] {
        let told = complaint_of(bytes);
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let document = record::document(&[runs::zombie().into()]).expect("JSON");
    assert!(complaint_of(document.as_bytes()).contains("one JSON value, no record"));
}

#[test]
fn a_line_in_the_middle_that_is_none_is_told() {
    let text = lines(&[runs::zombie().into()]);
    let with = |line: &[u8]| {
        let (first, rest) = text.split_once('\n').expect("lines");
        [first.as_bytes(), b"\n", line, b"\n", rest.as_bytes()].concat()
    };
    let nested = format!("{{\"type\":\"event\",\"x\":{}", "[".repeat(1000));
    for (line, wanted) in [
        (&b"{"[..], "line 2: no JSON: EOF"),
        (b"", "line 2: no JSON"),
        (b"{\"type\":\"event\"", "line 2: no JSON"),
        (b"\xff", "line 2: not in UTF-8"),
        (
            b"{\"type\":\"other\"}",
            "line 2: no line of a record: unknown variant",
        ),
        (
            b"{\"type\":\"event\",\"kind\":\"x\"}",
            "line 2: no line of a record",
        ),
        (nested.as_bytes(), "line 2: no JSON: recursion limit"),
    ] {
        let told = complaint_of(&with(line));
        assert!(told.starts_with(wanted), "{wanted}: {told}");
    }
}

#[test]
fn wherever_a_record_is_cut_the_rest_is_shown() {
    let text = lines(&[runs::failed().into()]);
    let header = text.find('\n').expect("lines") + 1;
    for at in (header..text.len() - 1).step_by(97) {
        let part = text.as_bytes().get(..at).expect("a part");
        assert!(record::read(part, Accept::Whole).is_err());
        let recording = record::read(part, Accept::Part).expect("what is there");
        assert!(recording.cut.is_some());
        let [case] = &recording.cases[..] else {
            panic!("{} cases", recording.cases.len());
        };
        assert_eq!(case.outcome(), Outcome::Inconclusive);
        let table = render(Format::Table, &recording.cases, &LOOKS[0], &DETAILS[0]);
        let table = table.expect("a table");
        assert!(table.contains("the record is cut"), "{table}");
    }
    // Without its last newline it is whole.
    assert!(record::read(text.trim_end().as_bytes(), Accept::Whole).is_ok());
    // Of several, the whole ones are shown.
    let two = format!("{text}{}", &text[..header / 2]);
    let recording = record::read(two.as_bytes(), Accept::Part).expect("what is there");
    assert_eq!(recording.cases.len(), 1);
    assert!(recording.cut.is_some());
}

/// Where and how a record is damaged.
#[derive(Clone, Debug)]
enum Damage {
    Byte(usize, u8),
    Remove(usize),
    Twice(usize),
    Swap(usize, usize),
    Number(usize, u64),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        any::<usize>().prop_map(Damage::Remove),
        any::<usize>().prop_map(Damage::Twice),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (any::<usize>(), any::<u64>()).prop_map(|(at, n)| Damage::Number(at, n >> (n % 64))),
    ]
}

/// Puts `number` in the place of the `at`th number below `value`.
fn renumber(value: &mut Value, at: &mut usize, number: u64) {
    match value {
        Value::Number(_) => {
            if *at == 0 {
                *value = json!(number);
            }
            *at = at.wrapping_sub(1);
        }
        Value::Array(values) => values.iter_mut().for_each(|v| renumber(v, at, number)),
        Value::Object(map) => map.values_mut().for_each(|v| renumber(v, at, number)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_a_report_panic(
        damages in proptest::collection::vec(damage(), 1..4),
        which in 0..5_usize,
    ) {
        let run = [runs::failed(), runs::hostile(), runs::stopped(), runs::datagrams(), runs::three_hosts()];
        let text = lines(&[run[which].clone().into()]);
        let mut lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        for damage in damages {
            let count = lines.len().max(1);
            match damage {
                _ if lines.is_empty() => {}
                Damage::Byte(at, byte) => {
                    let line = &mut lines[at % count];
                    let length = line.len().max(1);
                    if let Some(old) = line.get_mut(at / count % length) {
                        *old = byte;
                    }
                }
                Damage::Remove(at) => {
                    lines.remove(at % count);
                }
                Damage::Twice(at) => lines.insert(at % count, lines[at % count].clone()),
                Damage::Swap(one, other) => lines.swap(one % count, other % count),
                Damage::Number(at, number) => {
                    let line = &mut lines[at % count];
                    if let Ok(mut value) = serde_json::from_slice::<Value>(line) {
                        renumber(&mut value, &mut (at / count % 12), number);
                        *line = value.to_string().into_bytes();
                    }
                }
            }
        }
        for accept in [Accept::Whole, Accept::Part] {
            if let Ok(recording) = record::read(lines.join(&b'\n').as_slice(), accept) {
                let reports = reports_with(&recording.cases, &LOOKS[..1], &DETAILS[..1]);
                prop_assert!(!reports.is_empty());
                for case in &recording.cases {
                    let terms = compare::Terms {
                        evidence: true,
                        ..Default::default()
                    };
                    let compared = compare::compare(&run[which], case.run(), &terms);
                    if let Some(found) = compared.difference {
                        let text = difference::render(&found, ["a", "b"], &LOOKS[0]);
                        prop_assert!(text.contains("first difference"));
                    }
                }
            }
        }
    }
}

#[test]
fn an_endless_line_is_not_read_to_its_end() {
    let zero = std::io::BufReader::new(std::fs::File::open("/dev/zero").expect("/dev/zero"));
    let told = record::read(zero, Accept::Part).expect_err("no record");
    assert!(told.to_string().contains("longer than"), "{told}");
}
