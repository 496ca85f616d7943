//! [`DiagSocket`]: asks the kernel for the state of sockets (`sock_diag(7)`).
//!
//! An exact query costs a few microseconds, takes no reference to the file and so disturbs
//! nobody. A dump walks the kernel's tables.

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, send,
    socket,
};

use crate::model::{SocketFacts, Tuple};

use super::inet_diag::{
    Answer, Binding, Code, DecodeError, End, Extensions, Family, Protocol, Request, Side,
    StateMask, Test, parse_each,
};

/// Larger than any answer to an exact query (about 500 bytes on Linux 6.18).
const EXACT_BUFFER: usize = 4096;
/// The largest datagram that the kernel makes for a dump.
const DUMP_BUFFER: usize = 32 * 1024;
/// How often a dump that the kernel calls inconsistent is asked for again.
const ATTEMPTS: usize = 4;
/// The kernel answers before `send(2)` returns; this only guards against waiting for ever.
const PATIENCE_MS: u16 = 2_000;

/// A netlink socket to the kernel's socket tables, of the network namespace in which it was
/// opened.
///
/// Not for two threads at once: their answers would mix.
#[derive(Debug)]
pub struct DiagSocket {
    fd: OwnedFd,
    sequence: Cell<u32>,
}

/// The kernel could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiagError {
    /// No netlink socket.
    #[error("cannot open a sock_diag socket: {0}")]
    Open(Errno),
    /// The question could not be sent.
    #[error("cannot ask sock_diag: {0}")]
    Send(Errno),
    /// The answer could not be read.
    #[error("cannot read sock_diag's answer: {0}")]
    Receive(Errno),
    /// No answer came.
    #[error("sock_diag does not answer")]
    Silent,
    /// The kernel refused. `ENOENT` on opening or for a dump: it has no INET_DIAG for this
    /// protocol (`CONFIG_INET_TCP_DIAG`, `CONFIG_INET_UDP_DIAG`).
    #[error("sock_diag refuses: {0}")]
    Refused(Errno),
    /// The answer could not be understood.
    #[error("sock_diag's answer makes no sense: {0}")]
    Decode(#[from] DecodeError),
    /// The answer is larger than the buffer, which was enlarged to what the kernel asked for.
    #[error("sock_diag's answer of {0} bytes does not fit")]
    TooLarge(usize),
    /// The socket table changed under each of several dumps (`NLM_F_DUMP_INTR`).
    #[error("the socket table changed under {ATTEMPTS} dumps in a row")]
    Inconsistent,
}

