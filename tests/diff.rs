//! What `sockscope diff` takes for a difference and what not: numbers by the meaning of their
//! field, text by what it says, and of runs that are unlike only what both show.

#[expect(dead_code, reason = "these stories need a part of it")]
#[path = "support/fixture.rs"]
mod fixture;
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use fixture::{Pair, Stage};
use sockscope::compare::{self, Comparison, Part, Terms};
use sockscope::driver::{self, Options};
use sockscope::event::{Aspect, Call, CallResult, Event, Kind, Source, Stream};
use sockscope::model::Evidence;
use sockscope::record;
use sockscope::report::{Look, difference};
use sockscope::run::{Place, Polarity, Run, Verdict};
use sockscope::suite::Case;
use sockscope::timeline::Timeline;
use support::{all_names, built_in, options, wire};

/// 2026-11-27 16:40:00 UTC.
const BEGAN: u64 = 1_795_797_600;

/// What differs from one run to the next without being a difference.
#[derive(Clone, Copy)]
struct Chance {
    /// The pids as sockscope's own `/proc` shows them.
    pids: [i32; 2],
    /// The same as the programs see them.
    inner: [i32; 2],
    port: u16,
}

const ONE: Chance = Chance {
    pids: [3, 4],
    inner: [2, 4],
    port: 40_001,
};
const OTHER: Chance = Chance {
    pids: [700, 701],
    inner: [5, 6],
    port: 50_123,
};

fn pair(chance: Chance) -> Pair {
    Pair {
        port: chance.port,
        ..Pair::nth(1)
    }
}

/// A server that forks a child for a client, with whatever else happens.
fn story(chance: Chance, more: impl FnOnce(&mut Stage)) -> Run {
    let mut stage = Stage::new(Place::Wire, "story", "A story");
    stage.step("start server; start client");
    stage.spawn("server", chance.pids[0], "server", "chat-server 9190");
    stage.listen();
    stage.handshake(pair(chance));
    stage.fork("server", "server.child", chance.pids[1]);
    more(&mut stage);
    stage.quiet();
    let mut run = stage.finish();
    let events: Vec<Event> = run
        .timeline
        .events()
        .iter()
        .cloned()
        .map(|mut event| {
            if let Kind::Spawned { pid, ns_pid, .. } | Kind::Forked { pid, ns_pid, .. } =
                &mut event.kind
            {
                let at = chance.pids.iter().position(|known| known == pid);
                *ns_pid = at.map(|at| chance.inner[at]);
            }
            event
        })
        .collect();
    run.timeline = Timeline::from(events);
    run.header.began = Some(UNIX_EPOCH + Duration::from_secs(BEGAN));
    run
}

fn call(name: &str, args: impl Into<String>, result: i64) -> Kind {
    Kind::Called {
        process: "server".into(),
        call: Call {
            name: name.to_owned(),
            args: args.into(),
            result: CallResult::Value(result),
            fd: None,
            inode: None,
            opened: None,
            thread: None,
        },
    }
}

fn with_call(chance: Chance, name: &str, args: impl Into<String>, result: i64) -> Run {
    story(chance, |stage| {
        stage.push(Source::Syscalls, call(name, args, result));
    })
}

fn with_output(chance: Chance, text: impl AsRef<str>) -> Run {
    story(chance, |stage| {
        stage.output("server", Stream::Stdout, text.as_ref());
    })
}

fn compared(left: &Run, right: &Run) -> Comparison {
    compare::compare(left, right, &Terms::default())
}

/// What differs first, in words: what stands on either side.
fn differs(left: &Run, right: &Run) -> Option<[String; 2]> {
    let found = compared(left, right).difference?;
    Some(found.sides.map(|side| {
        let item = side.first().map(|item| item.text.clone());
        item.unwrap_or_else(|| "nothing more".to_owned())
    }))
}

fn assert_same(left: &Run, right: &Run) {
    assert_eq!(differs(left, right), None);
}

#[test]
fn two_runs_with_other_pids_and_ports_are_the_same() {
    assert_same(&story(ONE, |_| {}), &story(OTHER, |_| {}));
}

