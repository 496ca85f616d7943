//! Processes that explain what is missing.

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Process};
use super::question::Question;
use crate::model::{ProcState, TcpState};
use crate::observe::process::SignalMasks;

/// Children that ended and were not waited for.
pub(super) const ZOMBIE: Diagnosis = Diagnosis {
    key: "zombie",
    title: "zombies: nobody waits for them",
    reference: "UNP 5.9, 5.10",
};

/// A process that a signal stopped.
pub(super) const STOPPED: Diagnosis = Diagnosis {
    key: "stopped",
    title: "a stopped process holds the socket",
    reference: "signal(7), UNP 5.13",
};

const SIGCHLD: i32 = nix::libc::SIGCHLD;

/// A parent that does not wait for its children (UNP section 5.9).
pub(super) fn zombies(picture: &Picture, question: &Question) -> Vec<Finding> {
    if !question.about_children {
        return Vec::new();
    }
    let mut found = Vec::new();
    for zombie in question.processes(picture).filter(|process| process.zombie) {
        let Some(parent) = zombie.parent.and_then(|index| picture.processes.get(index)) else {
            continue;
        };
        let (evidence, fix) = handler(parent);
        found.push(Finding {
            diagnosis: &ZOMBIE,
            weight: Weight::Wrong,
            about: About::Process(zombie.key),
            facts: Facts::of_processes(picture, [zombie]),
            headline: format!(
                "{} is a zombie: its parent {} has not called wait",
                zombie.name, parent.name
            ),
            evidence,
            fix: fix.to_owned(),
        });
    }
    found
}

/// What the parent does with SIGCHLD, and what it should.
fn handler(parent: &Process) -> (Vec<Proof>, &'static str) {
    const LOOP: &str = "a SIGCHLD handler that calls waitpid(-1, …, WNOHANG) in a loop leaves none";
    let name = &parent.name;
    if parent.state == Some(ProcState::Stopped) {
        let why = format!("{name} is stopped by a signal: no handler can run");
        return (
            vec![Proof::seen(why)],
            "SIGCONT lets it go on; then waitpid(-1, …, WNOHANG) in a loop leaves none",
        );
    }
    let waits = parent.waits_in.is_some();
    let doing = parent.doing().filter(|_| waits).map(Proof::seen);
    let Some(masks) = parent.signals else {
        return (doing.into_iter().collect(), LOOP);
    };
    let (seen, inferred, fix) = if SignalMasks::has(masks.blocked, SIGCHLD) {
        (
            format!("{name} blocks SIGCHLD (SigBlk)"),
            None,
            "unblock SIGCHLD, or read it from a signalfd, and call waitpid(-1, …, WNOHANG) in a \
             loop",
        )
    } else if SignalMasks::has(masks.caught, SIGCHLD) {
        (
            format!("{name} has a SIGCHLD handler (SigCgt)"),
            Some(
                "the handler left this child: signals do not queue, and one that waits once \
                 collects one of several",
            ),
            "call waitpid(-1, …, WNOHANG) in a loop in the SIGCHLD handler",
        )
    } else if SignalMasks::has(masks.ignored, SIGCHLD) {
        (
            format!("{name} ignores SIGCHLD (SigIgn)"),
            Some("it did not yet when this child ended: the kernel would have collected it"),
            "ignore SIGCHLD before the first fork(), or call waitpid(-1, …, WNOHANG) in a loop",
        )
    } else {
        (
            format!("{name} has no SIGCHLD handler (SigCgt, SigIgn)"),
            None,
            LOOP,
        )
    };
    let mut evidence = vec![Proof::seen(seen)];
    evidence.extend(inferred.map(Proof::inferred));
    evidence.extend(doing);
    (evidence, fix)
}

/// A process that holds a socket and cannot do anything.
pub(super) fn stopped(picture: &Picture, question: &Question) -> Vec<Finding> {
    if !question.about_stops {
        return Vec::new();
    }
    let find = |(index, process): (usize, &Process)| {
        let mut waiting = Vec::new();
        for socket in &picture.sockets {
            let holds = socket.holders.iter().flatten();
            let unread = socket.facts.as_ref().map_or(0, |facts| facts.recv_q);
            if unread == 0 || !holds.into_iter().any(|held| held.process == index) {
                continue;
            }
            waiting.push(Proof::seen(match socket.state {
                TcpState::Listen => {
                    format!("{} has {unread} not accepted in its queue", socket.name)
                }
                _ => format!("{} has {unread} bytes that nobody reads", socket.name),
            }));
        }
        let (how, fix) = match process.state {
            Some(ProcState::Traced) => ("a tracer", "let its tracer (a debugger) go on"),
            _ => ("a signal", "send it SIGCONT"),
        };
        Finding {
            diagnosis: &STOPPED,
            weight: Weight::Wrong,
            about: About::Process(process.key),
            facts: Facts::of_processes(picture, [process]),
            headline: format!(
                "{} is stopped by {how}: it accepts, reads and closes nothing, while its kernel \
                 goes on acknowledging",
                process.name
            ),
            evidence: waiting,
            fix: fix.to_owned(),
        }
    };
    let indexed = question
        .processes
        .iter()
        .filter_map(|index| Some((*index, picture.processes.get(*index)?)));
    indexed
        .filter(|(_, process)| process.is_stopped())
        .map(find)
        .collect()
}
