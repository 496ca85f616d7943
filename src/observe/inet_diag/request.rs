//! [`Request`]: what goes to the kernel (`struct inet_diag_req_v2`).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::model::{TcpState, Tuple};

use super::{
    AF_INET, AF_INET6, Code, HEADER_LEN, SOCK_DIAG_BY_FAMILY, SOCKID_LEN, TCPDIAG_GETSOCK,
};

/// The size of most encoded requests: netlink header and `struct inet_diag_req_v2`.
const REQUEST_LEN: usize = HEADER_LEN + 8 + SOCKID_LEN;

/// `INET_DIAG_REQ_BYTECODE`: the attribute that carries a program.
const INET_DIAG_REQ_BYTECODE: u16 = 1;
/// The size of `struct nlattr`.
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP. A socket's state is `ESTABLISHED` when it is connected, otherwise `CLOSE`.
    Udp,
}

/// An address family. A dual-stack socket is an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A set of states to be dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateMask(u32);

impl StateMask {
    /// `TCP_NEW_SYN_RECV`: request sockets, apart from `TCP_SYN_RECV`.
    const REQUESTS: u32 = 1 << 12;

    /// No state: an answer without sockets, and cheap.
    pub const NONE: StateMask = StateMask(0);
    /// Every state of a TCP socket that netstat shows, request sockets among them.
    pub const ALL: StateMask = StateMask(0x1ffe);
    /// Listeners.
    pub const LISTEN: StateMask = StateMask(1 << 10);
    /// Everything but listeners: the kernel need not walk its listener table.
    pub const CONNECTIONS: StateMask = StateMask(StateMask::ALL.0 & !StateMask::LISTEN.0);
    /// Bound but neither listening nor connected (Linux 6.8; such a socket's state is `CLOSE`).
    pub const BOUND: StateMask = StateMask(1 << 13);

    /// Only this state. An unknown one is the bit of its number; beyond 31 it is no bit at all.
    pub fn of(state: TcpState) -> StateMask {
        StateMask(match state {
            TcpState::SynRecv => (1 << 3) | StateMask::REQUESTS,
            TcpState::Unknown(number) => 1u32.checked_shl(u32::from(number)).unwrap_or(0),
            known => TcpState::ALL
                .iter()
                .position(|candidate| *candidate == known)
                .map_or(0, |index| 1 << (index + 1)),
        })
    }

    /// Both sets together.
    pub fn with(self, other: StateMask) -> StateMask {
        StateMask(self.0 | other.0)
    }

    /// The kernel's number.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// What the kernel shall add to each socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extensions(u8);

impl Extensions {
    /// Nothing.
    pub const NONE: Extensions = Extensions(0);
    /// `INET_DIAG_INFO`: `struct tcp_info`. The kernel locks the socket for it.
    pub const INFO: Extensions = Extensions(1 << 1);
    /// `INET_DIAG_SKMEMINFO`: memory and buffer sizes.
    pub const SKMEMINFO: Extensions = Extensions(1 << 6);

    /// Both together.
    pub fn with(self, other: Extensions) -> Extensions {
        Extensions(self.0 | other.0)
    }
}

/// A question to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Every socket of a protocol and family in one of these states.
    Dump {
        /// The protocol.
        protocol: Protocol,
        /// The family of the sockets, which for a dual-stack socket is IPv6.
        family: Family,
        /// Which states.
        states: StateMask,
        /// What to add.
        extensions: Extensions,
    },
    /// Every TCP socket of both families in one of these states, by one walk through the kernel's
    /// table. [`Request::Dump`] walks for each family, and a table without a socket takes
    /// milliseconds already. (`struct inet_diag_req`, the older request.)
    TcpDump {
        /// Which states.
        states: StateMask,
    },
    /// The socket that a segment from `tuple.remote` to `tuple.local` would reach. It need not
    /// have this tuple: where no connection fits, TCP answers with the listener.
    Exact {
        /// The protocol.
        protocol: Protocol,
        /// The addresses. When one is IPv6 the other is sent as IPv6 too.
        tuple: Tuple,
        /// The cookie that it must have, if any.
        cookie: Option<u64>,
        /// What to add.
        extensions: Extensions,
    },
}

