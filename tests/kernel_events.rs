//! Kernel events: parsers on format files and records that were captured on Linux 6.18, and on
//! nonsense; rings that wrap around and that are too small; runs without a wire that pass by traced
//! evidence. What needs root says so where it is not.

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use sockscope::driver::events::{Events, When};
use sockscope::driver::{self, Options};
use sockscope::event::{Aspect, Kind, SignalOrigin, Source, ToldSegment};
use sockscope::model::{Evidence, ProcessName, TcpState};
use sockscope::observe::tracepoints::decode::Decoder;
use sockscope::observe::tracepoints::format::{Format, FormatError};
use sockscope::observe::tracepoints::record::{Record, records};
use sockscope::observe::tracepoints::{
    Config, KernelEvent, KernelEvents, Point, SignalResult, Unavailable, What,
};
use sockscope::run::{Outcome, Place, Run};
use support::{SOCKSCOPE, built_in, options, scenario};

fn captured(point: Point) -> Format {
    let (_, name) = point.name();
    let text = std::fs::read_to_string(format!("tests/tracepoints/{name}.format"));
    Format::parse(&text.expect("a captured format")).expect("it parses")
}

/// Every captured sample with its tracepoint.
fn samples() -> Vec<(Point, Vec<u8>)> {
    let all = [Point::SOCKETS, Point::PROCESSES].concat();
    include_str!("tracepoints/samples.txt")
        .lines()
        .map(|line| {
            let (name, hex) = line.split_once(' ').expect("a name and bytes");
            let point = all.iter().find(|point| point.to_string() == name);
            let bytes = (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                .collect();
            (*point.expect("a known tracepoint"), bytes)
        })
        .collect()
}

fn decoded(point: Point, bytes: &[u8]) -> KernelEvent {
    let decoder = Decoder::new(point, &captured(point)).expect("all fields");
    let Some(Record::Sample(sample)) = records(bytes).next() else {
        panic!("{point}: no sample");
    };
    assert!(decoder.is_for(&sample));
    decoder.decode(&sample).expect("sense").expect("TCP")
}

#[test]
fn captured_records_are_read() {
    let events: Vec<KernelEvent> = samples()
        .iter()
        .map(|(point, bytes)| decoded(*point, bytes))
        .collect();
    let states: Vec<_> = events
        .iter()
        .filter_map(|event| match event.what {
            What::State(change) => Some((change, event.in_process)),
            _ => None,
        })
        .collect();
    use TcpState::{Close, Established, FinWait1, Listen, SynRecv, SynSent};
    let paths: Vec<_> = states.iter().map(|(c, own)| (c.old, c.new, *own)).collect();
    assert_eq!(
        paths,
        [
            (Close, Listen, true),
            (Close, SynSent, true),
            (SynSent, Established, true),
            (Listen, SynRecv, false),
            (SynRecv, Established, false),
            (Established, FinWait1, true),
        ]
    );
    let (connected, accepted) = (states[2].0, states[4].0);
    assert_eq!(
        connected.tuple.to_string(),
        "127.0.0.1:51548 > 127.0.0.1:46421"
    );
    assert_eq!(accepted.tuple, connected.tuple.reversed());
    assert_eq!(states[1].0.socket, connected.socket);
    let segments: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Segment { what, tuple, .. } => Some(format!("{what:?} {tuple}")),
            _ => None,
        })
        .collect();
    assert_eq!(segments[0], "ResetSent 127.0.0.1:43261 > 127.0.0.1:50822");
    assert_eq!(segments[2], "ResetSent [::1]:40647 > [::1]:39774");
    assert_eq!(
        segments[3],
        "ResetReceived 127.0.0.1:41128 > 127.0.0.1:41407"
    );
    assert!(events.iter().any(|event| matches!(&event.what,
        What::Signal(s) if s.number == 9 && s.code == 0 && s.to == 16771 && s.group
            && s.comm == "dump" && s.result == SignalResult::Delivered)));
    assert!(events.iter().any(|event| matches!(&event.what,
        What::Signal(s) if s.number == 17 && s.code == 2 && s.result == SignalResult::Ignored)));
    for wanted in [
        What::Task {
            id: 16781,
            is_thread: true,
        },
        What::Task {
            id: 16782,
            is_thread: false,
        },
        What::Forked {
            parent: 16729,
            child: 16786,
        },
        What::Executed {
            pid: 16800,
            file: "/usr/bin/sleep".into(),
        },
        What::Ended {
            thread: 16809,
            last: Some(false),
        },
        What::Ended {
            thread: 16810,
            last: Some(true),
        },
    ] {
        assert!(
            events.iter().any(|event| event.what == wanted),
            "{wanted:?}"
        );
    }
    assert!(events.iter().any(|event| matches!(event.what,
        What::Destroyed { cookie: 0x0a_857b, tuple, .. } if tuple.local.is_ipv6())));
}