#[test]
fn a_number_that_happens_to_be_a_pid_is_compared_as_it_is() {
    // 3 and 4 are pids of the first run, and 700 is one of the other.
    for (name, args, result) in [
        ("write", "4, \"abc\", 3", 3),
        ("close", "3", 0),
        ("socket", "AF_INET, SOCK_STREAM, 0", 4),
        ("listen", "3, 4", 0),
        ("setsockopt", "3, SOL_SOCKET, SO_RCVBUF, 700", 0),
        ("poll", "[4 POLLIN], 3 ms", 1),
        ("exit_group", "4", 0),
        ("fcntl", "4, F_DUPFD, 3", 3),
    ] {
        let runs = [ONE, OTHER].map(|chance| with_call(chance, name, args, result));
        assert_same(&runs[0], &runs[1]);
        let number = |text: &str| text.replace('3', "8").replace('4', "9");
        let changed = with_call(OTHER, name, number(args), result + 5);
        assert!(differs(&runs[0], &changed).is_some(), "{name}({args})");
    }
    // Once these were taken for the same process, and so for equal.
    let left = with_call(ONE, "write", "5, \"abcd\", 4", 4);
    let right = with_call(OTHER, "write", "5, \"abcd\", 4", 6);
    assert!(differs(&left, &right).is_some());
    let left = with_output(ONE, "received 4 bytes");
    assert_same(&left, &with_output(OTHER, "received 4 bytes"));
    assert!(differs(&left, &with_output(OTHER, "received 6 bytes")).is_some());
    // A port's number is one only where a port stands.
    let left = with_output(ONE, "received 40001 bytes");
    assert!(differs(&left, &with_output(OTHER, "received 50123 bytes")).is_some());
}

#[test]
fn fields_that_hold_a_pid_name_the_process() {
    type Form<'a> = (&'a str, &'a dyn Fn(i32) -> String, bool);
    let forms: [Form<'_>; 9] = [
        ("fork", &|_| String::new(), true),
        ("clone", &|_| "SIGCHLD".to_owned(), true),
        ("wait4", &|_| "-1, exited 0, 0".to_owned(), true),
        ("waitpid", &|pid| format!("{pid}, exited 0, 0"), true),
        ("kill", &|pid| format!("{pid}, SIGTERM"), false),
        ("kill", &|pid| format!("-{pid}, SIGTERM"), false),
        ("tgkill", &|pid| format!("{pid}, {pid}, SIGTERM"), false),
        (
            "waitid",
            &|pid| format!("P_PID, {pid}, {pid} exited 0, WEXITED"),
            false,
        ),
        (
            "waitid",
            &|pid| format!("P_ALL, {pid} exited 0, WEXITED"),
            false,
        ),
    ];
    for (name, args, returns) in forms {
        let [left, right] = [ONE, OTHER].map(|chance| {
            let pid = chance.inner[1];
            let result = if returns { i64::from(pid) } else { 0 };
            with_call(chance, name, args(pid), result)
        });
        assert_same(&left, &right);
        // The other process, not its child.
        let pid = OTHER.inner[0];
        let result = if returns { i64::from(pid) } else { 0 };
        let other = with_call(OTHER, name, args(pid), result);
        assert!(differs(&left, &other).is_some(), "{name}({})", args(pid));
    }
    // Any child, my group, init: no process of the run.
    for args in ["-1, status, 0", "0, status, 0", "1, status, 0"] {
        let [left, right] = [ONE, OTHER].map(|chance| with_call(chance, "wait4", args, 0));
        assert_same(&left, &right);
    }
    let [left, right] =
        ["-1", "0"].map(|whom| with_call(ONE, "wait4", format!("{whom}, status, 0"), 0));
    assert!(differs(&left, &right).is_some());
}

#[test]
fn a_pid_that_was_used_twice_is_the_process_that_has_it_then() {
    let run = |first: i32, second: i32, waits: [i32; 2]| {
        let mut run = story(ONE, |stage| {
            stage.push(
                Source::Syscalls,
                call("wait4", "-1, exited 0, 0", waits[0].into()),
            );
            stage.fork("server", "server.child2", 4711);
            stage.push(
                Source::Syscalls,
                call("wait4", "-1, exited 0, 0", waits[1].into()),
            );
        });
        let mut children = [Some(first), Some(second)].into_iter();
        let events = run.timeline.events().iter().cloned();
        let events: Vec<Event> = events
            .map(|mut event| {
                if let Kind::Forked { ns_pid, .. } = &mut event.kind {
                    *ns_pid = children.next().flatten();
                }
                event
            })
            .collect();
        run.timeline = Timeline::from(events);
        run
    };
    assert_same(&run(7, 7, [7, 7]), &run(8, 9, [8, 9]));
    assert!(differs(&run(7, 7, [7, 7]), &run(8, 9, [8, 8])).is_some());
}

