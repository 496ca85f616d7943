//! The addresses in a record of a socket: two forms.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::format::{Field, Format};
use crate::model::Tuple;

/// The size of `struct sockaddr_in6`.
const SOCKADDR: usize = 28;

/// Where the addresses are.
#[derive(Clone, Debug)]
pub(super) enum Addresses {
    /// Ports, family and addresses in fields of their own.
    Apart(Box<Apart>),
    /// `struct sockaddr_in6`, which an IPv4 address shares.
    Together(Box<[Field; 2]>),
}

/// A field for each part, the local end's first.
#[derive(Clone, Debug)]
pub(super) struct Apart {
    family: Field,
    ports: [Field; 2],
    v4: [Field; 2],
    v6: [Field; 2],
}

impl Addresses {
    /// Where this format has them, or the field that is missing.
    pub(super) fn of(format: &Format) -> Result<Addresses, &'static str> {
        let field = |name: &'static str| format.field(name).cloned().ok_or(name);
        let (source, destination) = (field("saddr")?, field("daddr")?);
        if source.size == SOCKADDR && destination.size == SOCKADDR {
            return Ok(Addresses::Together(Box::new([source, destination])));
        }
        Ok(Addresses::Apart(Box::new(Apart {
            family: field("family")?,
            ports: [field("sport")?, field("dport")?],
            v4: [source, destination],
            v6: [field("saddr_v6")?, field("daddr_v6")?],
        })))
    }

    /// The addresses in a record, the local end first; nothing when they make no sense.
    pub(super) fn tuple(&self, record: &[u8]) -> Option<Tuple> {
        match self {
            Addresses::Apart(apart) => Some(Tuple {
                local: apart.end(0, record)?,
                remote: apart.end(1, record)?,
            }),
            Addresses::Together(ends) => Some(Tuple {
                local: sockaddr(ends[0].bytes(record)?)?,
                remote: sockaddr(ends[1].bytes(record)?)?,
            }),
        }
    }
}

impl Apart {
    fn end(&self, which: usize, record: &[u8]) -> Option<SocketAddr> {
        let family = i32::try_from(self.family.number(record)?).ok()?;
        let address = match family {
            libc::AF_INET => v4_address(self.v4[which].bytes(record)?),
            libc::AF_INET6 => v6_address(self.v6[which].bytes(record)?),
            _ => None,
        };
        let port = u16::try_from(self.ports[which].number(record)?).ok()?;
        Some(SocketAddr::new(address?, port))
    }
}

fn v4_address(bytes: &[u8]) -> Option<IpAddr> {
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    Some(Ipv4Addr::from(bytes).into())
}

fn v6_address(bytes: &[u8]) -> Option<IpAddr> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some(Ipv6Addr::from(bytes).into())
}

/// `struct sockaddr_in` or `sockaddr_in6` (`ip(7)`, `ipv6(7)`).
fn sockaddr(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let address = match i32::from(family) {
        libc::AF_INET => v4_address(bytes.get(4..8)?)?,
        libc::AF_INET6 => v6_address(bytes.get(8..24)?)?,
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}
