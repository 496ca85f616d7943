//! The reports, whole, against files in `tests/golden/report`. `UPDATE_GOLDEN=1 cargo test --test
//! report` writes them anew.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/golden.rs"]
mod golden;
#[path = "support/runs.rs"]
mod runs;

use std::collections::BTreeSet;

use fixture::Stage;
use sockscope::event::{
    Call, CallResult, Event, Kind, Packet, PacketId, SocketKey, Source, Stream,
};
use sockscope::model::{TcpState, Tuple};
use sockscope::report::rows::{RowKind, select};
use sockscope::report::snapshot::Snapshot;
use sockscope::report::style::{self, Style};
use sockscope::report::{Detail, Look, Tone, WireDetail, failure, summary, table};
use sockscope::run::{Place, Polarity, Run, Verdict};
use sockscope::suite::Case;
use sockscope::timeline::Timeline;
use unicode_width::UnicodeWidthStr;

const PLAIN: Look = Look {
    width: 80,
    color: false,
    unicode: true,
};
const HUNDRED: Look = Look {
    width: 100,
    ..PLAIN
};
const COLOR: Look = Look {
    width: 120,
    color: true,
    unicode: true,
};
const ASCII: Look = Look {
    unicode: false,
    ..PLAIN
};

const BRIEF: Detail = Detail {
    all: false,
    wire: WireDetail::Full,
};

fn golden(name: &str, text: &str) {
    golden::golden(&format!("report/{name}"), text);
}

/// Nothing is wider than asked for, nothing steers the terminal but colour.
fn lint(look: &Look, text: &str) {
    for line in text.lines() {
        let bare = without_color(line);
        assert!(
            bare.width() <= look.width,
            "{} columns instead of {}: {bare}",
            bare.width(),
            look.width
        );
        assert!(!bare.chars().any(char::is_control), "{bare:?}");
        assert!(look.color || !line.contains('\x1b'), "{line:?}");
        assert!(look.unicode || bare.is_ascii(), "{bare}");
        assert_eq!(line.trim_end(), line);
    }
}

fn without_color(line: &str) -> String {
    let mut bare = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        bare.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    bare.push_str(rest);
    bare
}

fn ladder(name: &str, run: &Run) {
    for (suffix, look) in [("80", PLAIN), ("100", HUNDRED), ("120.color", COLOR)] {
        let text = table::render(run, &look, &BRIEF);
        lint(&look, &text);
        golden(&format!("{name}.{suffix}.txt"), &text);
    }
}

#[test]
fn normal_close() {
    ladder("normal-close", &runs::normal_close());
}

#[test]
fn zombie_on_the_host() {
    ladder("zombie", &runs::zombie());
}

#[test]
fn a_failed_expectation() {
    ladder("failed", &runs::failed());
}

#[test]
fn an_inconclusive_one() {
    ladder("inconclusive", &runs::inconclusive());
}

#[test]
fn hostile_output() {
    ladder("hostile", &runs::hostile());
}

#[test]
fn a_lost_fin() {
    ladder("lost-fin", &runs::lost_fin());
}

#[test]
fn segments_that_cross() {
    ladder("simultaneous-close", &runs::simultaneous_close());
}

#[test]
fn twenty_connections() {
    ladder("twenty", &runs::twenty());
}

#[test]
fn a_megabyte_is_counted() {
    ladder("megabyte", &runs::megabyte());
}

#[test]
fn three_hosts() {
    ladder("three-hosts", &runs::three_hosts());
}

#[test]
fn datagrams() {
    ladder("udp", &runs::datagrams());
    for (style, name) in Style::NAMED {
        let text = style::render(&runs::datagrams(), style, &PLAIN);
        golden(&format!("style-{name}.udp.txt"), &text);
    }
}

