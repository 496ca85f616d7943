//! Cause and effect: which call or which end of a process is behind a FIN or an RST, and which
//! one sent nothing because somebody else still has the socket open (UNP section 4.8). And which
//! connection each call is about.
//!
//! It reads a whole timeline and does no I/O. It claims only what the events bear out: a segment
//! that did leave, a state that only a FIN leads to, a remaining holder whom the next look found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::event::{Body, Call, CallResult, Cause, Event, Kind, PacketId, SocketKey, TcpFlags};
use crate::model::{Holder, ProcessName, ProgramName, TcpState};
use crate::timeline::Timeline;

/// What an event did to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The event: an index into [`Timeline::events`]. A call, or the end of a process.
    pub event: usize,
    /// The descriptor that was closed, or shut down.
    pub fd: i32,
    /// The socket behind it.
    pub socket: SocketKey,
    /// What came of it.
    pub effect: Effect,
}

/// What a timeline says of its calls and ends of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes {
    /// What they did to connections, by event, ascending.
    pub links: Vec<Link>,
    /// The sockets that calls are about, by event.
    pub subjects: HashMap<usize, Subject>,
}

/// The sockets that a call is about, where they are endpoints of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The one behind its descriptor.
    pub of: Option<SocketKey>,
    /// The one behind the descriptor that it returned (`accept(2)`).
    pub opened: Option<SocketKey>,
}

/// What came of a close or a shutdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The kernel sent this segment, the first FIN or an RST.
    Sent {
        /// The segment.
        packet: PacketId,
        /// Whether it is an RST.
        reset: bool,
    },
    /// The socket came to this state, in which a FIN has been sent. No segment was seen.
    Became(TcpState),
    /// It sent nothing: these have the socket open still.
    StillHeld(Vec<Holder>),
}

/// The causes of a timeline's FINs and RSTs, the closes that caused none, and what each call is
/// about.
pub fn read(timeline: &Timeline) -> Causes {
    let mut reader = Reader {
        timeline,
        inodes: inodes(timeline),
        open: BTreeMap::new(),
        candidates: BTreeMap::new(),
        finished: BTreeMap::new(),
        claims: Vec::new(),
        telling: BTreeSet::new(),
        causes: Causes::default(),
    };
    for (index, event) in timeline.events().iter().enumerate() {
        reader.read(index, event);
    }
    reader.causes.links.sort_by_key(|link| link.event);
    reader.causes
}

/// Which socket has which inode, as the whole run shows it: a connection gets its inode when it
/// is accepted, and that is noticed later.
fn inodes(timeline: &Timeline) -> HashMap<u32, SocketKey> {
    let facts = timeline
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Socket { key, facts, .. } => Some((*key, facts.as_ref()?)),
            Kind::Datagram { key, facts, .. } => Some((*key, facts.as_ref()?)),
            Kind::Gauges { key, facts } => Some((*key, facts)),
            _ => None,
        });
    facts
        .filter(|(_, facts)| facts.inode != 0)
        .map(|(key, facts)| (facts.inode, key))
        .collect()
}

/// A close that may have sent nothing.
struct Claim {
    event: usize,
    fd: i32,
    socket: SocketKey,
}

/// What may cause a socket's next FIN or RST.
#[derive(Clone, Copy)]
struct Candidate {
    event: usize,
    fd: i32,
    /// By shutdown(), whoever else has the socket open; else by the last close.
    shutdown: bool,
}

struct Reader<'a> {
    timeline: &'a Timeline,
    inodes: HashMap<u32, SocketKey>,
    /// Who has which socket open now.
    open: BTreeMap<SocketKey, BTreeSet<Holder>>,
    /// What will have caused a socket's next FIN or RST.
    candidates: BTreeMap<SocketKey, Candidate>,
    /// Sockets that came to a state in which a FIN has been sent, and nobody knows by what: the
    /// call tells of itself when it returns.
    finished: BTreeMap<SocketKey, TcpState>,
    claims: Vec<Claim>,
    /// Programs whose calls are known.
    telling: BTreeSet<ProgramName>,
    causes: Causes,
}

