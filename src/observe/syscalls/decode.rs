//! What a system call asks for and what it returned, in words, as `strace(1)` writes them but
//! shorter: from the registers and what they point to.
//!
//! Nothing here asks the kernel. The traced process may be anybody's: every pointer may lead
//! nowhere and every length may be absurd, so that what is read of its memory has bounds.

use super::Disposition;
use crate::event::{Call, CallResult};

mod address;
mod arguments;
mod data;
mod flags;
mod option;
mod rights;
mod same;
mod signals;
mod sockets;
mod span;
mod table;
mod waiting;

pub use same::same_call;
pub use table::{Syscall, all, find};

use table::Family;

/// A traced process's memory.
pub trait Memory {
    /// Reads at most `into.len()` bytes; how many there were.
    ///
    /// # Errors
    /// `EFAULT` where there is no memory, `EPERM`, `ESRCH`.
    fn read(&self, address: u64, into: &mut [u8]) -> nix::Result<usize>;
}

/// The arguments of a call, and the memory that they point to.
#[derive(Clone, Copy)]
struct Raw<'a> {
    args: [u64; 6],
    memory: &'a dyn Memory,
    /// The bytes that the caller had for an address that the kernel fills in: it cuts the
    /// address to these, but answers how long it would be.
    room: u64,
}

impl Raw<'_> {
    /// An argument as the kernel takes an `int`.
    fn int(&self, index: usize) -> i32 {
        self.args[index] as i32
    }

    /// `N` bytes; nothing where they cannot all be read.
    fn bytes<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (address != 0 && self.memory.read(address, &mut bytes) == Ok(N)).then_some(bytes)
    }

    /// An `int` in memory.
    fn int_at(&self, address: u64) -> Option<i32> {
        self.bytes(address).map(i32::from_ne_bytes)
    }

    /// A pointer or `size_t` in memory.
    fn word_at(&self, address: u64) -> Option<u64> {
        self.bytes(address).map(u64::from_ne_bytes)
    }

    /// At most `most` bytes, fewer where memory ends.
    fn some(&self, address: u64, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let read = self.part(address, &mut bytes);
        bytes.truncate(read);
        bytes
    }

    /// As much of the memory at an address as fills the room, or as can be read of it.
    fn part(&self, address: u64, room: &mut [u8]) -> usize {
        match room.len() {
            0 => 0,
            _ => self.memory.read(address, room).unwrap_or(0),
        }
    }
}

/// A call between its entry and its exit.
#[derive(Clone, Debug)]
pub struct Begun {
    syscall: &'static Syscall,
    args: [u64; 6],
    /// What only the entry can tell: what is sent, where to connect.
    shown: String,
    room: u64,
}

/// A call that returned.
#[derive(Debug)]
pub struct Ended {
    /// The call in words; neither its thread nor its socket is known here.
    pub call: Call,
    /// What it changed in its process.
    pub effect: Effect,
}

/// What a call changed that a tracer has to keep up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// What becomes of a signal.
    Handler {
        /// The signal.
        signal: i32,
        /// What becomes of it from now on.
        disposition: Disposition,
    },
    /// It waited for a signal, which was pending or came (`sigwaitinfo(2)`).
    Accepted {
        /// The signal.
        signal: i32,
        /// `si_code`: who or what sent it.
        code: i32,
        /// The sender's pid as the process sees it.
        sender: i32,
    },
    /// The thread has another name (`PR_SET_NAME`).
    Named(String),
    /// Any number of descriptors may be closed.
    ClosedMany,
    /// It put a seccomp filter on itself.
    Confined,
    /// It made a ring by which it asks for things without system calls (`io_uring(7)`).
    Ring,
    /// It wanted to be traced by its parent, or to trace another one, and may not.
    WantsTracer,
}

impl Syscall {
    /// The call at its entry, with what only the entry can tell read from memory.
    pub fn begin(&'static self, args: [u64; 6], memory: &dyn Memory) -> Begun {
        let raw = Raw {
            args,
            memory,
            room: 0,
        };
        let shown = match self.family {
            Family::Send => data::sent(self.name, &raw),
            Family::Naming => sockets::named(&raw),
            Family::Exec => arguments::program(self.name, &raw),
            Family::Poll => waiting::asked(self.name, &raw),
            _ => String::new(),
        };
        Begun {
            syscall: self,
            args,
            shown,
            room: address::room(self.name, &raw),
        }
    }

    /// The descriptor that it is about.
    pub fn fd(&self, args: &[u64; 6]) -> Option<i32> {
        self.family.has_descriptor().then(|| args[0] as i32)
    }

    /// The descriptor that means something else afterwards, whatever it returns.
    pub fn closes(&self, args: &[u64; 6]) -> Option<i32> {
        match self.name {
            "close" => Some(args[0] as i32),
            "dup2" | "dup3" => Some(args[1] as i32),
            _ => None,
        }
    }

    /// Whether it takes nothing but sockets: on any other descriptor it fails (ENOTSOCK).
    pub fn takes_only_sockets(&self) -> bool {
        match self.family {
            Family::Naming | Family::FilledIn | Family::Shutdown | Family::Option => true,
            Family::Descriptor => self.name == "listen",
            Family::Send | Family::Receive => {
                self.name.starts_with("send") && self.name != "sendfile"
                    || self.name.starts_with("recv")
            }
            _ => false,
        }
    }