#[test]
fn addresses_have_ports_and_data_is_text() {
    let forms: [(&str, &dyn Fn(u16) -> String); 4] = [
        ("connect", &|port| format!("4, 192.0.2.1:{port}")),
        ("accept4", &|port| format!("3, [::1]:{port}, 0")),
        ("getpeername", &|port| format!("4, 192.0.2.1:{port}")),
        ("write", &|port| {
            format!("1, \"from 192.0.2.1:{port}\\n\", 20")
        }),
    ];
    for (name, args) in forms {
        let [left, right] =
            [ONE, OTHER].map(|chance| with_call(chance, name, args(chance.port), 5));
        assert_same(&left, &right);
        let other = with_call(OTHER, name, args(9190), 5);
        assert!(differs(&left, &other).is_some(), "{name}");
    }
}

#[test]
fn a_port_that_the_scenario_fixes_is_compared() {
    let [left, right] = [ONE, OTHER].map(|chance| {
        story(chance, |stage| {
            stage.spawn("proxy", 900, "server", &format!("proxy {}", chance.port));
            stage.push(
                Source::Syscalls,
                call("bind", format!("3, 0.0.0.0:{}", chance.port), 0),
            );
        })
    });
    let [one, other] = differs(&left, &right).expect("another port was asked for");
    assert!(
        one.contains(":40001") && other.contains(":50123"),
        "{one} {other}"
    );
}

#[test]
fn output_is_text_in_which_only_what_says_what_it_is_is_replaced() {
    let forms: [&dyn Fn(Chance) -> String; 9] = [
        &|chance| format!("child {} terminated", chance.inner[1]),
        &|chance| format!("my pid is: {}", chance.inner[0]).replace("is: ", "= "),
        &|chance| format!("server[{}]: hello", chance.inner[0]),
        &|chance| format!("pid={} ppid={}", chance.inner[1], chance.inner[0]),
        &|chance| format!("client 192.0.2.1:{} connected", chance.port),
        &|chance| format!("from [::ffff:192.0.2.1]:{}.", chance.port),
        &|chance| format!("new client ('192.0.2.1', {})", chance.port),
        &|chance| format!("peer port {}", chance.port),
        &|chance| format!("Connection from 192.0.2.1 {} received", chance.port),
    ];
    for form in forms {
        let [left, right] = [ONE, OTHER].map(|chance| with_output(chance, form(chance)));
        assert_same(&left, &right);
        let wrong = with_output(
            OTHER,
            form(Chance {
                inner: [77, 78],
                port: 51_000,
                ..OTHER
            }),
        );
        assert!(differs(&left, &wrong).is_some(), "{}", form(ONE));
    }
}

#[test]
fn times_of_day_in_output_are_no_difference() {
    for (one, other) in [
        ("Fri Nov 27 16:40:01 2026", "Fri Nov 27 16:47:59 2026"),
        ("[16:40:01.250] up", "[16:40:02.001] up"),
        ("at 2026-11-27T16:40:01Z", "at 2026-11-27T16:40:03Z"),
        ("now 1795797601", "now 1795797999"),
    ] {
        let [left, right] = [one, other].map(|text| with_output(ONE, text));
        assert_same(&left, &right);
        let call = |text: &str| with_call(ONE, "write", format!("4, \"{text}\\r\\n\", 26"), 26);
        assert_same(&call(one), &call(other));
    }
    for (one, other) in [
        ("took 12 ms", "took 13 ms"),
        ("version 1.2.3", "version 1.2.4"),
        ("1700000000", "1700000001"),
    ] {
        let [left, right] = [one, other].map(|text| with_output(ONE, text));
        assert!(differs(&left, &right).is_some(), "{one}");
    }
}

fn ignoring(parts: &[Part]) -> Terms {
    Terms {
        ignore: parts.iter().copied().collect(),
        ..Terms::default()
    }
}

#[test]
fn what_is_ignored_is_no_difference() {
    let plain = story(ONE, |_| {});
    let changes: [(Part, Run); 4] = [
        (Part::Output, with_output(OTHER, "x")),
        (Part::Calls, with_call(OTHER, "close", "9", 0)),
        (
            Part::Processes,
            story(OTHER, |stage| {
                stage.exit("server.child", 1);
            }),
        ),
        (
            Part::Verdicts,
            story(OTHER, |stage| stage.passes("client connected")),
        ),
    ];
    for (part, changed) in &changes {
        assert!(differs(&plain, changed).is_some(), "{part:?}");
        let compared = compare::compare(&plain, changed, &ignoring(&[*part]));
        assert!(compared.difference.is_none(), "{part:?}");
        let others: Vec<Part> = Part::ALL
            .into_iter()
            .filter(|other| other != part)
            .collect();
        let compared = compare::compare(&plain, changed, &ignoring(&others));
        assert!(compared.difference.is_some(), "{part:?}");
    }
}

