//! A bare TCP end that is driven call by call.

mod command;
mod end;

use nix::errno::Errno;

use super::options::Sigpipe;
use super::posix::{Failure, Lines, leave, print, stdin};
use crate::model::errno_name;
use command::Command;
use end::End;

pub(crate) const NAME: &str = "peer";

/// A bare TCP end, driven call by call.
///
/// Each line of standard input is a command, each is answered by a line on standard output, as in
/// `write: 5`, `read: "abc"`, `read: EOF`, `connect: ECONNREFUSED`. The end of standard input
/// ends it. The commands, one system call each (UNP chapter 4):
///
///   socket [v4|v6]             a TCP socket; it becomes the current one
///   setsockopt NAME VALUE...   SO_REUSEADDR, SO_KEEPALIVE, SO_LINGER ON SECS, SO_RCVBUF,
///                              SO_SNDBUF, TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL,
///                              TCP_KEEPCNT, TCP_USER_TIMEOUT
///   bind ADDR PORT             the local address; port 0 lets the kernel choose
///   name                       getsockname(): the local address
///   listen N                   make it a listener with backlog N
///   accept                     the accepted connection becomes the current socket
///   connect ADDR PORT          wait until connected or refused
///   connect-start ADDR PORT    begin to connect and do not wait
///   connect-finish             wait for what connect-start began
///   write TEXT                 the text as it is, without a line end
///   write-line TEXT            the text and a line end
///   write-bytes N              N times the letter x
///   read [N]                   read() once, at most N bytes
///   shutdown RD|WR|RDWR        half-close
///   close                      close the current socket
///   select FD                  make another socket the current one
///   error                      getsockopt(SO_ERROR)
#[derive(Debug, clap::Parser)]
#[command(
    name = "sockscope program peer",
    no_binary_name = true,
    verbatim_doc_comment
)]
pub(crate) struct Options {
    /// What a write after a reset does (UNP 5.13)
    #[arg(long, value_enum, default_value = "ignore")]
    sigpipe: Sigpipe,

    /// Commands to carry out first, each as one argument
    commands: Vec<String>,
}

pub(crate) fn run(options: &Options) -> i32 {
    leave(NAME, drive(options))
}

fn drive(options: &Options) -> Result<(), Failure> {
    options.sigpipe.install()?;
    let mut end = End::default();
    for line in &options.commands {
        carry_out(&mut end, line.as_bytes())?;
    }
    let mut typed = Lines::default();
    while let Some(line) = typed.next(stdin())? {
        carry_out(&mut end, &line)?;
    }
    Ok(())
}

/// Carries out one line and answers it. Only that the answer cannot be printed is a failure.
fn carry_out(end: &mut End, line: &[u8]) -> Result<(), Failure> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    let (word, answer) = match Command::parse(line) {
        Ok(command) => {
            let word = command.word();
            match end.carry_out(command) {
                Ok(answer) => (word, answer),
                Err(errno) => (word, in_words(errno)),
            }
        }
        Err(why) => (NAME, why),
    };
    print(format!("{word}: {answer}\n").as_bytes())
}

fn in_words(errno: Errno) -> String {
    errno_name(errno as i32)
}
