//! Plain values that everything else speaks of: TCP and process states, sockets, holders.
//!
//! Nothing here does I/O. The names are the field's own: `netstat(8)`'s TCP states, `ps(1)`'s
//! process letters, errno names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod names;
mod socket;

pub use names::{EndpointName, HostName, ProcessName, ProgramName};
pub use socket::{Holder, SocketFacts, TcpInfo, TimerKind, Tuple};

/// A TCP state, with the numbers of the kernel's `include/net/tcp_states.h` and the names that
/// `netstat(8)` prints (RFC 9293 section 3.3.2 names the same states).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TcpState {
    /// Data flows both ways.
    Established,
    /// A SYN was sent, nothing came back yet.
    SynSent,
    /// A SYN came in and was answered by SYN,ACK.
    SynRecv,
    /// This end sent its FIN; it is not acknowledged yet.
    FinWait1,
    /// This end's FIN is acknowledged; the peer has not closed.
    FinWait2,
    /// Both FINs are acknowledged and this end closed first: it waits 2 MSL (60 s on Linux).
    TimeWait,
    /// No connection.
    Close,
    /// The peer sent its FIN; the local program owes the close.
    CloseWait,
    /// The peer closed first and this end sent its FIN; the last ACK is missing.
    LastAck,
    /// A listener.
    Listen,
    /// Both ends sent a FIN at the same time; ours is not acknowledged yet.
    Closing,
    /// A number this version does not know.
    Unknown(u8),
}

impl TcpState {
    /// Every state that RFC 9293 names, in the kernel's order.
    pub const ALL: [TcpState; 11] = [
        TcpState::Established,
        TcpState::SynSent,
        TcpState::SynRecv,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::TimeWait,
        TcpState::Close,
        TcpState::CloseWait,
        TcpState::LastAck,
        TcpState::Listen,
        TcpState::Closing,
    ];

    /// From the kernel's number. `TCP_NEW_SYN_RECV` (12), a request socket, is `SYN_RECV`.
    pub fn from_kernel(number: u8) -> TcpState {
        match number {
            1..=11 => TcpState::ALL[usize::from(number) - 1],
            12 => TcpState::SynRecv,
            other => TcpState::Unknown(other),
        }
    }

    /// The name as `netstat(8)` prints it.
    pub fn name(self) -> &'static str {
        match self {
            TcpState::Established => "ESTABLISHED",
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynRecv => "SYN_RECV",
            TcpState::FinWait1 => "FIN_WAIT1",
            TcpState::FinWait2 => "FIN_WAIT2",
            TcpState::TimeWait => "TIME_WAIT",
            TcpState::Close => "CLOSE",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::LastAck => "LAST_ACK",
            TcpState::Listen => "LISTEN",
            TcpState::Closing => "CLOSING",
            TcpState::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpState::Unknown(number) => f.pad(&format!("UNKNOWN({number})")),
            known => f.pad(known.name()),
        }
    }
}

/// The word is no TCP state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a TCP state")]
pub struct NotATcpState(pub String);

impl FromStr for TcpState {
    type Err = NotATcpState;

    /// Accepts netstat's, ss's and the RFC's spellings; case, `-` and `_` do not matter.
    fn from_str(word: &str) -> Result<TcpState, NotATcpState> {
        let key: String = word
            .chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        Ok(match key.as_str() {
            "ESTABLISHED" | "ESTAB" => TcpState::Established,
            "SYNSENT" => TcpState::SynSent,
            "SYNRECV" | "SYNRCVD" | "SYNRECEIVED" => TcpState::SynRecv,
            "FINWAIT1" => TcpState::FinWait1,
            "FINWAIT2" => TcpState::FinWait2,
            "TIMEWAIT" => TcpState::TimeWait,
            "CLOSE" | "CLOSED" | "UNCONN" => TcpState::Close,
            "CLOSEWAIT" => TcpState::CloseWait,
            "LASTACK" => TcpState::LastAck,
            "LISTEN" | "LISTENING" => TcpState::Listen,
            "CLOSING" => TcpState::Closing,
            _ => return Err(NotATcpState(word.to_owned())),
        })
    }
}

