//! `--pcap`: the packets of runs in a file, read back.

#[path = "support/pcapng.rs"]
mod pcapng;
mod support;

use std::path::Path;
use std::time::SystemTime;

use etherparse::{SlicedPacket, TransportSlice};
use pcapng::{Captured, blocks, interfaces, packets};
use sockscope::driver;
use sockscope::event::Body;
use sockscope::report::pcapng::render;
use sockscope::run::{Outcome, Place};
use support::{built_in, options, say, sockscope, wire};

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    since.as_nanos() as u64
}

#[test]
fn the_file_has_the_packets_of_the_timeline() {
    if !wire() {
        return;
    }
    let before = nanoseconds(SystemTime::now());
    let scenario = built_in("normal-close");
    let (run, capture) = driver::capture(&scenario, &options(Some(Place::Wire)), None);
    let after = nanoseconds(SystemTime::now());
    assert_eq!(run.outcome(), Outcome::Passed);
    let capture = capture.expect("there was a wire");
    let blocks = blocks(&render(&[(&run, &capture)]));
    assert_eq!(interfaces(&blocks), ["client", "server"]);
    let found = packets(&blocks);
    assert_eq!(found.len(), run.timeline.packets().len());
    let mut last = before;
    for (packet, fate) in found.iter().zip(run.timeline.packets()) {
        assert_eq!(packet.interface, fate.packet.from.as_str());
        assert!(last <= packet.at && packet.at <= after, "{packet:?}");
        last = packet.at;
        let sliced = SlicedPacket::from_ip(&packet.bytes).expect("an IP packet");
        let (Some(TransportSlice::Tcp(tcp)), Body::Tcp(segment)) =
            (sliced.transport, &fate.packet.body)
        else {
            panic!("all are TCP: {packet:?}");
        };
        assert_eq!(tcp.payload().len() as u32, fate.packet.len);
        assert_eq!(tcp.destination_port(), fate.packet.dst.port());
        assert_eq!(tcp.slice()[13] & 0x3f, segment.flags.0);
    }
    let with = |comment: &str| {
        let has = |packet: &&Captured| packet.comments.iter().any(|known| known == comment);
        found.iter().filter(has).count()
    };
    for comment in [
        "step 2: start client",
        "client.conn SYN_SENT; server.conn SYN_RECV",
        "client.conn SYN_SENT → ESTABLISHED",
        "step 5: client types q",
        "client.conn ESTABLISHED → FIN_WAIT1; server.conn ESTABLISHED → CLOSE_WAIT",
        "server.conn LAST_ACK → CLOSE",
    ] {
        assert_eq!(with(comment), 1, "{comment}: {found:#?}");
    }
    let statistics: Vec<_> = blocks.iter().filter(|block| block.kind == 5).collect();
    let sent = |host: &str| found.iter().filter(|p| p.interface == host).count() as u64;
    assert_eq!(statistics[0].number(4), sent("client"));
    assert_eq!(statistics[1].number(4), sent("server"));
    assert_eq!(statistics[0].number(5) + statistics[1].number(5), 0);
    let header = &blocks[0];
    assert!(header.texts(1)[0].starts_with("normal-close: Normal close"));
    assert!(header.texts(3)[0].starts_with("Linux "));
    assert_eq!(
        header.texts(4),
        [concat!("sockscope ", env!("CARGO_PKG_VERSION"))]
    );
}

#[test]
fn what_never_arrived_says_why() {
    if !wire() {
        return;
    }
    let read = |name: &str| {
        let (run, capture) = driver::capture(&built_in(name), &options(Some(Place::Wire)), None);
        blocks(&render(&[(&run, &capture.expect("a wire"))]))
    };
    let lost = read("lost-last-ack");
    let why = "never arrived: drop next ACK from client";
    let dropped = packets(&lost);
    let dropped = dropped
        .iter()
        .filter(|p| p.comments.iter().any(|c| c == why));
    assert!(dropped.map(|p| p.interface.as_str()).eq(["client"]));
    let counts: Vec<u64> = lost
        .iter()
        .filter(|b| b.kind == 5)
        .map(|b| b.number(5))
        .collect();
    assert_eq!(counts, [1, 0]);

    let answered = read("host-unreachable");
    assert_eq!(interfaces(&answered), ["client", "server", "wire"]);
    let messages = packets(&answered);
    assert!(
        messages.iter().any(|p| p.interface == "wire"),
        "{messages:#?}"
    );
}