#[test]
fn a_tab_does_not_pass_for_blanks() {
    let mut run = runs::failed();
    let checks = run.steps.iter_mut().flat_map(|step| &mut step.checks);
    for check in checks {
        if let Verdict::Fail(mismatch) = &mut check.verdict {
            mismatch.expected = "client prints a\tb".to_owned();
        }
    }
    let text = failure::render(&run, &PLAIN);
    assert!(text.contains(r"= expected: client prints a\tb"), "{text}");
}

#[test]
fn a_run_that_was_refused() {
    ladder("refused", &runs::refused());
}

#[test]
fn a_run_that_was_interrupted() {
    let run = runs::interrupted();
    ladder("interrupted", &run);
    assert_eq!(failure::render(&run, &PLAIN), "");
}

#[test]
fn a_run_that_stopped() {
    ladder("stopped", &runs::stopped());
}

#[test]
fn ascii_only() {
    let text = table::render(&runs::lost_fin(), &ASCII, &BRIEF);
    lint(&ASCII, &text);
    golden("lost-fin.ascii.txt", &text);
    lint(&ASCII, &table::render(&runs::hostile(), &ASCII, &BRIEF));
}

#[test]
fn every_event() {
    let all = Detail { all: true, ..BRIEF };
    let text = table::render(&runs::normal_close(), &HUNDRED, &all);
    lint(&HUNDRED, &text);
    golden("normal-close.all.txt", &text);
}

#[test]
fn without_the_wire() {
    for (suffix, wire) in [("flags", WireDetail::Flags), ("off", WireDetail::Off)] {
        let detail = Detail { all: false, wire };
        let text = table::render(&runs::normal_close(), &PLAIN, &detail);
        lint(&PLAIN, &text);
        golden(&format!("normal-close.{suffix}.txt"), &text);
    }
}

#[test]
fn failures_point_into_the_scenario() {
    for (name, run) in [("failed", runs::failed()), ("stopped", runs::stopped())] {
        for (suffix, look) in [("80", PLAIN), ("120.color", COLOR), ("ascii", ASCII)] {
            let text = failure::render(&run, &look);
            lint(&look, &text);
            golden(&format!("failure-{name}.{suffix}.txt"), &text);
        }
    }
}

#[test]
fn a_passed_run_has_no_failures() {
    assert_eq!(failure::render(&runs::normal_close(), &PLAIN), "");
}

#[test]
fn many_runs_in_brief() {
    let many = [
        runs::normal_close(),
        runs::failed(),
        runs::inconclusive(),
        runs::zombie(),
        runs::stopped(),
    ]
    .map(Case::from);
    for (suffix, look) in [("80", PLAIN), ("120.color", COLOR), ("ascii", ASCII)] {
        let text = summary::render(&many, &look, &Detail::default());
        lint(&look, &text);
        golden(&format!("summary.{suffix}.txt"), &text);
    }
    assert!(
        summary::render(&[], &PLAIN, &Detail::default())
            .contains("0 passed, 0 failed, 0 inconclusive")
    );
}

#[test]
fn as_the_tools_print_it() {
    for (style, name) in Style::NAMED {
        for (run, place) in [(runs::normal_close(), "wire"), (runs::zombie(), "host")] {
            golden(
                &format!("style-{name}.{place}.txt"),
                &style::render(&run, style, &PLAIN),
            );
        }
    }
    golden("style-ss.color.txt", &style::ss(&runs::failed(), &COLOR));
}

/// The tone of the server's CLOSE_WAIT.
fn close_wait(run: &Run) -> Tone {
    let rows = select(run, &BRIEF);
    let tones = rows.iter().filter_map(|row| match &row.kind {
        RowKind::Rung(rung) => rung.right.as_ref(),
        _ => None,
    });
    tones
        .filter(|cell| {
            cell.state
                .is_some_and(|(state, _)| state == TcpState::CloseWait)
        })
        .map(|cell| cell.tone)
        .next()
        .expect("a CLOSE_WAIT")
}

