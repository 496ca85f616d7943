//! A descriptor that names a process (`pidfd_open(2)`): no confusion with a later process of the
//! same pid, and an end that `poll(2)` reports.
//!
//! | what happened | `poll` answers |
//! |---|---|
//! | the process runs, or is stopped | nothing |
//! | all its threads ended; it is a zombie | `POLLIN` |
//! | its status was collected | `POLLIN` and `POLLHUP` (Linux 6.9; only `POLLIN` before) |
//!
//! The exit status ([`PidFd::exit_status`]) can be had only after the last step, and only while
//! the descriptor was open at that time. Seen so on Linux 6.18. A zombie's status is in `/proc/PID/stat`.

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::model::ExitStatus;

/// A process, whatever becomes of its pid.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

/// How far a process's end has come, as `poll(2)` on its pidfd tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has not ended.
    Alive,
    /// It ended. Before Linux 6.9 this is all that is told: it may be reaped already.
    Ended,
    /// It ended and its status was collected.
    Reaped,
}

impl PidFd {
    /// Opens a descriptor for the process `pid`, close-on-exec.
    ///
    /// A zombie can be opened; after it is reaped this fails.
    ///
    /// # Errors
    /// As `pidfd_open(2)`: `ESRCH` when there is no such process, `EINVAL` when `pid` is not
    /// positive, `EMFILE`, `ENOSYS` before Linux 5.3.
    pub fn open(pid: i32) -> Result<PidFd, Errno> {
        let flags: libc::c_uint = 0;
        // SAFETY: pidfd_open takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
        let fd = i32::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
        // SAFETY: the call returned a new descriptor that nobody else owns.
        Ok(PidFd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends a signal by number; 0 only asks whether the process is there. A zombie takes any
    /// signal without effect.
    ///
    /// # Errors
    /// As `pidfd_send_signal(2)`: `ESRCH` once the process is reaped, `EPERM`, `EINVAL` for a
    /// number that is no signal.
    pub fn send_signal(&self, signal: i32) -> Result<(), Errno> {
        let info: *const libc::siginfo_t = std::ptr::null();
        let flags: libc::c_uint = 0;
        // SAFETY: the descriptor is open for as long as self lives; a null siginfo is allowed and
        // makes the kernel fill one in as kill(2) does.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                info,
                flags,
            )
        };
        Errno::result(result).map(drop)
    }