#[test]
fn fields_are_found_where_the_format_says() {
    // The reset's fields as they were before the addresses came in one piece (Linux 5.15).
    let old = "name: tcp_send_reset\nID: 7\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n\
        \tfield:const void * skaddr;\toffset:16;\tsize:8;\tsigned:0;\n\
        \tfield:__u16 sport;\toffset:28;\tsize:2;\tsigned:0;\n\
        \tfield:__u16 dport;\toffset:30;\tsize:2;\tsigned:0;\n\
        \tfield:__u16 family;\toffset:32;\tsize:2;\tsigned:0;\n\
        \tfield:__u8 saddr[4];\toffset:34;\tsize:4;\tsigned:0;\n\
        \tfield:__u8 daddr[4];\toffset:38;\tsize:4;\tsigned:0;\n\
        \tfield:__u8 saddr_v6[16];\toffset:42;\tsize:16;\tsigned:0;\n\
        \tfield:__u8 daddr_v6[16];\toffset:58;\tsize:16;\tsigned:0;\n";
    let format = Format::parse(old).expect("a format");
    let decoder = Decoder::new(Point::SendReset, &format).expect("all fields");
    let mut raw = [0u8; 76];
    raw[0..2].copy_from_slice(&7u16.to_ne_bytes());
    raw[28..30].copy_from_slice(&80u16.to_ne_bytes());
    raw[30..32].copy_from_slice(&5000u16.to_ne_bytes());
    raw[32..34].copy_from_slice(&2u16.to_ne_bytes());
    raw[34..38].copy_from_slice(&[192, 0, 2, 1]);
    raw[38..42].copy_from_slice(&[192, 0, 2, 2]);
    let bytes = sample(&raw);
    let Some(Record::Sample(sample)) = records(&bytes).next() else {
        panic!("no sample");
    };
    let event = decoder.decode(&sample).expect("sense").expect("an event");
    let What::Segment {
        what,
        socket,
        tuple,
    } = event.what
    else {
        panic!("{event:?}");
    };
    assert_eq!((what, socket), (ToldSegment::ResetSent, None));
    assert_eq!(tuple.to_string(), "192.0.2.1:80 > 192.0.2.2:5000");
}

/// A sample as it lies in a ring.
fn sample(raw: &[u8]) -> Vec<u8> {
    let size = 8 + 28 + raw.len() as u16;
    let mut bytes = 9u32.to_ne_bytes().to_vec();
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(size.to_ne_bytes());
    bytes.extend([0; 24]);
    bytes.extend((raw.len() as u32).to_ne_bytes());
    bytes.extend(raw);
    bytes
}

#[test]
fn what_is_missing_is_named() {
    let mut format = captured(Point::SetState);
    format.fields.retain(|field| field.name != "skaddr");
    assert_eq!(
        Decoder::new(Point::SetState, &format).err(),
        Some(Unavailable::NoField {
            point: Point::SetState,
            field: "skaddr"
        })
    );
    assert_eq!(Format::parse(""), Err(FormatError::NoName));
    assert_eq!(Format::parse("name: x\n"), Err(FormatError::NoId));
    let bad = "name: x\nID: 1\n\tfield:int;\toffset:0;\tsize:4;\tsigned:1;\n";
    assert!(matches!(Format::parse(bad), Err(FormatError::BadField(_))));
}

