//! Names of numbers.

/// Names of bits: a mask and its name.
pub(super) type Bits = [(i32, &'static str)];

/// The bits by name, joined by `|`; what has no name in hexadecimal; `0` for none.
pub(super) fn named(value: i32, bits: &Bits) -> String {
    let mut rest = value;
    let mut words = Vec::new();
    for (mask, name) in bits {
        if *mask != 0 && rest & mask == *mask {
            words.push((*name).to_owned());
            rest &= !mask;
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(match rest {
            0 => "0".to_owned(),
            rest => format!("{rest:#x}"),
        });
    }
    words.join("|")
}

/// `MSG_…` of `send(2)` and `recv(2)`.
pub(super) const MESSAGE: &Bits = &[
    (libc::MSG_OOB, "MSG_OOB"),
    (libc::MSG_PEEK, "MSG_PEEK"),
    (libc::MSG_DONTROUTE, "MSG_DONTROUTE"),
    (libc::MSG_TRUNC, "MSG_TRUNC"),
    (libc::MSG_DONTWAIT, "MSG_DONTWAIT"),
    (libc::MSG_EOR, "MSG_EOR"),
    (libc::MSG_WAITALL, "MSG_WAITALL"),
    (libc::MSG_CONFIRM, "MSG_CONFIRM"),
    (libc::MSG_ERRQUEUE, "MSG_ERRQUEUE"),
    (libc::MSG_NOSIGNAL, "MSG_NOSIGNAL"),
    (libc::MSG_MORE, "MSG_MORE"),
    (libc::MSG_ZEROCOPY, "MSG_ZEROCOPY"),
    (libc::MSG_FASTOPEN, "MSG_FASTOPEN"),
    (libc::MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"),
];

/// The flags that `socket(2)` and `accept4(2)` take.
pub(super) const SOCKET: &Bits = &[
    (libc::SOCK_NONBLOCK, "SOCK_NONBLOCK"),
    (libc::SOCK_CLOEXEC, "SOCK_CLOEXEC"),
];

/// The flags that `signalfd4(2)` takes.
pub(super) const SIGNALFD: &Bits = &[
    (libc::SFD_NONBLOCK, "SFD_NONBLOCK"),
    (libc::SFD_CLOEXEC, "SFD_CLOEXEC"),
];

/// The options of `wait4(2)` and `waitid(2)`.
pub(super) const WAIT: &Bits = &[
    (libc::WNOHANG, "WNOHANG"),
    (libc::WUNTRACED, "WUNTRACED"),
    (libc::WEXITED, "WEXITED"),
    (libc::WCONTINUED, "WCONTINUED"),
    (libc::WNOWAIT, "WNOWAIT"),
    (libc::__WALL, "__WALL"),
];

/// The flags of `sigaction(2)` that a program sets itself.
pub(super) const ACTION: &Bits = &[
    (libc::SA_NOCLDSTOP, "SA_NOCLDSTOP"),
    (libc::SA_NOCLDWAIT, "SA_NOCLDWAIT"),
    (libc::SA_SIGINFO, "SA_SIGINFO"),
    (libc::SA_ONSTACK, "SA_ONSTACK"),
    (libc::SA_RESTART, "SA_RESTART"),
    (libc::SA_NODEFER, "SA_NODEFER"),
    (libc::SA_RESETHAND, "SA_RESETHAND"),
];

/// The status flags that `fcntl(F_SETFL)` changes.
pub(super) const STATUS: &Bits = &[
    (libc::O_RDWR, "O_RDWR"),
    (libc::O_WRONLY, "O_WRONLY"),
    (libc::O_APPEND, "O_APPEND"),
    (libc::O_NONBLOCK, "O_NONBLOCK"),
    (libc::O_ASYNC, "O_ASYNC"),
];

/// The name of a number, or the number.
pub(super) fn word(number: u64, names: &[(u64, &'static str)]) -> String {
    match names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => number.to_string(),
    }
}

/// The flags of `close_range(2)`.
pub(super) const CLOSE_RANGE: &Bits = &[
    (libc::CLOSE_RANGE_UNSHARE as i32, "CLOSE_RANGE_UNSHARE"),
    (libc::CLOSE_RANGE_CLOEXEC as i32, "CLOSE_RANGE_CLOEXEC"),
];

/// The operations of `prctl(2)` that programs of servers make.
pub(super) const PRCTL: &[(u64, &str)] = &[
    (libc::PR_SET_PDEATHSIG as u64, "PR_SET_PDEATHSIG"),
    (libc::PR_SET_DUMPABLE as u64, "PR_SET_DUMPABLE"),
    (libc::PR_SET_KEEPCAPS as u64, "PR_SET_KEEPCAPS"),
    (libc::PR_SET_NAME as u64, "PR_SET_NAME"),
    (libc::PR_GET_NAME as u64, "PR_GET_NAME"),
    (libc::PR_SET_SECCOMP as u64, "PR_SET_SECCOMP"),
    (libc::PR_CAPBSET_READ as u64, "PR_CAPBSET_READ"),
    (libc::PR_CAPBSET_DROP as u64, "PR_CAPBSET_DROP"),
    (
        libc::PR_SET_CHILD_SUBREAPER as u64,
        "PR_SET_CHILD_SUBREAPER",
    ),
    (libc::PR_SET_NO_NEW_PRIVS as u64, "PR_SET_NO_NEW_PRIVS"),
    (libc::PR_SET_VMA as u64, "PR_SET_VMA"),
];

/// The operations of `seccomp(2)`.
pub(super) const SECCOMP: &[(u64, &str)] = &[
    (
        libc::SECCOMP_SET_MODE_STRICT as u64,
        "SECCOMP_SET_MODE_STRICT",
    ),
    (
        libc::SECCOMP_SET_MODE_FILTER as u64,
        "SECCOMP_SET_MODE_FILTER",
    ),
    (
        libc::SECCOMP_GET_ACTION_AVAIL as u64,
        "SECCOMP_GET_ACTION_AVAIL",
    ),
    (
        libc::SECCOMP_GET_NOTIF_SIZES as u64,
        "SECCOMP_GET_NOTIF_SIZES",
    ),
];

/// The requests of `ptrace(2)` that make a tracer.
pub(super) const PTRACE: &[(u64, &str)] = &[
    (libc::PTRACE_TRACEME as u64, "PTRACE_TRACEME"),
    (libc::PTRACE_ATTACH as u64, "PTRACE_ATTACH"),
    (libc::PTRACE_SEIZE as u64, "PTRACE_SEIZE"),
];

/// The flags of `clone(2)` that say what is shared; the low byte is a signal.
pub(super) const CLONE: &Bits = &[
    (libc::CLONE_VM, "CLONE_VM"),
    (libc::CLONE_FS, "CLONE_FS"),
    (libc::CLONE_FILES, "CLONE_FILES"),
    (libc::CLONE_SIGHAND, "CLONE_SIGHAND"),
    (libc::CLONE_PIDFD, "CLONE_PIDFD"),
    (libc::CLONE_PTRACE, "CLONE_PTRACE"),
    (libc::CLONE_VFORK, "CLONE_VFORK"),
    (libc::CLONE_PARENT, "CLONE_PARENT"),
    (libc::CLONE_THREAD, "CLONE_THREAD"),
    (libc::CLONE_NEWNS, "CLONE_NEWNS"),
    (libc::CLONE_UNTRACED, "CLONE_UNTRACED"),
    (libc::CLONE_NEWUTS, "CLONE_NEWUTS"),
    (libc::CLONE_NEWIPC, "CLONE_NEWIPC"),
    (libc::CLONE_NEWCGROUP, "CLONE_NEWCGROUP"),
    (libc::CLONE_NEWNET, "CLONE_NEWNET"),
    (libc::CLONE_NEWPID, "CLONE_NEWPID"),
    (libc::CLONE_NEWUSER, "CLONE_NEWUSER"),
];

/// Bits of [`CLONE`]'s kind that say how a thread is set up: nothing that the timeline is about.
pub(super) const CLONE_SETUP: i32 = libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID
    | libc::CLONE_CHILD_SETTID;

/// An address family.
pub(super) fn family(number: i32) -> String {
    match number {
        libc::AF_UNSPEC => "AF_UNSPEC".to_owned(),
        libc::AF_UNIX => "AF_UNIX".to_owned(),
        libc::AF_INET => "AF_INET".to_owned(),
        libc::AF_INET6 => "AF_INET6".to_owned(),
        libc::AF_NETLINK => "AF_NETLINK".to_owned(),
        libc::AF_PACKET => "AF_PACKET".to_owned(),
        libc::AF_VSOCK => "AF_VSOCK".to_owned(),
        other => format!("family {other}"),
    }
}

/// A socket's type with its flags.
pub(super) fn socket_type(number: i32) -> String {
    let flags = number & (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    let kind = match number & !flags {
        libc::SOCK_STREAM => "SOCK_STREAM".to_owned(),
        libc::SOCK_DGRAM => "SOCK_DGRAM".to_owned(),
        libc::SOCK_RAW => "SOCK_RAW".to_owned(),
        libc::SOCK_SEQPACKET => "SOCK_SEQPACKET".to_owned(),
        other => format!("type {other}"),
    };
    match flags {
        0 => kind,
        flags => format!("{kind}|{}", named(flags, SOCKET)),
    }
}
