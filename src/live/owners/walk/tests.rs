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
    fs::write(
        dir.join("status"),
        format!("Name:\tUid: 9 9 9 9\nUid:\t1000\t33\t33\t33\nPid:\t{pid}\n"),
    )
    .expect("status");
}

fn holds(root: &Path, table: &str, fd: &str, target: &str) {
    let table = root.join(table);
    fs::create_dir_all(&table).expect("a table");
    symlink(target, table.join(fd)).expect("a link");
}

fn walked(root: &Path, wanted: &Wanted, threads: bool) -> Walk {
    walk(&ProcRoot::at(root), wanted, None, threads).expect("walked")
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
    let shared = walked(root, &Wanted::inodes([500, 0]), false);
    assert_eq!(
        found(&shared),
        (10..100).map(|pid| (500, pid, 3)).collect::<Vec<_>>()
    );
    let all = walked(root, &Wanted::All, false);
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
    let walk = walked(root, &Wanted::All, false);
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
    let walk = walked(root, &Wanted::All, false);
    assert_eq!(found(&walk), []);
    assert_eq!(walk.unreadable, 0);
}

#[test]
fn zombies_are_told_and_kernel_threads_are_not_missed() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    process(root, 10, "ended", 'Z', 0, 1);
    process(root, 11, "kworker", 'I', 0x0020_0040, 1);
    let walk = walked(root, &Wanted::All, false);
    assert_eq!(
        walk.zombies,
        [Zombie {
            pid: 10,
            ppid: 1,
            name: "ended".to_owned()
        }]
    );
    assert_eq!(walk.unreadable, 0);
}

#[test]
fn a_table_that_only_a_thread_has_is_found_when_asked_for() {
    let root = tempfile::tempdir().expect("tempdir");
    let root = root.path();
    process(root, 10, "threads", 'S', 0, 2);
    holds(root, "10/fd", "3", "/dev/null");
    holds(root, "10/task/11/fd", "4", "socket:[500]");
    let wanted = Wanted::inodes([500]);
    assert_eq!(found(&walked(root, &wanted, false)), []);
    assert_eq!(found(&walked(root, &wanted, true)), [(500, 10, 4)]);

    // Its first thread ended: there is nothing but what the others have.
    process(root, 20, "leader", 'Z', 0, 2);
    holds(root, "20/task/21/fd", "7", "socket:[600]");
    assert_eq!(
        found(&walked(root, &Wanted::inodes([600]), false)),
        [(600, 20, 7)]
    );
}

#[test]
fn the_effective_user_is_taken_where_the_directory_is_roots() {
    let root = tempfile::tempdir().expect("tempdir");
    process(root.path(), 10, "daemon", 'S', 0, 1);
    holds(root.path(), "10/fd", "3", "socket:[500]");
    let walk = walked(root.path(), &Wanted::All, false);
    let (_, holder) = walk.iter().next().expect("found");
    let owner = nix::unistd::geteuid().as_raw();
    assert_eq!(holder.process.uid, if owner == 0 { 33 } else { owner });
}