impl Request {
    /// The bytes to send. The answers carry the same `sequence`.
    pub fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(REQUEST_LEN + 4);
        let (kind, flags) = match self {
            Request::Dump { .. } => (SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP),
            Request::TcpDump { .. } => (TCPDIAG_GETSOCK, libc::NLM_F_DUMP),
            Request::Exact { .. } => (SOCK_DIAG_BY_FAMILY, 0),
        };
        // struct nlmsghdr; the kernel fills in the sender's port.
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(((libc::NLM_F_REQUEST | flags) as u16).to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        match self {
            Request::Dump {
                protocol,
                family,
                states,
                extensions,
            } => {
                put_head(&mut bytes, *family, *protocol, *extensions, *states);
                bytes.extend([0; SOCKID_LEN]);
            }
            Request::TcpDump { states } => {
                // struct inet_diag_req, with AF_UNSPEC.
                bytes.extend([0; 4]);
                bytes.extend([0; SOCKID_LEN]);
                bytes.extend(states.0.to_ne_bytes());
                bytes.extend(0u32.to_ne_bytes());
            }
            Request::Exact {
                protocol,
                tuple,
                cookie,
                extensions,
            } => {
                let family = family_of(tuple);
                let any = StateMask(u32::MAX);
                put_head(&mut bytes, family, *protocol, *extensions, any);
                // For UDP the kernel takes the "source" as the far end.
                let (src, dst) = match protocol {
                    Protocol::Tcp => (tuple.local, tuple.remote),
                    Protocol::Udp => (tuple.remote, tuple.local),
                };
                bytes.extend(src.port().to_be_bytes());
                bytes.extend(dst.port().to_be_bytes());
                bytes.extend(address_bytes(src.ip(), family));
                bytes.extend(address_bytes(dst.ip(), family));
                bytes.extend(scope_of(tuple).to_ne_bytes());
                // INET_DIAG_NOCOOKIE in both halves: any.
                let cookie = cookie.unwrap_or(u64::MAX);
                bytes.extend((cookie as u32).to_ne_bytes());
                bytes.extend(((cookie >> 32) as u32).to_ne_bytes());
            }
        }
        put_length(&mut bytes);
        bytes
    }

    /// As [`Request::encode`], with a program that tells the kernel which sockets of a dump to
    /// leave out.
    pub fn encode_with(&self, sequence: u32, code: &Code) -> Vec<u8> {
        let mut bytes = self.encode(sequence);
        if code.bytes().is_empty() {
            return bytes;
        }
        // A program is shorter than 16 kB (Code): its length fits, and it ends at 4 bytes.
        let length = ATTRIBUTE_HEADER_LEN + code.bytes().len();
        bytes.extend((length as u16).to_ne_bytes());
        bytes.extend(INET_DIAG_REQ_BYTECODE.to_ne_bytes());
        bytes.extend(code.bytes());
        put_length(&mut bytes);
        bytes
    }
}

/// The length of a message, which it begins with.
fn put_length(bytes: &mut [u8]) {
    let whole = (bytes.len() as u32).to_ne_bytes();
    bytes[..whole.len()].copy_from_slice(&whole);
}

/// What `struct inet_diag_req_v2` begins with.
fn put_head(
    bytes: &mut Vec<u8>,
    family: Family,
    protocol: Protocol,
    extensions: Extensions,
    states: StateMask,
) {
    let family = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    let protocol = match protocol {
        Protocol::Tcp => libc::IPPROTO_TCP as u8,
        Protocol::Udp => libc::IPPROTO_UDP as u8,
    };
    bytes.extend([family, protocol, extensions.0, 0]);
    bytes.extend(states.0.to_ne_bytes());
}

fn family_of(tuple: &Tuple) -> Family {
    if tuple.local.is_ipv4() && tuple.remote.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    }
}

