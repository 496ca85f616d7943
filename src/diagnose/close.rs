//! Closes that did not come.

use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Process, Socket, lapse};
use super::question::Question;
use crate::model::TcpState;

/// A copy of the socket is still open elsewhere.
pub(super) const OTHER_HOLDER: Diagnosis = Diagnosis {
    key: "held-by-several",
    title: "several processes hold the socket",
    reference: "UNP 4.8, 6.6",
};

/// CLOSE_WAIT.
pub(super) const OWES_THE_CLOSE: Diagnosis = Diagnosis {
    key: "close-wait",
    title: "CLOSE_WAIT: the close is owed",
    reference: "UNP 2.6, RFC 9293 3.6",
};

/// FIN_WAIT2.
pub(super) const UNANSWERED_FIN: Diagnosis = Diagnosis {
    key: "fin-wait2",
    title: "FIN_WAIT2: the other end does not close",
    reference: "UNP 2.6, tcp(7): tcp_fin_timeout",
};

/// One direction is closed, and the other one is in use.
pub(super) const HALF_CLOSED: Diagnosis = Diagnosis {
    key: "half-closed",
    title: "half-closed, and in use",
    reference: "UNP 6.6, RFC 9293 3.6",
};

/// A copy of the socket is still open elsewhere: close() in one process sends no FIN (UNP
/// section 4.8, `close(2)`).
pub(super) fn other_holder(picture: &Picture, question: &Question) -> Vec<Finding> {
    if !question.about_close {
        return Vec::new();
    }
    let told = |socket: &&Socket| {
        let open = matches!(socket.state, TcpState::Established | TcpState::CloseWait);
        let left = picture.holding(socket);
        let several = left.len() > 1;
        let let_go = socket.let_go == Some(true);
        let told = match socket.state {
            _ if question.about_holders => several,
            TcpState::CloseWait => several || let_go,
            _ => let_go,
        };
        open && !left.is_empty() && told
    };
    let find = |socket: &Socket| Finding {
        diagnosis: &OTHER_HOLDER,
        // Many servers share a connection with a child for as long as it lasts.
        weight: match socket.state {
            TcpState::CloseWait if !in_use(socket) => Weight::Wrong,
            _ => Weight::Note,
        },
        about: About::Socket(socket.key),
        facts: Facts::of_socket(picture, socket),
        headline: format!(
            "{} is still held by {}: close() in another process sends no FIN as long as a copy \
             is open",
            socket.name,
            picture.holder_list(socket)
        ),
        evidence: copies(picture, socket),
        fix: let_go(picture, socket),
    };
    question.ends(picture).filter(told).map(find).collect()
}

/// How each copy came about, as far as that can be told.
fn copies(picture: &Picture, socket: &Socket) -> Vec<Proof> {
    let holders = socket.holders.iter().flatten();
    let said = holders.filter_map(|held| {
        let process = picture.processes.get(held.process)?;
        let how = match held.close_on_exec? {
            true => "close-on-exec: a program that it executes does not get it",
            false => "not close-on-exec: every program that it executes gets it too",
        };
        Some(Proof::seen(format!(
            "{} fd {} is {how}",
            process.name, held.fd
        )))
    });
    let mut proofs: Vec<Proof> = said.collect();
    if let Some((one, other)) = other_program(picture, socket) {
        proofs.push(Proof::inferred(format!(
            "{} and {} execute different files: a copy was kept over execve()",
            one.name, other.name
        )));
    }
    proofs
}

/// Two holders that execute different files, parent first where one is the other's: one copy was
/// kept over `execve(2)`.
fn other_program<'a>(picture: &'a Picture, socket: &Socket) -> Option<(&'a Process, &'a Process)> {
    let holding = picture.holding(socket);
    let first = *holding.iter().find(|process| process.executes.is_some())?;
    let other = holding
        .into_iter()
        .find(|process| process.executes.is_some() && process.executes != first.executes)?;
    let parent = first.parent.and_then(|index| picture.processes.get(index));
    match parent.is_some_and(|parent| parent.key == other.key) {
        true => Some((other, first)),
        false => Some((first, other)),
    }
}

