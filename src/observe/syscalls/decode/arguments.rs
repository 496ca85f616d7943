//! Calls that take plain numbers, and those about programs.

use super::{Effect, Raw, flags};
use crate::model::signal_name;

/// As much of a path or a word as is shown, in bytes.
const SHOWN: usize = 64;

/// As many words of a command line as are shown.
const WORDS: u64 = 4;

/// close, dup, dup2, dup3, fcntl, listen.
pub(super) fn descriptor(name: &str, raw: &Raw<'_>) -> String {
    let fd = raw.int(0);
    match name {
        "dup2" | "listen" => format!("{fd}, {}", raw.int(1)),
        "dup3" => {
            let flag = match raw.int(2) {
                0 => "0",
                _ => "O_CLOEXEC",
            };
            format!("{fd}, {}, {flag}", raw.int(1))
        }
        "fcntl" => fcntl(fd, raw),
        _ => fd.to_string(),
    }
}

fn fcntl(fd: i32, raw: &Raw<'_>) -> String {
    let argument = raw.int(2);
    match raw.int(1) {
        libc::F_DUPFD => format!("{fd}, F_DUPFD, {argument}"),
        libc::F_DUPFD_CLOEXEC => format!("{fd}, F_DUPFD_CLOEXEC, {argument}"),
        libc::F_GETFD => format!("{fd}, F_GETFD"),
        libc::F_SETFD => {
            let flag = flags::named(argument, &[(libc::FD_CLOEXEC, "FD_CLOEXEC")]);
            format!("{fd}, F_SETFD, {flag}")
        }
        libc::F_GETFL => format!("{fd}, F_GETFL"),
        libc::F_SETFL => format!("{fd}, F_SETFL, {}", flags::named(argument, flags::STATUS)),
        libc::F_SETOWN => format!("{fd}, F_SETOWN, {argument}"),
        other => format!("{fd}, {other}, {argument}"),
    }
}

/// The bits that the kernel takes of an `int`.
const INT: u64 = 0xffff_ffff;

/// exit, pause, close_range, and what hinders the tracer.
pub(super) fn plain(name: &str, raw: &Raw<'_>) -> String {
    match name {
        "exit" | "exit_group" => raw.int(0).to_string(),
        "alarm" => (raw.args[0] as u32).to_string(),
        "close_range" => {
            let last = match raw.args[1] as u32 {
                u32::MAX => "~0".to_owned(),
                last => last.to_string(),
            };
            let bits = flags::named(raw.int(2), flags::CLOSE_RANGE);
            format!("{}, {last}, {bits}", raw.args[0] as u32)
        }
        "prctl" if raw.int(0) == libc::PR_SET_NAME => {
            format!("PR_SET_NAME, {}", string(raw, raw.args[1]))
        }
        "prctl" => flags::word(raw.args[0] & INT, flags::PRCTL),
        "seccomp" => flags::word(raw.args[0] & INT, flags::SECCOMP),
        "ptrace" => flags::word(raw.args[0], flags::PTRACE),
        "io_uring_setup" => (raw.args[0] as u32).to_string(),
        _ => String::new(),
    }
}

/// `fork(2)` and its kin: what is shared, and the signal at the end where it is another one.
pub(super) fn fork(name: &str, raw: &Raw<'_>) -> String {
    let all = match name {
        "clone" => raw.args[0],
        // The flags come first in struct clone_args; the signal has a field of its own.
        "clone3" => match (
            raw.word_at(raw.args[0]),
            raw.word_at(raw.args[0].wrapping_add(32)),
        ) {
            (Some(flags), Some(signal)) => flags & !0xff | signal & 0xff,
            _ => return "?".to_owned(),
        },
        _ => return String::new(),
    };
    let signal = (all & 0xff) as i32;
    let shared = (all & !0xff) as u32 as i32 & !flags::CLONE_SETUP;
    let beyond = all >> 32 << 32;
    let mut words = Vec::new();
    if shared != 0 {
        words.push(flags::named(shared, flags::CLONE));
    }
    // Only clone3 has flags up there.
    if beyond != 0 && name == "clone3" {
        words.push(format!("{beyond:#x}"));
    }
    if signal != 0 {
        words.push(signal_name(signal));
    }
    words.join("|")
}

/// The flags of `fork(2)` and its kin.
pub(super) fn shared(name: &str, raw: &Raw<'_>) -> i32 {
    match name {
        "clone" => raw.args[0] as i32,
        "clone3" => raw.word_at(raw.args[0]).unwrap_or(0) as i32,
        _ => 0,
    }
}

/// `execve(2)`, `execveat(2)`: the path and the first words, as they are at the entry.
pub(super) fn program(name: &str, raw: &Raw<'_>) -> String {
    let (folder, path, argv) = match name {
        "execveat" if raw.int(0) == libc::AT_FDCWD => ("AT_FDCWD, ".into(), 1, 2),
        "execveat" => (format!("{}, ", raw.int(0)), 1, 2),
        _ => (String::new(), 0, 1),
    };
    let (path, argv) = (raw.args[path], raw.args[argv]);
    let mut words = Vec::new();
    for index in 0..=WORDS {
        match raw.word_at(argv.wrapping_add(index * 8)) {
            None | Some(0) => break,
            Some(_) if index == WORDS => words.push("...".to_owned()),
            Some(word) => words.push(string(raw, word)),
        }
    }
    format!("{folder}{}, [{}]", string(raw, path), words.join(", "))
}

/// A string that ends with a zero byte.
fn string(raw: &Raw<'_>, address: u64) -> String {
    let bytes = raw.some(address, SHOWN);
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => format!("\"{}\"", bytes[..end].escape_ascii()),
        None if bytes.is_empty() => "?".to_owned(),
        None => format!("\"{}\"...", bytes.escape_ascii()),
    }
}

/// The name that `PR_SET_NAME` gave its thread: 15 bytes at most.
fn comm(raw: &Raw<'_>) -> Effect {
    let bytes = raw.some(raw.args[1], COMM);
    let end = bytes.iter().position(|byte| *byte == 0);
    match &bytes[..end.unwrap_or(bytes.len())] {
        [] if end.is_none() => Effect::None,
        name => Effect::Named(String::from_utf8_lossy(name).into_owned()),
    }
}

/// TASK_COMM_LEN without the zero byte at the end.
const COMM: usize = 15;

/// Whether a call made it harder to observe its process, or changed its name.
pub(super) fn hindrance(name: &str, raw: &Raw<'_>, succeeded: bool) -> Effect {
    match name {
        "seccomp" if succeeded && confines(raw.args[0] as u32) => Effect::Confined,
        "prctl" if succeeded && raw.int(0) == libc::PR_SET_SECCOMP => Effect::Confined,
        "prctl" if succeeded && raw.int(0) == libc::PR_SET_NAME => comm(raw),
        "io_uring_setup" if succeeded => Effect::Ring,
        "ptrace" if !succeeded && asks_for_a_tracer(raw.args[0]) => Effect::WantsTracer,
        _ => Effect::None,
    }
}

/// SECCOMP_SET_MODE_STRICT and SECCOMP_SET_MODE_FILTER; the others ask only.
fn confines(operation: u32) -> bool {
    operation <= libc::SECCOMP_SET_MODE_FILTER
}

fn asks_for_a_tracer(request: u64) -> bool {
    flags::PTRACE.iter().any(|(known, _)| *known == request)
}
