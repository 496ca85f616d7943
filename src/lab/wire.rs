//! The wire between the hosts, held in sockscope's hands: every packet that a host sends stops
//! here until it is delivered, held or dropped.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::packet::{self, Read, Reader};
use super::protocol::HostSpec;
use super::unreachable;
use crate::event::{Packet, PacketId, WIRE};
use crate::model::HostName;
use crate::scenario::{Action, Matcher, UnreachableCode};

/// Larger than any packet: a TUN device's MTU is 1500, loopback's 65536.
const MOST_BYTES: usize = 65_600;

/// A host's end of the wire.
#[derive(Debug)]
struct Link {
    name: HostName,
    v4: IpAddr,
    v6: IpAddr,
    tun: OwnedFd,
    /// Nothing goes out or in any more.
    crashed: bool,
}

/// A packet in sockscope's hands.
#[derive(Debug)]
struct InHand {
    /// Nothing for housekeeping, which is passed on unlisted.
    packet: Option<Packet>,
    bytes: Vec<u8>,
    to: Option<usize>,
    state: Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Waiting {
    /// It goes as soon as it is its turn.
    Ready,
    /// It goes when a step releases it.
    Held,
    /// It goes at this time.
    Delayed(Instant),
}

/// A standing order of a step.
#[derive(Debug)]
struct Rule {
    action: Action,
    /// How many more packets it applies to; nothing: all.
    left: Option<usize>,
    /// How many that fit are still let pass first.
    skip: usize,
    /// How many packets it applied to.
    used: usize,
}

impl Rule {
    /// This rule, if the packet is one that it applies to.
    fn fits(&mut self, packet: &Packet) -> Option<&mut Rule> {
        let meant = matcher(&self.action).is_some_and(|m| m.matches(packet));
        if self.left == Some(0) || !meant {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        Some(self)
    }
}

/// Names a standing order of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId(usize);

/// What the wire did with a packet that a host sent.
#[derive(Debug, PartialEq)]
pub enum Fate {
    /// It waits for its turn.
    Ready,
    /// It is held back.
    Held,
    /// It comes later by so much.
    Delayed(Duration),
    /// It will never arrive; in words why.
    Dropped(String),
}

/// A packet that left a host.
#[derive(Debug)]
pub struct Arrival {
    /// The packet.
    pub packet: Packet,
    /// What becomes of it.
    pub fate: Fate,
    /// What the wire sends back for it, as an order says: it waits for its turn.
    pub answer: Option<Packet>,
}

/// What a delivery came to.
#[derive(Debug)]
pub enum Delivery {
    /// The packet was handed to its host.
    Done(Packet),
    /// It could not be: why, in words.
    Lost(Packet, String),
}

/// The wire.
#[derive(Debug)]
pub struct Wire {
    links: Vec<Link>,
    /// Where a packet is read to: a device is asked far more often than it has one.
    buffer: Vec<u8>,
    reader: Reader,
    hand: VecDeque<InHand>,
    rules: Vec<Rule>,
    cut: bool,
    /// The bytes of every listed packet, where somebody wants them.
    kept: Option<BTreeMap<PacketId, Vec<u8>>>,
}

impl Wire {
    /// A wire between hosts, each with its TUN device.
    pub fn new(ends: impl IntoIterator<Item = (HostSpec, OwnedFd)>) -> Wire {
        Wire {
            links: ends
                .into_iter()
                .map(|(spec, tun)| Link {
                    name: spec.name,
                    v4: spec.v4.into(),
                    v6: spec.v6.into(),
                    tun,
                    crashed: false,
                })
                .collect(),
            buffer: vec![0; MOST_BYTES],
            reader: Reader::default(),
            hand: VecDeque::new(),
            rules: Vec::new(),
            cut: false,
            kept: None,
        }
    }