impl DiagSocket {
    /// Opens one in the calling thread's network namespace and makes sure that it answers.
    ///
    /// # Errors
    /// [`DiagError::Open`], and [`DiagError::Refused`] on a kernel without INET_DIAG.
    pub fn open() -> Result<DiagSocket, DiagError> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )
        .map_err(DiagError::Open)?;
        // Connected to the kernel (port 0): no other process's message gets in.
        connect(fd.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(DiagError::Open)?;
        DiagSocket::from_fd(fd)
    }

    /// Takes a `NETLINK_SOCK_DIAG` socket that was opened elsewhere, for example in another
    /// network namespace by [`DiagSocket::open`] and [`DiagSocket::into_fd`], and makes sure that
    /// it answers.
    ///
    /// # Errors
    /// When it does not answer, or the kernel has no INET_DIAG ([`DiagError::Refused`]).
    pub fn from_fd(fd: OwnedFd) -> Result<DiagSocket, DiagError> {
        let diag = DiagSocket {
            fd,
            sequence: Cell::new(0),
        };
        // Without INET_DIAG an exact query's ENOENT would look like "no such socket".
        diag.dump_family(Protocol::Tcp, Family::V4, StateMask::NONE)?;
        Ok(diag)
    }

    /// The descriptor, to be handed to another process.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// The TCP socket with exactly this tuple, in whatever state: listeners (remote all zeros,
    /// port 0), request sockets (SYN_RECV) and TIME_WAIT too. Nothing when the kernel knows none.
    ///
    /// IPv4 and IPv4-mapped IPv6 addresses mean the same; the answer's tuple is as the socket has
    /// it.
    ///
    /// # Errors
    /// When the kernel could not be asked. A socket that is not there is no error.
    pub fn query(&self, tuple: Tuple) -> Result<Option<SocketFacts>, DiagError> {
        self.exact(Protocol::Tcp, tuple, None)
    }

    /// As [`DiagSocket::query`], of the socket with this cookie: another one that took over the
    /// tuple does not count.
    ///
    /// # Errors
    /// As [`DiagSocket::query`].
    pub fn query_cookie(
        &self,
        tuple: Tuple,
        cookie: u64,
    ) -> Result<Option<SocketFacts>, DiagError> {
        self.exact(Protocol::Tcp, tuple, Some(cookie))
    }

    /// As [`DiagSocket::query`], by a walk through the kernel's table instead of a look-up. A
    /// look-up finds nothing while a mini-socket takes over from its socket, and no socket that is
    /// bound to a device (`SO_BINDTODEVICE`). The walk waits for the one and meets the other; it
    /// costs a hundred times as much.
    ///
    /// # Errors
    /// As [`DiagSocket::dump`].
    pub fn walk_to(&self, tuple: Tuple) -> Result<Option<SocketFacts>, DiagError> {
        let port = |side, port| Test::Port {
            side,
            from: port,
            to: port,
        };
        let ports = Test::All(vec![
            port(Side::Local, tuple.local.port()),
            port(Side::Remote, tuple.remote.port()),
        ]);
        let request = Request::Dump {
            protocol: Protocol::Tcp,
            family: match tuple.local.is_ipv4() {
                true => Family::V4,
                false => Family::V6,
            },
            states: StateMask::CONNECTIONS,
            extensions: Extensions::INFO,
        };
        let code = Code::of(&ports).unwrap_or_default();
        let found = self.dump_filtered(&request, &code, |facts, _| facts)?;
        let wanted = tuple.canonical();
        Ok(found
            .into_iter()
            .find(|facts| facts.tuple.canonical() == wanted))
    }

    /// The UDP socket with exactly this tuple; remote all zeros and port 0 when not connected.
    ///
    /// # Errors
    /// As [`DiagSocket::query`].
    pub fn query_udp(&self, tuple: Tuple) -> Result<Option<SocketFacts>, DiagError> {
        self.exact(Protocol::Udp, tuple, None)
    }

    /// Every TCP listener, IPv4 and IPv6. Does not walk the table of connections.
    ///
    /// # Errors
    /// As [`DiagSocket::dump`].
    pub fn listeners(&self) -> Result<Vec<SocketFacts>, DiagError> {
        self.dump(StateMask::LISTEN)
    }

    /// Every TCP socket in one of these states, IPv4 and IPv6, without `tcp_info`.
    ///
    /// Sockets that move to another state while the dump goes on may be missing or there twice:
    /// the cookie tells.
    ///
    /// # Errors
    /// When the kernel could not be asked, and [`DiagError::Inconsistent`].
    pub fn dump(&self, states: StateMask) -> Result<Vec<SocketFacts>, DiagError> {
        let mut sockets = self.dump_family(Protocol::Tcp, Family::V4, states)?;
        sockets.extend(self.dump_family(Protocol::Tcp, Family::V6, states)?);
        Ok(sockets)
    }

    /// Every TCP socket of one family in one of these states.
    ///
    /// # Errors
    /// As [`DiagSocket::dump`].
    pub fn dump_of(
        &self,
        family: Family,
        states: StateMask,
    ) -> Result<Vec<SocketFacts>, DiagError> {
        self.dump_family(Protocol::Tcp, family, states)
    }

    /// Every bound UDP socket, IPv4 and IPv6: `ESTABLISHED` when connected, otherwise `CLOSE`.
    ///
    /// # Errors
    /// As [`DiagSocket::dump`].
    pub fn dump_udp(&self) -> Result<Vec<SocketFacts>, DiagError> {
        let mut sockets = self.dump_family(Protocol::Udp, Family::V4, StateMask::ALL)?;
        sockets.extend(self.dump_family(Protocol::Udp, Family::V6, StateMask::ALL)?);
        Ok(sockets)
    }

    /// Every socket of a protocol and family in one of these states that `code` lets through: the
    /// kernel leaves out the others before it copies anything.
    ///
    /// # Errors
    /// As [`DiagSocket::dump`].
    pub fn dump_where(
        &self,
        protocol: Protocol,
        family: Family,
        states: StateMask,
        code: &Code,
    ) -> Result<Vec<(SocketFacts, Binding)>, DiagError> {
        let request = Request::Dump {
            protocol,
            family,
            states,
            extensions: Extensions::NONE,
        };
        self.dump_filtered(&request, code, |facts, binding| (facts, binding))
    }

    /// As [`DiagSocket::dump_where`], with each socket as it comes; without a family those of both.
    ///
    /// # Errors
    /// As [`DiagSocket::dump`]; also [`DiagError::Inconsistent`] and [`DiagError::TooLarge`] at
    /// once, where [`DiagSocket::dump_where`] begins anew: what was given so far does not count.
    pub fn dump_each(
        &self,
        protocol: Protocol,
        family: Option<Family>,
        states: StateMask,
        code: &Code,
        mut take: impl FnMut(SocketFacts, Binding),
    ) -> Result<(), DiagError> {
        let mut buffer = vec![0u8; DUMP_BUFFER];
        if let (Protocol::Tcp, None) = (protocol, family) {
            match self.dump_once(&Request::TcpDump { states }, code, &mut buffer, &mut take) {
                // It comes before any socket, where there is no such request: for each family then.
                Err(DiagError::Refused(_)) => {}
                answered => return answered,
            }
        }
        let families: &[Family] = match &family {
            Some(family) => std::slice::from_ref(family),
            None => &[Family::V4, Family::V6],
        };
        for family in families {
            let request = Request::Dump {
                protocol,
                family: *family,
                states,
                extensions: Extensions::NONE,
            };
            self.dump_once(&request, code, &mut buffer, &mut take)?;
        }
        Ok(())
    }

    /// The socket of this protocol with exactly this tuple, and its binding.
    ///
    /// # Errors
    /// As [`DiagSocket::query`].
    pub fn query_bound(
        &self,
        protocol: Protocol,
        tuple: Tuple,
    ) -> Result<Option<(SocketFacts, Binding)>, DiagError> {
        self.exact_bound(protocol, tuple, None)
    }

    fn exact(
        &self,
        protocol: Protocol,
        tuple: Tuple,
        cookie: Option<u64>,
    ) -> Result<Option<SocketFacts>, DiagError> {
        let found = self.exact_bound(protocol, tuple, cookie)?;
        Ok(found.map(|(facts, _)| facts))
    }

    fn exact_bound(
        &self,
        protocol: Protocol,
        tuple: Tuple,
        cookie: Option<u64>,
    ) -> Result<Option<(SocketFacts, Binding)>, DiagError> {
        let request = Request::Exact {
            protocol,
            tuple,
            cookie,
            extensions: match protocol {
                Protocol::Tcp => Extensions::INFO,
                Protocol::Udp => Extensions::NONE,
            },
        };
        let mut buffer = [0u8; EXACT_BUFFER];
        let sequence = self.next_sequence();
        self.send(&request.encode(sequence))?;
        loop {
            let length = self.receive(&mut buffer)?;
            let bytes = buffer.get(..length).ok_or(DiagError::TooLarge(length))?;
            // Where no connection fits, the kernel answers with the listener.
            let mut found = None;
            let answer = parse_each(bytes, sequence, &mut |facts, binding| {
                if found.is_none() && facts.tuple.canonical() == tuple.canonical() {
                    found = Some((facts, binding));
                }
            })?;
            match answer.end {
                Some(End::Done) => return Ok(found),
                Some(End::Error(libc::ENOENT | libc::ESTALE)) => return Ok(None),
                Some(End::Error(errno)) => {
                    return Err(DiagError::Refused(Errno::from_raw(errno)));
                }
                // An answer to an earlier question that was given up.
                None => {}
            }
        }
    }

    fn dump_family(
        &self,
        protocol: Protocol,
        family: Family,
        states: StateMask,
    ) -> Result<Vec<SocketFacts>, DiagError> {
        let request = Request::Dump {
            protocol,
            family,
            states,
            extensions: Extensions::NONE,
        };
        self.dump_filtered(&request, &Code::default(), |facts, _| facts)
    }

    fn dump_filtered<T>(
        &self,
        request: &Request,
        code: &Code,
        make: impl Fn(SocketFacts, Binding) -> T,
    ) -> Result<Vec<T>, DiagError> {
        let mut buffer = vec![0u8; DUMP_BUFFER];
        let mut last = DiagError::Inconsistent;
        for _ in 0..ATTEMPTS {
            let mut sockets = Vec::new();
            let mut take = |facts, binding| sockets.push(make(facts, binding));
            match self.dump_once(request, code, &mut buffer, &mut take) {
                Ok(()) => return Ok(sockets),
                Err(DiagError::TooLarge(needed)) => {
                    buffer.resize(needed, 0);
                    last = DiagError::TooLarge(needed);
                }
                Err(DiagError::Inconsistent) => last = DiagError::Inconsistent,
                Err(other) => return Err(other),
            }
        }
        Err(last)
    }

    /// Reads a dump to its end also where part of it is lost: the kernel answers a new one with
    /// `EBUSY` while an old one is unfinished.
    fn dump_once(
        &self,
        request: &Request,
        code: &Code,
        buffer: &mut [u8],
        take: &mut dyn FnMut(SocketFacts, Binding),
    ) -> Result<(), DiagError> {
        let sequence = self.next_sequence();
        self.send(&request.encode_with(sequence, code))?;
        let mut interrupted = false;
        let mut needed = None;
        loop {
            let length = self.receive(buffer)?;
            let Some(bytes) = buffer.get(..length) else {
                needed = needed.max(Some(length));
                continue;
            };
            let Answer {
                end,
                interrupted: now,
                ..
            } = parse_each(bytes, sequence, take)?;
            interrupted |= now;
            match (end, needed) {
                (None, _) => {}
                (Some(End::Error(errno)), _) => {
                    return Err(DiagError::Refused(Errno::from_raw(errno)));
                }
                (Some(End::Done), Some(needed)) => return Err(DiagError::TooLarge(needed)),
                (Some(End::Done), None) if interrupted => return Err(DiagError::Inconsistent),
                (Some(End::Done), None) => return Ok(()),
            }
        }
    }

    fn next_sequence(&self) -> u32 {
        let sequence = self.sequence.get().wrapping_add(1);
        self.sequence.set(sequence);
        sequence
    }

    fn send(&self, request: &[u8]) -> Result<(), DiagError> {
        loop {
            match send(self.fd.as_raw_fd(), request, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(other) => return Err(DiagError::Send(other)),
            }
        }
    }

    /// The datagram's true length, which may exceed the buffer's.
    fn receive(&self, buffer: &mut [u8]) -> Result<usize, DiagError> {
        let flags = MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT;
        loop {
            match recv(self.fd.as_raw_fd(), buffer, flags) {
                Ok(length) => return Ok(length),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => self.wait()?,
                Err(other) => return Err(DiagError::Receive(other)),
            }
        }
    }

    fn wait(&self) -> Result<(), DiagError> {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(PATIENCE_MS)) {
            Ok(0) => Err(DiagError::Silent),
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(other) => Err(DiagError::Receive(other)),
        }
    }
}

