//! Making one host: a network namespace with its loopback up and, for a wire, a TUN device with
//! addresses. Runs inside the lab's first process.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use super::protocol::{HostSpec, Refusal, Stage};
use super::route::{Metrics, RouteSocket};
use crate::sys::tun;

/// The name of the TUN device in every host.
pub const LINK: &str = "wire0";
/// The network of all labs (RFC 5737).
pub const NETWORK_V4: (Ipv4Addr, u8) = (Ipv4Addr::new(192, 0, 2, 0), 24);
/// The network of all labs (RFC 3849).
pub const NETWORK_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 64);

/// The least retransmission timeout of a lab's host unless the scenario sets another one, in
/// milliseconds: RFC 6298's own floor. Linux's 200 ms would let a busy machine look like a lossy
/// wire.
pub const RTO_MIN_MS: u32 = 1000;

/// Sysctls that make a lab repeatable: nothing is sent unless a program or a timer of the
/// connection asks for it, and no connection learns from an earlier one.
const STEADY: [(&str, &str); 11] = [
    ("net.ipv4.tcp_no_metrics_save", "1"),
    // No tail loss probe: a held segment is sent again by the retransmission timer alone.
    ("net.ipv4.tcp_early_retrans", "0"),
    // A small write is not kept back because a device queue holds an earlier one.
    ("net.ipv4.tcp_autocorking", "0"),
    // Windows depend on what was sent, not on when: CUBIC leaves slow start by measured delays.
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_moderate_rcvbuf", "0"),
    ("net.ipv6.conf.wire0.addr_gen_mode", "1"),
    ("net.ipv6.conf.wire0.accept_ra", "0"),
    ("net.ipv6.conf.wire0.router_solicitations", "0"),
    // The lab's hosts answer every segment: the limit on challenge and out-of-window ACKs is for
    // attackers.
    ("net.ipv4.tcp_invalid_ratelimit", "0"),
    ("net.ipv4.tcp_challenge_ack_limit", "1000"),
];

/// A host as the first process keeps it.
#[derive(Debug)]
pub struct MadeHost {
    /// Its network namespace, to start programs in.
    pub netns: OwnedFd,
    /// A sock_diag socket in it.
    pub diag: OwnedFd,
    /// Its TUN device, when there is a wire.
    pub tun: Option<OwnedFd>,
}

/// The namespace that hosts are made from: its children get hash tables of their own, which makes
/// looking through a host's sockets independent of the machine's.
pub fn nursery() -> Result<OwnedFd, Refusal> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(refused(Stage::Namespaces))?;
    // Only a matter of speed, and missing before Linux 6.1 and 6.2.
    let _ = write_sysctl("net.ipv4.tcp_child_ehash_entries", "256");
    let _ = write_sysctl("net.ipv4.udp_child_hash_entries", "128");
    own_netns()
}

/// Makes a host; the calling process is in its namespace afterwards.
pub fn make(spec: &HostSpec, wire: bool, nursery: &OwnedFd) -> Result<MadeHost, Refusal> {
    setns(nursery.as_fd(), CloneFlags::CLONE_NEWNET).map_err(refused(Stage::Namespaces))?;
    unshare(CloneFlags::CLONE_NEWNET).map_err(refused(Stage::Namespaces))?;
    let route = RouteSocket::open().map_err(refused(Stage::Addresses))?;
    route.link_up(1).map_err(refused(Stage::Addresses))?;
    let tun = wire.then(|| attach(spec, &route)).transpose()?;
    for (key, value) in &spec.sysctl {
        write_sysctl(key, value).map_err(refused(Stage::Sysctl))?;
    }
    Ok(MadeHost {
        netns: own_netns()?,
        diag: diag_socket()?,
        tun,
    })
}

/// A sock_diag socket in the calling process's namespace.
pub fn diag_socket() -> Result<OwnedFd, Refusal> {
    socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
    .map_err(refused(Stage::SockDiag))
}

fn attach(spec: &HostSpec, route: &RouteSocket) -> Result<OwnedFd, Refusal> {
    let device = tun::create(LINK).map_err(|error| Refusal {
        stage: Stage::Tun,
        errno: error.raw_os_error().unwrap_or(0),
    })?;
    for (key, value) in STEADY {
        // Each is missing on some kernel; the scenario's own ones are not forgiven.
        let _ = write_sysctl(key, value);
    }
    let index = if_nametoindex(LINK).map_err(refused(Stage::Addresses))?;
    let metrics = Metrics {
        rto_min_ms: Some(spec.rto_min_ms),
        quickack: spec.quickack,
    };
    let set = || -> nix::Result<()> {
        route.add_address(index, IpAddr::V4(spec.v4), NETWORK_V4.1)?;
        route.single_segments(index)?;
        route.link_up(index)?;
        route.add_route(index, IpAddr::V4(NETWORK_V4.0), NETWORK_V4.1, metrics)?;
        // A machine without IPv6 is a machine without IPv6.
        match route.add_address(index, IpAddr::V6(spec.v6), NETWORK_V6.1) {
            Ok(()) => route.add_route(index, IpAddr::V6(NETWORK_V6.0), NETWORK_V6.1, metrics),
            Err(Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP | Errno::EACCES) => Ok(()),
            Err(other) => Err(other),
        }
    };
    set().map_err(refused(Stage::Addresses))?;
    Ok(device)
}

/// Writes a sysctl of the calling process's network namespace.
pub fn write_sysctl(key: &str, value: &str) -> nix::Result<()> {
    // Interface names may have dots; none of sockscope's have.
    let path = format!("/proc/sys/{}", key.replace('.', "/"));
    fs::write(path, value).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

fn own_netns() -> Result<OwnedFd, Refusal> {
    File::open("/proc/self/ns/net")
        .map(OwnedFd::from)
        .map_err(|error| Refusal {
            stage: Stage::Namespaces,
            errno: error.raw_os_error().unwrap_or(0),
        })
}

/// Turns an errno into a [`Refusal`] of this stage.
pub fn refused(stage: Stage) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal {
        stage,
        errno: errno as i32,
    }
}
