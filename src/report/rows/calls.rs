//! System calls and signals in words.

use super::happening::Moment;
use super::{Happening, effects};
use crate::event::{Call, CallResult, SignalFate, SignalOrigin, SocketKey};
use crate::model::{ProcessName, errno_name, restart_name, signal_name};
use crate::report::palette::Tone;
use crate::report::text::{escape, visible};

/// Calls whose success the timeline shows otherwise: forks, ends and reaped children as lives of
/// processes, names, signals; and calls that only wait.
const SHOWN_OTHERWISE: [&str; 22] = [
    "fork",
    "vfork",
    "clone",
    "clone3",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "wait",
    "wait4",
    "waitid",
    "waitpid",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "prctl",
    "rt_sigtimedwait",
    "seccomp",
];

/// Calls whose success is worth a row only to somebody who asked for system calls: their data is
/// on the wire, the rest is preparation.
const DETAILS: [&str; 22] = [
    "alarm",
    "signalfd",
    "signalfd4",
    "getsockname",
    "getpeername",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "write",
    "writev",
    "send",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "socket",
    "bind",
    "setsockopt",
    "getsockopt",
    "fcntl",
];

/// Errors that tell a program to try again or later, not that something is wrong.
const HARMLESS: [i32; 4] = [libc::EINTR, libc::EAGAIN, libc::EINPROGRESS, libc::ECHILD];