    /// A copy of a descriptor of the process, close-on-exec.
    ///
    /// # Errors
    /// As `pidfd_getfd(2)`: `EBADF`, `EPERM` unless one may trace the process, `ENOSYS` before
    /// Linux 5.6.
    pub fn copy_fd(&self, fd: i32) -> Result<OwnedFd, Errno> {
        let flags: libc::c_uint = 0;
        // SAFETY: pidfd_getfd takes three integers and touches no memory of ours.
        let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, self.0.as_raw_fd(), fd, flags) };
        let copy = i32::try_from(Errno::result(copy)?).map_err(|_| Errno::EBADF)?;
        // SAFETY: the call returned a new descriptor that nobody else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(copy) })
    }

    /// How far the process's end has come. Does not wait.
    ///
    /// # Errors
    /// As `poll(2)`; `EINTR` is retried.
    pub fn life(&self) -> Result<Life, Errno> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut fds, PollTimeout::ZERO) {
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(other) => return Err(other),
            }
        }
        let seen = fds[0].revents().unwrap_or(PollFlags::empty());
        Ok(if seen.contains(PollFlags::POLLHUP) {
            Life::Reaped
        } else if seen.contains(PollFlags::POLLIN) {
            Life::Ended
        } else {
            Life::Alive
        })
    }

    /// How the process ended, once its status was collected, whoever collected it
    /// (`PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`).
    ///
    /// Nothing while it lives or is a zombie, and on kernels before Linux 6.15, which do not keep
    /// it.
    ///
    /// # Errors
    /// As `ioctl(2)`; an ioctl that the kernel does not know is `Ok(None)`.
    pub fn exit_status(&self) -> Result<Option<ExitStatus>, Errno> {
        let wanted = u64::from(libc::PIDFD_INFO_EXIT);
        // SAFETY: pidfd_info consists of integers only: all zeros is a value.
        let mut info: libc::pidfd_info = unsafe { mem::zeroed() };
        info.mask = wanted;
        // SAFETY: the request number carries the size of pidfd_info, so the kernel writes within
        // it; info outlives the call.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::PIDFD_GET_INFO as _, &mut info) };
        match Errno::result(result) {
            Ok(_) if info.mask & wanted != 0 => Ok(Some(ExitStatus::from_wait(info.exit_code))),
            Ok(_) => Ok(None),
            // ENOTTY and EINVAL: no PIDFD_GET_INFO (before 6.13). ESRCH: reaped, and the kernel
            // kept nothing.
            Err(Errno::ENOTTY | Errno::EINVAL | Errno::ESRCH) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

impl PidFd {
    /// The pid, as the `/proc` of the calling process shows it.
    ///
    /// # Errors
    /// When `/proc/self/fdinfo` cannot be read; `ESRCH` when the process is reaped, or lives
    /// outside of that `/proc`'s pid namespace.
    pub fn pid(&self) -> Result<i32, Errno> {
        let path = format!("/proc/self/fdinfo/{}", self.0.as_raw_fd());
        let text = std::fs::read_to_string(path)
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
        text.lines()
            .find_map(|line| line.strip_prefix("Pid:"))
            .and_then(|pid| pid.trim().parse().ok())
            .filter(|pid| *pid > 0)
            .ok_or(Errno::ESRCH)
    }
}

impl From<OwnedFd> for PidFd {
    /// Takes a descriptor that was received from another process.
    fn from(fd: OwnedFd) -> PidFd {
        PidFd(fd)
    }
}

impl From<PidFd> for OwnedFd {
    fn from(pidfd: PidFd) -> OwnedFd {
        pidfd.0
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn wait_until_ended(fd: &PidFd) {
        let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut fds, PollTimeout::from(10_000u16)).expect("poll");
        assert_eq!(ready, 1, "the process did not end within 10 s");
    }

    #[test]
    fn a_process_lives_ends_and_is_reaped() {
        let mut child = Command::new("sh")
            .args(["-c", "read line; exit 7"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh");
        let pidfd = PidFd::open(child.id() as i32).expect("pidfd");
        assert_eq!(pidfd.life(), Ok(Life::Alive));
        assert_eq!(pidfd.exit_status(), Ok(None));
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(b"\n")
            .expect("write");
        wait_until_ended(&pidfd);
        assert_eq!(pidfd.life(), Ok(Life::Ended), "a zombie is not reaped");
        assert_eq!(pidfd.exit_status(), Ok(None), "a zombie's is not told");
        assert_eq!(pidfd.send_signal(0), Ok(()), "a zombie is still there");
        child.wait().expect("wait");
        // POLLHUP came with 6.9 and the status with 6.15.
        if pidfd.life() == Ok(Life::Reaped)
            && let Some(status) = pidfd.exit_status().expect("ioctl")
        {
            assert_eq!(status, ExitStatus::Exited(7));
        }
        assert_eq!(pidfd.send_signal(0), Err(Errno::ESRCH));
    }

    #[test]
    fn a_signal_reaches_the_process() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat");
        let pidfd = PidFd::open(child.id() as i32).expect("pidfd");
        pidfd.send_signal(libc::SIGTERM).expect("signal");
        wait_until_ended(&pidfd);
        child.wait().expect("wait");
        if let Some(status) = pidfd.exit_status().expect("ioctl") {
            assert_eq!(status.to_string(), "killed by SIGTERM");
        }
    }

    #[test]
    fn no_such_process() {
        assert_eq!(PidFd::open(i32::MAX).err(), Some(Errno::ESRCH));
        assert_eq!(PidFd::open(-1).err(), Some(Errno::EINVAL));
    }
}
