//! The INET_DIAG protocol (`sock_diag(7)`, `linux/inet_diag.h`) as bytes; no I/O.
//!
//! [`Request`] is what goes to the kernel, [`parse`] reads what comes back.

mod answer;
mod bytecode;
mod request;

pub use answer::{Answer, Binding, DecodeError, End, parse, parse_each};
pub use bytecode::{Code, Side, Test};
pub use request::{Extensions, Family, Protocol, Request, StateMask};

/// `SOCK_DIAG_BY_FAMILY` (`linux/sock_diag.h`): the type of a request and of each answer.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `TCPDIAG_GETSOCK` (`linux/inet_diag.h`): the type of an older request and of its answers. It
/// alone can mean both families, and so saves a walk through the kernel's table.
const TCPDIAG_GETSOCK: u16 = 18;
/// The size of `struct nlmsghdr`.
const HEADER_LEN: usize = 16;
/// The size of `struct inet_diag_sockid`.
const SOCKID_LEN: usize = 48;
/// `AF_INET`, in the byte that the protocol has for it.
const AF_INET: u8 = libc::AF_INET as u8;
/// `AF_INET6`, in the byte that the protocol has for it.
const AF_INET6: u8 = libc::AF_INET6 as u8;