fn address_bytes(address: IpAddr, family: Family) -> [u8; 16] {
    let mapped = |address: IpAddr| -> Ipv6Addr {
        match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        }
    };
    match (family, address) {
        (Family::V4, IpAddr::V4(v4)) => {
            let mut bytes = [0u8; 16];
            bytes[..4].copy_from_slice(&v4.octets());
            bytes
        }
        (_, other) => mapped(other).octets(),
    }
}

/// The interface that a link-local address needs.
fn scope_of(tuple: &Tuple) -> u32 {
    [tuple.local, tuple.remote]
        .into_iter()
        .find_map(|end| match end {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id()),
            _ => None,
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(local: &str, remote: &str) -> Tuple {
        Tuple {
            local: local.parse().expect("address"),
            remote: remote.parse().expect("address"),
        }
    }

    fn exact(protocol: Protocol, tuple: Tuple, cookie: Option<u64>) -> Vec<u8> {
        Request::Exact {
            protocol,
            tuple,
            cookie,
            extensions: Extensions::INFO,
        }
        .encode(7)
    }

    #[test]
    fn an_exact_query_has_the_layout_of_the_header_file() {
        let bytes = exact(
            Protocol::Tcp,
            tuple("192.0.2.1:258", "192.0.2.2:772"),
            Some(0x1122_3344_5566_7788),
        );
        assert_eq!(bytes.len(), 72);
        assert_eq!(bytes[0..4], 72u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 20u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 1u16.to_ne_bytes());
        assert_eq!(bytes[8..12], 7u32.to_ne_bytes());
        assert_eq!(bytes[16..20], [2, 6, 2, 0]);
        assert_eq!(bytes[24..28], [1, 2, 3, 4]);
        assert_eq!(bytes[28..36], [192, 0, 2, 1, 0, 0, 0, 0]);
        assert_eq!(bytes[44..48], [192, 0, 2, 2]);
        assert_eq!(bytes[64..68], 0x5566_7788u32.to_ne_bytes());
        assert_eq!(bytes[68..72], 0x1122_3344u32.to_ne_bytes());
    }

    #[test]
    fn a_dump_of_both_families_has_the_older_layout() {
        let states = StateMask::LISTEN;
        let bytes = Request::TcpDump { states }.encode_with(7, &Code::default());
        assert_eq!(bytes.len(), 76);
        assert_eq!(bytes[0..4], 76u32.to_ne_bytes());
        assert_eq!(bytes[4..6], 18u16.to_ne_bytes());
        assert_eq!(bytes[6..8], 0x301u16.to_ne_bytes());
        assert_eq!(bytes[16..68], [0; 52]);
        assert_eq!(bytes[68..72], (1u32 << 10).to_ne_bytes());
    }

    #[test]
    fn a_mixed_tuple_is_sent_as_mapped() {
        let bytes = exact(Protocol::Tcp, tuple("[::]:80", "192.0.2.2:772"), None);
        assert_eq!(bytes[16], 10);
        assert_eq!(bytes[28..44], [0; 16]);
        assert_eq!(bytes[44..60][10..], [0xff, 0xff, 192, 0, 2, 2]);
        assert_eq!(bytes[64..72], [0xff; 8]);
    }

    #[test]
    fn udp_swaps_the_ends() {
        let bytes = exact(Protocol::Udp, tuple("192.0.2.1:258", "192.0.2.2:772"), None);
        assert_eq!(bytes[24..28], [3, 4, 1, 2]);
        assert_eq!(bytes[28..32], [192, 0, 2, 2]);
    }

    #[test]
    fn masks_are_the_kernels() {
        assert_eq!(StateMask::of(TcpState::Established).bits(), 1 << 1);
        assert_eq!(StateMask::of(TcpState::Listen), StateMask::LISTEN);
        assert_eq!(StateMask::of(TcpState::SynRecv).bits(), 0b1_0000_0000_1000);
        assert_eq!(StateMask::of(TcpState::Unknown(200)), StateMask::NONE);
        let every = TcpState::ALL
            .into_iter()
            .fold(StateMask::NONE, |all, state| all.with(StateMask::of(state)));
        assert_eq!(every, StateMask::ALL);
        assert_eq!(
            StateMask::CONNECTIONS.with(StateMask::LISTEN),
            StateMask::ALL
        );
    }
}
