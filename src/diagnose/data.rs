//! Data that does not get through.

use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Socket, lapse};
use super::question::Question;
use crate::model::{SocketFacts, TcpState, TimerKind};

/// Segments that nobody acknowledges.
pub(super) const RETRANSMITTING: Diagnosis = Diagnosis {
    key: "retransmitting",
    title: "retransmitting: acknowledgements do not come",
    reference: "RFC 6298, tcp(7): tcp_retries2",
};

/// The peer's receive window is closed.
pub(super) const ZERO_WINDOW: Diagnosis = Diagnosis {
    key: "zero-window",
    title: "zero window: the other end's buffer is full",
    reference: "RFC 9293 3.8.6.1",
};

/// Data came, and the program does not read it.
pub(super) const UNREAD: Diagnosis = Diagnosis {
    key: "unread",
    title: "data that its program does not read",
    reference: "UNP 2.11, RFC 9293 3.8.6",
};

const NOTHING_ACKNOWLEDGED: &str = "no byte was acknowledged between the looks (bytes_acked)";

/// Whether the peer has closed its window. The kernel probes it by the persist timer, and by the
/// retransmission timer where the peer took back a window that was in use already
/// (`tcp_retransmit_timer`).
fn is_shut(facts: &SocketFacts) -> bool {
    let window = facts.info.as_ref().and_then(|info| info.snd_wnd);
    match facts.timer {
        TimerKind::Probe => !is_corked(facts),
        TimerKind::Retransmit => facts.state == TcpState::Established && window == Some(0),
        _ => false,
    }
}

/// Whether its own side holds the data back (TCP_CORK, MSG_MORE): nothing is in flight, and all
/// that waits would fit the peer's window. The persist timer runs then too, and ends the wait.
fn is_corked(facts: &SocketFacts) -> bool {
    facts.info.as_ref().is_some_and(|info| {
        info.unacked == 0 && info.snd_wnd.is_some_and(|window| window >= facts.send_q)
    })
}

/// The retransmission timer has expired and runs again.
pub(super) fn retransmitting(picture: &Picture, question: &Question) -> Vec<Finding> {
    let find = |socket: &Socket| {
        let facts = socket.facts.as_ref()?;
        let again = facts.retransmits;
        // A SYN has a rule of its own.
        let fits = facts.timer == TimerKind::Retransmit
            && again > 0
            && !is_shut(facts)
            && !matches!(socket.state, TcpState::SynSent | TcpState::SynRecv);
        if !fits {
            return None;
        }
        let times = match again {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let remote = socket.remote();
        // Losses, and yet it gets on.
        let between = socket.acknowledged().filter(|bytes| *bytes > 0);
        let mut evidence = Vec::new();
        let rto = facts
            .info
            .as_ref()
            .map(|info| info.rto_us)
            .filter(|rto| *rto > 0);
        let rto = rto.map_or_else(String::new, |rto| {
            let rto = lapse(Duration::from_micros(rto.into()));
            format!(", the timeout has backed off to {rto}")
        });
        evidence.push(Proof::seen(format!(
            "retransmits {again}, the next in {}{rto}",
            lapse(Duration::from_millis(facts.timer_ms.into()))
        )));
        if facts.send_q > 0 {
            evidence.push(Proof::seen(format!(
                "Send-Q {}: bytes that are not acknowledged; a FIN counts as one",
                facts.send_q
            )));
        }
        evidence.extend(between.map(|bytes| {
            Proof::seen(format!(
                "{bytes} bytes were acknowledged between the looks (bytes_acked)"
            ))
        }));
        if socket.acknowledged() == Some(0) {
            evidence.push(Proof::seen(NOTHING_ACKNOWLEDGED));
        }
        if let Some(peer) = picture.peer(socket) {
            evidence.push(Proof {
                text: format!("its other end is {}", peer.state),
                known: picture.known_of_peer(socket, peer),
            });
        }
        let holders = picture.holder_list(socket);
        let ends = match holders.as_str() {
            "" => "tcp_orphan_retries ends it".to_owned(),
            list => format!(
                "tcp_retries2 ends it for {list} with ETIMEDOUT after about 15 minutes, \
                 TCP_USER_TIMEOUT sooner"
            ),
        };
        let what = match between {
            Some(_) => "segments are lost on the way, and others get through".to_owned(),
            None => format!("{remote} does not acknowledge it"),
        };
        Some(Finding {
            diagnosis: &RETRANSMITTING,
            weight: match between {
                Some(_) => Weight::Suspect,
                None => Weight::Wrong,
            },
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} ({}) has sent the same segment again {times}: {what}",
                socket.name, socket.state
            ),
            evidence,
            fix: format!(
                "see whether {remote} is up and the way there lets segments through; {ends}"
            ),
        })
    };
    question.asked(picture).filter_map(find).collect()
}

