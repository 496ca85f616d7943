//! Arguments as the timeline writes them.

use super::*;

/// A structure in memory, put together from its fields.
#[derive(Default)]
struct Layout(Vec<u8>);

impl Layout {
    fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn word(mut self, value: u64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

#[test]
fn the_local_and_the_far_address_are_told() {
    let memory = Layout(v4(9190)).int(16).0;
    let args = [3, BASE, BASE + 16, 0, 0, 0];
    assert_eq!(
        text(libc::SYS_getsockname, args, 0, &memory),
        "getsockname(3, 192.0.2.2:9190) Value(0)"
    );
    assert_eq!(
        text(libc::SYS_getpeername, args, -107, &memory),
        "getpeername(3) Errno(107)"
    );
}

#[test]
fn an_address_is_not_read_beyond_its_room() {
    // The caller has 4 bytes for an address of 16; what follows is something else.
    let entry = Ram(Layout(v4(9190)).int(4).0);
    let exit = Ram(Layout(v4(9190)).int(16).0);
    let args = [3, BASE, BASE + 16, 0, 0, 0];
    let begun = begin(libc::SYS_accept, args, &entry).expect("it matters");
    assert_eq!(begun.end(5, &exit).call.args, "3, AF_INET");
}

#[test]
fn long_vectors_are_summed_or_said_to_be_longer() {
    let vector = |parts: u64| {
        let mut memory = Layout::default();
        for _ in 0..parts {
            memory = memory.word(BASE + 16 * parts).word(3);
        }
        let memory = memory.bytes(b"abc").0;
        text(libc::SYS_writev, [4, BASE, parts, 0, 0, 0], 0, &memory)
    };
    let shown = "\"abcabcabcabcabcabcabcabcabcabcab\"...";
    assert_eq!(vector(2), "writev(4, \"abcabc\", 6) Value(0)");
    assert_eq!(vector(16), format!("writev(4, {shown}, 48) Value(0)"));
    assert_eq!(vector(17), format!("writev(4, {shown}, 48+) Value(0)"));
    let hole = Layout::default()
        .word(BASE + 48)
        .word(3)
        .word(7)
        .word(3)
        .word(BASE + 48)
        .word(3)
        .bytes(b"abc")
        .0;
    assert_eq!(
        text(libc::SYS_writev, [4, BASE, 3, 0, 0, 0], -14, &hole),
        "writev(4, \"abc\"..., 9) Errno(14)"
    );
}

#[test]
fn what_was_not_received_is_not_shown() {
    let flags = libc::MSG_TRUNC as u64;
    assert_eq!(
        text(libc::SYS_recvfrom, [4, BASE, 6, flags, 0, 0], 6, b"before"),
        "recvfrom(4, buf, 6, MSG_TRUNC) Value(6)"
    );
    assert_eq!(
        text(libc::SYS_recvfrom, [4, BASE, 2, 0, 0, 0], 6, b"before"),
        "recvfrom(4, \"be\", 2) Value(6)"
    );
}

#[test]
fn an_empty_datagram_is_no_end() {
    let with = Layout(v4(53)).int(16).0;
    let args = [4, 0, 100, 0, BASE, BASE + 16];
    assert_eq!(
        text(libc::SYS_recvfrom, args, 0, &with),
        "recvfrom(4, \"\", 100, 192.0.2.2:53) Value(0)"
    );
    let without = Layout(v4(53)).int(0).0;
    assert_eq!(
        text(libc::SYS_recvfrom, args, 0, &without),
        "recvfrom(4, \"\", 100) Eof"
    );
    let no_room = Layout::default().word(BASE).word(0).0;
    assert_eq!(
        text(libc::SYS_readv, [4, BASE, 1, 0, 0, 0], 0, &no_room),
        "readv(4, \"\", 0) Value(0)"
    );
}

/// A `struct msghdr` with everything, at [`BASE`].
fn message() -> Vec<u8> {
    let (name, vector, control, data) = (BASE + 56, BASE + 72, BASE + 88, BASE + 112);
    Layout::default()
        .word(name)
        .word(16)
        .word(vector)
        .word(1)
        .word(control)
        .word(24)
        .word(0)
        .bytes(&v4(9190))
        .word(data)
        .word(5)
        .word(24)
        .int(libc::SOL_SOCKET)
        .int(libc::SCM_RIGHTS)
        .int(7)
        .int(8)
        .bytes(b"hello")
        .0
}

#[test]
fn messages_have_data_address_and_descriptors() {
    assert_eq!(
        text(libc::SYS_sendmsg, [4, BASE, 0x4000, 0, 0, 0], 5, &message()),
        "sendmsg(4, \"hello\", 5, MSG_NOSIGNAL, 192.0.2.2:9190, SCM_RIGHTS [7, 8]) Value(5)"
    );
    assert_eq!(
        text(libc::SYS_recvmsg, [4, BASE, 0, 0, 0, 0], 2, &message()),
        "recvmsg(4, \"he\", 5, 192.0.2.2:9190, SCM_RIGHTS [7, 8]) Value(2)"
    );
}

#[test]
fn options_are_written_as_the_built_in_programs_write_them() {
    let socket = libc::SOL_SOCKET as u64;
    let tcp = libc::IPPROTO_TCP as u64;
    let cases: &[(u64, i32, &[u8], &str)] = &[
        (socket, libc::SO_REUSEADDR, &[1, 0, 0, 0], "SO_REUSEADDR, 1"),
        (tcp, libc::TCP_NODELAY, &[1, 0, 0, 0], "TCP_NODELAY, 1"),
        (
            socket,
            libc::SO_LINGER,
            &[1, 0, 0, 0, 0, 0, 0, 0],
            "SO_LINGER, {1, 0}",
        ),
        (
            tcp,
            libc::TCP_CONGESTION,
            b"reno",
            "TCP_CONGESTION, \"reno\"",
        ),
        (
            socket,
            libc::SO_BINDTODEVICE,
            b"lo\0\0",
            "SO_BINDTODEVICE, \"lo\"",
        ),
        (0, libc::IP_TOS, &[16], "IP_TOS, 16"),
    ];
    for (level, option, value, expected) in cases {
        let args = [4, *level, *option as u64, BASE, value.len() as u64, 0];
        let call = ended(libc::SYS_setsockopt, args, 0, value).call;
        assert_eq!(call.args, format!("4, {expected}"));
    }
    let time = Layout::default().word(1).word(500_250).0;
    let args = [4, socket, libc::SO_RCVTIMEO as u64, BASE, 16, 0];
    assert_eq!(
        ended(libc::SYS_setsockopt, args, 0, &time).call.args,
        "4, SO_RCVTIMEO, 1500.25 ms"
    );
    let none = Layout::default().int(0).int(4).0;
    let args = [4, socket, libc::SO_ERROR as u64, BASE, BASE + 4, 0];
    assert_eq!(
        ended(libc::SYS_getsockopt, args, 0, &none).call.args,
        "4, SO_ERROR"
    );
}

#[test]
fn a_waited_child_is_told_in_words() {
    let cases = [
        (libc::CLD_EXITED, 3, "exited 3"),
        (libc::CLD_KILLED, libc::SIGKILL, "killed by SIGKILL"),
        (libc::CLD_STOPPED, libc::SIGSTOP, "stopped by SIGSTOP"),
        (libc::CLD_CONTINUED, libc::SIGCONT, "continued"),
    ];
    let args = [libc::P_ALL.into(), 0, BASE, libc::WEXITED as u64, 0, 0];
    for (code, status, expected) in cases {
        let info = Layout::default()
            .int(libc::SIGCHLD)
            .int(0)
            .int(code)
            .int(0)
            .int(7)
            .int(0)
            .int(status)
            .0;
        let call = ended(libc::SYS_waitid, args, 0, &info).call;
        assert_eq!(call.args, format!("P_ALL, 7 {expected}, WEXITED"));
    }
    let nobody = [0; 28];
    let call = ended(libc::SYS_waitid, args, 0, &nobody).call;
    assert_eq!(call.args, "P_ALL, WEXITED");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn what_is_waited_for_and_what_is_ready() {
    let poll = Layout::default().int(3).int(1 | 1 << 16).int(4).int(4).0;
    assert_eq!(
        text(libc::SYS_poll, [BASE, 2, u64::MAX, 0, 0, 0], 1, &poll),
        "poll([3 POLLIN, 4], forever) Value(1)"
    );
    // select: the sets and the time are others at the exit.
    let entry = Ram(Layout::default().word(0b10_1000).word(2).word(0).0);
    let exit = Ram(Layout::default().word(0b1000).word(1).word(0).0);
    let args = [6, BASE, 0, 0, BASE + 8, 0];
    let begun = begin(libc::SYS_select, args, &entry).expect("it matters");
    let call = begun.clone().end(1, &exit).call;
    assert_eq!(call.args, "read [3, 5], 2000 ms, ready read [3]");
    assert_eq!(begun.end(-4, &exit).call.args, "read [3, 5], 2000 ms");
    let event = Layout::default()
        .int(libc::EPOLLIN | libc::EPOLLRDHUP)
        .word(77)
        .0;
    assert_eq!(
        text(libc::SYS_epoll_wait, [5, BASE, 8, 500, 0, 0], 1, &event),
        "epoll_wait(5, 500 ms, ready [EPOLLIN|EPOLLRDHUP]) Value(1)"
    );
    assert_eq!(
        text(libc::SYS_ppoll, [0, 0, 0, 0, 0, 0], -514, b""),
        "ppoll([], forever) Restarted(514)"
    );
}

#[test]
fn numbers_of_rare_calls_have_names() {
    let cases: &[(i64, [u64; 6], &str)] = &[
        (
            libc::SYS_close_range,
            [3, 0xffff_ffff, 4, 0, 0, 0],
            "3, ~0, CLOSE_RANGE_CLOEXEC",
        ),
        (libc::SYS_prctl, [1, 9, 0, 0, 0, 0], "PR_SET_PDEATHSIG"),
        (libc::SYS_prctl, [12_345, 0, 0, 0, 0, 0], "12345"),
        (libc::SYS_ptrace, [0, 0, 0, 0, 0, 0], "PTRACE_TRACEME"),
        (
            libc::SYS_seccomp,
            [1, 0, 0, 0, 0, 0],
            "SECCOMP_SET_MODE_FILTER",
        ),
        (libc::SYS_execveat, [5, BASE, 0, 0, 0, 0], "5, \"x\", []"),
        (libc::SYS_tgkill, [7, 8, 6, 0, 0, 0], "7, 8, SIGABRT"),
        (
            libc::SYS_fcntl,
            [4, 4, 0o4002, 0, 0, 0],
            "4, F_SETFL, O_RDWR|O_NONBLOCK",
        ),
        (libc::SYS_dup3, [4, 9, 0, 0, 0, 0], "4, 9, 0"),
    ];
    for (number, args, expected) in cases {
        let call = ended(*number, *args, 0, b"x\0").call;
        assert_eq!(call.args, *expected, "{}", call.name);
    }
    let high = Layout::default().word(1 << 32).word(0).word(0).word(0);
    let memory = high.word(17).0;
    assert_eq!(
        text(libc::SYS_clone3, [BASE, 88, 0, 0, 0, 0], 7, &memory),
        "clone3(0x100000000|SIGCHLD) Value(7)"
    );
}

#[test]
fn a_filter_is_noticed_whatever_is_in_the_upper_half() {
    let done = ended(libc::SYS_seccomp, [1 << 40 | 1, 0, 0, 0, 0, 0], 0, b"");
    assert_eq!(done.effect, Effect::Confined);
    let asked = ended(libc::SYS_seccomp, [2, 0, 0, 0, 0, 0], 0, b"");
    assert_eq!(asked.effect, Effect::None);
}

#[test]
fn every_name_of_a_call_means_the_others() {
    for (one, other) in [
        ("send", "sendto"),
        ("recv", "recvfrom"),
        ("accept4", "accept"),
        ("wait", "waitid"),
        ("fork", "clone3"),
        ("signal", "rt_sigaction"),
        ("ppoll", "poll"),
        ("select", "pselect6"),
        ("epoll_wait", "epoll_pwait2"),
        ("raise", "tgkill"),
        ("anything", "anything"),
    ] {
        assert!(
            same_call(one, other) && same_call(other, one),
            "{one} {other}"
        );
    }
    for (one, other) in [
        ("send", "write"),
        ("poll", "select"),
        ("kill", "tgkill"),
        ("", "send"),
    ] {
        assert!(!same_call(one, other), "{one} {other}");
    }
}

#[test]
fn signals_that_are_waited_for() {
    let bit = |signal: i32| 1_u64 << (signal - 1);
    let set = bit(libc::SIGTERM) | bit(libc::SIGCHLD);
    // The set, then a siginfo_t: SIGTERM, no errno, SI_QUEUE from 4711.
    let mut memory = set.to_ne_bytes().to_vec();
    for number in [libc::SIGTERM, 0, libc::SI_QUEUE, 0, 4711] {
        memory.extend(number.to_ne_bytes());
    }
    let taken = ended(
        libc::SYS_rt_sigtimedwait,
        [BASE, BASE + 8, 0, 8, 0, 0],
        i64::from(libc::SIGTERM),
        &memory,
    );
    assert_eq!(taken.call.args, "[SIGTERM, SIGCHLD], forever");
    let accepted = Effect::Accepted {
        signal: libc::SIGTERM,
        code: libc::SI_QUEUE,
        sender: 4711,
    };
    assert_eq!(taken.effect, accepted);
    let late = ended(
        libc::SYS_rt_sigtimedwait,
        [BASE, 0, 0, 8, 0, 0],
        -11,
        &memory,
    );
    assert_eq!(late.effect, Effect::None);
    assert_eq!(
        text(
            libc::SYS_signalfd4,
            [u64::MAX, BASE, 8, 0x80000, 0, 0],
            5,
            &(!set).to_ne_bytes()
        ),
        "signalfd4(-1, ~[SIGTERM, SIGCHLD], SFD_CLOEXEC) Value(5)"
    );
    assert_eq!(
        text(libc::SYS_rt_sigqueueinfo, [12, 15, BASE, 0, 0, 0], 0, b""),
        "rt_sigqueueinfo(12, SIGTERM) Value(0)"
    );
}

#[test]
fn signals_that_are_read() {
    let mut memory = Vec::new();
    for number in [libc::SIGTERM, 0, libc::SI_USER, 4711] {
        memory.extend(number.to_ne_bytes());
    }
    memory.resize(256, 0);
    let memory = Ram(memory);
    let read = begin(libc::SYS_read, [5, BASE, 1280, 0, 0, 0], &memory).expect("it matters");
    let accepted = Effect::Accepted {
        signal: libc::SIGTERM,
        code: libc::SI_USER,
        sender: 4711,
    };
    assert_eq!(read.accepted(128, &memory), [accepted]);
    assert_eq!(read.accepted(-4, &memory), []);
    // Memory ends before what was to be read does.
    assert_eq!(read.accepted(i64::MAX, &memory).len(), 2);
}

#[test]
fn a_thread_that_names_itself() {
    let name = [libc::PR_SET_NAME as u64, BASE, 0, 0, 0, 0];
    let named = ended(libc::SYS_prctl, name, 0, b"a worker with a long name\0");
    assert_eq!(
        named.call.args,
        "PR_SET_NAME, \"a worker with a long name\""
    );
    assert_eq!(named.effect, Effect::Named("a worker with a".into()));
    let nowhere = ended(libc::SYS_prctl, [name[0], 0, 0, 0, 0, 0], -14, b"");
    assert_eq!(nowhere.effect, Effect::None);
}