#[test]
fn a_close_wait_stands_out_only_when_it_lasts() {
    assert_eq!(close_wait(&runs::normal_close()), Tone::Closing);
    assert_eq!(close_wait(&runs::failed()), Tone::Bad);
}

#[test]
fn a_counted_stretch_still_names_its_events() {
    let run = runs::megabyte();
    let rows = select(&run, &BRIEF);
    assert!(rows.len() < 40, "{} rows", rows.len());
    let shown: BTreeSet<usize> = rows.iter().flat_map(|row| row.events.clone()).collect();
    for packet in run.timeline.packets() {
        assert!(
            shown.contains(&packet.sent),
            "packet {:?}",
            packet.packet.id
        );
    }
}

#[test]
fn a_zombie_is_one_only_until_it_is_reaped() {
    let run = runs::zombie();
    let snapshots = Snapshot::after_steps(&run);
    assert_eq!(snapshots.len(), run.steps.len());
    let last = snapshots.last().expect("a snapshot");
    let states: Vec<(&str, char)> = last
        .processes
        .iter()
        .map(|p| (p.name.as_str(), p.state.letter()))
        .collect();
    assert_eq!(
        states,
        [("server", 'S'), ("client", 'S'), ("server.child", 'Z')]
    );
    assert!(Snapshot::at(&run.timeline, usize::MAX).is_none());
}

#[test]
fn a_recorded_run_gives_the_same_report() {
    let run = runs::lost_fin();
    let text = serde_json::to_string(&run).expect("JSON");
    let again: Run = serde_json::from_str(&text).expect("a run");
    assert_eq!(
        table::render(&again, &PLAIN, &BRIEF),
        table::render(&run, &PLAIN, &BRIEF)
    );
}

#[test]
fn no_width_is_too_small_or_too_large() {
    for width in [0, 1, 60, 61, 79, 95, 96, 97, 131, 250, 100_000] {
        for run in [
            runs::normal_close(),
            runs::zombie(),
            runs::hostile(),
            runs::twenty(),
            runs::three_hosts(),
            runs::failed(),
            runs::stopped(),
        ] {
            let look = Look { width, ..PLAIN };
            let mut text = table::render(&run, &look, &BRIEF);
            text.push_str(&failure::render(&run, &look));
            let twice = [Case::from(run.clone()), Case::from(run)];
            text.push_str(&summary::render(&twice, &look, &Detail::default()));
            let widest = Look {
                width: width.max(Look::NARROWEST),
                ..look
            };
            lint(&widest, &text);
        }
    }
}