    /// Whether programs try it on numbers of which they do not know whether they are descriptors:
    /// to close all that there are.
    pub fn is_tried_on_any_number(&self) -> bool {
        matches!(self.name, "close" | "fcntl")
    }
}

impl Begun {
    /// The call's name.
    pub fn name(&self) -> &'static str {
        self.syscall.name
    }

    /// The descriptor that it is about.
    pub fn fd(&self) -> Option<i32> {
        self.syscall.fd(&self.args)
    }

    /// The descriptor that means something else afterwards, whatever it returns.
    pub fn closes(&self) -> Option<i32> {
        self.syscall.closes(&self.args)
    }

    /// The descriptor that it opened.
    pub fn opens(&self, returned: i64) -> Option<i32> {
        let opens = match self.syscall.name {
            "socket" | "accept" | "accept4" | "dup" | "dup2" | "dup3" => true,
            "fcntl" => matches!(self.args[1] as i32, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC),
            _ => false,
        };
        i32::try_from(returned).ok().filter(|fd| opens && *fd >= 0)
    }

    /// What the child of a fork shares with its maker (`CLONE_…` of `clone(2)`); nothing for
    /// another call.
    pub fn shared(&self, memory: &dyn Memory) -> Option<i32> {
        let raw = Raw {
            args: self.args,
            memory,
            room: self.room,
        };
        (self.syscall.family == Family::Fork).then(|| arguments::shared(self.syscall.name, &raw))
    }

    /// The signals that a `read(2)` of a `signalfd(2)` took.
    pub fn accepted(&self, returned: i64, memory: &dyn Memory) -> Vec<Effect> {
        let raw = Raw {
            args: self.args,
            memory,
            room: self.room,
        };
        signals::read(&raw, returned)
    }

    /// Whether it makes a process or a thread.
    pub fn forks(&self) -> bool {
        self.syscall.family == Family::Fork
    }

    /// Whether it goes on with the call before, which a stop interrupted (`restart_syscall(2)`).
    pub fn resumes(&self) -> bool {
        self.syscall.family == Family::Resume
    }

    /// Whether it comes back.
    pub fn needs_exit(&self) -> bool {
        self.syscall.family != Family::Exit
    }

    /// The call when it does not come back: its process ended in it.
    pub fn never(mut self) -> Call {
        let nowhere = Raw {
            args: self.args,
            memory: &Nowhere,
            room: 0,
        };
        let args = self.arguments(&nowhere, -i64::from(libc::EFAULT));
        self.call(args, CallResult::Never)
    }

    /// The call when it returned: a value, an errno as a negative number, or one of -512 to -516,
    /// which programs never see.
    pub fn end(mut self, returned: i64, memory: &dyn Memory) -> Ended {
        let raw = Raw {
            args: self.args,
            memory,
            room: self.room,
        };
        let result = self.result(&raw, returned);
        let effect = self.effect(&raw, returned);
        let args = self.arguments(&raw, returned);
        Ended {
            call: self.call(args, result),
            effect,
        }
    }

    fn call(&self, args: String, result: CallResult) -> Call {
        Call {
            name: self.syscall.name.to_owned(),
            args,
            result,
            fd: self.fd(),
            inode: None,
            opened: None,
            thread: None,
        }
    }

    fn arguments(&mut self, raw: &Raw<'_>, returned: i64) -> String {
        let name = self.syscall.name;
        match self.syscall.family {
            Family::Socket => sockets::made(name, raw, returned),
            Family::Naming | Family::Send | Family::Exec => std::mem::take(&mut self.shown),
            Family::FilledIn => sockets::filled_in(name, raw, returned),
            Family::Shutdown => sockets::shutdown(raw),
            Family::Descriptor => arguments::descriptor(name, raw),
            Family::Receive => data::received(name, raw, returned),
            Family::Option => option::arguments(name, raw, returned),
            Family::Fork => arguments::fork(name, raw),
            Family::Wait => waiting::waited(name, raw, returned),
            Family::Poll => waiting::polled(name, raw, returned, &self.shown),
            Family::Kill => signals::sent(name, raw),
            Family::Action => signals::action(raw),
            Family::Accept => signals::awaited(raw),
            Family::SignalFd => signals::descriptor(name, raw),
            Family::Pause | Family::Resume | Family::Exit | Family::CloseRange | Family::Hinder => {
                arguments::plain(name, raw)
            }
        }
    }

    fn result(&self, raw: &Raw<'_>, returned: i64) -> CallResult {
        match returned {
            -516..=-512 => CallResult::Restarted((-returned) as i32),
            // MAX_ERRNO of include/linux/err.h.
            -4095..=-1 => CallResult::Errno((-returned) as i32),
            0 if data::is_at_end(self.syscall.name, raw) => CallResult::Eof,
            value => CallResult::Value(value),
        }
    }

    fn effect(&self, raw: &Raw<'_>, returned: i64) -> Effect {
        let succeeded = returned >= 0;
        match self.syscall.family {
            Family::Action if succeeded => signals::installed(raw),
            Family::Accept => signals::accepted(raw, returned),
            Family::CloseRange if succeeded => Effect::ClosedMany,
            Family::Hinder => arguments::hindrance(self.syscall.name, raw, succeeded),
            _ => Effect::None,
        }
    }
}

/// The memory of a process that is no more.
struct Nowhere;

impl Memory for Nowhere {
    fn read(&self, _: u64, _: &mut [u8]) -> nix::Result<usize> {
        Err(nix::Error::EFAULT)
    }
}

#[cfg(test)]
mod tests;