#[test]
fn a_record_that_is_cut_off_ends_the_reading() {
    for (point, bytes) in samples() {
        let decoder = Decoder::new(point, &captured(point)).expect("all fields");
        for length in 0..bytes.len() {
            let cut: Vec<Record> = records(&bytes[..length]).collect();
            assert!(
                length == 0 || cut == [Record::Malformed],
                "{point} {length}"
            );
        }
        // The kernel's record is shorter than its format says.
        for length in 0..32 {
            let short = sample(&bytes[36..36 + length]);
            if let Some(Record::Sample(sample)) = records(&short).next()
                && decoder.is_for(&sample)
            {
                let read = decoder.decode(&sample);
                assert!(read.is_err() || length > 20, "{point} {length}: {read:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn nonsense_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        let _ = Format::parse(&text);
        let _ = Format::parse(&format!("name: x\nID: 1\n\tfield:{text}\n"));
        for record in records(&bytes) {
            let _ = format!("{record:?}");
        }
        let wrapped = sample(&bytes);
        for point in [Point::SOCKETS, Point::PROCESSES].concat() {
            let decoder = Decoder::new(point, &captured(point)).expect("all fields");
            for record in records(&wrapped) {
                if let Record::Sample(sample) = record {
                    let _ = decoder.decode(&sample);
                }
            }
        }
    }
}

/// Whether kernel events can be had here; says so where not.
fn kernel_events() -> bool {
    match KernelEvents::open(&Config {
        points: vec![Point::SetState],
        ..Config::default()
    }) {
        Ok(_) => true,
        Err(why) => {
            eprintln!("not tested here: {why}");
            false
        }
    }
}

/// Connects, exchanges a byte and closes, so many times, on loopback. Gives the port.
fn connections(count: usize) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    for _ in 0..count {
        let mut client = TcpStream::connect(address).expect("connected");
        let (mut server, _) = listener.accept().expect("accepted");
        client.write_all(b"x").expect("written");
        server.read_exact(&mut [0]).expect("read");
        drop(client);
        assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    }
    address.port()
}

fn of_port(events: &[KernelEvent], port: u16) -> usize {
    let ends = |event: &&KernelEvent| {
        matches!(event.what, What::State(change) if change.new == TcpState::FinWait1
            && change.tuple.remote.port() == port)
    };
    events.iter().filter(ends).count()
}

#[test]
fn a_ring_that_wraps_around_loses_nothing_while_it_is_read() {
    if !kernel_events() {
        return;
    }
    let config = Config {
        points: Point::SOCKETS.to_vec(),
        ring: 16 * 1024,
        ..Config::default()
    };
    let mut recorder = KernelEvents::open(&config).expect("opened before");
    for round in 0..200 {
        let port = connections(5);
        let events = recorder.drain();
        assert_eq!(of_port(&events, port), 5, "round {round}: {events:?}");
        assert!(events.is_sorted_by_key(|event| event.at));
    }
}

#[test]
fn what_finds_no_room_is_counted() {
    if !kernel_events() {
        return;
    }
    let config = Config {
        points: vec![Point::SetState],
        ring: 4096,
        ..Config::default()
    };
    let mut recorder = KernelEvents::open(&config).expect("opened before");
    let port = connections(200);
    let lost = recorder.lost().expect("counted");
    let seen = of_port(&recorder.drain(), port);
    assert!(seen < 200, "{seen} of 200 in 4096 bytes");
    assert!(lost >= (200 - seen) as u64, "{lost} lost, {seen} seen");
}

const CLOSING: &str = r#"
title = "Paths without segments"
[programs]
server = "chat-server {port}"
client = "chat-client {server} {port}"
[[step]]
do = "start server"
expect = "server.listener LISTEN"
[[step]]
do = "start client"
expect = ["client.conn SYN_SENT > ESTABLISHED", "server.conn SYN_RECV > ESTABLISHED"]
[[step]]
do = "client types q"
expect = [
  "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT",
  "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
]
never = ["client.conn ESTABLISHED >> CLOSING"]
"#;

fn with_events(place: Place, events: Events) -> Options {
    Options {
        events,
        ..options(Some(place))
    }
}

/// Why paths were not certain after all. The kernel now and then writes no record of what happens
/// on an idle CPU, anywhere on the machine.
fn gaps(run: &Run) -> Vec<String> {
    let events = run.timeline.events().iter();
    events
        .filter_map(|event| match &event.kind {
            Kind::Gap {
                aspect: Aspect::Paths,
                why,
            } => Some(why.clone()),
            _ => None,
        })
        .collect()
}

/// Runs until nothing was missed, which a run or two on a busy machine may not manage.
fn complete(mut run: impl FnMut() -> Run) -> Run {
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        let run = run();
        if gaps(&run).is_empty() {
            return run;
        }
        assert_ne!(run.outcome(), Outcome::Failed, "{:#?}", run.steps);
    }
    panic!("each of {ATTEMPTS} runs missed something");
}

#[test]
fn paths_are_complete_without_a_wire() {
    if !kernel_events() {
        return;
    }
    let events = Events::new(When::Auto);
    for place in [Place::Loopback, Place::Host] {
        let options = with_events(place, events.clone());
        let run = complete(|| driver::run(&scenario(CLOSING), &options, None));
        assert_eq!(
            run.outcome(),
            Outcome::Passed,
            "{place:?}: {:#?}",
            run.steps
        );
        assert!(run.header.observers.contains(&Source::Kernel));
        let blind: Vec<Aspect> = run.header.blind.iter().map(|blind| blind.aspect).collect();
        assert_eq!(blind, [Aspect::Segments]);
        for endpoint in run.timeline.endpoints() {
            let fleeting = endpoint
                .history
                .iter()
                .filter(|change| matches!(change.state, TcpState::FinWait1 | TcpState::LastAck));
            for change in fleeting {
                assert_eq!(change.evidence, Evidence::Traced, "{}", endpoint.name);
            }
        }
    }
}

#[test]
fn without_them_paths_stay_inconclusive() {
    for place in [Place::Loopback, Place::Host] {
        let run = driver::run(
            &scenario(CLOSING),
            &with_events(place, Events::default()),
            None,
        );
        if run.steps.is_empty() {
            eprintln!("not tested here: no {}", place.word());
            continue;
        }
        assert_eq!(run.outcome(), Outcome::Inconclusive);
        assert!(!run.header.observers.contains(&Source::Kernel));
    }
}

#[test]
fn lost_events_make_paths_inconclusive() {
    if !kernel_events() {
        return;
    }
    let events = Events::with(
        When::On,
        Config {
            ring: 4096,
            ..Config::default()
        },
    );
    let done = AtomicBool::new(false);
    let mut runs = Vec::new();
    std::thread::scope(|scope| {
        // Strangers' connections fill the ring faster than it is read.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                connections(50);
            }
        });
        let options = with_events(Place::Loopback, events);
        // On a busy machine the strangers may not get their turn while it matters.
        for _ in 0..20 {
            let run = driver::run(&scenario(CLOSING), &options, None);
            let decided = run.outcome() != Outcome::Passed;
            runs.push(run);
            if decided {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let run = runs.last().expect("a run");
    assert_eq!(run.outcome(), Outcome::Inconclusive, "{:#?}", run.steps);
    assert!(
        gaps(run)
            .iter()
            .any(|why| why.contains("kernel events were lost")),
        "{:?}",
        gaps(run)
    );
    assert!(
        run.header
            .blind
            .iter()
            .any(|blind| blind.aspect == Aspect::Paths)
    );
}

#[test]
fn built_in_scenarios_keep_their_verdict_on_the_loopback() {
    if !kernel_events() {
        return;
    }
    let with = Options {
        settled: true,
        ..with_events(Place::Loopback, Events::new(When::On))
    };
    for name in [
        "normal-close",
        "fin-wait2-stuck",
        "linger-reset",
        "connect-refused",
        "five-at-once-reaped",
    ] {
        let run = complete(|| driver::run(&built_in(name), &with, None));
        assert_eq!(run.outcome(), Outcome::Passed, "{name}: {:#?}", run.steps);
        let traced = |evidence| matches!(evidence, Evidence::Traced);
        let mut changes = run.timeline.endpoints().iter().flat_map(|e| &e.history);
        assert!(changes.any(|change| traced(change.evidence)), "{name}");
        // What an observer more sees is the same: no state that RFC 9293 does not know.
        assert!(gaps(&run).is_empty(), "{name}: {:?}", gaps(&run));
    }
}

#[test]
fn runs_side_by_side_are_not_mixed_up() {
    if !kernel_events() {
        return;
    }
    let options = Options {
        settled: true,
        ..with_events(Place::Loopback, Events::new(When::On))
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let run = complete(|| driver::run(&built_in("normal-close"), &options, None));
                assert_eq!(run.outcome(), Outcome::Passed);
                let ends: BTreeMap<_, _> = run
                    .timeline
                    .endpoints()
                    .iter()
                    .map(|e| (e.name.to_string(), e.state()))
                    .collect();
                let names: Vec<&str> = ends.keys().map(String::as_str).collect();
                assert_eq!(names, ["client.conn", "server.conn", "server.listener"]);
            });
        }
    });
}