    /// From here on keeps the bytes of every packet that it lists.
    pub fn keep_bytes(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The bytes that were kept; nothing where nobody asked for them.
    pub fn kept_bytes(&mut self) -> Option<BTreeMap<PacketId, Vec<u8>>> {
        self.kept.take()
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.links.iter().map(|link| link.tun.as_fd())
    }

    /// Takes the next packet that a host has sent, if any. Housekeeping is taken without a word.
    ///
    /// # Errors
    /// Those of `read(2)` on a TUN device.
    pub fn take(&mut self) -> io::Result<Option<Arrival>> {
        for from in 0..self.links.len() {
            while let Some(length) = read_packet(&self.links[from].tun, &mut self.buffer)? {
                let bytes = self.buffer[..length].to_vec();
                if let Some(arrival) = self.took(from, bytes) {
                    return Ok(Some(arrival));
                }
            }
        }
        Ok(None)
    }

    fn took(&mut self, from: usize, bytes: Vec<u8>) -> Option<Arrival> {
        // A dead host sends nothing, although the kernel that plays it does not know.
        if self.links[from].crashed {
            return None;
        }
        let to = packet::destination(&bytes).and_then(|address| self.host_at(address));
        let to_name = to.map(|to| self.links[to].name.clone());
        let from_name = self.links[from].name.clone();
        let packet = match self.reader.read(&bytes, &from_name, to_name.as_ref()) {
            Read::Shown(packet) => packet,
            Read::Housekeeping => {
                if let Some(to) = to {
                    self.hand.push_back(InHand {
                        packet: None,
                        bytes,
                        to: Some(to),
                        state: Waiting::Ready,
                    });
                }
                return None;
            }
        };
        self.keep(&packet, &bytes);
        let (fate, answer) = self.fate(to, &packet);
        let answer = answer.and_then(|code| self.answer(from, &bytes, code));
        let state = match fate {
            Fate::Dropped(_) => None,
            Fate::Ready => Some(Waiting::Ready),
            Fate::Held => Some(Waiting::Held),
            Fate::Delayed(by) => Some(Waiting::Delayed(Instant::now() + by)),
        };
        if let Some(state) = state {
            self.hand.push_back(InHand {
                packet: Some(packet.clone()),
                bytes,
                to,
                state,
            });
        }
        Some(Arrival {
            packet,
            fate,
            answer,
        })
    }

    /// What becomes of a packet, by the rules in their order and the state of the wire, and with
    /// which message it is answered.
    fn fate(&mut self, to: Option<usize>, packet: &Packet) -> (Fate, Option<UnreachableCode>) {
        let Some(rule) = self.rules.iter_mut().find_map(|rule| rule.fits(packet)) else {
            let fate = match to {
                None => Fate::Dropped("no host has that address".into()),
                Some(_) if self.cut => Fate::Dropped("the wire is cut".into()),
                Some(to) if self.links[to].crashed => {
                    Fate::Dropped(format!("host {} has crashed", self.links[to].name))
                }
                Some(_) => Fate::Ready,
            };
            return (fate, None);
        };
        rule.left = rule.left.map(|left| left - 1);
        rule.used += 1;
        match &rule.action {
            Action::Hold(_) => (Fate::Held, None),
            Action::Delay { by, .. } => (Fate::Delayed(*by), None),
            Action::Unreachable { code, .. } => {
                (Fate::Dropped(rule.action.to_string()), Some(*code))
            }
            other => (Fate::Dropped(other.to_string()), None),
        }
    }

    /// Sends a message back to the host that sent `bytes`, as a router on the way would.
    fn answer(&mut self, sender: usize, bytes: &[u8], code: UnreachableCode) -> Option<Packet> {
        let message = unreachable::message(bytes, code)?;
        let name = self.links[sender].name.clone();
        let Read::Shown(packet) = self
            .reader
            .read(&message, &HostName::from(WIRE), Some(&name))
        else {
            return None;
        };
        self.keep(&packet, &message);
        self.hand.push_back(InHand {
            packet: Some(packet.clone()),
            bytes: message,
            to: Some(sender),
            state: Waiting::Ready,
        });
        Some(packet)
    }

    fn keep(&mut self, packet: &Packet, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.insert(packet.id, bytes.to_vec());
        }
    }

    /// Makes a standing order of a `hold`, `drop`, `delay` or `answer`; nothing of another action.
    /// A `hold` also takes those already on their way.
    pub fn order(&mut self, action: &Action) -> Option<OrderId> {
        let matcher = matcher(action)?;
        let mut used = 0;
        if let Action::Hold(what) = action {
            for waiting in &mut self.hand {
                if waiting.packet.as_ref().is_some_and(|p| what.matches(p)) {
                    waiting.state = Waiting::Held;
                    used += 1;
                }
            }
        }
        self.rules.push(Rule {
            action: action.clone(),
            skip: matcher.skip,
            left: matcher.count,
            used,
        });
        Some(OrderId(self.rules.len() - 1))
    }

    /// Whether a standing order applied to any packet so far.
    pub fn was_used(&self, order: OrderId) -> bool {
        self.rules.get(order.0).is_some_and(|rule| rule.used > 0)
    }