/// What each holder has to do with its copy.
fn let_go(picture: &Picture, socket: &Socket) -> String {
    const AT_ONCE: &str = "shutdown(fd, SHUT_WR) sends the FIN whoever else holds it";
    let kept = other_program(picture, socket);
    // A descriptor that is close-on-exec was handed on by other means: on purpose.
    let by_accident = |process: &Process| {
        let mut held = socket.holders.iter().flatten();
        held.all(|held| {
            let of = picture.processes.get(held.process);
            of.is_none_or(|of| of.key != process.key) || held.close_on_exec != Some(true)
        })
    };
    if let Some((one, other)) = kept.filter(|(one, _)| by_accident(one)) {
        return format!(
            "let {} set FD_CLOEXEC (SOCK_CLOEXEC) before it executes another program, where {} is \
             not meant to have the socket; {AT_ONCE}",
            one.name, other.name
        );
    }
    match picture.holder_names(socket).as_str() {
        names if picture.holding(socket).len() > 1 => {
            format!("close() it after fork() in whichever of {names} does not need it; {AT_ONCE}")
        }
        names => format!("close() it in {names}; {AT_ONCE}"),
    }
}

/// Whether the program still sends on what its peer has closed for its own part: a half-close.
fn in_use(socket: &Socket) -> bool {
    socket.sends() == Some(true)
}

/// One end has sent its FIN, and data still flows to it: neither end owes anything.
pub(super) fn half_closed(picture: &Picture, question: &Question) -> Vec<Finding> {
    let find = |socket: &Socket| {
        let (headline, proof) = match socket.state {
            TcpState::CloseWait if in_use(socket) => {
                let acknowledged = socket.acknowledged().unwrap_or_default();
                let waiting = socket.facts.as_ref().map_or(0, |facts| facts.send_q);
                (
                    "its peer has sent its FIN, and it still sends to it",
                    format!(
                        "{acknowledged} bytes were acknowledged between the looks, {waiting} wait \
                         in the Send-Q"
                    ),
                )
            }
            TcpState::FinWait2 if socket.received().is_some_and(|bytes| bytes > 0) => {
                let peer = socket.peer.filter(|index| question.has_end(*index));
                if peer.is_some() {
                    return None;
                }
                let bytes = socket.received().unwrap_or_default();
                (
                    "it has sent its FIN, and its peer still sends to it",
                    format!("{bytes} bytes came between the looks"),
                )
            }
            _ => return None,
        };
        Some(Finding {
            diagnosis: &HALF_CLOSED,
            weight: Weight::Note,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!("{} ({}): {headline}", socket.name, socket.state),
            evidence: vec![Proof::seen(proof)],
            fix: "none is needed: close() follows when all is sent".to_owned(),
        })
    };
    question.ends(picture).filter_map(find).collect()
}

/// CLOSE_WAIT: the peer has closed, the program has not.
pub(super) fn owes_the_close(picture: &Picture, question: &Question) -> Vec<Finding> {
    let waits = |socket: &&Socket| socket.state == TcpState::CloseWait && !in_use(socket);
    let find = |socket: &Socket| {
        let since = socket
            .since
            .map_or_else(String::new, |since| format!(" {since}"));
        let list = picture.holder_list(socket);
        let (who, fix) = match (list.as_str(), socket.held_by_nobody()) {
            ("", true) => (
                "no process holds it".to_owned(),
                "accept() it, and close it when read() returns 0".to_owned(),
            ),
            ("", false) => (
                "who holds it could not be seen".to_owned(),
                "ask again as root: its holder owes a close()".to_owned(),
            ),
            (list, _) => {
                let owe = if picture.holding(socket).len() > 1 {
                    "owe"
                } else {
                    "owes"
                };
                (
                    format!("{list} {owe} the close"),
                    format!(
                        "close() it in {}, at the latest when read() returns 0",
                        picture.holder_names(socket)
                    ),
                )
            }
        };
        let mut evidence = Vec::new();
        if let Some(peer) = picture.peer(socket) {
            evidence.push(waiting_peer(picture, socket, peer));
        }
        if let Some(facts) = socket.facts.as_ref().filter(|facts| facts.recv_q > 1) {
            evidence.push(Proof::seen(format!(
                "{} bytes and the FIN are not read yet",
                facts.recv_q - 1
            )));
        }
        if socket.sends() == Some(false) {
            evidence.push(Proof::seen(
                "nothing was sent on it between the looks (bytes_acked, Send-Q)",
            ));
        }
        if !list.is_empty() {
            evidence.push(Proof::inferred(
                "the close() was forgotten, or its program has not come to it yet",
            ));
        }
        Finding {
            diagnosis: &OWES_THE_CLOSE,
            weight: Weight::Wrong,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} is in CLOSE_WAIT{since}: the peer sent its FIN and {who}",
                socket.name
            ),
            evidence,
            fix,
        }
    };
    question.ends(picture).filter(waits).map(find).collect()
}

