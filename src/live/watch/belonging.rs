//! [`Belonging`]: whether a traced socket is in the network namespace that is watched. Kernel
//! events do not say in which one they happened.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};

use crate::live::netns::Scope;
use crate::observe::process::ProcRoot;

/// How long it is remembered in which namespace a process is.
const KEPT: Duration = Duration::from_secs(1);
/// How many processes' namespaces are remembered.
const MOST: usize = 1024;

/// Whether sockets are in the namespace that is watched.
#[derive(Debug)]
pub(super) struct Belonging {
    proc: PathBuf,
    /// The namespace's file in this `/proc`.
    file: PathBuf,
    inode: Option<u64>,
    processes: HashMap<i32, (bool, Instant)>,
    addresses: HashSet<IpAddr>,
    asked: Instant,
}

impl Belonging {
    pub(super) fn new(root: &ProcRoot, scope: Scope) -> Belonging {
        let who = match scope {
            Scope::OfProcess(pid) => pid.to_string(),
            Scope::Own | Scope::All => "self".to_owned(),
        };
        let file = root.path().join(who).join("ns/net");
        let mut belonging = Belonging {
            proc: root.path().to_owned(),
            inode: std::fs::metadata(&file).ok().map(|found| found.ino()),
            file,
            processes: HashMap::new(),
            addresses: HashSet::new(),
            asked: Instant::now(),
        };
        belonging.ask_addresses();
        belonging
    }

    /// Whether the process is in it; nothing when that may not be seen, or it is gone.
    pub(super) fn has_process(&mut self, pid: i32) -> Option<bool> {
        if let Some((is_in, at)) = self.processes.get(&pid)
            && at.elapsed() < KEPT
        {
            return Some(*is_in);
        }
        let file = self.proc.join(pid.to_string()).join("ns/net");
        let is_in = std::fs::metadata(file).ok()?.ino() == self.inode?;
        if self.processes.len() >= MOST {
            self.processes.clear();
        }
        self.processes.insert(pid, (is_in, Instant::now()));
        Some(is_in)
    }

    /// Whether the address is one of the namespace's own.
    pub(super) fn has_address(&mut self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if address.is_loopback() || self.addresses.contains(&address) {
            return true;
        }
        if self.asked.elapsed() >= KEPT {
            self.ask_addresses();
        }
        self.addresses.contains(&address)
    }

    fn ask_addresses(&mut self) {
        self.asked = Instant::now();
        let file = &self.file;
        // setns(2) changes the calling thread alone.
        let found = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let namespace = File::open(file).ok()?;
                    let mine = std::fs::metadata("/proc/self/ns/net").ok()?.ino();
                    if namespace.metadata().ok()?.ino() != mine {
                        setns(&namespace, CloneFlags::CLONE_NEWNET).ok()?;
                    }
                    Some(addresses())
                })
                .join()
        });
        if let Ok(Some(found)) = found {
            self.addresses = found;
        }
    }
}

/// The addresses of the calling thread's namespace (`getifaddrs(3)`).
fn addresses() -> HashSet<IpAddr> {
    let interfaces = getifaddrs().into_iter().flatten();
    interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| Some(IpAddr::V6(address.as_sockaddr_in6()?.ip())))
        })
        .collect()
}
