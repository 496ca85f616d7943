//! All eleven TCP states are seen, not inferred, over the built-in scenarios, by an ordinary user
//! as well.

mod support;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use sockscope::driver;
use sockscope::model::{Evidence, TcpState};
use sockscope::run::Place;
use support::{SOCKSCOPE, all_names, built_in, options, wire};

/// Where sockscope is when this test runs itself as another user.
const COPY: &str = "SOCKSCOPE_TEST_COPY";

#[test]
fn all_eleven_states_are_seen() {
    let copy = std::env::var_os(COPY);
    if copy.is_none() && !wire() {
        return;
    }
    let mut seen = BTreeSet::new();
    for name in all_names() {
        let mut options = options(Some(Place::Wire));
        if let Some(copy) = &copy {
            options.executable = copy.into();
        }
        let run = driver::run(&built_in(name), &options, None);
        assert!(run.stopped.is_none(), "{name}: {:?}", run.stopped);
        let changes = run.timeline.endpoints().iter().flat_map(|e| &e.history);
        let asked = changes.filter(|change| change.evidence == Evidence::Seen);
        seen.extend(asked.map(|change| change.state));
    }
    assert_eq!(seen, TcpState::ALL.into_iter().collect());
}

#[test]
fn an_ordinary_user_sees_them_too() {
    if !nix::unistd::geteuid().is_root() || !wire() {
        // Whoever runs this is an ordinary user: the other test has shown it.
        return;
    }
    let tun = fs::metadata("/dev/net/tun").expect("the wire is there");
    if tun.permissions().mode() & 0o006 != 0o006 {
        assert!(
            std::env::var_os("SOCKSCOPE_REQUIRE_WIRE").is_none(),
            "/dev/net/tun is not for everybody"
        );
        eprintln!("not tested here: /dev/net/tun is not for everybody");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let everybody = || Permissions::from_mode(0o755);
    fs::set_permissions(&folder, everybody()).expect("opened");
    let copy = |from: &Path, name: &str| {
        let to = folder.path().join(name);
        fs::copy(from, &to).expect("copied");
        fs::set_permissions(&to, everybody()).expect("opened");
        to
    };
    let sockscope = copy(SOCKSCOPE.as_ref(), "sockscope");
    let this = std::env::current_exe().expect("this test");
    let test = copy(&this, "states");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(test)
        .args(["--exact", "all_eleven_states_are_seen"])
        .env(COPY, sockscope)
        .current_dir(folder.path())
        .output()
        .expect("setpriv runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
