//! The lab's first process: makes the hosts, starts programs, adopts and reaps orphans, and ends
//! with everything in it when sockscope goes away.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getegid, geteuid};

use super::host::{self, MadeHost, refused};
use super::protocol::{self, Refusal, Reply, Request, Setup, Spawn, Stage, TalkError};
use super::reexec;
use crate::model::ExitStatus;
use crate::observe::syscalls::decode;
use crate::sys::fork::{Fork, fork};
use crate::sys::pidfd::PidFd;
use crate::sys::seccomp::Filter;
use crate::sys::{batch, spawn};

/// The number that the side channel has in a built-in program: above what a program that counts
/// its descriptors would meet.
pub const REPORT_FD: RawFd = 100;

/// Runs the first process on its control socket. Returns the exit code.
pub fn run(control: OwnedFd) -> u8 {
    ignore_the_terminal();
    match serve(control) {
        Ok(()) | Err(TalkError::Gone) => 0,
        Err(error) => {
            eprintln!("sockscope: the lab's first process: {error}");
            3
        }
    }
}

/// Whatever the terminal sends its foreground processes is for sockscope to act on: this process
/// has to outlive it to end the others. Programs begin with nothing blocked.
fn ignore_the_terminal() {
    let mut mask = SigSet::empty();
    for signal in [
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGTSTP,
    ] {
        mask.add(signal);
    }
    // It can only fail for a number that is no signal.
    let _ = mask.thread_block();
}

fn serve(control: OwnedFd) -> Result<(), TalkError> {
    let (request, _) = protocol::receive::<Request>(&control)?;
    let Request::Setup(setup) = request else {
        return Ok(());
    };
    if let Some(cpu) = setup.cpu {
        stay_on(cpu);
    }
    let notes = match enter(&setup) {
        Ok(Entered::First(notes)) => notes,
        Ok(Entered::Outer(first)) => {
            // The control socket is the first process's alone from here on.
            drop(control);
            wait_for(first);
            return Ok(());
        }
        Err(refusal) => {
            return protocol::send(control.as_fd(), &Reply::Refused(refusal), &[]);
        }
    };
    match Lab::make(setup) {
        Ok(lab) => {
            let mut fds: Vec<RawFd> = lab.hosts.iter().flat_map(host_fds).collect();
            fds.extend(lab.own.iter().map(AsRawFd::as_raw_fd));
            protocol::send(control.as_fd(), &Reply::Ready { notes }, &fds)?;
            lab.serve(&control)
        }
        Err(refusal) => protocol::send(control.as_fd(), &Reply::Refused(refusal), &[]),
    }
}

/// Puts this process and all that it starts on one CPU, scheduled without preemption at wake-up.
/// Where that is not allowed, states may have to be inferred: nothing is wrong.
fn stay_on(cpu: usize) {
    let mut only = CpuSet::new();
    if only.set(cpu).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &only);
        let _ = batch::become_batch();
    }
}

enum Entered {
    /// This process is the lab's first one.
    First(Vec<String>),
    /// This process is outside: it only waits for the first one.
    Outer(Pid),
}

/// Enters new namespaces where the lab has them, and becomes the one that adopts orphans.
fn enter(setup: &Setup) -> Result<Entered, Refusal> {
    if !setup.isolated {
        prctl::set_child_subreaper(true).map_err(refused(Stage::Fork))?;
        return Ok(Entered::First(Vec::new()));
    }
    let (uid, gid) = (geteuid(), getegid());
    let mut flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    if !uid.is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).map_err(refused(Stage::Namespaces))?;
    if !uid.is_root() {
        // The user stays who they are: the same ids inside as outside (user_namespaces(7)).
        let map = |file: &str, text: &str| {
            fs::write(file, text).map_err(|error| Refusal {
                stage: Stage::UserMap,
                errno: error.raw_os_error().unwrap_or(0),
            })
        };
        map("/proc/self/setgroups", "deny")?;
        map("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
        map("/proc/self/gid_map", &format!("{gid} {gid} 1"))?;
    }
    match fork().map_err(refused(Stage::Fork))? {
        Fork::Parent(child) => Ok(Entered::Outer(child)),
        Fork::Child => {
            prctl::set_pdeathsig(Signal::SIGKILL).map_err(refused(Stage::Fork))?;
            Ok(Entered::First(own_proc()))
        }
    }
}

