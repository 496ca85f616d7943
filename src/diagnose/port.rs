//! A port that somebody else has: EADDRINUSE.

use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Socket, lapse};
use super::question::Question;
use crate::model::TcpState;

/// Why `bind(2)` fails.
pub(super) const PORT_TAKEN: Diagnosis = Diagnosis {
    key: "address-in-use",
    title: "the port is taken: EADDRINUSE",
    reference: "UNP 7.5, socket(7): SO_REUSEADDR",
};

/// Who has a port.
pub(super) const PORT_HELD: Diagnosis = Diagnosis {
    key: "port-held",
    title: "who has the port",
    reference: "UNP 4.4, bind(2)",
};

/// Sockets on a port that somebody asks for.
pub(super) fn taken(picture: &Picture, question: &Question) -> Vec<Finding> {
    let mut ports = question.ports.clone();
    ports.sort_unstable();
    ports.dedup();
    ports
        .into_iter()
        .filter_map(|port| on_port(picture, port))
        .collect()
}

fn on_port(picture: &Picture, port: u16) -> Option<Finding> {
    let on = |socket: &&Socket| socket.tuple.is_some_and(|tuple| tuple.local.port() == port);
    let listeners: Vec<&Socket> = picture
        .sockets
        .iter()
        .filter(on)
        .filter(|socket| socket.state == TcpState::Listen)
        .collect();
    let about = About::Port(port);
    if !listeners.is_empty() {
        let mut held: Vec<String> = listeners
            .iter()
            .map(|socket| picture.holder_list(socket))
            .filter(|list| !list.is_empty())
            .collect();
        held.dedup();
        let who = match held.is_empty() {
            true => "; by whom could not be seen".to_owned(),
            false => format!(" by {}", held.join(" and ")),
        };
        return Some(Finding {
            diagnosis: &PORT_HELD,
            weight: Weight::Note,
            about,
            facts: Facts::of_sockets(picture, listeners.iter().copied()).on_port(port),
            headline: format!("port {port} is listened on{who}"),
            evidence: listeners
                .iter()
                .map(|socket| Proof::seen(format!("{} LISTEN", socket.name)))
                .collect(),
            fix: "a second bind() to it fails with EADDRINUSE: stop that one first, or take \
                  another port; SO_REUSEADDR does not help against a listener"
                .to_owned(),
        });
    }
    let waiting: Vec<&Socket> = picture
        .sockets
        .iter()
        .filter(on)
        .filter(|socket| socket.state == TcpState::TimeWait)
        .collect();
    let longest = waiting
        .iter()
        .filter_map(|socket| Some(socket.facts.as_ref()?.timer_ms))
        .max()?;
    let left = lapse(Duration::from_millis(longest.into()));
    let sockets = match waiting.len() {
        1 => "1 connection in TIME_WAIT keeps".to_owned(),
        many => format!("{many} connections in TIME_WAIT keep"),
    };
    Some(Finding {
        diagnosis: &PORT_TAKEN,
        weight: Weight::Suspect,
        about,
        facts: Facts::of_sockets(picture, waiting.iter().copied()).on_port(port),
        headline: format!("nobody listens on port {port}, but {sockets} it for another {left}"),
        evidence: waiting
            .iter()
            .take(3)
            .map(|socket| Proof {
                text: format!("{} TIME_WAIT, held by nobody", socket.name),
                known: socket.known,
            })
            .collect(),
        fix: "set SO_REUSEADDR before bind(): without it bind() fails with EADDRINUSE until they \
              are gone"
            .to_owned(),
    })
}
