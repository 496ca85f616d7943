//! What each event says of endpoints, processes and packets.

use super::{Change, Endpoint, PacketFate, Process, Timeline};
use crate::event::{Event, Kind, PacketId, SocketKey};
use crate::model::{EndpointName, HostName, ProcState, ProcessName, ProgramName, Role, TcpState};

impl Timeline {
    pub(super) fn learn(&mut self, index: usize, event: &Event) {
        match &event.kind {
            Kind::Spawned {
                process, pid, host, ..
            } => self.learn_process(process, *pid, host.clone(), None),
            Kind::Forked {
                process,
                pid,
                parent,
                ..
            } => {
                let host = self
                    .process(parent)
                    .map_or_else(|| HostName::from("?"), |p| p.host.clone());
                self.learn_process(process, *pid, host, Some(parent.clone()));
            }
            Kind::ProcessState { process, state } => {
                self.with_process(process, |p| p.state = *state);
            }
            Kind::Exited { process, status } => self.with_process(process, |p| {
                p.ended = true;
                p.state = ProcState::Zombie;
                p.status = status.or(p.status);
            }),
            Kind::Reaped { process, by } => self.with_process(process, |p| {
                p.ended = true;
                p.state = ProcState::Dead;
                p.reaped = Some(by.clone());
            }),
            Kind::Adopted { process, by } => {
                self.with_process(process, |p| p.adopted = Some(by.clone()));
            }
            Kind::Socket { .. } => self.learn_state(index, event),
            Kind::Datagram { .. } => self.learn_datagram(index, event),
            Kind::Gauges { key, facts } => self.with_endpoint(*key, |e| {
                e.tuple = Some(facts.tuple);
                e.facts = Some(facts.clone());
            }),
            Kind::Holders {
                key,
                holders,
                unreadable,
            } => self.with_endpoint(*key, |e| {
                e.holders = Some(holders.clone());
                e.unreadable.clone_from(unreadable);
            }),
            Kind::Sent(packet) => self.packets.push(PacketFate {
                packet: packet.clone(),
                step: event.step,
                sent: index,
                delivered: None,
                dropped: None,
            }),
            Kind::Delivered { packet } => {
                self.with_packet(*packet, |p| p.delivered = Some(index));
            }
            Kind::Dropped { packet, .. } => self.with_packet(*packet, |p| p.dropped = Some(index)),
            Kind::StepBegan
            | Kind::Acted { .. }
            | Kind::Quiet
            | Kind::Held { .. }
            | Kind::Output { .. }
            | Kind::Called { .. }
            | Kind::Executed { .. }
            | Kind::Renamed { .. }
            | Kind::Signal { .. }
            | Kind::Told { .. }
            | Kind::Note { .. }
            | Kind::Gap { .. } => {}
        }
    }

    pub(super) fn learn_process(
        &mut self,
        name: &ProcessName,
        pid: i32,
        host: HostName,
        parent: Option<ProcessName>,
    ) {
        // A program that is started again takes the name over.
        self.processes.retain(|p| p.name != *name);
        self.processes.push(Process {
            name: name.clone(),
            pid,
            host,
            parent,
            state: ProcState::Running,
            ended: false,
            status: None,
            reaped: None,
            adopted: None,
        });
    }

    pub(super) fn learn_state(&mut self, index: usize, event: &Event) {
        let Kind::Socket {
            key,
            host,
            state,
            evidence,
            facts,
            owner,
            cause,
        } = &event.kind
        else {
            return;
        };
        let role = match state {
            TcpState::Listen => Role::Listener,
            _ => Role::Connection,
        };
        self.meet(*key, role, host, owner.as_ref());
        let change = Change {
            event: index,
            at: event.at,
            step: event.step,
            state: *state,
            evidence: *evidence,
            cause: *cause,
        };
        self.with_endpoint(*key, |e| {
            if let Some(facts) = facts {
                e.tuple = Some(facts.tuple);
                e.facts = Some(facts.clone());
            }
            e.history.push(change);
        });
    }

    /// Names an endpoint at its first sight.
    pub(super) fn meet(
        &mut self,
        key: SocketKey,
        role: Role,
        host: &HostName,
        owner: Option<&ProgramName>,
    ) {
        if self.endpoint_by_key(key).is_some() {
            return;
        }
        let program = owner
            .cloned()
            .unwrap_or_else(|| ProgramName::new(host.as_str()));
        let ordinal = 1 + self
            .endpoints
            .iter()
            .filter(|e| e.role == role && e.name.program() == program)
            .count();
        self.endpoints.push(Endpoint {
            name: EndpointName::of(&program, role, ordinal),
            key,
            role,
            host: host.clone(),
            tuple: None,
            history: Vec::new(),
            datagram: Vec::new(),
            facts: None,
            holders: None,
            unreadable: Vec::new(),
        });
    }

    pub(super) fn with_process(&mut self, name: &ProcessName, change: impl FnOnce(&mut Process)) {
        if let Some(process) = self.processes.iter_mut().find(|p| p.name == *name) {
            change(process);
        }
    }

    pub(super) fn with_endpoint(&mut self, key: SocketKey, change: impl FnOnce(&mut Endpoint)) {
        if let Some(endpoint) = self.endpoints.iter_mut().find(|e| e.key == key) {
            change(endpoint);
        }
    }

    pub(super) fn with_packet(&mut self, id: PacketId, change: impl FnOnce(&mut PacketFate)) {
        if let Some(packet) = self.packets.iter_mut().rev().find(|p| p.packet.id == id) {
            change(packet);
        }
    }
}
