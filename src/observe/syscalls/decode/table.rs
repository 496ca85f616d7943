//! The calls that matter, by their numbers.

/// A system call that matters.
#[derive(Debug, PartialEq, Eq)]
pub struct Syscall {
    /// Its number in the ABI that this build is of.
    pub number: i64,
    /// Its name, as `strace(1)` prints it.
    pub name: &'static str,
    pub(super) family: Family,
}

/// Calls whose arguments are written alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Makes sockets.
    Socket,
    /// A socket and an address: bind, connect.
    Naming,
    /// A socket and an address that the kernel fills in: accept, getsockname.
    FilledIn,
    Shutdown,
    /// A descriptor and numbers: close, dup, fcntl, listen.
    Descriptor,
    CloseRange,
    Send,
    Receive,
    Option,
    Fork,
    Exec,
    Wait,
    Poll,
    Kill,
    Action,
    /// Waits for a signal of a set and takes it.
    Accept,
    /// Makes a descriptor from which signals are read.
    SignalFd,
    /// Waits for a signal, or asks for one.
    Pause,
    /// Goes on with a call that a stop interrupted.
    Resume,
    Exit,
    /// Makes it harder to observe the process.
    Hinder,
}

impl Family {
    /// Whether the first argument is a descriptor and the call matters for sockets only.
    pub(super) fn has_descriptor(self) -> bool {
        matches!(
            self,
            Family::Naming
                | Family::FilledIn
                | Family::Shutdown
                | Family::Descriptor
                | Family::Send
                | Family::Receive
                | Family::Option
        )
    }
}

macro_rules! table {
    ($($(#[$when:meta])* $call:ident $family:ident,)*) => {
        &[$(
            $(#[$when])*
            Syscall {
                number: libc::$call as i64,
                name: lower(stringify!($call)),
                family: Family::$family,
            },
        )*]
    };
}

/// `SYS_accept4` without its prefix.
const fn lower(constant: &'static str) -> &'static str {
    match constant.split_at_checked("SYS_".len()) {
        Some((_, name)) => name,
        None => constant,
    }
}

static TABLE: &[Syscall] = table! {
    SYS_socket Socket,
    SYS_socketpair Socket,
    SYS_bind Naming,
    SYS_connect Naming,
    SYS_listen Descriptor,
    SYS_accept FilledIn,
    SYS_accept4 FilledIn,
    SYS_getsockname FilledIn,
    SYS_getpeername FilledIn,
    SYS_shutdown Shutdown,
    SYS_close Descriptor,
    SYS_dup Descriptor,
    #[cfg(target_arch = "x86_64")]
    SYS_dup2 Descriptor,
    SYS_dup3 Descriptor,
    SYS_fcntl Descriptor,
    SYS_close_range CloseRange,
    SYS_read Receive,
    SYS_readv Receive,
    SYS_recvfrom Receive,
    SYS_recvmsg Receive,
    SYS_recvmmsg Receive,
    SYS_write Send,
    SYS_writev Send,
    SYS_sendto Send,
    SYS_sendmsg Send,
    SYS_sendmmsg Send,
    SYS_sendfile Send,
    SYS_setsockopt Option,
    SYS_getsockopt Option,
    #[cfg(target_arch = "x86_64")]
    SYS_fork Fork,
    #[cfg(target_arch = "x86_64")]
    SYS_vfork Fork,
    SYS_clone Fork,
    SYS_clone3 Fork,
    SYS_execve Exec,
    SYS_execveat Exec,
    SYS_wait4 Wait,
    SYS_waitid Wait,
    SYS_kill Kill,
    SYS_tkill Kill,
    SYS_tgkill Kill,
    SYS_pidfd_send_signal Kill,
    SYS_rt_sigqueueinfo Kill,
    SYS_rt_tgsigqueueinfo Kill,
    SYS_rt_sigtimedwait Accept,
    #[cfg(target_arch = "x86_64")]
    SYS_signalfd SignalFd,
    SYS_signalfd4 SignalFd,
    SYS_rt_sigaction Action,
    #[cfg(target_arch = "x86_64")]
    SYS_poll Poll,
    SYS_ppoll Poll,
    #[cfg(target_arch = "x86_64")]
    SYS_select Poll,
    SYS_pselect6 Poll,
    #[cfg(target_arch = "x86_64")]
    SYS_epoll_wait Poll,
    SYS_epoll_pwait Poll,
    SYS_epoll_pwait2 Poll,
    #[cfg(target_arch = "x86_64")]
    SYS_alarm Pause,
    #[cfg(target_arch = "x86_64")]
    SYS_pause Pause,
    SYS_rt_sigsuspend Pause,
    SYS_restart_syscall Resume,
    SYS_exit Exit,
    SYS_exit_group Exit,
    SYS_seccomp Hinder,
    SYS_prctl Hinder,
    SYS_ptrace Hinder,
    SYS_io_uring_setup Hinder,
};

/// Every call that matters.
pub fn all() -> &'static [Syscall] {
    TABLE
}

/// The call of this number.
pub fn find(number: i64) -> Option<&'static Syscall> {
    let index = INDEX.get(usize::try_from(number).ok()?)?;
    TABLE.get(usize::from(*index))
}

/// One above the greatest number of the table, which is asserted below.
const NUMBERS: usize = 512;

/// The place in the table of each number; one behind its end for a call that does not matter.
static INDEX: [u8; NUMBERS] = {
    let mut index = [TABLE.len() as u8; NUMBERS];
    let mut at = 0;
    while at < TABLE.len() {
        index[TABLE[at].number as usize] = at as u8;
        at += 1;
    }
    index
};
