//! [`Names`]: words for numbers. They come from the machine's own files; nothing is asked of the
//! network, which may be what is broken.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use nix::unistd::{Uid, User};

use super::socket::Netns;
use crate::observe::inet_diag::Protocol;

/// Names of users, hosts and ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Few.
    users: BTreeMap<u32, String>,
    hosts: HashMap<IpAddr, String>,
    ports: HashMap<(u16, &'static str), String>,
    interfaces: HashMap<(Option<Netns>, u32), String>,
}

impl Names {
    /// The names of these users, as the machine knows them (`getpwuid(3)`).
    #[must_use]
    pub fn with_users(mut self, uids: impl IntoIterator<Item = u32>) -> Names {
        for uid in uids {
            self.users.entry(uid).or_insert_with(|| {
                match User::from_uid(Uid::from_raw(uid)) {
                    Ok(Some(user)) => user.name,
                    // A name that cannot be found now is no name.
                    Ok(None) | Err(_) => uid.to_string(),
                }
            });
        }
        self
    }

    /// The names of hosts in a text like `/etc/hosts` (`hosts(5)`).
    #[must_use]
    pub fn with_hosts(mut self, text: &str) -> Names {
        for line in text.lines() {
            let mut words = words(line);
            let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
            if let (Some(address), Some(name)) = (address, words.next()) {
                self.hosts.entry(address).or_insert_with(|| name.to_owned());
            }
        }
        self
    }

    /// The names of ports in a text like `/etc/services` (`services(5)`).
    #[must_use]
    pub fn with_ports(mut self, text: &str) -> Names {
        for line in text.lines() {
            let mut words = words(line);
            let (Some(name), Some(port)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((number, protocol)) = port.split_once('/') else {
                continue;
            };
            let protocol = [Protocol::Tcp, Protocol::Udp]
                .into_iter()
                .map(word)
                .find(|word| *word == protocol);
            if let (Ok(number), Some(protocol)) = (number.parse(), protocol) {
                let name = name.to_owned();
                self.ports.entry((number, protocol)).or_insert(name);
            }
        }
        self
    }

    /// The names of interfaces by their indexes, which are those of a namespace.
    #[must_use]
    pub fn with_interfaces(
        mut self,
        interfaces: impl IntoIterator<Item = ((Option<Netns>, u32), String)>,
    ) -> Names {
        self.interfaces.extend(interfaces);
        self
    }

    /// The name of an interface; nothing when it has none.
    pub fn interface(&self, netns: Option<Netns>, index: u32) -> Option<&str> {
        self.interfaces.get(&(netns, index)).map(String::as_str)
    }

    /// The name of a user; nothing when it was not asked for.
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    /// The name of a host.
    pub fn host(&self, address: IpAddr) -> Option<&str> {
        if self.hosts.is_empty() {
            return None;
        }
        self.hosts.get(&address.to_canonical()).map(String::as_str)
    }

    /// The name of a port.
    pub fn port(&self, port: u16, protocol: Protocol) -> Option<&str> {
        if self.ports.is_empty() {
            return None;
        }
        self.ports.get(&(port, word(protocol))).map(String::as_str)
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#')
        .next()
        .unwrap_or("")
        .split_ascii_whitespace()
}

fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_counts() {
        let names = Names::default()
            .with_hosts("127.0.0.1 localhost loop # x\n# 10.0.0.1 a\nbad\n::1 ip6-localhost\n")
            .with_ports("http 80/tcp www\nhttp 80/udp\nweb 80/tcp\nbad\nworse 99999/tcp\n");
        let ip = |text: &str| text.parse::<IpAddr>().expect("address");
        assert_eq!(names.host(ip("127.0.0.1")), Some("localhost"));
        assert_eq!(names.host(ip("::ffff:127.0.0.1")), Some("localhost"));
        assert_eq!(names.host(ip("10.0.0.1")), None);
        assert_eq!(names.port(80, Protocol::Tcp), Some("http"));
        assert_eq!(names.port(81, Protocol::Tcp), None);
    }

    #[test]
    fn a_user_without_a_name_is_a_number() {
        let names = Names::default().with_users([0, 4_000_000_000]);
        assert_eq!(names.user(0), Some("root"));
        assert_eq!(names.user(4_000_000_000), Some("4000000000"));
        assert_eq!(names.user(1), None);
    }
}
