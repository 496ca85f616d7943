use super::*;
use std::fs;

use proptest::prelude::*;

/// A made-up process in a made-up `/proc`.
struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    fn new() -> Fake {
        Fake {
            root: tempfile::tempdir().expect("tempdir"),
        }
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("directory");
        fs::write(path, text).expect("file");
    }

    fn stat(&self, path: &str, state: char, ppid: i32, threads: u32) {
        let zeros = "0 ".repeat(31);
        self.write(
            path,
            format!("5 (x) {state} {ppid} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} {zeros}0\n"),
        );
    }

    fn watch(&self, pid: i32) -> ProcessWatch {
        self.find(pid).expect("a process")
    }

    fn find(&self, pid: i32) -> Option<ProcessWatch> {
        ProcessWatch::open(&ProcRoot::at(self.root.path()), pid).expect("readable")
    }
}

#[test]
fn a_process_that_is_not_there_is_none() {
    assert!(Fake::new().find(5).is_none());
}

#[test]
fn one_running_thread_makes_the_process_busy() {
    let fake = Fake::new();
    fake.stat("5/stat", 'S', 1, 2);
    fake.stat("5/task/5/stat", 'S', 1, 2);
    fake.stat("5/task/6/stat", 'R', 1, 2);
    let watch = fake.watch(5);
    assert!(!watch.is_quiet(false).expect("read"));
    fake.stat("5/task/6/stat", 'S', 1, 2);
    assert!(watch.is_quiet(false).expect("read"));
    fake.stat("5/task/6/stat", 'D', 1, 2);
    assert!(
        !watch.is_quiet(false).expect("read"),
        "a disk sleep ends by itself"
    );
}

#[test]
fn one_thread_on_a_cpu_is_enough_not_to_wait() {
    let fake = Fake::new();
    fake.stat("5/stat", 'S', 1, 2);
    fake.write(
        "5/task/5/syscall",
        "0 0x3 0x7f00 0x1 0x0 0x0 0x0 0x7ffc 0x7f00\n",
    );
    fake.write("5/task/6/syscall", "running\n");
    assert!(!fake.watch(5).is_off_cpu().expect("read"));
    fake.write(
        "5/task/6/syscall",
        "61 0xffffffff 0x0 0x1 0x0 0x0 0x0 0x7ffc 0x7f00\n",
    );
    assert!(fake.watch(5).is_off_cpu().expect("read"));
}

#[test]
fn children_of_every_thread() {
    let fake = Fake::new();
    fake.stat("5/stat", 'S', 1, 2);
    fake.write("5/task/5/children", "12 9 ");
    fake.write("5/task/6/children", "7 ");
    assert_eq!(fake.watch(5).children().expect("read"), [7, 9, 12]);
    fake.write("5/task/6/children", "seven");
    assert!(fake.watch(5).children().is_err());
}

#[test]
fn without_children_files_the_parents_are_asked() {
    let fake = Fake::new();
    fake.stat("5/stat", 'S', 1, 1);
    fake.stat("5/task/5/stat", 'S', 1, 1);
    fake.stat("8/stat", 'Z', 5, 1);
    fake.stat("9/stat", 'S', 8, 1);
    fake.write("uptime", "1 1");
    assert_eq!(fake.watch(5).children().expect("read"), [8]);
}

#[test]
fn a_name_that_looks_like_a_mask_does_not_count() {
    let fake = Fake::new();
    fake.stat("5/stat", 'S', 1, 1);
    fake.write(
        "5/status",
        &b"Name:\tSigCgt:\xff\x1b\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000010000\n"[..],
    );
    let masks = fake.watch(5).signals().expect("read").expect("there");
    assert!(SignalMasks::has(masks.caught, libc::SIGCHLD));
    assert!(SignalMasks::has(masks.ignored, libc::SIGPIPE));
    assert_eq!(masks.blocked, 0);
    fake.write("5/status", "Name:\tx\nSigBlk:\t0\n");
    assert!(fake.watch(5).signals().is_err(), "a mask is missing");
}

#[test]
fn a_signal_number_outside_of_the_mask_is_not_in_it() {
    assert!(!SignalMasks::has(u64::MAX, 0));
    assert!(!SignalMasks::has(u64::MAX, 65));
    assert!(!SignalMasks::has(u64::MAX, -1));
}

#[test]
fn the_sockets_of_a_process_whose_first_thread_ended_are_its_other_threads() {
    let fake = Fake::new();
    fake.stat("5/stat", 'Z', 1, 2);
    fs::create_dir_all(fake.root.path().join("5/fd")).expect("fd");
    fs::create_dir_all(fake.root.path().join("5/task/5/fd")).expect("fd");
    fs::create_dir_all(fake.root.path().join("5/task/6/fd")).expect("fd");
    fake.stat("5/task/5/stat", 'Z', 1, 2);
    fake.stat("5/task/6/stat", 'S', 1, 2);
    std::os::unix::fs::symlink("socket:[77]", fake.root.path().join("5/task/6/fd/4"))
        .expect("symlink");
    assert_eq!(
        fake.watch(5).sockets().expect("read"),
        Descriptors::Sockets(vec![descriptors::SocketFd { fd: 4, inode: 77 }])
    );
}

proptest! {
    #[test]
    fn any_status_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SignalMasks::parse(&bytes);
    }
}
