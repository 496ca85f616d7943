//! Closes that did not come.

use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Socket, lapse};
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
            TcpState::CloseWait => Weight::Wrong,
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
        evidence: close_on_exec(picture, socket),
        fix: "shutdown(fd, SHUT_WR) sends it at once".to_owned(),
    };
    question.ends(picture).filter(told).map(find).collect()
}

fn close_on_exec(picture: &Picture, socket: &Socket) -> Vec<Proof> {
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
    said.collect()
}

/// CLOSE_WAIT: the peer has closed, the program has not.
pub(super) fn owes_the_close(picture: &Picture, question: &Question) -> Vec<Finding> {
    let waits = |socket: &&Socket| socket.state == TcpState::CloseWait;
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
            evidence.push(waiting_peer(picture, peer));
        }
        if let Some(facts) = socket.facts.as_ref().filter(|facts| facts.recv_q > 1) {
            evidence.push(Proof::seen(format!(
                "{} bytes and the FIN are not read yet",
                facts.recv_q - 1
            )));
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

fn waiting_peer(picture: &Picture, peer: &Socket) -> Proof {
    let who = match picture.holder_list(peer).as_str() {
        "" => "held by nobody".to_owned(),
        list => format!("held by {list}"),
    };
    Proof {
        text: format!("its other end waits in {}, {who}", peer.state),
        known: peer.known,
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
        .map(find)
        .collect()
}
