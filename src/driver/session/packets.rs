//! Packets: taken from one host, handed to the other, with the state of each end before and after.

use std::time::Instant;

use super::super::pilot::{Choice, Moment};
use super::super::recorder::Recorder;
use super::copies::Syn;
use super::{Halt, Session, touched};
use crate::event::{Body, Cause, Kind, Packet, Source, TcpFlags};
use crate::lab::wire::{Delivery, Fate, Wire};
use crate::model::{HostName, Tuple};
use crate::observe::sockets::{self, Answer, Touched};

impl Session<'_> {
    /// Takes the next packet that a host has sent. The others wait in its device: nothing can
    /// happen to them there. Says whether there was one.
    pub(super) fn take_packet(&mut self) -> Result<bool, Halt> {
        let Some(arrival) = self.wire.as_mut().map(Wire::take).transpose()?.flatten() else {
            return Ok(false);
        };
        let packet = &arrival.packet;
        let id = packet.id;
        if packet.body == Body::Udp {
            self.look_at_datagrams(&packet.from);
        }
        if let Some(Syn::Copy { first }) = self.met(packet) {
            if let Some(wire) = &mut self.wire {
                wire.drop_packet(id);
            }
            if first {
                let from = &packet.from;
                let text = format!("{from} sent its SYN again while you were looking: left out");
                self.pen.emit(Source::Wire, Kind::Note { text });
            }
            return Ok(true);
        }
        self.pen.emit(Source::Wire, Kind::Sent(packet.clone()));
        // Sending changes a state only by these (RFC 9293 figure 5). Whoever sent data and closed
        // at once is in FIN_WAIT1 already, but not because of the data.
        let changes = [TcpFlags::SYN, TcpFlags::FIN, TcpFlags::RST];
        if let Body::Tcp(segment) = &packet.body
            && changes.iter().any(|flag| segment.flags.has(*flag))
        {
            let (local, remote) = (packet.src, packet.dst);
            let from = packet.from.clone();
            let answer = self.ask_for(&from, Tuple { local, remote });
            self.learn(answer, touched(Cause::Sent(id), *segment));
        }
        if let (Fate::Dropped(_), Some(copies)) = (&arrival.fate, &mut self.copies) {
            copies.lost(packet);
        }
        match arrival.fate {
            Fate::Ready | Fate::Delayed(_) => {}
            Fate::Held => self.pen.emit(Source::Wire, Kind::Held { packet: id }),
            Fate::Dropped(why) => {
                self.pen
                    .emit(Source::Wire, Kind::Dropped { packet: id, why });
            }
        }
        if let Some(answer) = arrival.answer {
            self.pen.emit(Source::Wire, Kind::Sent(answer));
        }
        Ok(true)
    }

    fn met(&mut self, packet: &Packet) -> Option<Syn> {
        let copies = self.copies.as_mut()?;
        copies.met(packet, Instant::now(), self.thought)
    }

    /// Hands over the next packet, if one is on its way.
    pub(super) fn deliver_one(&mut self) -> Result<bool, Halt> {
        let next = self.wire.as_ref().and_then(Wire::peek).cloned();
        if let (Some(packet), true) = (&next, self.pilot.is_some()) {
            let step = self.pen.step();
            let choice = self.ask_pilot(step, |pilot, moment| pilot.packet(moment, packet))?;
            if let (Choice::Drop, Some(wire)) = (choice, &mut self.wire) {
                wire.drop_packet(packet.id);
                if let Some(copies) = &mut self.copies {
                    copies.lost(packet);
                }
                self.dropped_in.push(step);
                let (packet, why) = (packet.id, "you dropped it".to_owned());
                self.pen.emit(Source::Wire, Kind::Dropped { packet, why });
                return Ok(true);
            }
        }
        let Some(delivery) = self.wire.as_mut().and_then(Wire::deliver) else {
            return Ok(false);
        };
        match delivery {
            Delivery::Done(packet) => {
                let id = packet.id;
                let tuple = Tuple {
                    local: packet.dst,
                    remote: packet.src,
                };
                let asked = match (&packet.body, &packet.to) {
                    (Body::Tcp(segment), Some(to)) => Some((self.ask_for(to, tuple), *segment)),
                    _ => None,
                };
                self.pen.emit(Source::Wire, Kind::Delivered { packet: id });
                if let Some((answer, segment)) = asked {
                    self.learn(answer, touched(Cause::Received(id), segment));
                }
                let (step, timeline) = (self.pen.step(), self.pen.timeline());
                if let Some(pilot) = &mut self.pilot {
                    pilot.delivered(&Moment { timeline, step }, &packet);
                }
            }
            Delivery::Lost(packet, why) => {
                let packet = packet.id;
                self.pen.emit(Source::Wire, Kind::Dropped { packet, why });
            }
        }
        Ok(true)
    }

    /// Asks for the end of a connection that a segment left or reached.
    pub(super) fn ask_for(&self, host: &HostName, tuple: Tuple) -> Option<Answer> {
        let host = self.sockets.host(host)?;
        Some(self.sockets.ask(host, tuple))
    }

    /// A datagram has left this host: by then its socket has a port, if it had none before.
    pub(super) fn look_at_datagrams(&mut self, host: &HostName) {
        let Some(host) = self.sockets.host(host) else {
            return;
        };
        let processes = &mut self.processes;
        let mut ask_holders = |pen: &mut Recorder| {
            processes.look(pen);
            processes.holders(pen)
        };
        if let Err(error) = self
            .sockets
            .look_at_datagrams(host, &mut ask_holders, &mut self.pen)
        {
            self.pen.emit(Source::Sampler, sockets::gap(&error));
        }
    }

    pub(super) fn learn(&mut self, answer: Option<Answer>, touched: Touched) {
        let Some(answer) = answer else {
            return;
        };
        let processes = &mut self.processes;
        let mut ask_holders = |pen: &mut Recorder| {
            processes.look(pen);
            processes.holders(pen)
        };
        if let Err(error) = self
            .sockets
            .learn(answer, touched, &mut ask_holders, &mut self.pen)
        {
            self.pen.emit(Source::Sampler, sockets::gap(&error));
        }
    }
}
