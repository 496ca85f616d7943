//! Addresses and ports.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::live::names::Names;
use crate::live::socket::LiveSocket;
use crate::observe::inet_diag::Protocol;
use crate::report::text::escape;

/// How an address is written.
#[derive(Clone, Copy)]
pub(super) struct Notation {
    /// Brackets around an IPv6 address.
    pub(super) brackets: bool,
    /// An IPv4-mapped IPv6 address as the IPv4 one.
    pub(super) unmapped: bool,
    /// What stands for an unspecified address; nothing: the address.
    pub(super) any: Option<&'static str>,
}

impl Notation {
    pub(super) const PLAIN: Notation = Notation {
        brackets: true,
        unmapped: false,
        any: None,
    };
}

/// Appends the address.
pub(super) fn push_host(to: &mut String, address: IpAddr, notation: Notation, names: &Names) {
    let address = match notation.unmapped {
        true => address.to_canonical(),
        false => address,
    };
    if let Some(any) = notation.any.filter(|_| address.is_unspecified()) {
        to.push_str(any);
    } else if let Some(name) = names.host(address) {
        push_name(to, name);
    } else {
        // Writing into a string cannot fail.
        match address {
            IpAddr::V4(v4) => {
                for (index, octet) in v4.octets().into_iter().enumerate() {
                    if index > 0 {
                        to.push('.');
                    }
                    push_number(to, u32::from(octet));
                }
            }
            IpAddr::V6(v6) if notation.brackets => {
                let _ = write!(to, "[{v6}]");
            }
            IpAddr::V6(v6) => {
                let _ = write!(to, "{v6}");
            }
        }
    }
}

/// Appends a name from outside, made safe.
pub(super) fn push_name(to: &mut String, name: &str) {
    match name
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        true => to.push_str(name),
        false => to.push_str(&escape(name)),
    }
}

/// Appends the name of a process, made safe; in quotation marks where it could be taken for what
/// stands beside it: a process chooses its name itself.
pub(super) fn push_process(to: &mut String, name: &str) {
    let ambiguous = |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '"');
    if !name.is_empty() && !name.contains(ambiguous) {
        return push_name(to, name);
    }
    to.push('"');
    to.push_str(&escape(name).replace('"', "\\\""));
    to.push('"');
}

/// A process's name in a list whose parts these characters set off: made safe, and they as
/// `\x20`.
pub(super) fn enlisted(name: &str, set_off_by: &[char]) -> String {
    let mut safe = escape(name);
    for c in set_off_by {
        safe = safe.replace(*c, &format!("\\x{:02x}", u32::from(*c)));
    }
    safe
}

/// Appends a number. std's formatting costs three times as much, which shows in a table of a
/// hundred thousand rows.
pub(super) fn push_number(to: &mut String, number: u32) {
    to.push_str(itoa::Buffer::new().format(number));
}

/// Appends the port; 0 as `*`.
pub(super) fn push_port(to: &mut String, port: u16, protocol: Protocol, names: &Names) {
    if port == 0 {
        to.push('*');
    } else if let Some(name) = names.port(port, protocol) {
        push_name(to, name);
    } else {
        push_number(to, u32::from(port));
    }
}

/// Appends address and port.
pub(super) fn push_end(
    to: &mut String,
    end: SocketAddr,
    protocol: Protocol,
    notation: Notation,
    names: &Names,
) {
    push_host(to, end.ip(), notation, names);
    to.push(':');
    push_port(to, end.port(), protocol, names);
}

/// Appends address, interface and port of the end that a socket is bound to. Of IPv6 an unspecified
/// address is `*` where the socket takes IPv4 too, as `ss(8)` has it.
pub(super) fn push_bound(to: &mut String, socket: &LiveSocket, notation: Notation, names: &Names) {
    push_bound_host(to, socket, notation, names);
    to.push(':');
    push_port(to, socket.facts.tuple.local.port(), socket.protocol, names);
}

/// As [`push_bound`], without the port.
pub(super) fn push_bound_host(
    to: &mut String,
    socket: &LiveSocket,
    notation: Notation,
    names: &Names,
) {
    let both = socket.binding.v6_only == Some(false);
    let notation = Notation {
        any: notation.any.or(both.then_some("*")),
        ..notation
    };
    push_host(to, socket.facts.tuple.local.ip(), notation, names);
    match socket.binding.interface {
        0 => {}
        index => {
            to.push('%');
            match names.interface(socket.netns, index) {
                Some(name) => push_name(to, name),
                None => {
                    to.push_str("if");
                    push_number(to, index);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_taken_for_what_is_beside_it() {
        for (name, printed) in [
            ("nginx", "nginx"),
            ("kworker/0:1", "kworker/0:1"),
            ("Web Content", "\"Web Content\""),
            ("(sd-pam)", "\"(sd-pam)\""),
            ("x\" 1 fd 3, \"y", "\"x\\\" 1 fd 3, \\\"y\""),
            ("a\\\"", "\"a\\\\\\\"\""),
            ("", "\"\""),
        ] {
            let mut text = String::new();
            push_process(&mut text, name);
            assert_eq!(text, printed);
        }
        assert_eq!(
            enlisted("a/1/2 b\\", &['/', ' ']),
            "a\\x2f1\\x2f2\\x20b\\\\"
        );
    }
}
