//! The lab: hosts, the wire between them, and the processes of one run. Gone without trace
//! afterwards.
//!
//! The lab's first process ([`init`]) is sockscope itself, executed anew ([`reexec`]): it makes the namespaces, starts the programs and adopts their orphans. sockscope's
//! own process stays where it is and gets the descriptors it needs (TUN devices, sock_diag
//! sockets, pidfds) over a socket ([`protocol`]). When that socket closes, for whatever reason,
//! the first process ends and takes everything with it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock};

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;

use crate::model::ExitStatus;
use crate::observe::syscalls::Refused;
use crate::sys::fdpass;
use crate::sys::pidfd::PidFd;
use crate::tolerance;
use protocol::{HostSpec, Refusal, Reply, Request, Setup, Spawn, TalkError};
pub use reexec::FIRST_PROCESS;

pub mod host;
pub mod init;
pub mod packet;
pub mod protocol;
pub mod reexec;
pub mod route;
pub mod unreachable;
pub mod wire;

/// How long the first process may take to end everything before it is killed.
const END_WITHIN_MS: u16 = 5000;

/// A lab that runs.
#[derive(Debug)]
pub struct Lab {
    /// Closed first when the lab ends: that is what tells the first process.
    control: Option<OwnedFd>,
    first: Child,
    reaped: VecDeque<(i32, ExitStatus)>,
    /// The first process's pid as sockscope's own `/proc` shows it, where programs are traced.
    first_pid: Option<i32>,
    /// What is different from what was asked, in words.
    pub notes: Vec<String>,
}

/// The descriptors of one host.
#[derive(Debug)]
pub struct HostFds {
    /// A sock_diag socket in its namespace.
    pub diag: OwnedFd,
    /// Its TUN device, when there is a wire.
    pub tun: Option<OwnedFd>,
}

/// A program that was started.
#[derive(Debug)]
pub struct Started {
    /// Its pid as sockscope's own `/proc` shows it.
    pub pid: i32,
    /// Readable once it ended.
    pub pidfd: PidFd,
    /// Its pipes; nothing where it has streams that were given.
    pub pipes: Option<ProgramPipes>,
}

/// sockscope's ends of a program's pipes.
#[derive(Debug)]
pub struct ProgramPipes {
    /// Its standard input, non-blocking.
    pub stdin: OwnedFd,
    /// Its standard output, non-blocking.
    pub stdout: OwnedFd,
    /// Its standard error, non-blocking.
    pub stderr: OwnedFd,
}

