//! [`EndPattern`]: addresses, networks and ports, as people type them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::model::Tuple;

/// Which end of a socket a pattern speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// One of them, whichever.
    Either,
    /// This one: `local:`, `src:`, `sport:`.
    Local,
    /// The other one: `remote:`, `dst:`, `dport:`.
    Remote,
}

/// `10.0.0.0/8`, `:9190`, `[::1]:80`, `:8000-8100`: at least one of network and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndPattern {
    /// The addresses. Nothing: any.
    pub net: Option<Net>,
    /// The ports. Nothing: any.
    pub ports: Option<Ports>,
}

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Net {
    /// Its first address: bits beyond the prefix are 0.
    address: IpAddr,
    prefix: u8,
}

/// Ports from the first to the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The least.
    pub from: u16,
    /// The greatest; not less than the least.
    pub to: u16,
}

/// A word that is no address, network or port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnEnd {
    /// What is wrong.
    pub why: String,
    /// What would be right.
    pub help: Option<&'static str>,
}

impl Net {
    /// The network of this address with so many leading bits. An IPv4-mapped IPv6 address is the
    /// IPv4 one. Nothing when the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Net> {
        let (address, prefix) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) if (96..=128).contains(&prefix) => {
                (v4, prefix - 96)
            }
            (given, _) => (given, prefix),
        };
        let address = match address {
            IpAddr::V4(v4) => {
                let shift = 32u32.checked_sub(u32::from(prefix))?;
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let shift = 128u32.checked_sub(u32::from(prefix))?;
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        Some(Net { address, prefix })
    }

    /// One address.
    pub fn one(address: IpAddr) -> Net {
        let address = address.to_canonical();
        Net {
            address,
            prefix: bits(address),
        }
    }

    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits of the address count.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether an address is in it. An IPv4-mapped one counts as the IPv4 one.
    pub fn has(self, address: IpAddr) -> bool {
        let inside = |address: IpAddr| {
            address.is_ipv4() == self.address.is_ipv4()
                && Net::new(address, self.prefix).is_some_and(|net| net.address == self.address)
        };
        match (address, address.to_canonical()) {
            (IpAddr::V6(v6), IpAddr::V4(v4)) => match self.address {
                IpAddr::V4(_) => inside(IpAddr::V4(v4)),
                // A network of IPv6 so wide that it has the mapped addresses in it.
                IpAddr::V6(first) => {
                    let shift = 128 - u32::from(self.prefix);
                    let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                    v6.to_bits() & mask == first.to_bits()
                }
            },
            (plain, _) => inside(plain),
        }
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl Ports {
    /// Only this one.
    pub fn one(port: u16) -> Ports {
        Ports {
            from: port,
            to: port,
        }
    }
}

impl EndPattern {
    /// Whether an end fits.
    pub fn fits(&self, end: SocketAddr) -> bool {
        self.ports
            .is_none_or(|ports| (ports.from..=ports.to).contains(&end.port()))
            && self.net.is_none_or(|net| net.has(end.ip()))
    }

    /// Whether those ends of a socket fit.
    pub fn fits_tuple(&self, ends: Ends, tuple: &Tuple) -> bool {
        match ends {
            Ends::Either => self.fits(tuple.local) || self.fits(tuple.remote),
            Ends::Local => self.fits(tuple.local),
            Ends::Remote => self.fits(tuple.remote),
        }
    }

    /// Reads `:9190`, `9190`, `*:9190`, `:8000-8100`, `10.0.0.1`, `10.0.0.1:80`, `10.0.0.0/8`,
    /// `::1`, `[::1]:80`, `2001:db8::/32`.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn parse(word: &str) -> Result<EndPattern, NotAnEnd> {
        if let Some(ports) = word
            .strip_prefix(':')
            .filter(|rest| !rest.starts_with(':'))
            .or_else(|| word.strip_prefix("*:"))
        {
            return Ok(EndPattern {
                net: None,
                ports: read_ports(ports)?,
            })
            .and_then(not_empty);
        }
        if word.bytes().all(|b| b.is_ascii_digit() || b == b'-') && !word.is_empty() {
            return Ok(EndPattern {
                net: None,
                ports: read_ports(word)?,
            });
        }
        let (host, ports) = match word.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(|| NotAnEnd {
                    why: "the bracket is not closed".to_owned(),
                    help: Some("an IPv6 address and a port are written `[::1]:80`"),
                })?;
                let ports = match rest.strip_prefix(':') {
                    Some(ports) => read_ports(ports)?,
                    None if rest.is_empty() => None,
                    // [2001:db8::]/32
                    None if rest.starts_with('/') => {
                        return Ok(EndPattern {
                            net: Some(read_net(&format!("{host}{rest}"))?),
                            ports: None,
                        });
                    }
                    None => {
                        return Err(NotAnEnd {
                            why: format!("`{rest}` behind an address"),
                            help: Some("an IPv6 address and a port are written `[::1]:80`"),
                        });
                    }
                };
                (host, ports)
            }
            None => match word.split_once(':') {
                Some((host, ports)) if !ports.contains(':') => (host, read_ports(ports)?),
                _ => (word, None),
            },
        };
        Ok(EndPattern {
            net: Some(read_net(host)?),
            ports,
        })
    }
}

