//! Connections that did not come about.

use std::net::SocketAddr;
use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Settings, Socket, lapse};
use super::question::Question;
use crate::model::TcpState;

/// SYN_SENT.
pub(super) const UNANSWERED_SYN: Diagnosis = Diagnosis {
    key: "syn-sent",
    title: "SYN_SENT: nobody answers",
    reference: "UNP 4.3, tcp(7): tcp_syn_retries",
};

/// accept() was not called.
pub(super) const NOT_ACCEPTED: Diagnosis = Diagnosis {
    key: "not-accepted",
    title: "connections wait for accept()",
    reference: "UNP 4.5, 4.6",
};

/// A listener takes no more.
pub(super) const QUEUE_FULL: Diagnosis = Diagnosis {
    key: "accept-queue-full",
    title: "the accept queue is full",
    reference: "UNP 4.5, listen(2)",
};

/// SYN_SENT: nothing comes back.
pub(super) fn unanswered_syn(picture: &Picture, question: &Question) -> Vec<Finding> {
    let waits = |socket: &&Socket| socket.state == TcpState::SynSent;
    let find = |socket: &Socket| {
        let again = match socket.sent_again {
            0 => "and not sent again yet".to_owned(),
            1 => "and sent again once".to_owned(),
            times => format!("and sent again {times} times"),
        };
        let remote = socket.remote();
        let mut evidence = Vec::new();
        if let Some(facts) = socket.facts.as_ref().filter(|facts| facts.timer_ms > 0) {
            evidence.push(Proof::seen(format!(
                "the next SYN leaves in {}",
                lapse(Duration::from_millis(facts.timer_ms.into()))
            )));
        }
        evidence.extend(patience(&picture.settings).map(Proof::inferred));
        let holders = picture.holder_list(socket);
        if !holders.is_empty() {
            evidence.push(Proof::seen(format!("held by {holders}")));
        }
        let mut fix = format!(
            "see whether {remote} is up, routed to, and lets the port through: a host without a \
             listener answers RST, a firewall or a full accept queue nothing"
        );
        let there = socket.tuple.map(|tuple| tuple.canonical().remote);
        let listener = there.and_then(|there| listener_at(picture, socket, there));
        if let Some(listener) = listener.filter(|listener| drops(listener)) {
            evidence.insert(
                0,
                Proof::inferred(format!(
                    "{}, which listens there, drops it: its accept queue is full",
                    listener.name
                )),
            );
            let who = acceptor(picture, Some(listener));
            fix = format!("call accept() in {who}, as fast as connections come");
        }
        Finding {
            diagnosis: &UNANSWERED_SYN,
            weight: Weight::Wrong,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} is in SYN_SENT: no answer to its SYN has come, {again}",
                socket.name
            ),
            evidence,
            fix,
        }
    };
    question.asked(picture).filter(waits).map(find).collect()
}

/// How long the kernel goes on with a SYN, by what it is set to.
fn patience(settings: &Settings) -> Option<String> {
    let retries = settings.syn_retries?;
    let linear = settings.syn_linear.unwrap_or(0);
    let (set, pauses) = match linear {
        0 => (
            format!("tcp_syn_retries {retries}"),
            "each pause is twice the last".to_owned(),
        ),
        _ => (
            format!("tcp_syn_retries {retries} + tcp_syn_linear_timeouts {linear}"),
            format!(
                "the first {linear} are as long as the first pause, then each is twice the last"
            ),
        ),
    };
    Some(format!(
        "the SYN is sent again {} times ({set}; TCP_SYNCNT can say otherwise), {pauses}; then \
         connect() fails with ETIMEDOUT",
        u64::from(retries) + u64::from(linear)
    ))
}