/// The lines that tell in what runs are unlike.
fn told(compared: &Comparison) -> String {
    let look = Look {
        width: 200,
        color: false,
        unicode: true,
    };
    difference::unlike(&compared.unlike, "story", ["a", "b"], &look)
}

#[test]
fn a_traced_run_and_an_untraced_one_are_compared_without_calls() {
    let mut traced = with_call(ONE, "close", "9", 0);
    traced.header.observers = vec![Source::Wire, Source::Sampler, Source::Syscalls];
    let mut plain = story(OTHER, |_| {});
    plain.header.observers = vec![Source::Wire, Source::Sampler, Source::Program];
    let compared = compared(&traced, &plain);
    assert!(compared.difference.is_none());
    assert_eq!(compared.lost, BTreeSet::from([Part::Calls]));
    assert_eq!(
        told(&compared),
        "story: the runs are not alike\n  system calls: traced in a, not traced in b; only one \
         shows every call, so calls are not compared\n"
    );
    let content = compare::compare(&traced, &plain, &ignoring(&[Part::Calls]));
    assert!(content.lost.is_empty());
    // A difference that both show is found still.
    let mut ended = story(OTHER, |stage| {
        stage.exit("server.child", 1);
    });
    ended.header.observers.clone_from(&plain.header.observers);
    let found = compare::compare(&traced, &ended, &Terms::default());
    let lane = found.difference.map(|found| found.lane.to_string());
    assert_eq!(lane.as_deref(), Some("life of server.child"));
}

