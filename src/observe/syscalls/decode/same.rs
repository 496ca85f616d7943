//! Which names mean the same call.

/// Names that libc gives to calls of the kernel's, or several calls of the kernel's that do the
/// same: whoever expects one of them means any.
const SAME: &[&[&str]] = &[
    &["send", "sendto"],
    &["recv", "recvfrom"],
    &["accept", "accept4"],
    &["wait", "waitpid", "wait3", "wait4", "waitid"],
    &["fork", "vfork", "clone", "clone3"],
    &["sigaction", "signal", "rt_sigaction"],
    &["sigsuspend", "rt_sigsuspend"],
    &["sigwait", "sigwaitinfo", "sigtimedwait", "rt_sigtimedwait"],
    &["sigqueue", "rt_sigqueueinfo"],
    &["pthread_sigqueue", "rt_tgsigqueueinfo"],
    &["signalfd", "signalfd4"],
    &["raise", "pthread_kill", "tgkill"],
    &["poll", "ppoll"],
    // Where the kernel has no call of this name, libc makes it of ppoll.
    #[cfg(not(target_arch = "x86_64"))]
    &["pause", "ppoll"],
    &["select", "pselect", "pselect6"],
    &["epoll_wait", "epoll_pwait", "epoll_pwait2"],
    &["dup2", "dup3"],
    &["exec", "execv", "execvp", "execve", "execveat"],
    &["exit", "_exit", "exit_group"],
];

/// Whether two names mean the same call: `send` is `sendto` to the kernel.
pub fn same_call(one: &str, other: &str) -> bool {
    one == other
        || SAME
            .iter()
            .any(|names| names.contains(&one) && names.contains(&other))
}
