//! The built-in servers and clients: the programs of the books, each in a file of its own, and
//! the table that finds them by name.
//!
//! They are started by `sockscope program NAME ARGS…`, as processes of a run or by hand. Their
//! faults are flags. What their system calls return they tell on a side channel, where the
//! environment names one ([`record::REPORT_FD`]); their standard output carries data only.

pub mod channel;
mod chat_client;
mod chat_server;
mod echo_client;
mod echo_server;
mod endpoints;
mod event_echo_server;
mod hello_client;
mod hello_server;
mod options;
mod peer;
mod posix;
pub mod record;
pub(crate) mod report;
mod threaded_echo_server;
mod udp_echo_client;
mod udp_echo_server;

use std::ffi::OsString;
use std::io::Write as _;

use clap::{CommandFactory, Parser};
use nix::sys::signal::{SigSet, Signal};

use crate::sys::signals;

/// A built-in program.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// How a scenario calls it: `chat-server`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    usage: fn() -> String,
    start: fn(&[OsString]) -> i32,
}

impl Builtin {
    /// Its arguments, as the first lines of its `--help` show them.
    pub fn usage(&self) -> String {
        (self.usage)()
    }
}

macro_rules! builtin {
    ($program:ident, $summary:literal) => {
        Builtin {
            name: $program::NAME,
            summary: $summary,
            usage: usage::<$program::Options>,
            start: |args| start(args, $program::run),
        }
    };
}

/// Every built-in program.
pub const ALL: &[Builtin] = &[
    builtin!(
        chat_server,
        "a chat server that forks: the parent writes, the child reads"
    ),
    builtin!(
        chat_client,
        "its client: the parent reads, the child writes"
    ),
    builtin!(
        echo_server,
        "an echo server that forks a child for each connection"
    ),
    builtin!(echo_client, "sends a line, waits for its echo, prints it"),
    builtin!(hello_server, "writes \"Hello World!\" and closes"),
    builtin!(hello_client, "prints what the server sends"),
    builtin!(
        event_echo_server,
        "an echo server in one process, with epoll"
    ),
    builtin!(
        threaded_echo_server,
        "an echo server with a thread for each connection"
    ),
    builtin!(udp_echo_server, "an echo server over UDP"),
    builtin!(udp_echo_client, "an echo client over UDP"),
    builtin!(
        peer,
        "a bare TCP end, driven call by call on its standard input"
    ),
];

/// The program of this name.
pub fn find(name: &str) -> Option<&'static Builtin> {
    ALL.iter().find(|program| program.name == name)
}

/// Runs a program in this process and returns its exit status: 1 after a failed system call, 2
/// for wrong arguments or an unknown name.
///
/// Call it first thing in `main`, while the process has a single thread, and exit with what it
/// returns: it changes signal dispositions and the signal mask, and it may fork.
pub fn run(name: &str, args: &[OsString]) -> i32 {
    let Some(program) = find(name) else {
        posix::complain("sockscope", &format_args!("no program is called `{name}`"));
        return 2;
    };
    if let Err(errno) = begin_as_in_c() {
        posix::complain(name, &format_args!("signal: {}", errno.desc()));
        return 1;
    }
    report::open();
    report::started();
    (program.start)(args)
}

/// Signals as a C program finds them: Rust ignores SIGPIPE, and the process that started this one
/// may have blocked or ignored others.
fn begin_as_in_c() -> nix::Result<()> {
    for signal in [Signal::SIGPIPE, Signal::SIGCHLD, Signal::SIGTERM] {
        signals::set_default(signal)?;
    }
    SigSet::empty().thread_set_mask()
}

fn usage<Options: CommandFactory>() -> String {
    Options::command().render_usage().to_string()
}

fn start<Options: Parser>(args: &[OsString], run: fn(&Options) -> i32) -> i32 {
    match Options::try_parse_from(args) {
        Ok(options) => run(&options),
        Err(error) => {
            // The text of --help goes to standard output, that of an error to standard error.
            if error
                .print()
                .and_then(|()| std::io::stdout().flush())
                .is_err()
            {
                return 1;
            }
            error.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_found_by_its_name() {
        for program in ALL {
            assert_eq!(find(program.name).map(|p| p.name), Some(program.name));
            let usage = program.usage();
            assert!(
                usage.contains(&format!("sockscope program {}", program.name)),
                "{usage}"
            );
        }
        assert!(find("nobody").is_none());
    }
}