/// Why something cannot be had of a lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The kernel refused a step of making it.
    #[error("{}: {}", .0.stage.words(), nix::errno::Errno::from_raw(.0.errno).desc())]
    Refused(Refusal),
    /// The program does not run.
    #[error("{}", nix::errno::Errno::from_raw(*.0).desc())]
    NotStarted(i32),
    /// A request failed.
    #[error("{0}")]
    Failed(String),
    /// Its processes cannot be traced.
    #[error(transparent)]
    NotTraced(Refused),
    /// The first process cannot be talked to.
    #[error(transparent)]
    Talk(#[from] TalkError),
    /// The first process cannot be started.
    #[error("starting the lab's first process: {0}")]
    Start(#[from] io::Error),
}

impl From<nix::Error> for LabError {
    fn from(errno: nix::Error) -> LabError {
        LabError::Start(errno.into())
    }
}

/// Between fork and the end of exec a first process has copies of all descriptors, those of the
/// runs beside it too. Written to until one has answered: vfork(2) lets the parent go on before exec
/// has closed them.
static SPAWNING: RwLock<()> = RwLock::new(());

/// Closes the writing end of a pipe for good: whoever reads the other end sees the end of file now,
/// and not when a lab that another thread is opening has got that far, or a process that a thread
/// of somebody else's program starts.
pub fn close_for_good(fd: OwnedFd) {
    // A reading end of our own, which sees when the last copy of the writing end is closed.
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let reader = open(path.as_str(), flags, Mode::empty());
    {
        let _nobody_spawns = SPAWNING.read().unwrap_or_else(PoisonError::into_inner);
        drop(fd);
    }
    if let Ok(reader) = reader {
        // POLLHUP is told without being asked for. Whoever has a copy for longer keeps it.
        let mut fds = [PollFd::new(reader.as_fd(), PollFlags::empty())];
        let patience = PollTimeout::try_from(tolerance::SETTLE).unwrap_or(PollTimeout::ZERO);
        let _ = poll(&mut fds, patience);
    }
}

impl Lab {
    /// The first process that sockscope started, as its own `/proc` shows it.
    pub fn own_pid(&self) -> i32 {
        self.first.id().cast_signed()
    }

    /// Makes a lab. `executable` is sockscope itself.
    pub fn open(executable: &Path, setup: Setup) -> Result<(Lab, Vec<HostFds>), LabError> {
        let (control, theirs) = fdpass::pair()?;
        let alone = SPAWNING.write().unwrap_or_else(PoisonError::into_inner);
        let first = reexec::take_over(Command::new(executable).arg(FIRST_PROCESS))
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        let (wire, hosts) = (setup.wire, setup.hosts.len());
        let (isolated, traced) = (setup.isolated, setup.traced);
        let mut lab = Lab {
            control: Some(control),
            first,
            reaped: VecDeque::new(),
            first_pid: None,
            notes: Vec::new(),
        };
        let answer = lab.ask(&Request::Setup(setup), &[]);
        drop(alone);
        match answer? {
            (Reply::Ready { notes }, mut fds) => {
                lab.notes = notes;
                if traced {
                    let own = PidFd::from(fds.pop().ok_or(TalkError::Gone)?);
                    lab.first_pid = Some(own.pid()?);
                }
                let hosts = host_fds(fds, if isolated { hosts } else { 1 }, wire)?;
                Ok((lab, hosts))
            }
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// Starts a program with pipes for its standard streams; `channel` is the sending end of its
    /// side channel. Nothing is reaped until the next request, so that a program which ends at
    /// once can be looked at: [`Lab::sync`] when that is done.
    pub fn start(
        &mut self,
        program: Spawn,
        channel: Option<BorrowedFd<'_>>,
    ) -> Result<Started, LabError> {
        let (stdin, ours_in) = pipe2(OFlag::O_CLOEXEC)?;
        let (ours_out, stdout) = pipe2(OFlag::O_CLOEXEC)?;
        let (ours_err, stderr) = pipe2(OFlag::O_CLOEXEC)?;
        for fd in [&ours_in, &ours_out, &ours_err] {
            nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let mut fds = vec![stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()];
        fds.extend(channel.iter().map(AsRawFd::as_raw_fd));
        let pipes = ProgramPipes {
            stdin: ours_in,
            stdout: ours_out,
            stderr: ours_err,
        };
        self.spawn(program, &fds, Some(pipes))
    }

    /// As [`Lab::start`], with these as standard input, output and error.
    pub fn start_on(
        &mut self,
        program: Spawn,
        streams: [BorrowedFd<'_>; 3],
    ) -> Result<Started, LabError> {
        let fds = streams.map(|fd| fd.as_raw_fd());
        self.spawn(program, &fds, None)
    }

    fn spawn(
        &mut self,
        program: Spawn,
        fds: &[std::os::fd::RawFd],
        pipes: Option<ProgramPipes>,
    ) -> Result<Started, LabError> {
        match self.ask(&Request::Spawn(program), fds)? {
            (Reply::Spawned, mut fds) => {
                let pidfd = PidFd::from(fds.pop().ok_or(TalkError::Gone)?);
                Ok(Started {
                    pid: pidfd.pid()?,
                    pidfd,
                    pipes,
                })
            }
            (Reply::SpawnFailed { errno }, _) => Err(LabError::NotStarted(errno)),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// The first process, for a tracer to seize; only of a lab that was set up so.
    pub fn first_pid(&self) -> Option<i32> {
        self.first_pid
    }

    /// Sets a sysctl in a host's namespace.
    pub fn sysctl(&mut self, host: usize, key: &str, value: &str) -> Result<(), LabError> {
        let request = Request::Sysctl {
            host,
            key: key.to_owned(),
            value: value.to_owned(),
        };
        match self.ask(&request, &[])? {
            (Reply::Done, _) => Ok(()),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// Replaces a host's namespace by a fresh one with the same address.
    pub fn reboot(&mut self, host: usize, wire: bool) -> Result<HostFds, LabError> {
        match self.ask(&Request::Reboot { host }, &[])? {
            (Reply::Rebooted, fds) => host_fds(fds, 1, wire)?
                .pop()
                .ok_or(LabError::Talk(TalkError::Gone)),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// Returns when the first process has told of everything it did so far.
    pub fn sync(&mut self) -> Result<(), LabError> {
        match self.ask(&Request::Sync, &[])? {
            (Reply::Done, _) => Ok(()),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// The descriptor to wait for: readable when the first process has something to tell.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(AsFd::as_fd)
    }

    /// The next process that the first one reaped: its pid inside the lab, and how it ended.
    ///
    /// # Errors
    /// [`TalkError::Gone`] when the first process ended: somebody killed it.
    pub fn next_reaped(&mut self) -> Result<Option<(i32, ExitStatus)>, LabError> {
        if let Some(reaped) = self.reaped.pop_front() {
            return Ok(Some(reaped));
        }
        let control = self.control.as_ref().ok_or(TalkError::Gone)?;
        if !is_readable(control) {
            return Ok(None);
        }
        match protocol::receive(control)? {
            (Reply::Reaped { pid, status }, _) => Ok(Some((pid, status))),
            (reply, _) => Err(unexpected(reply)),
        }
    }

    /// Sends a request and waits for its reply; what was reaped meanwhile is kept.
    fn ask(
        &mut self,
        request: &Request,
        fds: &[std::os::fd::RawFd],
    ) -> Result<(Reply, Vec<OwnedFd>), LabError> {
        let control = self.control.as_ref().ok_or(TalkError::Gone)?;
        protocol::send(control.as_fd(), request, fds)?;
        loop {
            match protocol::receive(control)? {
                (Reply::Reaped { pid, status }, _) => self.reaped.push_back((pid, status)),
                other => return Ok(other),
            }
        }
    }
}

impl Drop for Lab {
    /// Ends every process of the lab and waits until they are gone.
    fn drop(&mut self) {
        self.control = None;
        if let Ok(pidfd) = PidFd::open(self.first.id() as i32) {
            let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
            while let Err(nix::Error::EINTR) = poll(&mut fds, PollTimeout::from(END_WITHIN_MS)) {}
            if !fds[0].any().unwrap_or(false) {
                let _ = self.first.kill();
            }
        }
        let _ = self.first.wait();
    }
}

fn host_fds(fds: Vec<OwnedFd>, hosts: usize, wire: bool) -> Result<Vec<HostFds>, LabError> {
    let mut fds = fds.into_iter();
    let mut next = || fds.next().ok_or(LabError::Talk(TalkError::Gone));
    (0..hosts)
        .map(|_| {
            Ok(HostFds {
                diag: next()?,
                tun: if wire { Some(next()?) } else { None },
            })
        })
        .collect()
}

fn unexpected(reply: Reply) -> LabError {
    match reply {
        Reply::Refused(refusal) => LabError::Refused(refusal),
        Reply::Failed { why } => LabError::Failed(why),
        other => LabError::Failed(format!("an answer out of turn: {other:?}")),
    }
}

fn is_readable(fd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut fds, PollTimeout::ZERO) {
            Err(nix::Error::EINTR) => {}
            Ok(ready) => return ready > 0,
            Err(_) => return false,
        }
    }
}

/// The addresses of a lab's hosts: the first gets .1 and ::1, the second .2 and ::2 …
pub fn host_spec(name: crate::model::HostName, index: usize) -> HostSpec {
    let last = u8::try_from(index + 1).unwrap_or(u8::MAX);
    let [a, b, c, _] = host::NETWORK_V4.0.octets();
    let mut v6 = host::NETWORK_V6.0.segments();
    v6[7] = u16::from(last);
    HostSpec {
        name,
        v4: [a, b, c, last].into(),
        v6: v6.into(),
        sysctl: Default::default(),
        rto_min_ms: host::RTO_MIN_MS,
        quickack: true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_closed_for_good_has_no_copy_left() {
        let (reader, writer) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).expect("a pipe");
        let copy = writer.try_clone().expect("a copy");
        let gone = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(30));
                gone.store(true, Ordering::SeqCst);
                drop(copy);
            });
            close_for_good(writer);
            assert!(gone.load(Ordering::SeqCst));
        });
        assert_eq!(nix::unistd::read(&reader, &mut [0]), Ok(0));
    }
}
