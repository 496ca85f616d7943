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
    title: "retransmitting: nothing is acknowledged",
    reference: "RFC 6298, tcp(7): tcp_retries2",
};

/// The peer's receive window is closed.
pub(super) const ZERO_WINDOW: Diagnosis = Diagnosis {
    key: "zero-window",
    title: "zero window: the other end does not read",
    reference: "RFC 9293 3.8.6.1",
};

/// Whether the peer has closed its window. The kernel probes it by the persist timer, and by the
/// retransmission timer where the peer took back a window that was in use already
/// (`tcp_retransmit_timer`).
fn is_shut(facts: &SocketFacts) -> bool {
    let window = facts.info.as_ref().and_then(|info| info.snd_wnd);
    let shrunk = facts.timer == TimerKind::Retransmit && window == Some(0);
    facts.timer == TimerKind::Probe || facts.state == TcpState::Established && shrunk
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
        if let Some(peer) = picture.peer(socket) {
            evidence.push(Proof {
                text: format!("its other end is {}", peer.state),
                known: peer.known,
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
        Some(Finding {
            diagnosis: &RETRANSMITTING,
            weight: Weight::Wrong,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} ({}) has sent the same segment again {times}: {} does not acknowledge it",
                socket.name,
                socket.state,
                socket.remote()
            ),
            evidence,
            fix: format!(
                "see whether {} is up and the way there lets segments through; {ends}",
                socket.remote()
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
                known: peer.known,
            });
            for process in picture.holding(peer) {
                let Some(state) = process.state else { continue };
                let at = process.waits_in.as_ref();
                let at = at.map_or_else(String::new, |name| format!(" in {name}"));
                evidence.push(Proof::seen(format!(
                    "{} is {}{at}",
                    process.name,
                    state.letter()
                )));
            }
        }
        Some(Finding {
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
        })
    };
    question.ends(picture).filter_map(find).collect()
}