impl Moment<'_> {
    pub(super) fn called(&self, process: &ProcessName, call: &Call) -> Option<Happening> {
        if !self.all && !self.is_worth_a_row(call) {
            return None;
        }
        let name = self.by_thread(&call.name);
        let args = self.with_process(self.with_endpoint(process, call));
        let opened = self.mark(process, self.subject.and_then(|subject| subject.opened));
        let effect = format!("{opened}{}", effects::of_call(self.links));
        let (tone, result) = match call.result {
            CallResult::Nothing => {
                return self.of(process, Tone::Plain, format!("caught {name}"));
            }
            CallResult::Restarted(number) => (Tone::Closing, restart_name(number).to_owned()),
            CallResult::Never => (Tone::Plain, "?".to_owned()),
            CallResult::Errno(errno) if HARMLESS.contains(&errno) || is_a_question(call) => {
                (Tone::Closing, errno_name(errno))
            }
            CallResult::Errno(errno) => (Tone::Bad, errno_name(errno)),
            CallResult::Eof => (Tone::Plain, "EOF".to_owned()),
            CallResult::Value(0) if waits_for_descriptors(&call.name) => {
                (Tone::Plain, "0 (timeout)".to_owned())
            }
            CallResult::Value(0) => {
                let text = format!("{name}({args}){effect}");
                return self.of(process, Tone::Plain, text);
            }
            CallResult::Value(value @ 1..=64) if call.name == "rt_sigtimedwait" => {
                (Tone::Plain, signal_name(value as i32))
            }
            CallResult::Value(value) => (
                Tone::Plain,
                format!("{value}{}", in_angles(self.named.returned)),
            ),
        };
        self.of(process, tone, format!("{name}({args}) → {result}{effect}"))
    }

    /// A call with the thread that made it: `thread 2 close`.
    fn by_thread(&self, name: &str) -> String {
        match self.thread {
            Some(number) => format!("thread {number} {}", escape(name)),
            None => escape(name),
        }
    }

    /// Arguments of which the first is a pid, with the process that has it, as
    /// `strace --decode-pids` writes it: `4<server.child>, SIGTERM`.
    fn with_process(&self, args: String) -> String {
        if self.named.argument.is_none() {
            return args;
        }
        let pid = args.split(',').next().unwrap_or_default();
        format!(
            "{pid}{}{}",
            in_angles(self.named.argument),
            &args[pid.len()..]
        )
    }

    /// The arguments, the descriptor with the endpoint behind it as `strace -yy` writes it:
    /// `5<conn2>, buf, 4096`.
    fn with_endpoint(&self, process: &ProcessName, call: &Call) -> String {
        let args = visible(&call.args);
        let mark = self.mark(process, self.subject.and_then(|subject| subject.of));
        let Some(rest) = call
            .fd
            .filter(|_| !mark.is_empty())
            .and_then(|fd| args.strip_prefix(&fd.to_string()))
            .filter(|rest| rest.is_empty() || rest.starts_with(','))
        else {
            return args;
        };
        let fd = &args[..args.len() - rest.len()];
        format!("{fd}{mark}{rest}")
    }

    /// `<conn2>`: what tells an endpoint from others of its lane, where there are others.
    fn mark(&self, process: &ProcessName, key: Option<SocketKey>) -> String {
        let Some(endpoint) = key.and_then(|key| self.lanes.endpoint(key)) else {
            return String::new();
        };
        match self.lanes.label(endpoint) {
            label if label.is_empty() => label,
            _ if endpoint.name.program() == process.program() => {
                format!("<{}>", escape(endpoint.name.local()))
            }
            label => format!("<{label}>"),
        }
    }

    fn is_worth_a_row(&self, call: &Call) -> bool {
        let name = call.name.as_str();
        match call.result {
            // Some programs ask so whether they have been started by a server.
            CallResult::Errno(libc::ENOTSOCK) if is_a_question(call) => false,
            CallResult::Value(_) | CallResult::Never if SHOWN_OTHERWISE.contains(&name) => false,
            CallResult::Value(_) if DETAILS.contains(&name) => self.traced,
            CallResult::Value(_) if name == "rt_sigaction" => says_much(&call.args),
            CallResult::Value(_) if name == "sigaction" => false,
            _ => true,
        }
    }

    pub(super) fn signal(
        &self,
        process: &ProcessName,
        signal: i32,
        from: &SignalOrigin,
        fate: SignalFate,
    ) -> Option<Happening> {
        // The step says it.
        if fate == SignalFate::Generated && *from == SignalOrigin::Sockscope && !self.all {
            return None;
        }
        let name = signal_name(signal);
        let origin = match from {
            SignalOrigin::Process(name) => format!(" from {}", escape(name.as_str())),
            SignalOrigin::Sockscope => " from sockscope".to_owned(),
            // SIGCHLD, SIGPIPE, SIGSEGV come from nobody else.
            SignalOrigin::Kernel => String::new(),
            SignalOrigin::Stranger { pid } => format!(" from pid {pid}, a stranger"),
            SignalOrigin::Unknown => " from outside".to_owned(),
        };
        let text = match fate {
            SignalFate::Generated => format!("is sent {name}{origin}"),
            SignalFate::Caught => format!("caught {name}{origin}"),
            SignalFate::Accepted => format!("accepted {name}{origin}"),
            SignalFate::Delivered if has_no_effect(signal) && !self.all => return None,
            SignalFate::Delivered => format!("got {name}{origin}"),
            SignalFate::Ignored if !self.all => return None,
            SignalFate::Ignored => format!("ignored {name}{origin}"),
        };
        self.of(process, Tone::Closing, text)
    }
}

/// `<server.child>`
fn in_angles(process: Option<&ProcessName>) -> String {
    process.map_or_else(String::new, |process| {
        format!("<{}>", escape(process.as_str()))
    })
}

/// Whether a result of 0 says that nothing was ready in time.
fn waits_for_descriptors(name: &str) -> bool {
    matches!(
        name,
        "poll" | "ppoll" | "select" | "pselect6" | "epoll_wait" | "epoll_pwait" | "epoll_pwait2"
    )
}

/// Whether an error only answers what the program asked.
fn is_a_question(call: &Call) -> bool {
    matches!(call.name.as_str(), "getpeername" | "getsockname")
}

/// Whether an action on a signal is one of those that the book is about, and more than the
/// default. Runtimes install others when they start.
fn says_much(args: &str) -> bool {
    let about = ["SIGCHLD", "SIGPIPE", "SIGINT", "SIGTERM", "SIGALRM"];
    about.iter().any(|signal| args.starts_with(signal))
        && !args.contains("SIG_DFL")
        && !args.ends_with("NULL")
}

/// Whether the default is that nothing happens (`signal(7)`).
fn has_no_effect(signal: i32) -> bool {
    matches!(signal, libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH)
}
