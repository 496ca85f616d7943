//! The walk over a made-up `/proc`.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A process; `flags` and `threads` as its stat line has them.
fn process(root: &Path, pid: i32, comm: &str, state: char, flags: u64, threads: u32) {
    let dir = root.join(pid.to_string());
    fs::create_dir_all(dir.join("fd")).expect("fd");
    fs::create_dir_all(dir.join("task").join(pid.to_string()).join("fd")).expect("task");
    let zeros = "0 ".repeat(30);
    fs::write(
        dir.join("stat"),
        format!("{pid} ({comm}) {state} 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 {threads} 0 77 {zeros}0\n"),
    )
    .expect("stat");
}

fn holds(root: &Path, table: &str, fd: &str, target: &str) {
    let table = root.join(table);
    fs::create_dir_all(&table).expect("a table");
    symlink(target, table.join(fd)).expect("a link");
}

fn walked(root: &Path, wanted: &Wanted) -> Walk {
    walk(&ProcRoot::at(root), wanted, None).expect("walked")
}

fn found(walk: &Walk) -> Vec<(u32, i32, i32)> {
    walk.iter()
        .map(|(inode, holder)| (inode, holder.process.pid, holder.fd))
        .collect()
}

#[test]
fn every_holder_of_a_wanted_socket_is_found() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    for pid in 10..100 {
        process(root, pid, "worker", 'S', 0, 1);
        holds(root, &format!("{pid}/fd"), "3", "socket:[500]");
        holds(root, &format!("{pid}/fd"), "4", "/dev/null");
        holds(
            root,
            &format!("{pid}/fd"),
            "5",
            &format!("socket:[{}]", 1000 + pid),
        );
        holds(root, &format!("{pid}/fd"), "x", "socket:[500]");
    }
    let shared = walked(root, &Wanted::inodes([500, 0]));
    assert_eq!(
        found(&shared),
        (10..100).map(|pid| (500, pid, 3)).collect::<Vec<_>>()
    );
    let all = walked(root, &Wanted::All);
    assert_eq!(all.iter().count(), 180);
    assert_eq!(all.of(1042).count(), 1);
    assert_eq!(all.of(1).count(), 0);
}

#[test]
fn a_name_may_be_anything() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    process(root, 10, "a) S 1 (\x1b[31m", 'S', 0, 1);
    holds(root, "10/fd", "3", "socket:[500]");
    let walk = walked(root, &Wanted::All);
    let (_, holder) = walk.iter().next().expect("found");
    assert_eq!(holder.process.name, "a) S 1 (\x1b[31m");
    assert_eq!(holder.process.start_ticks, 77);
}

#[test]
fn one_that_went_while_it_was_read_holds_nothing() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    process(root, 10, "gone", 'S', 0, 1);
    holds(root, "10/fd", "3", "socket:[500]");
    fs::remove_file(root.join("10/stat")).expect("removed");
    fs::create_dir(root.join("11")).expect("a process without anything");
    let walk = walked(root, &Wanted::All);
    assert_eq!(found(&walk), []);
    assert_eq!(walk.unread, []);
}

#[test]
fn zombies_are_told_and_kernel_threads_are_not_missed() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    process(root, 10, "ended", 'Z', 0, 1);
    process(root, 11, "kworker", 'I', 0x0020_0040, 1);
    let walk = walked(root, &Wanted::All);
    assert_eq!(
        walk.zombies,
        [Zombie {
            pid: 10,
            ppid: 1,
            name: "ended".to_owned()
        }]
    );
    assert_eq!(walk.unread, []);
}

#[test]
fn a_table_that_only_a_thread_has_is_looked_at_too() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    process(root, 10, "threads", 'S', 0, 2);
    holds(root, "10/fd", "3", "socket:[400]");
    holds(root, "10/task/11/fd", "3", "socket:[400]");
    holds(root, "10/task/11/fd", "4", "socket:[500]");
    assert_eq!(
        found(&walked(root, &Wanted::All)),
        [(400, 10, 3), (500, 10, 4)]
    );

    // Its first thread ended: there is nothing but what the others have.
    process(root, 20, "leader", 'Z', 0, 2);
    holds(root, "20/task/21/fd", "7", "socket:[600]");
    assert_eq!(found(&walked(root, &Wanted::inodes([600]))), [(600, 20, 7)]);
}

/// The directory of a process belongs to its effective user, whatever is in it.
#[test]
fn the_directory_tells_the_effective_user() {
    let root = tempfile::tempdir().expect("tempdir");
    process(root.path(), 10, "daemon", 'S', 0, 1);
    holds(root.path(), "10/fd", "3", "socket:[500]");
    let mut owner = nix::unistd::geteuid();
    if owner.is_root() {
        owner = nix::unistd::Uid::from_raw(33);
        nix::unistd::chown(&root.path().join("10"), Some(owner), None).expect("chown");
    }
    let walk = walked(root.path(), &Wanted::All);
    let (_, holder) = walk.iter().next().expect("found");
    assert_eq!(holder.process.uid, owner.as_raw());
}

#[test]
fn a_proc_without_processes_is_an_error() {
    let root = tempfile::tempdir().expect("tempdir");
    let at = ProcRoot::at(root.path());
    for pids in [None, Some(&[10][..])] {
        let error = walk(&at, &Wanted::All, pids).expect_err("nobody");
        assert!(error.to_string().contains("mounted"), "{error}");
    }
}
