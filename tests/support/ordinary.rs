//! A test that runs itself again as an ordinary user.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where sockscope is when a test runs itself as another user.
const COPY: &str = "SOCKSCOPE_TEST_COPY";

/// A copy of sockscope that everybody may run, if this is the other user's turn.
pub(crate) fn copy() -> Option<PathBuf> {
    std::env::var_os(COPY).map(PathBuf::from)
}

/// Runs one test of this file as an ordinary user, with copies of it and of sockscope. Needs the
/// wire; where it is not for everybody, says so.
pub(crate) fn again(test: &str) {
    if !nix::unistd::geteuid().is_root() || !super::wire() {
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
    let sockscope = copy(super::SOCKSCOPE.as_ref(), "sockscope");
    let this = std::env::current_exe().expect("this test");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(copy(&this, "test"))
        .args(["--exact", test])
        .env(COPY, sockscope)
        .current_dir(folder.path())
        .output()
        .expect("setpriv runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
