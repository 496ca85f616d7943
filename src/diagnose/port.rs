//! A port that somebody else has: EADDRINUSE.

use std::collections::BTreeSet;
use std::time::Duration;

use super::facts::Facts;
use super::finding::{About, Diagnosis, Finding, Proof, Weight};
use super::picture::{Picture, Socket, few, lapse};
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

/// Sockets that are told one by one.
const SHOWN: usize = 3;

/// Sockets on a port that somebody asks for. Each network namespace has ports of its own.
pub(super) fn taken(picture: &Picture, question: &Question) -> Vec<Finding> {
    let ports: BTreeSet<u16> = question.ports.iter().copied().collect();
    let mut found = Vec::new();
    for port in ports {
        let (tcp, udp) = (
            by_namespace(&picture.sockets, port),
            by_namespace(&picture.datagrams, port),
        );
        for (netns, on) in tcp {
            found.extend(
                Port {
                    picture,
                    port,
                    netns,
                }
                .tcp(&on),
            );
        }
        for (netns, on) in udp {
            found.extend(
                Port {
                    picture,
                    port,
                    netns,
                }
                .udp(&on),
            );
        }
    }
    found
}

/// The sockets whose local port it is, by network namespace.
fn by_namespace(sockets: &[Socket], port: u16) -> Vec<(Option<u64>, Vec<&Socket>)> {
    let mut all: Vec<(Option<u64>, Vec<&Socket>)> = Vec::new();
    let on = |socket: &&Socket| socket.tuple.is_some_and(|tuple| tuple.local.port() == port);
    for socket in sockets.iter().filter(on) {
        match all.iter_mut().find(|(netns, _)| *netns == socket.netns) {
            Some((_, others)) => others.push(socket),
            None => all.push((socket.netns, vec![socket])),
        }
    }
    all
}

struct Port<'a> {
    picture: &'a Picture,
    port: u16,
    netns: Option<u64>,
}

/// What is said of some sockets on a port.
struct Said {
    diagnosis: &'static Diagnosis,
    weight: Weight,
    headline: String,
    fix: &'static str,
}

