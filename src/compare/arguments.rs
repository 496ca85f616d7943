//! The arguments and values of system calls without what differs every time, each by its meaning.

use std::net::SocketAddr;
use std::ops::Range;

use super::names::Names;
use super::words::{Voice, Words};
use crate::event::{Call, CallResult};

/// Options of sockets whose value is another one each time.
const OPTIONS: [&str; 4] = [
    "SO_COOKIE",
    "SO_INCOMING_CPU",
    "SO_INCOMING_NAPI_ID",
    "TCP_INFO",
];

/// The call, at the event of this index.
pub(super) fn plain(call: &mut Call, event: usize, words: &Words, names: &mut Names) {
    let parts = split(&call.args);
    let texts: Vec<&str> = parts.iter().map(|part| &call.args[part.clone()]).collect();
    let mut args = String::with_capacity(call.args.len());
    let mut done = 0;
    for (index, part) in parts.iter().enumerate() {
        args.push_str(&call.args[done..part.start]);
        args.push_str(&argument(call, &texts, index, event, words, names));
        done = part.end;
    }
    args.push_str(&call.args[done..]);
    // 9 is F_GETOWN.
    let asks_for_owner = call.name == "fcntl" && texts.get(1) == Some(&"9");
    let is_a_pid = call.returned_pid().is_some() || asks_for_owner;
    if let CallResult::Value(value) = &mut call.result
        && is_a_pid
        && let Ok(pid) = i32::try_from(*value)
    {
        *value = i64::from(names.inner(pid, event));
    }
    call.args = args;
    call.inode = call.inode.map(|inode| names.inode(inode));
    call.opened = call.opened.map(|inode| names.inode(inode));
}

/// Whether an argument is a pid, or a process group.
fn is_a_pid(call: &Call, args: &[&str], index: usize) -> bool {
    match (call.name.as_str(), index) {
        (_, 0) => call.takes_a_pid(),
        ("tgkill" | "rt_tgsigqueueinfo", 1) => true,
        ("waitid", 1) => matches!(args.first(), Some(&("P_PID" | "P_PGID"))),
        ("fcntl", 2) => args.get(1) == Some(&"F_SETOWN"),
        _ => false,
    }
}

fn argument(
    call: &Call,
    args: &[&str],
    index: usize,
    event: usize,
    words: &Words,
    names: &mut Names,
) -> String {
    let text = args[index];
    let name = call.name.as_str();
    if is_a_pid(call, args, index)
        && let Ok(pid) = text.parse()
    {
        return names.inner(pid, event).to_string();
    }
    // The child that waitid(2) tells of: `17 exited 0`.
    if name == "waitid"
        && index > 0
        && let Some((pid, rest)) = text.split_once(' ')
        && let Ok(pid) = pid.parse()
    {
        return format!("{} {rest}", names.inner(pid, event));
    }
    if matches!(name, "getsockopt" | "setsockopt")
        && index > 0
        && OPTIONS.contains(&args[index - 1])
    {
        return "N".to_owned();
    }
    if let Ok(mut address) = text.parse::<SocketAddr>() {
        address.set_port(names.port(address.port()));
        return match words.anywhere() {
            true => format!("{}:{}", words.address(address.ip()), address.port()),
            false => address.to_string(),
        };
    }
    // Data, and the words of a command line.
    if text.contains('"') {
        return words.plain(text, Voice::Program(event), names);
    }
    text.to_owned()
}

/// The arguments of a call: what stands between commas that are in no quotes and no brackets.
fn split(args: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut from, mut depth, mut quoted, mut escaped) = (0, 0_usize, false, false);
    for (at, c) in args.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(from..at);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(from..args.len());
    let trimmed = parts.into_iter().map(|part| {
        let text = &args[part.clone()];
        let start = part.start + (text.len() - text.trim_start().len());
        start..start.max(part.start + text.trim_end().len())
    });
    trimmed.collect()
}