/// Shows the lab's programs a /proc of their own pid namespace.
fn own_proc() -> Vec<String> {
    let none: Option<&str> = None;
    let private = mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match private.and_then(|()| mount(Some("proc"), "/proc", Some("proc"), flags, none)) {
        Ok(()) => Vec::new(),
        Err(errno) => vec![format!(
            "programs see the machine's /proc, since the lab may not mount its own ({errno})"
        )],
    }
}

/// The process outside the pid namespace holds nothing and ends with the first process.
fn wait_for(first: Pid) {
    while let Err(Errno::EINTR) = waitpid(first, None) {}
}

struct Lab {
    setup: Setup,
    nursery: Option<OwnedFd>,
    hosts: Vec<MadeHost>,
    children: SignalFd,
    /// This process's own pidfd, for the tracer to find it by.
    own: Option<OwnedFd>,
    /// A program was started, and sockscope has not looked at it yet: until it has, nobody is
    /// reaped, since nothing can be asked about a pid that is gone.
    introducing: bool,
}

fn host_fds(host: &MadeHost) -> Vec<RawFd> {
    let mut fds = vec![host.diag.as_raw_fd()];
    fds.extend(host.tun.iter().map(AsRawFd::as_raw_fd));
    fds
}

impl Lab {
    fn make(setup: Setup) -> Result<Lab, Refusal> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        mask.thread_block().map_err(refused(Stage::Fork))?;
        let children = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map_err(refused(Stage::Fork))?;
        let mut nursery = None;
        let mut hosts = Vec::new();
        if setup.isolated {
            let made = host::nursery()?;
            for spec in &setup.hosts {
                hosts.push(host::make(spec, setup.wire, &made)?);
            }
            nursery = Some(made);
        } else {
            let netns = fs::File::open("/proc/self/ns/net").map_err(|error| Refusal {
                stage: Stage::Namespaces,
                errno: error.raw_os_error().unwrap_or(0),
            })?;
            hosts.push(MadeHost {
                netns: netns.into(),
                diag: host::diag_socket()?,
                tun: None,
            });
        }
        let own = match setup.traced {
            true => Some(traceable().map_err(refused(Stage::Fork))?),
            false => None,
        };
        Ok(Lab {
            setup,
            nursery,
            hosts,
            children,
            own,
            introducing: false,
        })
    }

    fn serve(mut self, control: &OwnedFd) -> Result<(), TalkError> {
        let end = loop {
            let mut fds = vec![PollFd::new(control.as_fd(), PollFlags::POLLIN)];
            if !self.introducing {
                fds.push(PollFd::new(self.children.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => break Err(error.into()),
            }
            let asked = fds[0].any().unwrap_or(false);
            if !self.introducing
                && let Err(error) = self.reap(control)
            {
                break Err(error);
            }
            if asked {
                self.introducing = false;
                match protocol::receive::<Request>(control) {
                    Ok((request, fds)) => {
                        if let Err(error) = self.answer(control, request, fds) {
                            break Err(error);
                        }
                    }
                    Err(error) => break Err(error),
                }
            }
        };
        if !self.setup.isolated {
            end_descendants();
        }
        end
    }

    /// Collects every child that ended, and tells.
    fn reap(&self, control: &OwnedFd) -> Result<(), TalkError> {
        while let Ok(Some(_)) = self.children.read_signal() {}
        loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, status)) => (pid, ExitStatus::Exited(status)),
                Ok(WaitStatus::Signaled(pid, signal, core)) => {
                    let signal = signal as i32;
                    (pid, ExitStatus::Signaled { signal, core })
                }
                Err(Errno::EINTR) | Ok(WaitStatus::Continued(_) | WaitStatus::Stopped(..)) => {
                    continue;
                }
                _ => return Ok(()),
            };
            let reply = Reply::Reaped {
                pid: pid.as_raw(),
                status,
            };
            protocol::send(control.as_fd(), &reply, &[])?;
        }
    }

    fn answer(
        &mut self,
        control: &OwnedFd,
        request: Request,
        fds: Vec<OwnedFd>,
    ) -> Result<(), TalkError> {
        let (reply, send): (Reply, Vec<OwnedFd>) = match request {
            Request::Setup(_) => (failed("the lab is already there"), Vec::new()),
            Request::Spawn(program) => match self.spawn(&program, fds) {
                Ok(pidfd) => {
                    self.introducing = true;
                    (Reply::Spawned, vec![OwnedFd::from(pidfd)])
                }
                Err(error) => {
                    let errno = error.raw_os_error().unwrap_or(0);
                    (Reply::SpawnFailed { errno }, Vec::new())
                }
            },
            Request::Sync => (Reply::Done, Vec::new()),
            Request::Sysctl { host, key, value } => (self.sysctl(host, &key, &value), Vec::new()),
            Request::Reboot { host } => match self.reboot(host) {
                Ok(()) => {
                    let fds = self.hosts.get(host).map(host_fds).unwrap_or_default();
                    return protocol::send(control.as_fd(), &Reply::Rebooted, &fds);
                }
                Err(refusal) => (Reply::Refused(refusal), Vec::new()),
            },
        };
        let raw: Vec<RawFd> = send.iter().map(AsRawFd::as_raw_fd).collect();
        protocol::send(control.as_fd(), &reply, &raw)
    }

    fn spawn(&self, program: &Spawn, fds: Vec<OwnedFd>) -> io::Result<PidFd> {
        let missing = || io::Error::from(io::ErrorKind::InvalidInput);
        let host = self.hosts.get(program.host).ok_or_else(missing)?;
        let (name, arguments) = program.argv.split_first().ok_or_else(missing)?;
        let mut fds = fds.into_iter();
        let mut next = || fds.next().map(Stdio::from).ok_or_else(missing);
        let mut command = Command::new(name);
        command
            .args(arguments)
            .envs(&program.env)
            .stdin(next()?)
            .stdout(next()?)
            .stderr(next()?);
        if let Some(dir) = &program.dir {
            command.current_dir(dir);
        }
        let channel = fds.next();
        match channel {
            Some(_) => {
                reexec::take_over(&mut command).env("SOCKSCOPE_REPORT_FD", REPORT_FD.to_string())
            }
            None => reexec::leave_alone(&mut command),
        };
        spawn::prepare(
            &mut command,
            spawn::Prelude {
                netns: self.setup.isolated.then(|| spawn::raw(&host.netns)),
                keep: channel.as_ref().map(|fd| (spawn::raw(fd), REPORT_FD)),
                session: program.session,
                filter: self.setup.traced.then(calls_that_matter),
            },
        );
        let child = command.spawn()?;
        // Not reaped by anyone else, so the pid is still this child's.
        Ok(PidFd::open(child.id() as i32)?)
    }

    fn sysctl(&self, host: usize, key: &str, value: &str) -> Reply {
        let Some(host) = self.hosts.get(host) else {
            return failed("no such host");
        };
        if !self.setup.isolated {
            return failed("not on the machine's own network");
        }
        match setns(host.netns.as_fd(), CloneFlags::CLONE_NEWNET)
            .and_then(|()| host::write_sysctl(key, value))
        {
            Ok(()) => Reply::Done,
            Err(errno) => failed(&format!("sysctl {key}: {}", errno.desc())),
        }
    }

    fn reboot(&mut self, host: usize) -> Result<(), Refusal> {
        let missing = Refusal {
            stage: Stage::Namespaces,
            errno: libc::EINVAL,
        };
        let (Some(spec), Some(nursery)) = (self.setup.hosts.get(host), &self.nursery) else {
            return Err(missing);
        };
        let made = host::make(spec, self.setup.wire, nursery)?;
        if let Some(old) = self.hosts.get_mut(host) {
            *old = made;
        }
        Ok(())
    }
}