/// Established, and in nobody's hands: accept() was not called.
pub(super) fn not_accepted(picture: &Picture, question: &Question) -> Vec<Finding> {
    let waits = |socket: &&Socket| {
        let open = matches!(socket.state, TcpState::Established | TcpState::CloseWait);
        open && socket.held_by_nobody()
    };
    let find = |socket: &Socket| {
        let listener = listener_of(picture, socket);
        let held_by = listener.map(|listener| picture.holder_list(listener));
        let held_by = held_by.filter(|list| !list.is_empty());
        let mut evidence = Vec::new();
        evidence.extend(held_by.map(|list| Proof::seen(format!("the listener is held by {list}"))));
        if let Some(facts) = socket.facts.as_ref().filter(|facts| facts.recv_q > 0) {
            evidence.push(Proof::seen(format!(
                "{} bytes wait in it, acknowledged by the kernel",
                facts.recv_q
            )));
        }
        Finding {
            diagnosis: &NOT_ACCEPTED,
            weight: Weight::Suspect,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} is held by nobody: it waits in the listener's queue, accept() was not called \
                 yet",
                socket.name
            ),
            evidence,
            fix: format!(
                "call accept() in {}, and again for each connection",
                acceptor(picture, listener)
            ),
        }
    };
    question.asked(picture).filter(waits).map(find).collect()
}

/// Who has to call accept() for a listener, as far as that is known.
fn acceptor(picture: &Picture, listener: Option<&Socket>) -> String {
    let names = listener.map(|listener| picture.holder_names(listener));
    let names = names.filter(|names| !names.is_empty());
    names.unwrap_or_else(|| "the server".to_owned())
}

fn listener_of<'a>(picture: &'a Picture, socket: &Socket) -> Option<&'a Socket> {
    listener_at(picture, socket, socket.tuple?.canonical().local)
}

/// Who listens at an address of the network namespace or host that a socket is in.
fn listener_at<'a>(
    picture: &'a Picture,
    socket: &Socket,
    address: SocketAddr,
) -> Option<&'a Socket> {
    picture.sockets.iter().find(|other| {
        let bound = other.tuple.map(|tuple| tuple.canonical().local);
        other.state == TcpState::Listen
            && other.place == socket.place
            && bound.is_some_and(|bound| {
                bound.port() == address.port()
                    && (bound.ip().is_unspecified() || bound.ip() == address.ip())
            })
    })
}

/// Whether a listener's queue takes no more: the kernel lets it have one more than the backlog
/// (`sk_acceptq_is_full`).
fn drops(listener: &Socket) -> bool {
    let queue = listener.facts.as_ref();
    queue.is_some_and(|facts| facts.recv_q > facts.send_q)
}

/// Whether a listener's queue has as many as its backlog.
fn is_full(listener: &Socket) -> bool {
    let queue = listener.facts.as_ref();
    queue.is_some_and(|facts| facts.recv_q > 0 && facts.recv_q >= facts.send_q)
}

/// A listener whose queue of finished connections is full: the kernel drops what comes.
pub(super) fn queue_full(picture: &Picture, question: &Question) -> Vec<Finding> {
    let full = |socket: &&Socket| socket.state == TcpState::Listen && is_full(socket);
    let find = |socket: &Socket| {
        let (queued, backlog) = socket
            .facts
            .as_ref()
            .map_or((0, 0), |facts| (facts.recv_q, facts.send_q));
        // The kernel takes one more than the backlog (sk_acceptq_is_full).
        let takes = match queued > backlog {
            true => "it drops every SYN and last ACK that comes",
            false => "it takes one more, then none",
        };
        let names = acceptor(picture, Some(socket));
        let mut evidence = vec![Proof::seen(format!(
            "Recv-Q {queued}, backlog (Send-Q) {backlog}"
        ))];
        evidence.extend(socket.overflows.map(|counted| {
            Proof::seen(format!(
                "its network namespace counts {} ListenOverflows, {} ListenDrops",
                counted.overflows, counted.drops
            ))
        }));
        let holding = picture.holding(socket);
        evidence.extend(holding.iter().filter_map(|it| it.doing()).map(Proof::seen));
        Finding {
            diagnosis: &QUEUE_FULL,
            weight: Weight::Wrong,
            about: About::Socket(socket.key),
            facts: Facts::of_socket(picture, socket),
            headline: format!(
                "{} has {queued} connections that were not accepted, its backlog is {backlog}: \
                 {takes}",
                socket.name
            ),
            evidence,
            fix: format!(
                "call accept() in {names} as fast as connections come; a larger backlog in \
                 listen() (up to net.core.somaxconn) only buys time"
            ),
        }
    };
    question.ends(picture).filter(full).map(find).collect()
}