impl Port<'_> {
    /// What keeps another TCP socket from the port, the strongest reason.
    fn tcp(&self, on: &[&Socket]) -> Option<Finding> {
        let having = |is: &dyn Fn(&Socket) -> bool| -> Vec<&Socket> {
            on.iter().copied().filter(|socket| is(socket)).collect()
        };
        let listening = having(&|socket| socket.state == TcpState::Listen);
        if !listening.is_empty() {
            return Some(self.listening(&listening));
        }
        // One that was connected and is closed has no port any more.
        let bound = having(&|socket| {
            let connected = socket.tuple.is_some_and(|tuple| tuple.remote.port() != 0);
            socket.state == TcpState::Close && !connected && !socket.held_by_nobody()
        });
        if !bound.is_empty() {
            return Some(self.bound(&bound));
        }
        let connected =
            |socket: &Socket| !matches!(socket.state, TcpState::TimeWait | TcpState::Close);
        let held = having(&|socket| connected(socket) && !socket.held_by_nobody());
        if !held.is_empty() {
            return Some(self.connected(&held));
        }
        let left = having(&connected);
        if !left.is_empty() {
            return Some(self.left(&left));
        }
        self.waiting(on)
    }

    fn finding(&self, sockets: &[&Socket], said: Said) -> Finding {
        let netns = self.netns;
        let place = sockets.first().and_then(|socket| socket.place.clone());
        let place = place.filter(|_| netns.is_some());
        let proof = |socket: &&Socket| {
            let who = match self.picture.holder_list(socket).as_str() {
                "" if socket.held_by_nobody() => ", held by nobody".to_owned(),
                "" => String::new(),
                list => format!(", held by {list}"),
            };
            Proof {
                text: match socket.state {
                    TcpState::Close => format!("{} is bound{who}", socket.name),
                    state => format!("{} {state}{who}", socket.name),
                },
                known: socket.known,
            }
        };
        Finding {
            diagnosis: said.diagnosis,
            weight: said.weight,
            about: About::Port(self.port, netns),
            facts: Facts::of_sockets(self.picture, sockets.iter().copied()).on_port(self.port),
            headline: match place {
                Some(place) => format!("{} ({place})", said.headline),
                None => said.headline,
            },
            evidence: sockets.iter().take(SHOWN).map(proof).collect(),
            fix: said.fix.to_owned(),
        }
    }

    /// The holders of these, each once; empty when nobody is known to hold one.
    fn holders(&self, sockets: &[&Socket]) -> String {
        let mut held: Vec<String> = Vec::new();
        for list in sockets
            .iter()
            .map(|socket| self.picture.holder_list(socket))
        {
            if !list.is_empty() && !held.contains(&list) {
                held.push(list);
            }
        }
        few(&held)
    }

    fn listening(&self, sockets: &[&Socket]) -> Finding {
        let who = match self.holders(sockets).as_str() {
            "" => "; by whom could not be seen".to_owned(),
            list => format!(" by {list}"),
        };
        let said = Said {
            diagnosis: &PORT_HELD,
            weight: Weight::Note,
            headline: format!("port {} is listened on{who}", self.port),
            fix: "a second bind() to it fails with EADDRINUSE: stop that one first, or take \
                  another port; SO_REUSEADDR does not help against a listener",
        };
        self.finding(sockets, said)
    }

    /// Bound, and neither listening nor connected.
    fn bound(&self, sockets: &[&Socket]) -> Finding {
        let who = match self.holders(sockets).as_str() {
            "" => "a process that could not be seen".to_owned(),
            list => list.to_owned(),
        };
        let said = Said {
            diagnosis: &PORT_TAKEN,
            weight: self.weight(),
            headline: format!(
                "nobody listens on port {}, but {who} has bound it, and neither listens nor \
                 connects",
                self.port
            ),
            fix: "close() it there, or take another port: without SO_REUSEADDR at both, bind() \
                  fails with EADDRINUSE, and of two sockets that are bound only one can listen",
        };
        self.finding(sockets, said)
    }

    /// Connections of programs.
    fn connected(&self, sockets: &[&Socket]) -> Finding {
        let who = match self.holders(sockets).as_str() {
            "" => "; who holds it could not be seen".to_owned(),
            list => format!(", held by {list}"),
        };
        let said = Said {
            diagnosis: match self.weight() {
                Weight::Note => &PORT_HELD,
                _ => &PORT_TAKEN,
            },
            weight: self.weight(),
            headline: format!(
                "nobody listens on port {}, but {} it{who}",
                self.port,
                keep(sockets, "open")
            ),
            fix: "end the process that holds it; or set SO_REUSEADDR before bind(), which helps \
                  against connections where the listener that they came by had set it too",
        };
        self.finding(sockets, said)
    }

    /// Connections that nobody holds any more, and that the kernel has not finished.
    fn left(&self, sockets: &[&Socket]) -> Finding {
        let said = Said {
            diagnosis: &PORT_TAKEN,
            weight: self.weight(),
            headline: format!(
                "nobody listens on port {}, but {} it until the kernel is through: no process \
                 has it open any more",
                self.port,
                keep(sockets, "left-over")
            ),
            fix: "set SO_REUSEADDR before bind(), from the server's first start on: without it \
                  bind() fails with EADDRINUSE until they are gone",
        };
        self.finding(sockets, said)
    }

    fn waiting(&self, on: &[&Socket]) -> Option<Finding> {
        let waiting = on.iter().copied();
        let waiting: Vec<&Socket> = waiting
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
        let said = Said {
            diagnosis: &PORT_TAKEN,
            weight: self.weight(),
            headline: format!(
                "nobody listens on port {}, but {sockets} it for another {left}",
                self.port
            ),
            fix: "set SO_REUSEADDR before bind(), from the server's first start on: without it \
                  bind() fails with EADDRINUSE until they are gone",
        };
        Some(self.finding(&waiting, said))
    }

    fn udp(&self, on: &[&Socket]) -> Option<Finding> {
        on.first()?;
        let who = match self.holders(on).as_str() {
            "" => "somebody who could not be seen".to_owned(),
            list => list.to_owned(),
        };
        let said = Said {
            diagnosis: &PORT_HELD,
            weight: Weight::Note,
            headline: format!("UDP port {} is bound by {who}", self.port),
            fix: "another UDP socket's bind() to it fails with EADDRINUSE, unless both set \
                  SO_REUSEADDR or SO_REUSEPORT; TCP has ports of its own",
        };
        let mut finding = self.finding(on, said);
        for proof in &mut finding.evidence {
            proof.text = format!("UDP {}", proof.text);
        }
        Some(finding)
    }

    /// A port that connect(2) may have taken for itself belongs to a client: nothing is wrong.
    fn weight(&self) -> Weight {
        match self.picture.settings.is_ephemeral(self.port) {
            true => Weight::Note,
            false => Weight::Suspect,
        }
    }
}

/// `1 left-over connection (ESTABLISHED) keeps`
fn keep(sockets: &[&Socket], kind: &str) -> String {
    let states: BTreeSet<String> = sockets.iter().map(|it| it.state.to_string()).collect();
    let states: Vec<String> = states.into_iter().collect();
    let states = few(&states);
    match sockets.len() {
        1 => format!("1 {kind} connection ({states}) keeps"),
        many => format!("{many} {kind} connections ({states}) keep"),
    }
}
