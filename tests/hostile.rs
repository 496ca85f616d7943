//! Programs that make tracing hard, under `--syscalls`: each works as it does alone, and what is
//! told of it is true or said to be missing.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sockscope::driver;
use sockscope::event::{Aspect, CallResult, Kind, SignalFate, SignalOrigin};
use sockscope::model::{ExitStatus, ProcState};
use sockscope::report::{self, Detail, Look};
use sockscope::run::{Outcome, Place, Run};
use support::{Mark, SOCKSCOPE, options, scenario, sockscope, wire};

/// Compiles a program of `tests/programs_c/hostile`.
fn cc(folder: &Path, source: &str, defines: &[&str]) -> PathBuf {
    let program = folder.join(format!("{source}{}", defines.concat()));
    let output = Command::new("cc")
        .args(["-O1", "-pthread", "-o"])
        .arg(&program)
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg(format!("tests/programs_c/hostile/{source}.c"))
        .output()
        .expect("cc runs: it links Rust programs too");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{source}: {errors}");
    program
}

/// Where programs can run here.
fn places() -> &'static [Place] {
    match wire() {
        true => &[Place::Wire, Place::Host],
        false => &[Place::Host],
    }
}

/// What happened to a hostile program.
struct Told {
    run: Run,
    text: String,
}

/// Runs a program, traced, until it ends, at one place.
fn traced_at(place: Place, source: &str, defines: &[&str], arguments: &str, end: &str) -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let program = cc(folder.path(), source, defines);
    let text = format!(
        "title = \"Hostile\"\n[programs]\np = {{ command = \"{} {arguments}\", host = \"server\" }}\n\
         [[step]]\ndo = \"start p\"\nexpect = \"p {end}\"\nwithin = \"30s\"\n",
        program.display()
    );
    let mut options = options(Some(place));
    options.syscalls = true;
    let run = driver::run(&scenario(&text), &options, None);
    let look = Look {
        width: 200,
        color: false,
        unicode: true,
    };
    let detail = Detail {
        all: true,
        ..Detail::default()
    };
    let text = report::table::render(&run, &look, &detail);
    assert_eq!(run.outcome(), Outcome::Passed, "{source} {place:?}\n{text}");
    Told { run, text }
}

/// The same at every place that can be had.
fn traced(source: &str, defines: &[&str], arguments: &str, end: &str) -> Vec<Told> {
    let at = |place: &Place| traced_at(*place, source, defines, arguments, end);
    places().iter().map(at).collect()
}

impl Told {
    /// The calls of a process: `name(args) result`.
    fn calls(&self, process: &str) -> Vec<String> {
        let events = self.run.timeline.events().iter();
        let calls = events.filter_map(|event| match &event.kind {
            Kind::Called { process: by, call } if by.as_str() == process => {
                Some(format!("{}({}) {:?}", call.name, call.args, call.result))
            }
            _ => None,
        });
        calls.collect()
    }

    fn prints(&self, wanted: &str) -> bool {
        let mut events = self.run.timeline.events().iter();
        events.any(|event| matches!(&event.kind, Kind::Output { text, .. } if text == wanted))
    }

    fn gaps(&self) -> Vec<&str> {
        let events = self.run.timeline.events().iter();
        let gaps = events.filter_map(|event| match &event.kind {
            Kind::Gap {
                aspect: Aspect::Calls,
                why,
            } => Some(why.as_str()),
            _ => None,
        });
        gaps.collect()
    }

    fn status(&self, process: &str) -> Option<ExitStatus> {
        let mut all = self.run.timeline.processes().iter();
        all.find(|life| life.name.as_str() == process)?.status
    }

    #[track_caller]
    fn has(&self, wanted: &str) {
        assert!(self.text.contains(wanted), "{wanted}?\n{}", self.text);
    }

    #[track_caller]
    fn called(&self, process: &str, wanted: &str) {
        let calls = self.calls(process);
        let found = calls.iter().any(|call| call == wanted);
        assert!(found, "{process} {wanted}?\n{}", self.text);
    }
}

#[test]
fn a_program_that_wants_a_tracer_is_told_that_there_is_one() {
    for told in traced("traceme", &[], "", "exited 0") {
        assert!(
            told.prints("traceme Operation not permitted"),
            "{}",
            told.text
        );
        assert!(
            told.prints("attach Operation not permitted"),
            "{}",
            told.text
        );
        told.has("there can be only one tracer (ptrace(2)); run it without --syscalls");
        told.called("p", "socket(AF_INET, SOCK_STREAM, 0) Value(3)");
    }
}

