//! The few rtnetlink messages that a host needs (`rtnetlink(7)`): link up, address, route.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

const HEADER: usize = 16;

/// An rtnetlink socket in the calling thread's network namespace.
#[derive(Debug)]
pub struct RouteSocket(OwnedFd);

/// What a route says of its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// RTAX_RTO_MIN: the least retransmission timeout, in milliseconds.
    pub rto_min_ms: Option<u32>,
    /// RTAX_QUICKACK: every ACK is sent at once.
    pub quickack: bool,
}

impl RouteSocket {
    /// Opens one.
    pub fn open() -> nix::Result<RouteSocket> {
        Ok(RouteSocket(socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?))
    }

    /// Sets a link up.
    pub fn link_up(&self, index: u32) -> nix::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.bytes(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
        message.word(index);
        message.word(libc::IFF_UP as u32);
        message.word(libc::IFF_UP as u32);
        self.ask(message)
    }

    /// Makes TCP hand each segment to a link by itself (`IFLA_GSO_MAX_SEGS`), not several in one
    /// piece whose size depends on the round-trip time.
    pub fn single_segments(&self, index: u32) -> nix::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.bytes(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
        message.word(index);
        message.word(0);
        message.word(0);
        message.attribute(libc::IFLA_GSO_MAX_SEGS, &1u32.to_ne_bytes());
        self.ask(message)
    }

    /// Adds an address without a route of its own and without duplicate address detection.
    pub fn add_address(&self, index: u32, address: IpAddr, prefix: u8) -> nix::Result<()> {
        let mut message = Message::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        message.bytes(&[family(address), prefix, 0, 0]);
        message.word(index);
        message.attribute(libc::IFA_LOCAL, &octets(address));
        message.attribute(libc::IFA_ADDRESS, &octets(address));
        message.attribute(
            libc::IFA_FLAGS,
            &(libc::IFA_F_NODAD | libc::IFA_F_NOPREFIXROUTE).to_ne_bytes(),
        );
        self.ask(message)
    }

    /// Adds a route to a network over a link.
    pub fn add_route(
        &self,
        index: u32,
        network: IpAddr,
        prefix: u8,
        metrics: Metrics,
    ) -> nix::Result<()> {
        let mut message = Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        message.bytes(&[
            family(network),
            prefix,
            0,
            0,
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_LINK,
            libc::RTN_UNICAST,
        ]);
        message.word(0);
        message.attribute(libc::RTA_DST, &octets(network));
        message.attribute(libc::RTA_OIF, &index.to_ne_bytes());
        let mut values = Vec::new();
        const RTAX_LOCK: u16 = 1;
        const RTAX_RTO_MIN: u16 = 13;
        const RTAX_QUICKACK: u16 = 15;
        if let Some(ms) = metrics.rto_min_ms {
            // Without the lock TCP takes no notice of it.
            attribute(
                &mut values,
                RTAX_LOCK,
                &(1u32 << RTAX_RTO_MIN).to_ne_bytes(),
            );
            attribute(&mut values, RTAX_RTO_MIN, &ms.to_ne_bytes());
        }
        if metrics.quickack {
            attribute(&mut values, RTAX_QUICKACK, &1u32.to_ne_bytes());
        }
        message.attribute(libc::RTA_METRICS, &values);
        self.ask(message)
    }

    /// Sends a request and waits for its acknowledgement.
    fn ask(&self, message: Message) -> nix::Result<()> {
        let bytes = message.finish();
        sendto(
            self.0.as_raw_fd(),
            &bytes,
            &NetlinkAddr::new(0, 0),
            MsgFlags::empty(),
        )?;
        let mut answer = [0u8; 4096];
        let length = loop {
            match recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                other => break other?,
            }
        };
        // An NLMSG_ERROR: the header, then the negated errno; 0 is the acknowledgement.
        match answer[..length].get(HEADER..HEADER + 4) {
            Some(&[a, b, c, d]) => match i32::from_ne_bytes([a, b, c, d]) {
                0 => Ok(()),
                negated => Err(Errno::from_raw(-negated)),
            },
            _ => Err(Errno::EBADMSG),
        }
    }
}

fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Appends an attribute (`struct rtattr`), padded to four bytes.
fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    to.extend(length.to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// A netlink message under construction.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: libc::c_int) -> Message {
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        Message(bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    fn word(&mut self, word: u32) {
        self.0.extend(word.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        attribute(&mut self.0, kind, value);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}