/// Lets sockscope trace this process, and gives its pidfd. Entering a user namespace made it
/// undumpable, and so untraceable for ordinary users (`ptrace(2)`).
fn traceable() -> nix::Result<OwnedFd> {
    prctl::set_dumpable(true)?;
    Ok(PidFd::open(nix::unistd::getpid().as_raw())?.into())
}

fn calls_that_matter() -> Filter {
    Filter::picking(decode::all().iter().map(|call| call.number))
}

fn failed(why: &str) -> Reply {
    Reply::Failed {
        why: why.to_owned(),
    }
}

/// Without a pid namespace: ends all descendants. They are this process's children, or become so
/// when their parents end, since it is their subreaper.
fn end_descendants() {
    loop {
        let children = fs::read_to_string(format!(
            "/proc/self/task/{}/children",
            nix::unistd::gettid()
        ))
        .unwrap_or_else(|_| children_by_scan());
        for pid in children.split_whitespace() {
            if let Ok(pid) = pid.parse() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        match waitpid(None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// For kernels without CONFIG_PROC_CHILDREN.
fn children_by_scan() -> String {
    let own = nix::unistd::getpid().as_raw();
    let mut found = String::new();
    for process in procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten()
    {
        if process.stat().is_ok_and(|stat| stat.ppid == own) {
            found.push_str(&format!("{} ", process.pid));
        }
    }
    found
}