/// What a UDP socket is. Not a state of a connection: UDP has none, although `netstat(8)` and
/// `ss(8)` borrow two of TCP's words (UNP section 8.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UdpState {
    /// It has a port, sends to anybody and takes from anybody. `ss(8)` says UNCONN.
    Unconnected,
    /// `connect(2)` fixed its peer: it takes from nobody else, and ICMP errors come back to it.
    /// `ss(8)` says ESTAB.
    Connected,
    /// The kernel knows it no more.
    Gone,
}

impl UdpState {
    /// State and word, as scenario files write them.
    pub const NAMED: [(UdpState, &'static str); 3] = [
        (UdpState::Unconnected, "unconnected"),
        (UdpState::Connected, "connected"),
        (UdpState::Gone, "gone"),
    ];

    /// Of a socket with these addresses: `connect(2)` alone gives it a peer.
    pub fn of(tuple: Tuple) -> UdpState {
        match tuple.remote.ip().is_unspecified() && tuple.remote.port() == 0 {
            true => UdpState::Unconnected,
            false => UdpState::Connected,
        }
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            UdpState::Unconnected => "unconnected",
            UdpState::Connected => "connected",
            UdpState::Gone => "gone",
        }
    }
}

impl fmt::Display for UdpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A process state, with the letters of `ps(1)` and `proc_pid_stat(5)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProcState {
    /// `R`: running or ready to run.
    Running,
    /// `S`: blocked in a call that a signal can interrupt.
    Sleeping,
    /// `D`: blocked in a call that no signal interrupts.
    DiskSleep,
    /// `T`: stopped by a signal.
    Stopped,
    /// `t`: stopped by a tracer.
    Traced,
    /// `Z`: ended, its exit status not yet collected by its parent.
    Zombie,
    /// `X`: gone.
    Dead,
    /// `I`: an idle kernel thread.
    Idle,
    /// A letter this version does not know.
    Unknown(char),
}

impl ProcState {
    /// From the letter of `/proc/PID/stat`.
    pub fn from_letter(letter: char) -> ProcState {
        match letter {
            'R' => ProcState::Running,
            'S' => ProcState::Sleeping,
            'D' => ProcState::DiskSleep,
            'T' => ProcState::Stopped,
            't' => ProcState::Traced,
            'Z' => ProcState::Zombie,
            'X' | 'x' => ProcState::Dead,
            'I' => ProcState::Idle,
            other => ProcState::Unknown(other),
        }
    }

    /// The letter that `ps(1)` shows.
    pub fn letter(self) -> char {
        match self {
            ProcState::Running => 'R',
            ProcState::Sleeping => 'S',
            ProcState::DiskSleep => 'D',
            ProcState::Stopped => 'T',
            ProcState::Traced => 't',
            ProcState::Zombie => 'Z',
            ProcState::Dead => 'X',
            ProcState::Idle => 'I',
            ProcState::Unknown(letter) => letter,
        }
    }

    /// Whether the process cannot do anything until something happens to it. One that a tracer
    /// stopped goes on in a moment.
    pub fn is_quiet(self) -> bool {
        !matches!(
            self,
            ProcState::Running | ProcState::DiskSleep | ProcState::Traced | ProcState::Unknown(_)
        )
    }
}

/// How a process ended, as `waitpid(2)` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExitStatus {
    /// `WIFEXITED`: it called `exit(2)` with this status.
    Exited(i32),
    /// `WIFSIGNALED`: this signal ended it.
    Signaled {
        /// The signal's number.
        signal: i32,
        /// `WCOREDUMP`.
        core: bool,
    },
}

impl ExitStatus {
    /// From the status word of `waitpid(2)` (also field 52 of `/proc/PID/stat`).
    pub fn from_wait(word: i32) -> ExitStatus {
        match word & 0x7f {
            0 => ExitStatus::Exited((word >> 8) & 0xff),
            signal => ExitStatus::Signaled {
                signal,
                core: word & 0x80 != 0,
            },
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Exited(status) => write!(f, "exited {status}"),
            ExitStatus::Signaled { signal, .. } => write!(f, "killed by {}", signal_name(*signal)),
        }
    }
}

/// The name of a signal (`SIGCHLD`), or `signal N` for a real-time or unknown one.
pub fn signal_name(number: i32) -> String {
    match nix::sys::signal::Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {number}"),
    }
}

/// The name of an errno (`EPIPE`), or `errno N` for an unknown one.
pub fn errno_name(number: i32) -> String {
    match nix::errno::Errno::from_raw(number) {
        nix::errno::Errno::UnknownErrno => format!("errno {number}"),
        known => format!("{known:?}"),
    }
}

/// The name of a result that only the kernel sees (`ERESTARTSYS`): an interrupted call that it
/// begins anew (`include/linux/errno.h`).
pub fn restart_name(number: i32) -> &'static str {
    match number {
        512 => "ERESTARTSYS",
        513 => "ERESTARTNOINTR",
        514 => "ERESTARTNOHAND",
        516 => "ERESTART_RESTARTBLOCK",
        _ => "ERESTART",
    }
}

/// How a state is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The kernel was asked and answered so.
    Seen,
    /// A kernel event said so.
    Traced,
    /// The only path between two known states, given the segments (RFC 9293 figure 5).
    Inferred,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Evidence::Seen => "seen",
            Evidence::Traced => "traced",
            Evidence::Inferred => "inferred",
        })
    }
}

/// What an endpoint is to its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One end of a TCP connection.
    Connection,
    /// A listening TCP socket.
    Listener,
    /// A UDP socket.
    Datagram,
}

impl Role {
    /// The word that endpoint names are made of.
    pub fn word(self) -> &'static str {
        match self {
            Role::Connection => "conn",
            Role::Listener => "listener",
            Role::Datagram => "udp",
        }
    }
}

/// Writes a duration as milliseconds with one decimal, the unit of the timeline.
pub fn millis(at: Duration) -> String {
    format!("{:.1}", at.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_state_is_read() {
        for (word, state) in [
            ("ESTAB", TcpState::Established),
            ("Fin-Wait-1", TcpState::FinWait1),
            ("SYN_RCVD", TcpState::SynRecv),
            ("syn-recv", TcpState::SynRecv),
            ("closed", TcpState::Close),
            ("TIMEWAIT", TcpState::TimeWait),
        ] {
            assert_eq!(word.parse(), Ok(state));
        }
        assert!("FIN_WAIT3".parse::<TcpState>().is_err());
    }

    #[test]
    fn names_round_trip_and_numbers_match_the_kernel() {
        for (index, state) in TcpState::ALL.into_iter().enumerate() {
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(TcpState::from_kernel(index as u8 + 1), state);
        }
        assert_eq!(TcpState::from_kernel(12), TcpState::SynRecv);
        assert_eq!(TcpState::from_kernel(77).to_string(), "UNKNOWN(77)");
    }

    #[test]
    fn wait_words() {
        assert_eq!(ExitStatus::from_wait(0x0300), ExitStatus::Exited(3));
        assert_eq!(ExitStatus::from_wait(13).to_string(), "killed by SIGPIPE");
    }

    #[test]
    fn children_are_named_by_order() {
        let server = ProcessName::from("server");
        assert_eq!(server.child(1).as_str(), "server.child");
        assert_eq!(server.child(2).as_str(), "server.child2");
        assert_eq!(server.child(1).child(1).as_str(), "server.child.child");
        assert_eq!(server.child(2).program().as_str(), "server");
    }
}