/// A server with two threads and two connections, traced on this machine.
fn threads() -> Run {
    let mut stage = Stage::new(Place::Host, "threads", "Threads");
    stage.header().observers = vec![Source::Sampler, Source::Syscalls];
    stage.step("start server");
    stage.spawn("server", 101, "server", "server");
    let socket = |key: u32, inode: u32, port: u16| {
        let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let tuple = Tuple {
            local: address(9190),
            remote: address(port),
        };
        (SocketKey(key), inode, tuple)
    };
    let connections = [socket(1, 71, 40_001), socket(2, 72, 40_002)];
    let state = |stage: &mut Stage, (key, inode, tuple): (SocketKey, u32, Tuple), state| {
        let mut facts = stage.facts(fixture::From::Server, Some(tuple.remote.port()), state);
        facts.inode = inode;
        let owner = Some("server".into());
        let host = "server".into();
        let (evidence, facts) = (sockscope::model::Evidence::Seen, Some(facts));
        let cause = None;
        let kind = Kind::Socket {
            key,
            host,
            state,
            evidence,
            facts,
            owner,
            cause,
        };
        stage.push(Source::Kernel, kind);
    };
    for connection in connections {
        state(&mut stage, connection, TcpState::Established);
        stage.wait(100);
    }
    stage.holders(SocketKey(1), &[("server", 4)]);
    stage.holders(SocketKey(2), &[("server", 5)]);
    let mut call =
        |name: &str, args: &str, result, about: (Option<i32>, Option<u32>, Option<u32>), thread| {
            let (fd, inode, opened) = about;
            let call = Call {
                name: name.into(),
                args: args.into(),
                result,
                fd,
                inode,
                opened,
                thread,
            };
            let process = "server".into();
            stage.push(Source::Syscalls, Kind::Called { process, call });
            stage.wait(100);
        };
    let value = CallResult::Value;
    call(
        "accept4",
        "3",
        value(5),
        (Some(3), Some(70), Some(72)),
        None,
    );
    call(
        "recvfrom",
        "5, \"x\", 64",
        value(1),
        (Some(5), Some(72), None),
        Some(104),
    );
    call(
        "recvfrom",
        "4, \"y\", 64",
        value(1),
        (Some(4), Some(71), None),
        Some(103),
    );
    call(
        "poll",
        "[4], 10 ms",
        value(0),
        (None, None, None),
        Some(103),
    );
    call(
        "close",
        "9",
        CallResult::Errno(libc::EBADF),
        (Some(9), None, None),
        Some(104),
    );
    call(
        "getpeername",
        "0",
        CallResult::Errno(libc::ENOTSOCK),
        (Some(0), None, None),
        None,
    );
    state(&mut stage, connections[1], TcpState::FinWait1);
    let process = "server".into();
    let call = Call {
        name: "close".into(),
        args: "5".into(),
        result: value(0),
        fd: Some(5),
        inode: Some(72),
        opened: None,
        thread: Some(104),
    };
    stage.push(Source::Syscalls, Kind::Called { process, call });
    stage.quiet();
    stage.finish()
}

#[test]
fn a_call_says_which_thread_made_it_and_which_connection_it_is_about() {
    let words = |detail: &Detail| -> Vec<String> {
        let rows = select(&threads(), detail);
        let happenings = rows.iter().filter_map(|row| row.happening());
        let calls = happenings.filter(|happening| happening.text.starts_with("server thread"));
        calls.map(|happening| happening.text.clone()).collect()
    };
    let shown = [
        "server thread 1 accept4(3) → 5<conn2>",
        "server thread 2 recvfrom(5<conn2>, \"x\", 64) → 1",
        "server thread 3 recvfrom(4<conn>, \"y\", 64) → 1",
        "server thread 2 close(9) → EBADF",
        "server thread 2 close(5<conn2>) → FIN_WAIT1",
    ];
    assert_eq!(words(&BRIEF), shown);
    let all = words(&Detail { all: true, ..BRIEF });
    assert_eq!(all.len(), shown.len() + 2);
    assert_eq!(all[3], "server thread 3 poll([4], 10 ms) → 0 (timeout)");
    assert_eq!(all[5], "server thread 1 getpeername(0) → ENOTSOCK");
}

#[test]
fn a_window_that_closes_and_opens_is_always_told() {
    let run = runs::closed_window();
    for (wire, width) in [WireDetail::Full, WireDetail::Flags]
        .into_iter()
        .flat_map(|wire| [60, 80, 100, 120, 160].map(|width| (wire, width)))
    {
        let look = Look { width, ..PLAIN };
        let text = table::render(&run, &look, &Detail { all: false, wire });
        let told = |words: &str| text.lines().filter(|line| line.contains(words)).count();
        assert_eq!(told("win 0 "), 2, "{width}\n{text}");
        assert_eq!(told("window update"), 1, "{width}\n{text}");
    }
}