#[test]
fn runs_at_two_places_are_compared_in_what_both_show() {
    let talks = |stage: &mut Stage, server: &str| {
        let port = 9190;
        let command = format!("chat-client {server} {port}");
        stage.spawn("client", 901, "client", &command);
        let connects = call("connect", format!("3, {server}:{port}"), 0);
        stage.push(Source::Program, connects);
        let text = format!("connected to {server} port {port} ({server}:{port})");
        stage.output("client", Stream::Stdout, &text);
    };
    let wire = story(ONE, |stage| {
        talks(stage, "192.0.2.2");
        stage.check(
            Polarity::Expect,
            "wire FIN from client",
            Verdict::Pass(Evidence::Seen),
        );
    });
    let mut loopback = story(OTHER, |stage| {
        talks(stage, "127.0.0.1");
        stage.blind(Aspect::Paths, "no wire", None);
        stage.blind(Aspect::Segments, "no wire", None);
        stage.check(
            Polarity::Expect,
            "wire FIN from client",
            Verdict::Inconclusive {
                why: "no wire".to_owned(),
                remedy: None,
            },
        );
    });
    loopback.header.place = Place::Loopback;
    // Neither segments nor states on the way are seen there.
    let mut seen = BTreeSet::new();
    let events: Vec<Event> = loopback
        .timeline
        .events()
        .iter()
        .rev()
        .filter(|event| match &event.kind {
            Kind::Sent(_) | Kind::Delivered { .. } => false,
            Kind::Socket { key, .. } => seen.insert(*key),
            _ => true,
        })
        .cloned()
        .collect();
    loopback.timeline = Timeline::from(events.into_iter().rev().collect::<Vec<_>>());
    let compared = compared(&wire, &loopback);
    let found = compared.difference.as_ref();
    assert!(found.is_none(), "{:?}", found.map(|found| &found.sides));
    let told = told(&compared);
    for wanted in [
        "place: wire in a, loopback in b; only one shows segments",
        "states are compared as each step leaves them",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(compared.lost.contains(&Part::Segments) && compared.lost.contains(&Part::States));
    let content = compare::compare(&wire, &loopback, &ignoring(&[Part::Place]));
    assert!(content.difference.is_none() && content.lost.is_empty());
}

#[test]
fn runs_at_any_place_are_the_same_in_what_all_show() {
    if !wire() {
        return;
    }
    for name in ["normal-close", "zombie-reaped", "threads", "hello"] {
        let scenario = built_in(name);
        let at = |place| driver::run(&scenario, &options(Some(place)), None);
        let wire = at(Place::Wire);
        for place in [Place::Loopback, Place::Host] {
            let compared = compared(&wire, &at(place));
            let found = compared.difference.map(|found| found.sides);
            assert!(found.is_none(), "{name} {place:?}: {found:?}");
            assert!(compared.lost.contains(&Part::Segments));
        }
    }
}

#[test]
fn what_was_asked_and_started_is_told() {
    let left = story(ONE, |stage| {
        stage.spawn("client", 901, "client", "chat-client 192.0.2.2 9190");
    });
    let mut right = story(OTHER, |stage| {
        stage.spawn("client", 902, "client", "nc 192.0.2.2 9190");
        stage.exit("server.child", 0);
    });
    right.header.text.push_str("# another line\n");
    right.header.kernel = "6.1.0".to_owned();
    let compared = compared(&left, &right);
    assert!(compared.difference.is_some() && compared.lost.is_empty());
    let told = told(&compared);
    for wanted in [
        "client: chat-client 192.0.2.2 9190 in a, nc 192.0.2.2 9190 in b",
        "kernel: 6.18.0 in a, 6.1.0 in b",
        "scenario: ",
        "line 9: # another line in b",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

/// In what two runs of a scenario differ first.
fn two_runs(name: &str, options: &Options) -> Option<String> {
    let scenario = built_in(name);
    let [left, right] = [0, 1].map(|_| driver::run(&scenario, options, None));
    let look = Look {
        width: 120,
        color: false,
        unicode: true,
    };
    let found = compared(&left, &right).difference?;
    Some(difference::render(&found, ["one", "other"], &look))
}

#[test]
fn two_runs_of_every_scenario_are_the_same_traced_or_not() {
    if !wire() {
        return;
    }
    let mut differing = Vec::new();
    for syscalls in [false, true] {
        let options = Options {
            syscalls,
            ..options(Some(Place::Wire))
        };
        for name in all_names() {
            // On a busy machine a retransmission timer may run out: hardly twice.
            if two_runs(name, &options).is_some()
                && let Some(how) = two_runs(name, &options)
            {
                differing.push(format!("{name}, syscalls {syscalls}:\n{how}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// As commands: what is printed, and with which exit code.
mod commands {
    use super::*;
    use support::say;
    use tempfile::TempDir;

    fn save(shelf: &TempDir, name: &str, cases: &[Case]) -> String {
        let path = shelf.path().join(name);
        std::fs::write(&path, record::lines(cases).expect("JSON")).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    #[test]
    fn what_both_show_being_the_same_is_no_pass() {
        let shelf = tempfile::tempdir().expect("a folder");
        let mut traced = with_call(ONE, "close", "9", 0);
        traced.header.observers = vec![Source::Syscalls];
        let one = save(&shelf, "a.jsonl", &[traced.into()]);
        let other = save(&shelf, "b.jsonl", &[story(OTHER, |_| {}).into()]);
        let said = say(&["diff", &one, &other]);
        assert_eq!(said.code, Some(3), "{}", said.stderr);
        let text = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("system calls: traced in"), "{text}");
        assert!(
            text.contains("(--ignore calls is content with that)"),
            "{text}"
        );
        let said = say(&["diff", &one, &other, "--ignore", "calls"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
        let said = say(&["diff", &one, &other, "--ignore", "x"]);
        assert_eq!(said.code, Some(2));
        assert!(
            said.stderr.contains("place, states, segments"),
            "{}",
            said.stderr
        );
    }

    #[test]
    fn of_several_scenarios_those_in_both_are_compared() {
        let shelf = tempfile::tempdir().expect("a folder");
        let plain = || Case::from(story(ONE, |_| {}));
        let mut another = story(ONE, |_| {});
        another.header.scenario = "another".to_owned();
        let one = save(&shelf, "a.jsonl", &[another.into(), plain()]);
        let other = save(&shelf, "b.jsonl", &[plain()]);
        let said = say(&["diff", &one, &other]);
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert!(
            said.stdout.starts_with("the scenarios differ\n"),
            "{}",
            said.stdout
        );
        assert!(said.stdout.contains("compared: story\n"), "{}", said.stdout);
        assert!(!said.stdout.contains("first difference"), "{}", said.stdout);
        let changed = save(&shelf, "c.jsonl", &[with_output(OTHER, "x").into()]);
        let said = say(&["diff", &one, &changed]);
        assert!(
            said.stdout.contains("standard output of server"),
            "{}",
            said.stdout
        );
    }
}