impl Reader<'_> {
    fn read(&mut self, index: usize, event: &Event) {
        match &event.kind {
            Kind::Holders { key, holders, .. } => self.looked(*key, holders),
            Kind::Called { process, call } => self.called(index, process, call),
            Kind::Forked {
                process, parent, ..
            } => self.forked(process, parent),
            Kind::Exited { process, .. } => self.exited(index, process),
            Kind::Socket {
                key,
                cause: Some(Cause::Sent(packet)),
                ..
            } => self.sent(*key, *packet),
            Kind::Socket {
                key,
                state: TcpState::Close,
                ..
            } => {
                self.open.remove(key);
                self.finished.remove(key);
            }
            Kind::Socket {
                key,
                state,
                cause: None,
                ..
            } => self.became(*key, *state),
            // Whoever did it would have told.
            Kind::Quiet => self.finished.clear(),
            _ => {}
        }
    }

    /// Somebody looked who has the socket open: that bears claims out, or not.
    fn looked(&mut self, socket: SocketKey, holders: &[Holder]) {
        self.bear_out(socket, holders);
        if !holders.is_empty() {
            // It was not the last close after all.
            self.candidates
                .retain(|of, candidate| *of != socket || candidate.shutdown);
        }
        self.open.insert(socket, holders.iter().cloned().collect());
    }

    /// These have the socket open: closes before this moment sent nothing for that reason.
    fn bear_out(&mut self, socket: SocketKey, holders: &[Holder]) {
        let (due, rest): (Vec<Claim>, Vec<Claim>) = std::mem::take(&mut self.claims)
            .into_iter()
            .partition(|claim| claim.socket == socket);
        self.claims = rest;
        for claim in due {
            if !holders.is_empty() {
                self.causes.links.push(Link {
                    event: claim.event,
                    fd: claim.fd,
                    socket,
                    effect: Effect::StillHeld(holders.to_vec()),
                });
            }
        }
    }

    fn called(&mut self, index: usize, process: &ProcessName, call: &Call) {
        self.telling.insert(process.program());
        let Some(fd) = call.fd else { return };
        let socket = self.socket_of(process, fd, call.inode);
        let made = call.opened.and_then(|inode| self.inodes.get(&inode));
        let subject = Subject {
            // Of dup2() the inode may be that of what it closes.
            of: socket.filter(|_| !call.name.starts_with("dup")),
            opened: made.copied(),
        };
        if subject != Subject::default() {
            self.causes.subjects.insert(index, subject);
        }
        let succeeded = matches!(call.result, CallResult::Value(_));
        let returned = match call.result {
            CallResult::Value(value) => i32::try_from(value).ok(),
            _ => None,
        };
        match (call.name.as_str(), socket) {
            // An interrupted close() has closed nevertheless (close(2)).
            ("close", Some(socket)) => {
                // Who closes it now had it open until now.
                self.bear_out(socket, &[holder(process, fd)]);
                self.closed(index, process, fd, socket);
            }
            ("shutdown", Some(socket)) if succeeded && shuts_writing(call) => {
                let (event, shutdown) = (index, true);
                if self.explains(index, fd, socket) {
                    return;
                }
                self.candidates.entry(socket).or_insert(Candidate {
                    event,
                    fd,
                    shutdown,
                });
            }
            ("accept" | "accept4", _) => {
                let made = call.opened.and_then(|inode| self.inodes.get(&inode));
                if let Some((socket, fd)) = made.copied().zip(returned) {
                    self.hold(socket, process, fd);
                }
            }
            ("dup" | "dup2" | "dup3" | "fcntl", Some(socket)) if duplicates(call) => {
                if let Some(fd) = returned {
                    self.hold(socket, process, fd);
                }
            }
            _ => {}
        }
    }

    fn socket_of(&self, process: &ProcessName, fd: i32, inode: Option<u32>) -> Option<SocketKey> {
        // What a descriptor was at the last look it need not be any more.
        if let Some(inode) = inode {
            return self.inodes.get(&inode).copied();
        }
        let holder = holder(process, fd);
        let found = self.open.iter().find(|(_, held)| held.contains(&holder))?;
        Some(*found.0)
    }

    fn hold(&mut self, socket: SocketKey, process: &ProcessName, fd: i32) {
        let held = self.open.entry(socket).or_default();
        held.insert(holder(process, fd));
    }

    fn forked(&mut self, child: &ProcessName, parent: &ProcessName) {
        for held in self.open.values_mut() {
            let copies: Vec<Holder> = held
                .iter()
                .filter(|of| of.process == *parent)
                .map(|of| holder(child, of.fd))
                .collect();
            held.extend(copies);
        }
    }

    fn exited(&mut self, index: usize, process: &ProcessName) {
        let had: Vec<(SocketKey, i32)> = self
            .open
            .iter()
            .flat_map(|(socket, held)| {
                let own = held.iter().filter(|of| of.process == *process);
                own.map(|of| (*socket, of.fd))
            })
            .collect();
        // Of others nobody knows whether they had not closed it themselves just before.
        let is_known = self.telling.contains(&process.program());
        for (socket, fd) in had {
            match is_known {
                true => self.closed(index, process, fd, socket),
                false => {
                    let held = self.open.entry(socket).or_default();
                    held.remove(&holder(process, fd));
                }
            }
        }
    }

    fn closed(&mut self, event: usize, process: &ProcessName, fd: i32, socket: SocketKey) {
        let is_connection = self
            .timeline
            .endpoint_by_key(socket)
            .is_some_and(|endpoint| endpoint.role == crate::model::Role::Connection);
        let held = self.open.entry(socket).or_default();
        held.remove(&holder(process, fd));
        if !is_connection {
            return;
        }
        if held.is_empty() {
            if self.explains(event, fd, socket) {
                return;
            }
            let last = Candidate {
                event,
                fd,
                shutdown: false,
            };
            let candidate = self.candidates.entry(socket).or_insert(last);
            if !candidate.shutdown {
                *candidate = last;
            }
        } else {
            self.claims.push(Claim { event, fd, socket });
        }
    }

    /// A socket came to a state, by no segment that was seen.
    fn became(&mut self, socket: SocketKey, state: TcpState) {
        if !follows_a_fin(state) || self.has_sent(socket) {
            return;
        }
        match self.candidates.remove(&socket) {
            Some(Candidate { event, fd, .. }) => self.link(event, fd, socket, state),
            None => {
                self.finished.entry(socket).or_insert(state);
            }
        }
    }

    /// Whether a call that just told of itself is what ended a connection's sending.
    fn explains(&mut self, event: usize, fd: i32, socket: SocketKey) -> bool {
        let state = self.finished.remove(&socket);
        if let Some(state) = state {
            self.link(event, fd, socket, state);
        }
        state.is_some()
    }

    fn link(&mut self, event: usize, fd: i32, socket: SocketKey, state: TcpState) {
        self.claims.retain(|claim| claim.socket != socket);
        self.causes.links.push(Link {
            event,
            fd,
            socket,
            effect: Effect::Became(state),
        });
    }

    /// Whether it is known what made the socket send its FIN.
    fn has_sent(&self, socket: SocketKey) -> bool {
        let mut links = self.causes.links.iter();
        links.any(|link| link.socket == socket && !matches!(link.effect, Effect::StillHeld(_)))
    }

    /// A segment left that changed the socket's state.
    fn sent(&mut self, socket: SocketKey, packet: PacketId) {
        let Some(fate) = self.timeline.packet(packet) else {
            return;
        };
        let Body::Tcp(segment) = &fate.packet.body else {
            return;
        };
        let reset = segment.flags.has(TcpFlags::RST);
        if !reset && !segment.flags.has(TcpFlags::FIN) {
            return;
        }
        self.claims.retain(|claim| claim.socket != socket);
        if let Some(Candidate { event, fd, .. }) = self.candidates.remove(&socket) {
            self.causes.links.push(Link {
                event,
                fd,
                socket,
                effect: Effect::Sent { packet, reset },
            });
        }
    }
}

fn holder(process: &ProcessName, fd: i32) -> Holder {
    Holder {
        process: process.clone(),
        fd,
    }
}

/// Whether an end in this state has sent its FIN.
fn follows_a_fin(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Closing
            | TcpState::TimeWait
            | TcpState::LastAck
    )
}

fn shuts_writing(call: &Call) -> bool {
    call.args.contains("SHUT_WR") || call.args.contains("SHUT_RDWR")
}

fn duplicates(call: &Call) -> bool {
    call.name != "fcntl" || call.args.contains("F_DUPFD")
}

#[cfg(test)]
mod tests;
