//! The receiving side of the side channel.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixCredentials, recvmsg,
    setsockopt, socketpair, sockopt,
};

use super::record::{RECORD_MAX, Record};

/// Reads the records of the programs that inherited the other end.
#[derive(Debug)]
pub struct Receiver {
    socket: OwnedFd,
    closed: bool,
}

/// A datagram from the side channel.
#[derive(Debug)]
pub struct Received {
    /// Who sent it, as the kernel says it, in the receiver's pid namespace; 0 for a process that
    /// cannot be seen from there.
    pub pid: i32,
    /// What it says. The sender may be anybody who inherited the descriptor.
    pub record: Result<Record, BadRecord>,
}

/// A datagram that is no record.
#[derive(Debug, thiserror::Error)]
#[error("not a record: {0}")]
pub struct BadRecord(#[from] serde_json::Error);

impl Receiver {
    /// A receiver and the sending end for the programs. Both have `FD_CLOEXEC` set: whoever starts
    /// the programs clears it on the sending end, or duplicates it, in the new process.
    ///
    /// # Errors
    /// Those of `socketpair(2)` and `setsockopt(2)`.
    pub fn pair() -> nix::Result<(Receiver, OwnedFd)> {
        // SOCK_SEQPACKET and not SOCK_DGRAM: the queue is bounded by bytes, not by
        // net.unix.max_dgram_qlen (10), and the last sender's end is seen.
        let (socket, sender) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        setsockopt(&socket, sockopt::PassCred, &true)?;
        // More than net.core.wmem_max allows is cut to it, which is no error.
        setsockopt(&sender, sockopt::SndBuf, &(4 << 20))?;
        let receiver = Receiver {
            socket,
            closed: false,
        };
        Ok((receiver, sender))
    }

    /// All records that are there now, in the order of sending. It does not wait: poll the
    /// descriptor for that.
    ///
    /// # Errors
    /// Those of `recvmsg(2)`, without `EAGAIN` and `EINTR`.
    pub fn recv(&mut self) -> nix::Result<Vec<Received>> {
        let mut all = Vec::new();
        while let Some(received) = self.recv_one()? {
            all.push(received);
        }
        Ok(all)
    }

    /// Whether the last process that had the other end open is gone, and everything it sent was
    /// received.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn recv_one(&mut self) -> nix::Result<Option<Received>> {
        let mut buffer = [0_u8; RECORD_MAX];
        // Room for the credentials and nothing else: descriptors that a sender adds are dropped
        // by the kernel.
        let mut control = nix::cmsg_space!(UnixCredentials);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let (length, sender) = loop {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            match recvmsg::<()>(
                self.socket.as_raw_fd(),
                &mut parts,
                Some(&mut control),
                flags,
            ) {
                Ok(message) => break (message.bytes, sender_of(message.cmsgs()?)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        };
        // The end of the stream has no sender; an empty datagram has one.
        let Some(pid) = sender else {
            self.closed = true;
            return Ok(None);
        };
        let record = serde_json::from_slice(&buffer[..length]).map_err(BadRecord);
        Ok(Some(Received { pid, record }))
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn sender_of(mut messages: impl Iterator<Item = ControlMessageOwned>) -> Option<i32> {
    messages.find_map(|message| match message {
        ControlMessageOwned::ScmCredentials(credentials) => Some(credentials.pid()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::record::What;

    #[test]
    fn the_sender_is_known_and_nonsense_is_an_error() {
        let (mut receiver, sender) = Receiver::pair().expect("a socket pair");
        nix::unistd::write(&sender, br#"{"at_ns":5,"what":"started"}"#).expect("room");
        nix::unistd::write(&sender, b"\xff\x1b[2J").expect("room");
        let all = receiver.recv().expect("two datagrams");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].pid, nix::unistd::getpid().as_raw());
        let record = all[0].record.as_ref().expect("a record");
        assert_eq!((record.at_ns, record.lost), (5, 0));
        assert_eq!(record.what, What::Started);
        assert!(all[1].record.is_err());
        assert!(!receiver.is_closed());
    }

    #[test]
    fn the_end_of_the_last_sender_is_seen() {
        let (mut receiver, sender) = Receiver::pair().expect("a socket pair");
        drop(sender);
        assert!(receiver.recv().expect("the end").is_empty());
        assert!(receiver.is_closed());
    }
}
