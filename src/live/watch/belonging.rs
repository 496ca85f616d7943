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
use crate::observe::tracepoints::KernelEvent;
use crate::observe::tracepoints::recorder::pids_are_ours;

/// How long it is remembered in which namespace a thread is.
const KEPT: Duration = Duration::from_secs(1);
/// How many threads' namespaces are remembered.
const MOST: usize = 1024;
/// How long it is remembered whether there is any other namespace.
const ALONE_KEPT: Duration = Duration::from_secs(5);

/// Whether sockets are in the namespace that is watched.
#[derive(Debug)]
pub(super) struct Belonging {
    root: ProcRoot,
    pids_are_ours: bool,
    /// The namespace's file in this `/proc`.
    file: PathBuf,
    inode: Option<u64>,
    threads: HashMap<i32, (bool, Instant)>,
    addresses: HashSet<IpAddr>,
    asked: Instant,
    alone: Option<(bool, Instant)>,
}

impl Belonging {
    pub(super) fn new(root: &ProcRoot, scope: Scope) -> Belonging {
        let who = match scope {
            Scope::OfProcess(pid) => pid.to_string(),
            Scope::Own | Scope::All => "self".to_owned(),
        };
        let file = root.path().join(who).join("ns/net");
        let mut belonging = Belonging {
            root: root.clone(),
            pids_are_ours: pids_are_ours(),
            inode: std::fs::metadata(&file).ok().map(|found| found.ino()),
            file,
            threads: HashMap::new(),
            addresses: HashSet::new(),
            asked: Instant::now(),
            alone: None,
        };
        belonging.ask_addresses();
        belonging
    }

    /// Whether the event tells who called the kernel.
    pub(super) fn knows_caller(&self, event: &KernelEvent) -> bool {
        event.in_process && self.pids_are_ours && event.pid > 0
    }

    /// Whether the caller of this event is in it; nothing when that may not be seen, it is gone,
    /// or there is none. `accepted`: the socket was made by an arriving segment, whoever had the
    /// CPU then.
    pub(super) fn has_caller(&mut self, event: &KernelEvent, accepted: bool) -> Option<bool> {
        if accepted || !self.knows_caller(event) {
            return None;
        }
        // A thread may be in another one than its process.
        self.has_thread(event.thread)
    }

    fn has_thread(&mut self, thread: i32) -> Option<bool> {
        if let Some((is_in, at)) = self.threads.get(&thread)
            && at.elapsed() < KEPT
        {
            return Some(*is_in);
        }
        let is_in = self.namespace_of(thread)? == self.inode?;
        if self.threads.len() >= MOST {
            self.threads.clear();
        }
        self.threads.insert(thread, (is_in, Instant::now()));
        Some(is_in)
    }

    fn namespace_of(&self, thread: i32) -> Option<u64> {
        let file = self.root.path().join(thread.to_string()).join("ns/net");
        Some(std::fs::metadata(file).ok()?.ino())
    }

    /// Whether no process of the machine is in another namespace, as far as can be seen.
    pub(super) fn is_alone(&mut self) -> bool {
        if let Some((alone, at)) = self.alone
            && at.elapsed() < ALONE_KEPT
        {
            return alone;
        }
        let pids = self.root.pids().ok().filter(|_| self.pids_are_ours);
        let alone = pids.is_some_and(|pids| {
            let mut others = pids.into_iter().filter_map(|pid| self.namespace_of(pid));
            others.all(|inode| Some(inode) == self.inode)
        });
        self.alone = Some((alone, Instant::now()));
        alone
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