/// The zero-window probe timer runs.
pub(super) fn zero_window(picture: &Picture, question: &Question) -> Vec<Finding> {
    let find = |socket: &Socket| {
        let facts = socket.facts.as_ref()?;
        if !is_shut(facts) {
            return None;
        }
        let mut evidence = vec![Proof::seen(format!(
            "{} bytes wait to be sent (Send-Q), the next probe leaves in {}, {} unanswered",
            facts.send_q,
            lapse(Duration::from_millis(facts.timer_ms.into())),
            facts.retransmits
        ))];
        let peer = picture.peer(socket);
        let mut reader = socket.remote();
        let mut fix = format!("read() in the program at {reader}");
        if let Some(peer) = peer {
            let unread = peer.facts.as_ref().map_or(0, |facts| facts.recv_q);
            let list = picture.holder_list(peer);
            if !list.is_empty() {
                reader.clone_from(&list);
                fix = format!("read() in {}", picture.holder_names(peer));
            }
            evidence.push(Proof {
                text: format!("its other end has {unread} bytes that were not read (Recv-Q)"),
                known: picture.known_of_peer(socket, peer),
            });
            let holding = picture.holding(peer);
            evidence.extend(holding.iter().filter_map(|it| it.doing()).map(Proof::seen));
        }
        let got_on = socket.acknowledged().filter(|bytes| *bytes > 0);
        let read = peer.and_then(Socket::reads) == Some(true);
        let finding = Finding {
            diagnosis: &ZERO_WINDOW,
            weight: Weight::Wrong,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} may not send: the window of its peer is closed, {reader} does not read",
                socket.name
            ),
            evidence,
            fix,
        };
        if got_on.is_none() && !read {
            return Some(not_read(finding, socket, &reader));
        }
        Some(slowly_read(finding, socket, got_on, &reader))
    };
    question.ends(picture).filter_map(find).collect()
}

fn not_read(mut finding: Finding, socket: &Socket, reader: &str) -> Finding {
    if socket.acknowledged() == Some(0) {
        finding.evidence.push(Proof::seen(NOTHING_ACKNOWLEDGED));
    }
    finding.evidence.push(Proof::inferred(format!(
        "{reader} does not read: a full receive buffer is what closes a window"
    )));
    finding
}

/// Slow, and nothing is wrong with it.
fn slowly_read(finding: Finding, socket: &Socket, got_on: Option<u64>, reader: &str) -> Finding {
    let mut evidence = finding.evidence;
    evidence.push(Proof::seen(match got_on {
        Some(bytes) => format!("{bytes} bytes were acknowledged between the looks (bytes_acked)"),
        None => format!("{reader} read some of it between the looks"),
    }));
    Finding {
        weight: Weight::Note,
        headline: format!(
            "{} has to wait at times: the window of its peer is closed, but {reader} reads, slower \
             than this end sends",
            socket.name
        ),
        evidence,
        fix: "none is needed where that is fast enough".to_owned(),
        ..finding
    }
}

/// Bytes in a receive queue out of which nothing is taken.
pub(super) fn unread(picture: &Picture, question: &Question) -> Vec<Finding> {
    if !question.about_progress {
        return Vec::new();
    }
    let waits = |socket: &&Socket| {
        // CLOSE_WAIT has a rule of its own.
        let open = matches!(
            socket.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
        );
        let unread = socket.facts.as_ref().is_some_and(|facts| facts.recv_q > 0);
        // At the first look nobody knows.
        let stays = socket.earlier.is_none() || socket.reads() == Some(false);
        open && unread && stays && !socket.held_by_nobody() && !told(picture, question, socket)
    };
    let find = |socket: &Socket| {
        let bytes = socket.facts.as_ref().map_or(0, |facts| facts.recv_q);
        let list = picture.holder_list(socket);
        let (who, fix) = match list.as_str() {
            "" => (
                "who holds it could not be seen".to_owned(),
                "ask again as root: its holder has to read()".to_owned(),
            ),
            list => (
                format!("{list} does not read them"),
                format!(
                    "read() in {}: see what keeps it",
                    picture.holder_names(socket)
                ),
            ),
        };
        let mut evidence = Vec::new();
        if socket.reads() == Some(false) {
            evidence.push(Proof::seen(
                "nothing was taken out of the queue between the looks (Recv-Q, bytes_received)",
            ));
        }
        let holding = picture.holding(socket);
        evidence.extend(holding.iter().filter_map(|it| it.doing()).map(Proof::seen));
        Finding {
            diagnosis: &UNREAD,
            weight: Weight::Suspect,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!("{} has {bytes} bytes in its Recv-Q: {who}", socket.name),
            evidence,
            fix,
        }
    };
    question.asked(picture).filter(waits).map(find).collect()
}

/// Whether another rule says so already: of a stopped process, or of the end that may not send.
fn told(picture: &Picture, question: &Question, socket: &Socket) -> bool {
    let holding = picture.holding(socket);
    let stopped = !holding.is_empty() && holding.iter().all(|process| process.is_stopped());
    let peer = socket.peer.filter(|index| question.has_end(*index));
    let peer = peer.and_then(|index| picture.sockets.get(index)?.facts.as_ref());
    stopped || peer.is_some_and(is_shut)
}