fn waiting_peer(picture: &Picture, socket: &Socket, peer: &Socket) -> Proof {
    let who = match picture.holder_list(peer).as_str() {
        "" => "held by nobody".to_owned(),
        list => format!("held by {list}"),
    };
    Proof {
        text: format!("its other end waits in {}, {who}", peer.state),
        known: picture.known_of_peer(socket, peer),
    }
}

/// FIN_WAIT2: this end's FIN is acknowledged, and the peer's does not come.
pub(super) fn unanswered_fin(picture: &Picture, question: &Question) -> Vec<Finding> {
    if !question.about_close {
        return Vec::new();
    }
    // Either the peer's own CLOSE_WAIT is told of, or its FIN is on its way.
    let told_by_peer = |socket: &Socket| {
        let peer = picture.peer(socket);
        peer.is_some_and(|peer| match peer.state {
            TcpState::CloseWait => socket.peer.is_some_and(|index| question.has_end(index)),
            state => state != TcpState::Established,
        })
    };
    let find = |socket: &Socket| {
        let peer = picture.peer(socket);
        let who = match peer.map(|peer| (picture.holder_list(peer), peer.state)) {
            Some((list, state)) if !list.is_empty() => format!("{list} ({state}) has not closed"),
            _ => format!("{} has not closed", socket.remote()),
        };
        let unseen = peer.is_none();
        let orphan = socket.held_by_nobody();
        let mut evidence = Vec::new();
        if let Some(facts) = socket.facts.as_ref().filter(|_| orphan) {
            evidence.push(Proof::seen(format!(
                "no process holds it: the kernel gives up in {} (tcp_fin_timeout)",
                lapse(Duration::from_millis(facts.timer_ms.into()))
            )));
        } else if !picture.holder_list(socket).is_empty() {
            evidence.push(Proof::seen(format!(
                "{} holds it: tcp_fin_timeout ends only what no process holds",
                picture.holder_list(socket)
            )));
        }
        if unseen {
            evidence.push(Proof::inferred(
                "the program there has not closed, or its FIN is lost: its host is not in sight",
            ));
        }
        let there = peer.map(|peer| picture.holder_names(peer));
        let fix = match there.filter(|names| !names.is_empty()) {
            Some(names) => format!("close() the connection in {names}"),
            None => format!("look at {}: its program owes a close()", socket.remote()),
        };
        Finding {
            diagnosis: &UNANSWERED_FIN,
            // The kernel ends it alone.
            weight: if orphan {
                Weight::Suspect
            } else {
                Weight::Wrong
            },
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} is in FIN_WAIT2: its FIN was acknowledged and {who}",
                socket.name
            ),
            evidence,
            fix,
        }
    };
    question
        .ends(picture)
        .filter(|socket| socket.state == TcpState::FinWait2 && !told_by_peer(socket))
        .filter(|socket| socket.received().is_none_or(|bytes| bytes == 0))
        .map(find)
        .collect()
}