impl AsFd for DiagSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_larger_than_the_buffer_is_asked_for_again_in_full() {
        let listeners: Vec<std::net::TcpListener> = (0..40)
            .map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("bind"))
            .collect();
        let diag = DiagSocket::open().expect("sock_diag");
        let request = Request::Dump {
            protocol: Protocol::Tcp,
            family: Family::V4,
            states: StateMask::LISTEN,
            extensions: Extensions::NONE,
        };
        let mut sockets = Vec::new();
        let mut once = |buffer: &mut [u8]| {
            diag.dump_once(&request, &Code::default(), buffer, &mut |facts, _| {
                sockets.push(facts);
            })
        };
        let Err(DiagError::TooLarge(needed)) = once(&mut [0u8; 256]) else {
            panic!("40 listeners do not fit into 256 bytes");
        };
        // Nothing of the lost dump is left: the next one is whole.
        once(&mut vec![0u8; needed.max(DUMP_BUFFER)]).expect("dump");
        for listener in &listeners {
            let address = listener.local_addr().expect("address");
            assert!(sockets.iter().any(|facts| facts.tuple.local == address));
        }
    }

    #[test]
    fn something_else_than_sock_diag_is_refused() {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .expect("netlink");
        assert!(DiagSocket::from_fd(fd).is_err());
    }
}