#[test]
fn a_wider_terminal_never_tells_less_of_a_segment() {
    for run in [runs::normal_close(), runs::lost_fin(), runs::megabyte()] {
        for wire in [WireDetail::Full, WireDetail::Flags] {
            let mut before = 0;
            for width in 60..=170 {
                let look = Look { width, ..PLAIN };
                let text = table::render(&run, &look, &Detail { all: false, wire });
                let arrows = text.lines().filter(|line| line.contains("──"));
                let arrows: Vec<&str> = arrows.filter(|line| line.contains("ACK")).collect();
                assert!(!arrows.is_empty());
                let words = |word: &str| arrows.iter().filter(|l| l.contains(word)).count();
                let told = words("seq ") + words("win ") + words("(again)") + words("byte");
                assert!(told >= before, "less at {width} than before:\n{text}");
                before = told;
            }
        }
    }
}

#[test]
fn one_reason_is_told_once_and_a_never_stays_one() {
    let mut run = runs::inconclusive();
    let step = run.steps.last_mut().expect("a step");
    let mut never = step.checks[0].clone();
    never.polarity = Polarity::Never;
    never.text = "wire RST".to_owned();
    step.checks.push(never);
    let wide = Look {
        width: 1000,
        ..PLAIN
    };
    let text = table::render(&run, &wide, &BRIEF);
    let doubts: Vec<&str> = text.lines().filter(|l| l.starts_with(" ? ")).collect();
    assert_eq!(doubts.len(), 1, "{text}");
    assert!(doubts[0].contains("client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2;"));
    assert!(doubts[0].ends_with("step 3: never wire RST"), "{text}");
}

#[test]
fn what_happens_at_the_server_stands_at_its_side() {
    let flags = Detail {
        wire: WireDetail::Flags,
        ..BRIEF
    };
    let text = table::render(&runs::lost_fin(), &PLAIN, &flags);
    let head = text
        .lines()
        .find(|line| line.contains("client  "))
        .expect("a heading");
    let lane = head.find("server").expect("the server's lane");
    let started = text
        .lines()
        .find(|line| line.contains("server started"))
        .expect("a start");
    let columns = started
        .split("server started")
        .next()
        .map(UnicodeWidthStr::width);
    assert_eq!(columns, Some(lane), "{text}");

    let mut run = runs::normal_close();
    let said = "x".repeat(60);
    run.timeline.push(Event {
        at: run.took,
        step: 3,
        source: Source::Driver,
        kind: Kind::Output {
            process: "server".into(),
            stream: Stream::Stderr,
            text: said,
        },
    });
    let text = table::render(&run, &PLAIN, &BRIEF);
    lint(&PLAIN, &text);
    let lines = text
        .lines()
        .filter(|line| line.contains("stderr") || line.contains("xxx"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() > 1, "{text}");
    for line in lines {
        let left = line.split('│').next().unwrap_or_default();
        assert!(
            line.contains('│') && !left.contains(char::is_alphabetic),
            "{line}"
        );
    }
}

#[test]
fn a_syn_that_nobody_answers_arrives_at_no_socket() {
    let mut run = runs::twenty();
    // The first segment of another connection, delivered before the server knows any socket of it.
    let events = run.timeline.events().to_vec();
    let first = events
        .iter()
        .position(|event| matches!(&event.kind, Kind::Sent(_)))
        .expect("a segment");
    let Kind::Sent(packet) = events[first].kind.clone() else {
        unreachable!("it was just found");
    };
    let lost = Packet {
        id: PacketId(9_999),
        ..packet
    };
    let mut early = events;
    let at = early[first].at;
    let step = early[first].step;
    let wire = |kind| Event {
        at,
        step,
        source: Source::Wire,
        kind,
    };
    early.insert(first, wire(Kind::Sent(lost)));
    early.insert(
        first + 1,
        wire(Kind::Delivered {
            packet: PacketId(9_999),
        }),
    );
    run.timeline = Timeline::from(early);
    let rows = select(&run, &BRIEF);
    let rung = rows
        .iter()
        .find_map(|row| row.rung().filter(|r| r.arrow.is_some()));
    assert_eq!(rung.expect("the segment").right, None);
}