#[test]
fn another_program_takes_over() {
    for (defines, socket) in [(&["IN_FIRST"][..], false), (&[][..], true)] {
        for told in traced("thread_execs", defines, "", "exited 7") {
            told.has("p became \"sh -c echo another; exit 7\"");
            assert!(told.prints("another"));
            if socket {
                told.called("p", "socket(AF_INET, SOCK_STREAM, 0) Value(3)");
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_another_abi_are_said_to_be_missing() {
    for told in traced("other_abi", &[], "", "exited 0") {
        if told.prints("not here") {
            eprintln!("not tested here: the kernel has no 32-bit calls");
            return;
        }
        assert!(told.prints("works"));
        assert_eq!(told.gaps().len(), 1, "{}", told.text);
        told.has(
            "it is a 32-bit program (or makes calls of another ABI): its system calls are not",
        );
        assert_eq!(told.status("p.child"), Some(ExitStatus::Exited(3)));
        told.called("p", "socket(AF_INET, SOCK_STREAM, 0) Value(3)");
    }
}

#[test]
fn a_thousand_forks_are_a_thousand_children() {
    for how in ["one-by-one", "at-once"] {
        let place = *places().last().expect("a place");
        let told = traced_at(place, "many_forks", &[], how, "exited 0");
        assert!(told.prints("1000"));
        let processes = told.run.timeline.processes();
        assert_eq!(processes.len(), 1001, "{how}");
        for (index, child) in processes.iter().skip(1).enumerate() {
            let expected = ExitStatus::Exited(index as i32 % 7);
            assert_eq!(child.status, Some(expected), "{how} {}", child.name);
            assert!(child.reaped.is_some(), "{how} {}", child.name);
        }
    }
}

#[test]
fn every_way_to_make_a_process_is_followed() {
    for told in traced("makes_processes", &[], "", "exited 0") {
        for line in ["thread 1", "files 2", "silent 2", "vfork 0", "spawn 0"] {
            assert!(told.prints(line), "{line}?\n{}", told.text);
        }
        let ends = [1, 2, 2, 0, 0, 4];
        for (index, end) in ends.into_iter().enumerate() {
            let name = match index {
                0 => "p.child".to_owned(),
                index => format!("p.child{}", index + 1),
            };
            assert_eq!(told.status(&name), Some(ExitStatus::Exited(end)), "{name}");
            if end != 0 {
                told.called(&name, "socket(AF_INET, SOCK_STREAM, 0) Value(3)");
            }
        }
    }
}

#[test]
fn processes_with_one_table_of_descriptors_are_told_right() {
    for told in traced("shares_files", &[], "", "exited 0") {
        assert!(told.prints("0"), "{}", told.text);
        let calls = told.calls("p");
        // The first read is of a file, the second of a socket.
        let reads = calls.iter().filter(|call| call.starts_with("read(3"));
        let expected = format!("read(3, buf, 1) Errno({})", libc::ENOTCONN);
        assert_eq!(reads.collect::<Vec<_>>(), [&expected], "{}", told.text);
        told.called(
            "p",
            &format!("shutdown(3, SHUT_WR) Errno({})", libc::ENOTCONN),
        );
        told.called("p", "close(3) Value(0)");
    }
}

#[test]
fn a_program_that_confines_itself_is_said_to_be_half_seen() {
    for (defines, end) in [(&[][..], "exited 0"), (&["KILLS"][..], "killed by SIGSYS")] {
        for told in traced("confines", defines, "", end) {
            assert!(told.prints("confined"));
            assert_eq!(told.prints("Permission denied"), defines.is_empty());
            assert_eq!(told.gaps().len(), 1, "{}", told.text);
            told.has("it confines itself by seccomp");
        }
    }
}

#[test]
fn calls_on_bad_descriptors_are_told_and_closing_everything_is_not() {
    let bad = |call: &str| format!("{call} {:?}", CallResult::Errno(libc::EBADF));
    let no_socket = |call: &str| format!("{call} {:?}", CallResult::Errno(libc::ENOTSOCK));
    for told in traced("bad_descriptors", &[], "", "exited 0") {
        let calls = told.calls("p");
        let wanted = [
            format!("close(3) {:?}", CallResult::Value(0)),
            bad("close(3)"),
            bad("write(3, \"x\", 1)"),
            bad("accept(3)"),
            bad("sendto(3, \"x\", 1)"),
            no_socket("shutdown(4, SHUT_WR)"),
            no_socket("listen(4, 5)"),
            no_socket("recvfrom(4, buf, 1)"),
        ];
        let first = calls.iter().position(|call| *call == wanted[0]);
        let from = first.expect("the close that closes");
        assert_eq!(calls[from..from + wanted.len()], wanted, "{}", told.text);
        // The number of the socket is tried again with all others: that is told, they are not.
        let rest = &calls[from + wanted.len()..];
        let tried: Vec<&String> = rest
            .iter()
            .filter(|call| !call.starts_with("exit"))
            .collect();
        assert_eq!(tried, [&bad("fcntl(3, F_GETFD)"), &bad("close(3)")]);
    }
}

#[test]
fn blocked_and_queued_signals_arrive_as_they_were_sent() {
    for told in traced("blocks_all", &[], "", "exited 0") {
        let line = "0:10 0:11 0:12 1:0 1:1 1:2 ";
        assert!(told.prints(line), "{}", told.text);
        let caught = |number: i32| {
            let events = told.run.timeline.events().iter();
            let caught = events.filter(|event| {
                matches!(&event.kind, Kind::Signal { signal, fate: SignalFate::Caught, .. }
                    if *signal == number)
            });
            caught.count()
        };
        assert_eq!(caught(libc::SIGRTMIN()), 3);
        assert_eq!(caught(libc::SIGRTMIN() + 1), 3);
    }
}

#[test]
fn signals_that_a_program_takes_itself_are_told_with_their_senders() {
    for told in traced("takes_signals", &[], "", "exited 0") {
        assert!(told.prints("7"));
        let events = told.run.timeline.events().iter();
        let accepted: Vec<(i32, &SignalOrigin)> = events
            .filter_map(|event| match &event.kind {
                Kind::Signal {
                    signal,
                    from,
                    fate: SignalFate::Accepted,
                    ..
                } => Some((*signal, from)),
                _ => None,
            })
            .collect();
        let first = SignalOrigin::Process("p.child".into());
        let second = SignalOrigin::Process("p.child2".into());
        assert_eq!(
            accepted,
            [(libc::SIGUSR1, &first), (libc::SIGUSR2, &second)]
        );
        told.called(
            "p",
            &format!(
                "rt_sigtimedwait([SIGUSR1], forever) Value({})",
                libc::SIGUSR1
            ),
        );
        told.has("p accepted SIGUSR1 from p.child");
        told.has("p calls itself \"taker\"");
        let named = told.text.matches("calls itself").count();
        assert_eq!(named, 1, "{}", told.text);
    }
}

#[test]
fn going_on_with_a_sleep_is_no_call_that_matters() {
    for told in traced("sleeps", &[], "", "exited 0") {
        assert!(told.prints("woken"));
        let calls = told.calls("p");
        assert!(
            !calls.iter().any(|call| call.starts_with("restart_syscall")),
            "{}",
            told.text
        );
    }
}

#[test]
fn an_interrupted_call_is_shown_as_what_the_program_sees() {
    let eintr = format!("read(3, buf, 1) {:?}", CallResult::Errno(libc::EINTR));
    for told in traced("interrupted", &[], "", "exited 0") {
        assert!(told.prints("-1 Interrupted system call"));
        told.called("p", &eintr);
        told.has("p caught SIGUSR1 from p.child");
    }
    let again = format!("read(3, buf, 1) {:?}", CallResult::Restarted(512));
    for told in traced("interrupted", &["RESTARTS"], "", "exited 0") {
        assert!(told.prints("1 read"));
        told.called("p", &again);
        told.called("p", "read(3, \"x\", 1) Value(1)");
        assert!(!told.calls("p").contains(&eintr), "{}", told.text);
    }
}

#[test]
fn a_stopped_program_is_shown_as_stopped_and_goes_on() {
    for (defines, call, result) in [
        (
            &["STOPS"][..],
            "read(3, buf, 1)",
            "read(3, \"x\", 1) Value(1)",
        ),
        (
            &["STOPS", "POLLS"][..],
            "poll([3], 10000 ms)",
            "poll([3 POLLIN], 10000 ms) Value(1)",
        ),
    ] {
        for told in traced("interrupted", defines, "", "exited 0") {
            assert!(told.prints("1 read"));
            let events = told.run.timeline.events().iter();
            let states: Vec<ProcState> = events
                .filter_map(|event| match &event.kind {
                    Kind::ProcessState { process, state } if process.as_str() == "p" => {
                        Some(*state)
                    }
                    _ => None,
                })
                .collect();
            assert!(states.contains(&ProcState::Stopped), "{}", told.text);
            assert!(!states.contains(&ProcState::Traced), "{}", told.text);
            let calls = told.calls("p");
            let interrupted = calls
                .iter()
                .any(|c| c.starts_with(call) && c.contains("Restarted"));
            assert!(interrupted, "{}", told.text);
            told.called("p", result);
        }
    }
}

#[test]
fn a_deep_tree_is_followed_to_its_end() {
    for told in traced("deep_tree", &[], "", "exited 61") {
        assert!(told.prints("61"));
        assert_eq!(told.run.timeline.processes().len(), 61);
        let deepest = format!("p{}", ".child".repeat(60));
        told.called(&deepest, "socket(AF_INET, SOCK_STREAM, 0) Value(3)");
    }
}

#[test]
fn who_is_killed_at_any_moment_leaves_nobody_stopped() {
    let place = *places().last().expect("a place");
    let told = traced_at(place, "dies_at_any_moment", &[], "150", "exited 0");
    assert!(told.prints("1"));
    for life in told.run.timeline.processes() {
        assert!(
            life.status.is_some() && life.reaped.is_some(),
            "{}",
            life.name
        );
    }
}

#[test]
fn without_permission_to_trace_it_says_what_would_help() {
    assert_refused(&[], "ptrace is not permitted");
    assert_refused(&["SECCOMP"], "seccomp filters are not permitted");
}

fn assert_refused(defines: &[&str], why: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let wrapper = cc(folder.path(), "no_ptrace", defines);
    let mark = Mark::new("no-ptrace");
    for arguments in [
        &["run", "normal-close", "--syscalls"][..],
        &["run", "normal-close", "--syscalls", "--net", "host"],
    ] {
        let output = Command::new(&wrapper)
            .arg(SOCKSCOPE)
            .args(arguments)
            .env(Mark::NAME, mark.value())
            .output()
            .expect("the wrapper runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(
            text.contains(&format!("cannot trace system calls: {why}")),
            "{text}"
        );
        assert!(text.contains("help:"), "{text}");
        mark.assert_gone();
    }
    let doctor = sockscope(&["doctor"]).output().expect("sockscope runs");
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("yes  system calls"));
    let doctor = Command::new(&wrapper).arg(SOCKSCOPE).arg("doctor").output();
    let doctor = doctor.expect("the wrapper runs");
    assert_eq!(doctor.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("no   system calls"));
}

#[test]
fn without_memory_that_can_be_read_arguments_are_said_to_be_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrapper = cc(folder.path(), "no_ptrace", &["MEMORY"]);
    let output = Command::new(&wrapper)
        .arg(SOCKSCOPE)
        .args(["run", "normal-close", "--syscalls", "--width", "300"])
        .output()
        .expect("the wrapper runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let told = |process: &str| {
        let gap = format!("may have missed system calls: {process}: its memory cannot be read");
        text.matches(&gap).count()
    };
    assert_eq!((told("server"), told("client")), (1, 1), "{text}");
}

/// Traced by an ordinary user, a program gets no rights from its file: not the first one either.
#[test]
fn a_program_without_the_rights_of_its_file_is_said_to_lack_them() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tested here: only root can give a file rights");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let open_to_all = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    open_to_all(folder.path(), 0o755);
    let copy = folder.path().join("sockscope");
    fs::copy(SOCKSCOPE, &copy).expect("a copy");
    open_to_all(&copy, 0o755);
    let program = cc(folder.path(), "bad_descriptors", &[]);
    let notes = |mode: u32| {
        open_to_all(&program, mode);
        let output = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&copy)
            .args(["trace", "--width", "200", "--"])
            .arg(&program)
            .current_dir(folder.path())
            .output()
            .expect("setpriv runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{text}");
        let lines = text
            .lines()
            .filter(|line| line.contains("traced, it runs without"));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(notes(0o755), Vec::<String>::new());
    let told = notes(0o4755);
    assert!(
        told.len() == 1 && told[0].contains("its owner's rights"),
        "{told:?}"
    );
    let told = notes(0o2755);
    assert!(
        told.len() == 1 && told[0].contains("its group's rights"),
        "{told:?}"
    );
    let set = Command::new("setcap")
        .arg("cap_net_admin=p")
        .arg(&program)
        .status();
    if !set.is_ok_and(|status| status.success()) {
        eprintln!("not tested here: capabilities of files");
        return;
    }
    let told = notes(0o755);
    assert!(
        told.len() == 1 && told[0].contains("its file has capabilities"),
        "{told:?}"
    );
}
