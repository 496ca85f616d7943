use super::*;

/// A made-up process in a made-up `/proc`, with one thread.
fn write(root: &std::path::Path, pid: i32, state: char, syscall: &str) {
    let folder = root.join(format!("{pid}/task/{pid}"));
    std::fs::create_dir_all(&folder).expect("directory");
    let zeros = "0 ".repeat(31);
    let stat = format!("{pid} (x) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 {zeros}0\n");
    std::fs::write(root.join(format!("{pid}/stat")), &stat).expect("stat");
    std::fs::write(folder.join("stat"), &stat).expect("stat");
    std::fs::write(folder.join("children"), "").expect("children");
    std::fs::write(folder.join("syscall"), syscall).expect("syscall");
}

/// Process 5 and its child 6, of this made-up `/proc`.
fn parent_and_child(root: &ProcRoot) -> Processes {
    let process = |name: &str, pid| {
        let watch = ProcessWatch::open(root, pid).expect("readable");
        let host = HostName::from("server");
        Watched::new(ProcessName::from(name), (pid, None), None, watch, host)
    };
    let parent = Watched {
        children: 1,
        ..process("server", 5)
    };
    let child = Watched {
        parent: Some(0),
        ..process("server.child", 6)
    };
    Processes {
        all: vec![parent, child],
        root: root.clone(),
        traced: false,
    }
}

/// The `syscall` file of who sleeps in `wait4(2)`.
const WAITS: &str = "61 0xffffffff 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f00\n";

#[test]
fn who_is_just_reaping_does_not_rest() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = ProcRoot::at(folder.path());
    write(folder.path(), 5, 'S', "running\n");
    write(folder.path(), 6, 'Z', "-1 0x0 0x0\n");
    let mut processes = parent_and_child(&root);
    let mut pen = Recorder::default();
    // The first look meets the end.
    processes.look(&mut pen);
    assert!(
        !processes.look(&mut pen),
        "wait4() sleeps only once it found nobody"
    );
    write(folder.path(), 5, 'S', WAITS);
    assert!(processes.look(&mut pen), "it left a zombie behind");
}

#[test]
fn who_has_just_reaped_does_not_rest_until_it_waits() {
    let folder = tempfile::tempdir().expect("tempdir");
    let root = ProcRoot::at(folder.path());
    write(folder.path(), 5, 'S', WAITS);
    write(folder.path(), 6, 'Z', "-1 0x0 0x0\n");
    let mut processes = parent_and_child(&root);
    let mut pen = Recorder::default();
    processes.look(&mut pen);
    // The child is gone, and the parent is still inside the call that took it away: it has the
    // state in which it would sleep, and is on its CPU.
    processes.all[1].watch = None;
    write(folder.path(), 5, 'S', "running\n");
    processes.look(&mut pen);
    let reaped = |event: &crate::event::Event| matches!(event.kind, Kind::Reaped { .. });
    assert!(pen.timeline().events().iter().any(reaped));
    assert!(
        !processes.look(&mut pen),
        "its call has not ended: what it does next is still to be told"
    );
    write(folder.path(), 5, 'S', WAITS);
    assert!(processes.look(&mut pen), "it waits again");
    assert!(processes.look(&mut pen), "and nothing is left to wait for");
}
