//! Pictures, pages and diagrams in headless Chromium: `tests/pages/check.mjs` says what is proven.
//!
//! Needs `chromium`, `node` and `npm` with its registry: `cargo test --features peers`. A folder
//! in which the packages are installed already may be named by `PAGES_MODULES`; `SHOTS` names a
//! folder for screenshots.

#[path = "support/cut_short.rs"]
mod cut_short;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/runs.rs"]
mod runs;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use sockscope::report::format::{Format, render};
use sockscope::report::{Detail, Look, WireDetail};
use sockscope::suite::Case;

const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages/check.mjs");

/// What the check needs from npm.
const PACKAGES: [&str; 3] = [
    "playwright-core@1.65.1",
    "axe-core@4.14.1",
    "mermaid@11.17.2",
];

/// One of each kind: an end by RST, a zombie, a lost segment, segments that cross.
const SCENARIOS: [&str; 5] = [
    "normal-close",
    "zombie",
    "rst-after-fin",
    "lost-last-ack",
    "simultaneous-close",
];

const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
};

/// The folder with the packages, below `folder` unless the environment names one.
fn modules(folder: &Path) -> PathBuf {
    if let Some(named) = std::env::var_os("PAGES_MODULES") {
        return named.into();
    }
    let folder = folder.join("modules");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("package.json"), "{}").expect("written");
    let output = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
        .args(PACKAGES)
        .current_dir(&folder)
        .output()
        .expect("npm runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "npm install: {said}");
    folder
}

/// Writes a run in every kind of picture.
fn write(folder: &Path, name: &str, cases: &[Case], detail: &Detail, formats: &[Format]) {
    for format in formats {
        let ending = match format {
            Format::Mermaid => "mmd",
            other => other.name(),
        };
        let text = render(*format, cases, &LOOK, detail).expect("a picture");
        std::fs::write(folder.join(format!("{name}.{ending}")), text).expect("written");
    }
}

fn check(modules: &Path, folder: &Path) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let output = Command::new("node")
        .arg(CHECK)
        .arg(modules)
        .args(&files)
        .output()
        .expect("node runs");
    let [said, complained] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{said}{complained}");
    assert!(
        said.contains(&format!("{} files, 0 faults", files.len())),
        "{said}"
    );
}

#[test]
fn pictures_and_pages_hold_together() {
    const ALL: [Format; 3] = [Format::Svg, Format::Html, Format::Mermaid];
    const PICTURES: [Format; 2] = [Format::Svg, Format::Mermaid];
    let flags = Detail {
        all: false,
        wire: WireDetail::Flags,
    };
    let everything = Detail {
        all: true,
        wire: WireDetail::Full,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let modules = modules(folder.path());
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    if support::wire() {
        for name in SCENARIOS {
            let run =
                sockscope::driver::run(&support::built_in(name), &support::options(None), None);
            write(&files, name, &[run.into()], &flags, &ALL);
        }
    }
    for (name, run) in [
        ("made-failed", runs::failed()),
        ("made-lost", runs::lost_fin()),
        ("made-held", runs::simultaneous_close()),
        ("made-three-hosts", runs::three_hosts()),
        ("made-udp", runs::datagrams()),
        ("made-window", runs::closed_window()),
        ("made-crashed", cut_short::crashed()),
        ("made-aborted", cut_short::aborted()),
        ("made-given-up", cut_short::given_up()),
        ("hostile-output", runs::hostile()),
        ("hostile-markup", hostile::markup()),
    ] {
        let formats = match name.strip_prefix("made-") {
            None | Some("failed") => &ALL[..],
            Some(_) => &PICTURES,
        };
        write(&files, name, &[run.clone().into()], &flags, formats);
        if ["made-held", "hostile-markup"].contains(&name) {
            let all = format!("{name}-everything");
            write(&files, &all, &[run.into()], &everything, &[Format::Svg]);
        }
    }
    let mut flaky = Case::from(runs::failed());
    flaky.again(runs::normal_close());
    let several = [
        flaky,
        runs::inconclusive().into(),
        runs::stopped().into(),
        runs::refused().into(),
        runs::interrupted().into(),
        runs::zombie().into(),
    ];
    write(&files, "made-several", &several, &flags, &ALL[..2]);
    for (name, run) in [
        ("made-twenty", runs::twenty()),
        ("made-megabyte", runs::megabyte()),
    ] {
        write(&files, name, &[run.into()], &flags, &PICTURES);
    }
    check(&modules, &files);
}
