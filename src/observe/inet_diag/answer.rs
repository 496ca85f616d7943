//! [`parse`]: what comes back from the kernel (`struct inet_diag_msg` and its attributes).
//!
//! Every length is checked and nothing is trusted: a field that is missing is an error, a value
//! that is not known stays unknown, an attribute that is not known is skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::model::{SocketFacts, TcpInfo, TcpState, TimerKind, Tuple};

use super::{AF_INET, AF_INET6, HEADER_LEN, SOCK_DIAG_BY_FAMILY, SOCKID_LEN, TCPDIAG_GETSOCK};

/// The size of `struct inet_diag_msg`.
const MSG_LEN: usize = 4 + SOCKID_LEN + 20;
/// The size of `struct nlattr`.
const ATTRIBUTE_HEADER_LEN: usize = 4;
/// `INET_DIAG_INFO`: the attribute that carries `struct tcp_info`.
const INET_DIAG_INFO: u16 = 2;
/// `INET_DIAG_SKV6ONLY`: of an IPv6 socket that is LISTEN or CLOSE, whether it takes no IPv4.
const INET_DIAG_SKV6ONLY: u16 = 11;
/// Up to the last field of `struct tcp_info` that is read, `tcpi_segs_in` (Linux 4.2).
const TCP_INFO_LEN: usize = 144;

/// What a socket is bound to besides its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The index of the interface that it is bound to (`SO_BINDTODEVICE`, or the scope of a
    /// link-local address) in its namespace; 0: none.
    pub interface: u32,
    /// Of an IPv6 socket whether it takes no IPv4 (`IPV6_V6ONLY`). The kernel tells it of sockets
    /// that listen or are not connected.
    pub v6_only: Option<bool>,
}

/// What one datagram of the kernel's says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The sockets, in the kernel's order.
    pub sockets: Vec<SocketFacts>,
    /// How the answer ended, if it did; nothing: another datagram follows.
    pub end: Option<End>,
    /// `NLM_F_DUMP_INTR`: the table changed under the dump; it may lack something.
    pub interrupted: bool,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing more follows.
    Done,
    /// The kernel refused with this errno. For an exact query `ENOENT` means that there is no
    /// such socket, `ESTALE` that it has another cookie.
    Error(i32),
}

/// The bytes are no answer of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than the structure has.
    #[error("{what} is cut off at byte {at}")]
    CutOff {
        /// Which structure.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// A length field that is smaller than its own header or reaches beyond the end.
    #[error("{what} at byte {at} claims an impossible length of {length}")]
    Length {
        /// Which structure.
        what: &'static str,
        /// Where it begins.
        at: usize,
        /// What it claims.
        length: usize,
    },
    /// A message that does not belong here.
    #[error("netlink message type {0} is no answer to an INET_DIAG request")]
    Type(u16),
    /// An address family other than IPv4 and IPv6.
    #[error("address family {0} is neither IPv4 nor IPv6")]
    Family(u8),
}

/// Reads one datagram. Messages with another sequence number answer somebody else's question and
/// are skipped.
///
/// # Errors
/// When the bytes are no answer of the kernel's.
pub fn parse(bytes: &[u8], sequence: u32) -> Result<Answer, DecodeError> {
    // A socket without attributes takes this many bytes.
    let most = bytes.len() / (HEADER_LEN + MSG_LEN);
    let mut sockets = Vec::with_capacity(most);
    let mut answer = parse_each(bytes, sequence, &mut |facts, _| sockets.push(facts))?;
    answer.sockets = sockets;
    Ok(answer)
}

/// As [`parse`], with each socket as it is read, and its binding; the answer has none.
///
/// # Errors
/// As [`parse`].
pub fn parse_each(
    bytes: &[u8],
    sequence: u32,
    take: &mut dyn FnMut(SocketFacts, Binding),
) -> Result<Answer, DecodeError> {
    let mut answer = Answer::default();
    let mut at = 0;
    while at < bytes.len() {
        let what = "netlink header";
        let cut_off = DecodeError::CutOff { what, at };
        let header = bytes.get(at..at + HEADER_LEN).ok_or(cut_off)?;
        let length = u32_at(header, 0).ok_or(cut_off)? as usize;
        let kind = u16_at(header, 4).ok_or(cut_off)?;
        let flags = i32::from(u16_at(header, 6).ok_or(cut_off)?);
        let mine = u32_at(header, 8) == Some(sequence);
        if length < HEADER_LEN || length > bytes.len() - at {
            return Err(DecodeError::Length { what, at, length });
        }
        if mine {
            let body = &bytes[at + HEADER_LEN..at + length];
            message(kind, flags, body, at + HEADER_LEN, &mut answer, take)?;
        }
        at += length.next_multiple_of(4);
    }
    Ok(answer)
}

fn message(
    kind: u16,
    flags: i32,
    body: &[u8],
    at: usize,
    answer: &mut Answer,
    take: &mut dyn FnMut(SocketFacts, Binding),
) -> Result<(), DecodeError> {
    answer.interrupted |= flags & libc::NLM_F_DUMP_INTR != 0;
    match kind {
        SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => {
            let (facts, binding) = socket(body, at)?;
            take(facts, binding);
            if flags & libc::NLM_F_MULTI == 0 {
                answer.end = Some(End::Done);
            }
        }
        // Both carry 0 or a negative errno; a DONE without it is a plain end.
        kind if i32::from(kind) == libc::NLMSG_DONE => {
            answer.end = Some(ending(u32_at(body, 0).unwrap_or(0)));
        }
        kind if i32::from(kind) == libc::NLMSG_ERROR => {
            let what = "netlink error";
            let code = u32_at(body, 0).ok_or(DecodeError::CutOff { what, at })?;
            answer.end = Some(ending(code));
        }
        kind if i32::from(kind) == libc::NLMSG_NOOP => {}
        other => return Err(DecodeError::Type(other)),
    }
    Ok(())
}