fn run(file: &Path, arguments: &[&str]) -> support::Said {
    let path = file.to_str().expect("UTF-8");
    say(&[&["run", "--pcap", path], arguments].concat())
}

#[test]
fn several_scenarios_share_a_file() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.pcapng");
    let said = run(&file, &["hello", "echo", "--jobs", "2"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let blocks = blocks(&std::fs::read(&file).expect("the file"));
    let names = ["hello client", "hello server", "echo client", "echo server"];
    assert_eq!(interfaces(&blocks), names);
    for name in names {
        assert!(
            packets(&blocks)
                .iter()
                .any(|packet| packet.interface == name),
            "{name}"
        );
    }
    assert_eq!(blocks[0].texts(1)[0].lines().count(), 2);
}

#[test]
fn without_a_wire_there_is_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("none.pcapng");
    let said = run(&file, &["normal-close", "--net", "host", "--settled"]);
    assert_eq!(said.code, Some(3));
    assert!(said.stdout.contains("passed"), "{}", said.stdout);
    let why = "error: no packets of `normal-close` for --pcap: there was no wire (place: host)\n  \
               = help: --net wire\n";
    assert_eq!(said.stderr, why);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        0
    );
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_runs() {
    let said = run(Path::new("/nonexistent/x.pcapng"), &["hello"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(3), ""));
    assert!(
        said.stderr.contains("cannot write `/nonexistent/x.pcapng`"),
        "{}",
        said.stderr
    );
}

#[test]
fn packets_on_standard_output_have_it_for_themselves() {
    if !wire() {
        return;
    }
    for (scenarios, told) in [
        (&["hello"][..], " passed  "),
        (&["hello", "echo"], "2 passed"),
    ] {
        let call = [&["run", "--pcap", "-"], scenarios].concat();
        let output = sockscope(&call).output().expect("sockscope runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
        let found = blocks(&output.stdout);
        assert_eq!(interfaces(&found).len(), 2 * scenarios.len());
        assert!(packets(&found).len() > 6);
    }
    // In GitHub Actions the runner reads standard error, too.
    let mut command = sockscope(&["run", "zombie", "--pcap", "-", "--server", "false"]);
    let output = command.env("GITHUB_ACTIONS", "true").output();
    let output = output.expect("sockscope runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("\n::error title="), "{stderr}");
    blocks(&output.stdout);
}

#[test]
fn a_reader_of_packets_that_went_away_is_no_error() {
    if !wire() {
        return;
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = sockscope(&["run", "hello", "echo", "--pcap", "-"]);
    let said = support::Said::from(command.stdout(writer).output().expect("sockscope runs"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!said.stderr.contains("error"), "{}", said.stderr);
}

#[test]
fn nothing_else_goes_where_packets_go() {
    for (arguments, message) in [
        (
            &["--format", "tap"][..],
            "a report and --pcap cannot both go to standard output",
        ),
        (
            &["--report", "tap=-"],
            "a report and --pcap cannot both go to standard output",
        ),
        (
            &["--step"],
            "--step and --quiz ask on standard output: --pcap needs a file",
        ),
    ] {
        let said = say(&[&["run", "hello", "--pcap", "-"], arguments].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
        assert_eq!(said.stderr, format!("error: {message}\n"));
    }
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let mut command = sockscope(&["run", "hello", "--pcap", "-"]);
    let said = support::Said::from(command.stdout(pty.slave).output().expect("sockscope runs"));
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(
        said.stderr
            .starts_with("error: standard output is a terminal\n"),
        "{}",
        said.stderr
    );
}