/// `*:*` says nothing.
fn not_empty(pattern: EndPattern) -> Result<EndPattern, NotAnEnd> {
    match pattern.net.is_none() && pattern.ports.is_none() {
        true => Err(NotAnEnd {
            why: "neither an address nor a port".to_owned(),
            help: Some("write a port as `:9190`, an address as `10.0.0.1`"),
        }),
        false => Ok(pattern),
    }
}

fn read_ports(word: &str) -> Result<Option<Ports>, NotAnEnd> {
    if word == "*" {
        return Ok(None);
    }
    let port = |text: &str| -> Result<u16, NotAnEnd> {
        text.parse::<u16>()
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| NotAnEnd {
                why: format!("`{text}` is not a port"),
                help: Some("a port is a number from 0 to 65535, a range is written `:8000-8100`"),
            })
    };
    let (from, to) = word.split_once('-').unwrap_or((word, word));
    let ports = Ports {
        from: port(from)?,
        to: port(to)?,
    };
    if ports.from > ports.to {
        return Err(NotAnEnd {
            why: format!("`{word}` ends before it begins"),
            help: None,
        });
    }
    Ok(Some(ports))
}

fn read_net(word: &str) -> Result<Net, NotAnEnd> {
    let (host, prefix) = match word.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (word, None),
    };
    if let Some((_, interface)) = host.split_once('%') {
        return Err(NotAnEnd {
            why: format!("a filter cannot ask for an interface: `%{interface}`"),
            help: Some("write the address alone, as `fe80::1`: the rows show the interfaces"),
        });
    }
    let address: IpAddr = host.parse().map_err(|_| NotAnEnd {
        why: format!("`{host}` is not an address"),
        help: Some("names are not looked up: write the address, as `10.0.0.1` or `[::1]:80`"),
    })?;
    match prefix {
        None => Ok(Net::one(address)),
        Some(text) => text
            .parse()
            .ok()
            .and_then(|prefix| Net::new(address, prefix))
            .ok_or_else(|| NotAnEnd {
                why: format!("`/{text}` is not a prefix of this address"),
                help: Some("a network is written `10.0.0.0/8` or `2001:db8::/32`"),
            }),
    }
}

impl fmt::Display for EndPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.net, self.ports) {
            (Some(net), Some(ports)) if net.address.is_ipv6() => write!(f, "[{net}]:{ports}"),
            (Some(net), Some(ports)) => write!(f, "{net}:{ports}"),
            (Some(net), None) => write!(f, "{net}"),
            (None, Some(ports)) => write!(f, ":{ports}"),
            (None, None) => f.write_str("*:*"),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix == bits(self.address) {
            true => write!(f, "{}", self.address),
            false => write!(f, "{}/{}", self.address, self.prefix),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{}-{}", self.from, self.to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(word: &str, end: &str) -> bool {
        EndPattern::parse(word)
            .expect(word)
            .fits(end.parse().expect("address"))
    }

    #[test]
    fn addresses_and_ports_are_read_as_people_type_them() {
        for word in [":9190", "9190", "*:9190", ":9000-9200", "10.0.0.1:9190"] {
            assert!(fits(word, "10.0.0.1:9190"), "{word}");
        }
        assert!(fits("10.0.0.0/8", "10.200.3.4:1"));
        assert!(!fits("10.0.0.0/8", "11.0.0.1:1"));
        assert!(fits("::1", "[::1]:80"));
        assert!(fits("[::1]:80", "[::1]:80"));
        assert!(!fits("[::1]:80", "[::1]:81"));
        assert!(fits("2001:db8::/32", "[2001:db8:1::1]:9"));
        assert!(fits("0.0.0.0/0", "1.2.3.4:5"));
        assert!(!fits("0.0.0.0/0", "[::1]:5"));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        assert!(fits("10.0.0.1", "[::ffff:10.0.0.1]:5"));
        assert!(fits("::ffff:10.0.0.1", "10.0.0.1:5"));
        assert!(fits("10.0.0.0/8", "[::ffff:10.0.0.1]:5"));
        assert!(fits("::/0", "[::ffff:10.0.0.1]:5"));
        assert!(!fits("::/0", "10.0.0.1:5"));
    }

    #[test]
    fn what_is_no_end_is_refused() {
        for word in [
            ":",
            ":99999",
            ":80-70",
            "10.0.0.0/33",
            "[::1",
            "[::1]80",
            "localhost:80",
            "*:*",
            "1.2.3",
            "fe80::1%eth0",
            ":+80",
            "-",
            "",
        ] {
            assert!(EndPattern::parse(word).is_err(), "{word}");
        }
    }
}