fn ending(code: u32) -> End {
    match code.cast_signed() {
        0 => End::Done,
        negative => End::Error(negative.saturating_neg()),
    }
}

fn socket(body: &[u8], at: usize) -> Result<(SocketFacts, Binding), DecodeError> {
    let what = "inet_diag_msg";
    if body.len() < MSG_LEN {
        return Err(DecodeError::CutOff { what, at });
    }
    let cut_off = || DecodeError::CutOff { what, at };
    let word = |offset| u32_at(body, offset).ok_or_else(cut_off);
    let family = body[0];
    let scope = word(40)?;
    let end = |port: usize, address: usize| -> Result<SocketAddr, DecodeError> {
        let port = u16::from_be_bytes([body[port], body[port + 1]]);
        let octets: [u8; 16] = body[address..address + 16]
            .try_into()
            .map_err(|_| cut_off())?;
        socket_address(family, octets, port, scope)
    };
    let tuple = Tuple {
        local: end(4, 8)?,
        remote: end(6, 24)?,
    };
    let state = TcpState::from_kernel(body[1]);
    let [info, v6_only] = attributes(body, at, [INET_DIAG_INFO, INET_DIAG_SKV6ONLY])?;
    let binding = Binding {
        interface: scope,
        v6_only: v6_only
            .and_then(<[u8]>::first)
            .map(|only| *only != 0)
            .filter(|_| family == AF_INET6),
    };
    let facts = SocketFacts {
        tuple,
        state,
        timer: TimerKind::from_kernel(body[2]),
        retransmits: body[3],
        cookie: u64::from(word(44)?) | u64::from(word(48)?) << 32,
        timer_ms: word(52)?,
        recv_q: word(56)?,
        send_q: word(60)?,
        uid: word(64)?,
        inode: word(68)?,
        // A listener's tcp_info has its queue in the place of unacknowledged segments.
        info: match info {
            Some(bytes) if state != TcpState::Listen => tcp_info(bytes).map(Box::new),
            _ => None,
        },
    };
    Ok((facts, binding))
}

fn socket_address(
    family: u8,
    octets: [u8; 16],
    port: u16,
    interface: u32,
) -> Result<SocketAddr, DecodeError> {
    match family {
        AF_INET => {
            let [a, b, c, d, ..] = octets;
            Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port))
        }
        AF_INET6 => {
            let address = Ipv6Addr::from(octets);
            // Only a link-local address means something else on another interface.
            let scope = if address.is_unicast_link_local() {
                interface
            } else {
                0
            };
            Ok(SocketAddrV6::new(address, port, 0, scope).into())
        }
        other => Err(DecodeError::Family(other)),
    }
}

/// The payloads of the attributes `wanted`. All of them are walked: a broken one is an error
/// wherever it stands.
fn attributes<const N: usize>(
    body: &[u8],
    at: usize,
    wanted: [u16; N],
) -> Result<[Option<&[u8]>; N], DecodeError> {
    let what = "attribute";
    let mut found = [None; N];
    let mut offset = MSG_LEN;
    while offset < body.len() {
        let at = at + offset;
        let cut_off = DecodeError::CutOff { what, at };
        let length = usize::from(u16_at(body, offset).ok_or(cut_off)?);
        let kind = u16_at(body, offset + 2).ok_or(cut_off)?;
        if length < ATTRIBUTE_HEADER_LEN || length > body.len() - offset {
            return Err(DecodeError::Length { what, at, length });
        }
        if let Some(at) = wanted.iter().position(|wanted| *wanted == kind) {
            found[at] = Some(&body[offset + ATTRIBUTE_HEADER_LEN..offset + length]);
        }
        offset += length.next_multiple_of(4);
    }
    Ok(found)
}

/// By the offsets of `struct tcp_info`: the kernel only ever appends to it. Nothing when it is
/// shorter than what is read.
fn tcp_info(bytes: &[u8]) -> Option<TcpInfo> {
    if bytes.len() < TCP_INFO_LEN {
        return None;
    }
    Some(TcpInfo {
        rto_us: u32_at(bytes, 8)?,
        unacked: u32_at(bytes, 24)?,
        last_data_sent_ms: u32_at(bytes, 44)?,
        last_data_recv_ms: u32_at(bytes, 52)?,
        last_ack_recv_ms: u32_at(bytes, 56)?,
        snd_wnd: u32_at(bytes, 228),
        rtt_us: u32_at(bytes, 68)?,
        total_retrans: u32_at(bytes, 100)?,
        bytes_acked: u64_at(bytes, 120)?,
        bytes_received: u64_at(bytes, 128)?,
        segs_out: u32_at(bytes, 136)?,
        segs_in: u32_at(bytes, 140)?,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_ne_bytes(field.try_into().ok()?))
}

#[cfg(test)]
mod tests;
