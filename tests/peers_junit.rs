//! JUnit files against their schema, judged by libxml2.
//!
//! Needs `xmllint`: `cargo test --features peers`.

#[path = "support/fixture.rs"]
mod fixture;
#[expect(dead_code, reason = "some runs are enough")]
#[path = "support/runs.rs"]
mod runs;
#[path = "support/suite.rs"]
mod suite;

use std::process::Command;

use sockscope::report::format::{Format, render};
use sockscope::report::{Detail, Look};
use sockscope::suite::Case;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/junit.xsd");

/// What xmllint says of a document; empty when it is valid.
fn faults(xml: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.xml");
    std::fs::write(&file, xml).expect("written");
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", SCHEMA])
        .arg(&file)
        .output()
        .expect("xmllint runs");
    match output.status.success() {
        true => String::new(),
        false => String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn junit(cases: &[Case], unicode: bool) -> String {
    let look = Look {
        width: 100,
        color: true,
        unicode,
    };
    render(Format::Junit, cases, &look, &Detail::default()).expect("written")
}

#[test]
fn every_kind_of_outcome_is_valid() {
    let suite = suite::suite();
    for unicode in [true, false] {
        for cases in [&suite[..], &[]] {
            assert_eq!(faults(&junit(cases, unicode)), "");
        }
    }
}

#[test]
fn a_real_run_is_valid() {
    let output = Command::new(env!("CARGO_BIN_EXE_sockscope"))
        .args([
            "run",
            "normal-close",
            "zombie",
            "--net",
            "host",
            "--format",
            "junit",
        ])
        .output()
        .expect("sockscope runs");
    let xml = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(xml.contains("<testcase name=\"zombie\""), "{xml}");
    assert_eq!(faults(&xml), "");
}

#[test]
fn a_trace_is_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    let sockscope = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockscope"));
        command.args(arguments).current_dir(folder.path());
        let output = command.output().expect("sockscope runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    sockscope(&["trace", "--save", "t.jsonl", "--", "true"]);
    let xml = sockscope(&["replay", "t.jsonl", "--format", "junit"]);
    assert!(xml.contains("<testcase name=\"trace\""), "{xml}");
    assert_eq!(faults(&xml), "");
}

#[test]
fn the_schema_can_refuse() {
    let xml = junit(&suite::suite(), true);
    for (right, wrong) in [
        ("tests=\"9\"", "tests=\"many\""),
        ("<failure ", "<failed "),
        ("type=\"failed\"", "type=\"\""),
        (" name=\"mine\"", ""),
    ] {
        assert!(xml.contains(right), "{right}");
        assert_ne!(faults(&xml.replace(right, wrong)), "", "{wrong}");
    }
}