    /// Lets held packets go, and ends the `hold`s that would hold such packets again. Says how
    /// many go.
    pub fn release(&mut self, what: &Matcher) -> usize {
        if what.count.is_none() {
            for rule in &mut self.rules {
                if matches!(&rule.action, Action::Hold(held) if covers(what, held)) {
                    rule.left = Some(0);
                }
            }
        }
        let (mut released, mut skipped) = (0, 0);
        for waiting in &mut self.hand {
            let meant = waiting.packet.as_ref().is_some_and(|p| what.matches(p));
            if waiting.state == Waiting::Held
                && meant
                && what.count.is_none_or(|most| released < most)
            {
                if skipped < what.skip {
                    skipped += 1;
                    continue;
                }
                waiting.state = Waiting::Ready;
                released += 1;
            }
        }
        released
    }

    /// Cuts or mends the wire. Packets in hand are lost by a cut. Says whether anything changed.
    pub fn set_cut(&mut self, cut: bool) -> Option<Vec<Packet>> {
        if self.cut == cut {
            return None;
        }
        self.cut = cut;
        if !cut {
            return Some(Vec::new());
        }
        Some(self.hand.drain(..).filter_map(|lost| lost.packet).collect())
    }

    /// The host is gone for everybody else. Gives the packets that are lost with it.
    pub fn crash(&mut self, host: usize) -> Vec<Packet> {
        self.links[host].crashed = true;
        let name = self.links[host].name.clone();
        let (lost, kept) = self.hand.drain(..).partition(|waiting| {
            waiting.to == Some(host)
                || waiting
                    .packet
                    .as_ref()
                    .is_some_and(|packet| packet.from == name)
        });
        self.hand = kept;
        lost.into_iter().filter_map(|lost| lost.packet).collect()
    }

    /// Connects a host's new device in place of the old one.
    pub fn replace(&mut self, host: usize, tun: OwnedFd) {
        self.links[host].tun = tun;
        self.links[host].crashed = false;
    }

    /// When the next delayed packet is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.hand
            .iter()
            .filter_map(|waiting| match waiting.state {
                Waiting::Delayed(at) => Some(at),
                _ => None,
            })
            .min()
    }

    /// The next packet that would be delivered.
    pub fn peek(&self) -> Option<&Packet> {
        let now = Instant::now();
        self.hand
            .iter()
            .find(|waiting| waiting.is_due(now))
            .and_then(|waiting| waiting.packet.as_ref())
    }

    /// Drops one packet that is in hand.
    pub fn drop_packet(&mut self, id: PacketId) {
        self.hand
            .retain(|waiting| waiting.packet.as_ref().is_none_or(|p| p.id != id));
    }

    /// Hands the next packet to its host. Housekeeping goes with it without a word.
    pub fn deliver(&mut self) -> Option<Delivery> {
        loop {
            let now = Instant::now();
            let index = self.hand.iter().position(|waiting| waiting.is_due(now))?;
            let waiting = self.hand.remove(index)?;
            let outcome = match waiting.to.map(|to| &self.links[to]) {
                None => Err("no host has that address".to_owned()),
                Some(link) if link.crashed => Err(format!("host {} has crashed", link.name)),
                Some(_) if self.cut => Err("the wire is cut".to_owned()),
                Some(link) => write_packet(&link.tun, &waiting.bytes)
                    .map_err(|errno| format!("host {} refused it: {errno}", link.name)),
            };
            match (waiting.packet, outcome) {
                (None, _) => {}
                (Some(packet), Ok(())) => {
                    self.reader.arrived(&packet);
                    return Some(Delivery::Done(packet));
                }
                (Some(packet), Err(why)) => return Some(Delivery::Lost(packet, why)),
            }
        }
    }

    fn host_at(&self, address: IpAddr) -> Option<usize> {
        self.links
            .iter()
            .position(|link| link.v4 == address || link.v6 == address)
    }
}

impl InHand {
    fn is_due(&self, now: Instant) -> bool {
        match self.state {
            Waiting::Ready => true,
            Waiting::Held => false,
            Waiting::Delayed(at) => at <= now,
        }
    }
}

fn matcher(action: &Action) -> Option<&Matcher> {
    match action {
        Action::Hold(what)
        | Action::Drop(what)
        | Action::Delay { what, .. }
        | Action::Unreachable { what, .. } => Some(what),
        _ => None,
    }
}

/// Whether a release of `what` ends a hold of `held`: it means at least the same packets.
fn covers(what: &Matcher, held: &Matcher) -> bool {
    let any = what.what == crate::scenario::PacketClass::Any;
    (any || what.what == held.what) && (what.from.is_none() || what.from == held.from)
}

fn read_packet(tun: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        return match nix::unistd::read(tun, buffer) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::EAGAIN) => Ok(None),
            Err(Errno::EINTR) => continue,
            Err(errno) => Err(errno.into()),
        };
    }
}

fn write_packet(tun: &OwnedFd, bytes: &[u8]) -> nix::Result<()> {
    loop {
        match nix::unistd::write(tun, bytes) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests;
