//! `--pcap` files as Wireshark's own reader sees them.
//!
//! Needs `tshark`: `cargo test --features peers`.

mod support;

use std::path::Path;
use std::process::Command;

use sockscope::driver;
use sockscope::event::Body;
use sockscope::report::pcapng::render;
use sockscope::run::Place;
use support::{built_in, options, wire};

/// One line a packet, with these fields. Checksums are verified.
fn tshark(file: &Path, fields: &[&str], only: &str) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=/t"]);
    for protocol in ["ip", "tcp", "udp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command
        .args(["-Y", only, "-r"])
        .arg(file)
        .output()
        .expect("tshark runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        !said.contains("damaged") && !said.contains("isn't"),
        "{said}"
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// Runs a scenario; gives its run and its file.
fn captured(name: &str, folder: &Path) -> (sockscope::run::Run, std::path::PathBuf) {
    let (run, capture) = driver::capture(&built_in(name), &options(Some(Place::Wire)), None);
    let file = folder.join(format!("{name}.pcapng"));
    let capture = capture.expect("there was a wire");
    std::fs::write(&file, render(&[(&run, &capture)])).expect("written");
    (run, file)
}

#[test]
fn tshark_sees_the_same_segments() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "normal-close",
        "simultaneous-close",
        "lost-last-ack",
        "zero-window",
        "sigpipe",
    ] {
        let (run, file) = captured(name, folder.path());
        let fields = [
            "frame.interface_name",
            "tcp.flags",
            "tcp.len",
            "tcp.dstport",
        ];
        let found = tshark(&file, &fields, "tcp");
        let expected: Vec<Vec<String>> = run
            .timeline
            .packets()
            .iter()
            .filter_map(|fate| match &fate.packet.body {
                Body::Tcp(segment) => Some(vec![
                    fate.packet.from.to_string(),
                    format!("{:#06x}", segment.flags.0),
                    fate.packet.len.to_string(),
                    fate.packet.dst.port().to_string(),
                ]),
                _ => None,
            })
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn nothing_is_malformed_and_every_checksum_is_right() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "normal-close",
        "host-unreachable",
        "udp-refused",
        "keepalive",
    ] {
        let (run, file) = captured(name, folder.path());
        let all = tshark(&file, &["frame.number"], "frame");
        assert_eq!(all.len(), run.timeline.packets().len(), "{name}");
        let bad = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 \
                   || udp.checksum.status == 0 || icmp.checksum.status == 0";
        let wrong = tshark(&file, &["frame.number", "_ws.col.Info"], bad);
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        let unverified = tshark(&file, &["frame.number"], "tcp.checksum.status == 2");
        assert!(unverified.is_empty(), "{name}: {unverified:?}");
    }
}

#[test]
fn comments_tell_of_states_and_retransmissions_are_only_the_real_ones() {
    if !wire() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (_, file) = captured("normal-close", folder.path());
    let fin = "tcp.flags.fin == 1 && frame.interface_name == \"client\"";
    let comments = tshark(&file, &["frame.comment"], fin);
    assert_eq!(comments.len(), 1);
    let expected = "client.conn ESTABLISHED → FIN_WAIT1; server.conn ESTABLISHED → CLOSE_WAIT";
    assert!(comments[0][0].contains(expected), "{comments:?}");
    let again = "tcp.analysis.retransmission || tcp.analysis.duplicate_ack \
                 || tcp.analysis.out_of_order || tcp.analysis.lost_segment";
    assert!(tshark(&file, &["frame.number"], again).is_empty());

    let (_, file) = captured("lost-last-ack", folder.path());
    let again = tshark(
        &file,
        &["frame.interface_name"],
        "tcp.analysis.retransmission",
    );
    assert!(
        !again.is_empty() && again.iter().all(|row| row[0] == "server"),
        "{again:?}"
    );
}
