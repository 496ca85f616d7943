//! The kernel's own tracepoint, sock:inet_sock_set_state, tells the same transitions as the
//! timeline. Only root can read it.
//!
//! Known differences:
//! - TIME_WAIT, and FIN_WAIT2 of an orphan, live in mini-sockets: the tracepoint shows the full
//!   socket's CLOSE when the mini-socket takes over. What the timeline tells from there on is not
//!   compared.
//! - A request socket is none yet: its SYN_RECV comes when the third segment has arrived, as
//!   LISTEN > SYN_RECV > ESTABLISHED of the new socket. The sequence is the same.
//! - A transition from a state to itself is told (close() in FIN_WAIT2); it is left out.
//! - A client leaves CLOSE without a port, so that its SYN_SENT could be a stranger's: paths are
//!   compared from the state after it.
//! - The tracepoint knows nothing of namespaces: everything on the lab's port counts, so that
//!   this file has only one test.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use sockscope::driver;
use sockscope::model::{Role, TcpState};
use sockscope::run::{Place, Run};
use support::{all_names, built_in, options, wire};

/// The port of servers in a lab.
const PORT: u16 = 9190;

/// A private instance of the tracer; gone when dropped.
struct Tracer {
    folder: PathBuf,
    /// Where tracefs was mounted for this test, if it was nowhere.
    mounted: Option<tempfile::TempDir>,
}

impl Tracer {
    fn open() -> Option<Tracer> {
        let there = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
            .into_iter()
            .map(PathBuf::from)
            .find(|root| root.join("instances").exists());
        let (root, mounted) = match there {
            Some(root) => (root, None),
            None => {
                let folder = tempfile::tempdir().expect("a folder");
                let tracefs = Some("tracefs");
                mount(
                    tracefs,
                    folder.path(),
                    tracefs,
                    MsFlags::empty(),
                    None::<&str>,
                )
                .ok()?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let folder = root.join(format!("instances/sockscope-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let tracer = Tracer { folder, mounted };
        let event = tracer.folder.join("events/sock/inet_sock_set_state");
        let filter = format!("sport=={PORT} || dport=={PORT}");
        fs::write(event.join("filter"), filter).ok()?;
        fs::write(event.join("enable"), "1").ok()?;
        Some(tracer)
    }

    fn clear(&self) {
        fs::write(self.folder.join("trace"), "").expect("cleared");
    }

    /// The states of each socket of a run, in order.
    fn paths(&self, run: &Run) -> Vec<Vec<TcpState>> {
        // Labs of others have the same addresses, but their clients other ports.
        let ours: BTreeSet<(String, String)> = run
            .timeline
            .endpoints()
            .iter()
            .filter_map(|endpoint| endpoint.tuple)
            .map(|tuple| {
                (
                    tuple.local.port().to_string(),
                    tuple.remote.port().to_string(),
                )
            })
            .collect();
        let text = fs::read_to_string(self.folder.join("trace")).expect("the trace");
        let mut open: BTreeMap<(String, String, String), Vec<TcpState>> = BTreeMap::new();
        let mut paths = Vec::new();
        for line in text.lines().filter(|line| line.contains("oldstate=")) {
            let field = |name: &str| {
                let behind = line.split(&format!("{name}=")).nth(1).expect("a field");
                behind.split_whitespace().next().expect("a word").to_owned()
            };
            if field("protocol") != "IPPROTO_TCP" {
                continue;
            }
            let state = |name: &str| -> TcpState {
                let word = field(name);
                word.trim_start_matches("TCP_").parse().expect("a state")
            };
            let (old, new) = (state("oldstate"), state("newstate"));
            if old == new {
                continue;
            }
            // Two ends with equal ports differ in their addresses only.
            let (sport, dport) = (field("sport"), field("dport"));
            let saddr = match sport == dport {
                true => field("saddr"),
                false => String::new(),
            };
            let key = (sport, dport.clone(), saddr);
            // Leaving CLOSE, a client has no port yet: it is the newest without one.
            if !open.contains_key(&key) && old == TcpState::SynSent {
                let path = open.remove(&("0".to_owned(), dport, String::new()));
                open.extend(path.map(|path| (key.clone(), path)));
            }
            let path = open.entry(key.clone()).or_default();
            path.push(new);
            if new == TcpState::Close {
                paths.extend(open.remove(&key).map(|path| (key, path)));
            }
        }
        paths.extend(open);
        paths
            .into_iter()
            .filter(|((sport, dport, _), _)| ours.contains(&(sport.clone(), dport.clone())))
            .map(|(_, path)| path)
            .collect()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = fs::write(
            self.folder.join("events/sock/inet_sock_set_state/enable"),
            "0",
        );
        let _ = fs::remove_dir(&self.folder);
        if let Some(mounted) = &self.mounted {
            let _ = umount2(mounted.path(), MntFlags::MNT_DETACH);
        }
    }
}

/// What the tracepoint would show of a path: up to where a mini-socket takes over.
fn as_traced(path: &[TcpState]) -> Vec<TcpState> {
    path.iter()
        .copied()
        .skip_while(|state| *state == TcpState::SynSent)
        .take_while(|state| *state != TcpState::TimeWait && *state != TcpState::Close)
        .collect()
}

fn timeline_paths(run: &Run) -> BTreeMap<Vec<TcpState>, usize> {
    let mut paths = BTreeMap::new();
    for endpoint in run.timeline.endpoints() {
        if endpoint.role == Role::Connection {
            let states: Vec<TcpState> = endpoint.history.iter().map(|c| c.state).collect();
            *paths.entry(as_traced(&states)).or_insert(0) += 1;
        }
    }
    // A connection that was refused has nothing behind SYN_SENT.
    paths.remove(&Vec::new());
    paths
}

/// `SOCKSCOPE_ROUNDS` sets how often each scenario runs; once is enough for a look.
fn rounds() -> usize {
    std::env::var("SOCKSCOPE_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"))
}

#[test]
fn the_kernels_own_record_agrees() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tested here: only root can read tracepoints");
        return;
    }
    if !wire() {
        return;
    }
    let Some(tracer) = Tracer::open() else {
        eprintln!("not tested here: no tracefs");
        return;
    };
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let names = all_names();
    for name in std::iter::repeat_n(names, rounds()).flatten() {
        tracer.clear();
        let run = driver::run(&built_in(name), &options(Some(Place::Wire)), None);
        let told = timeline_paths(&run);
        let mut traced: BTreeMap<Vec<TcpState>, usize> = BTreeMap::new();
        for path in tracer.paths(&run) {
            let path = as_traced(&path);
            if path.first().is_some_and(|first| *first != TcpState::Listen) {
                *traced.entry(path).or_insert(0) += 1;
            }
        }
        seen.extend(traced.keys().flatten().copied());
        // The lab's end closes what the run left open: a traced path may go on.
        let agrees = told.iter().all(|(path, count)| {
            let going_on = traced.iter().filter(|(traced, _)| traced.starts_with(path));
            going_on.map(|(_, count)| *count).sum::<usize>() >= *count
        });
        let as_many = told.values().sum::<usize>() == traced.values().sum::<usize>();
        if !agrees || !as_many {
            wrong.push(format!("{name}:\ntimeline {told:?}\nkernel   {traced:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.contains(&TcpState::LastAck), "{seen:?}");
}