#[test]
fn signals_come_with_their_sender_and_short_lives_with_a_name() {
    if !kernel_events() {
        return;
    }
    let text = r#"
title = "Signals and lives"
[programs]
shell = "sh -c '/bin/true; /bin/true; kill -USR1 $$; read line'"
victim = "sleep 60"
[[step]]
do = "start victim"
expect = "victim running"
[[step]]
do = "send SIGTERM to victim"
expect = "victim killed by SIGTERM"
[[step]]
do = "start shell"
expect = "shell killed by SIGUSR1"
"#;
    let run = driver::run(
        &scenario(text),
        &with_events(Place::Host, Events::new(When::On)),
        None,
    );
    assert_eq!(run.outcome(), Outcome::Passed, "{:#?}", run.steps);
    let told: Vec<&Kind> = run
        .timeline
        .events()
        .iter()
        .filter(|event| event.source == Source::Kernel)
        .map(|event| &event.kind)
        .collect();
    let signal = |to: &str, number: i32| {
        told.iter().find_map(|kind| match kind {
            Kind::Signal {
                process,
                signal,
                from,
                ..
            } if process.as_str() == to && *signal == number => Some(from.clone()),
            _ => None,
        })
    };
    assert_eq!(
        signal("victim", libc::SIGTERM),
        Some(SignalOrigin::Sockscope)
    );
    assert_eq!(signal("shell", libc::SIGCHLD), Some(SignalOrigin::Kernel));
    let shell = ProcessName::from("shell");
    assert_eq!(
        signal("shell", libc::SIGUSR1),
        Some(SignalOrigin::Process(shell))
    );
    let executed = told.iter().any(|kind| {
        matches!(kind, Kind::Executed { process, command }
        if process.as_str() == "shell.child" && command[0].ends_with("true"))
    });
    assert!(executed, "{told:?}");
    assert!(
        run.timeline
            .process(&ProcessName::from("shell.child2"))
            .is_some()
    );
}

#[test]
fn whoever_demands_them_without_permission_gets_nothing_else() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tested here: only root can become somebody else");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = |path: &std::path::Path| {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("opened to everybody");
    };
    everybody(folder.path());
    let copy = folder.path().join("sockscope");
    std::fs::copy(SOCKSCOPE, &copy).expect("a copy");
    everybody(&copy);
    let said = |when: &str| {
        Command::new(&copy)
            .args(["run", "hello", "--net", "host", "--settled"])
            .args(["--width", "200", "--events", when])
            .uid(65534)
            .gid(65534)
            .current_dir("/")
            .output()
            .expect("sockscope runs")
    };
    let on = said("on");
    let text = String::from_utf8_lossy(&on.stdout).into_owned();
    assert_eq!(on.status.code(), Some(3), "{text}");
    assert!(
        text.contains("kernel events") && text.contains("run as root"),
        "{text}"
    );
    let auto = said("auto");
    let text = String::from_utf8_lossy(&auto.stdout).into_owned();
    assert!(text.contains("server started"), "{text}");
    assert!(text.contains("kernel events need"), "{text}");
}
