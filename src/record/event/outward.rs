//! From the model's events to a record's.

use super::super::value::{CauseValue, ExitValue, FactsValue, FlagWords, HolderValue, StateWord};
use super::{BodyValue, What};
use crate::event::{Body, Call, Kind, Packet, Segment, SocketKey};
use crate::timeline::Timeline;

impl From<Body> for BodyValue {
    fn from(body: Body) -> BodyValue {
        match body {
            Body::Tcp(Segment {
                flags,
                seq,
                ack,
                window,
                role,
            }) => BodyValue::Tcp {
                flags: FlagWords(flags),
                seq,
                ack,
                window,
                role,
            },
            Body::Udp => BodyValue::Udp,
            Body::Icmp { text } => BodyValue::Icmp { text },
            Body::Other { text } => BodyValue::Other { text },
        }
    }
}

fn strings<T: ToString>(names: Vec<T>) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

pub(super) fn what(kind: Kind, timeline: &Timeline) -> What {
    let name = |key: SocketKey| timeline.endpoint_by_key(key).map(|e| e.name.to_string());
    // Events that are of a socket alone come after its first sight.
    let named = |key: SocketKey| name(key).unwrap_or_default();
    match kind {
        Kind::StepBegan => What::StepBegan,
        Kind::Acted { text } => What::Acted { text },
        Kind::Quiet => What::Quiet,
        Kind::Spawned {
            process,
            pid,
            ns_pid,
            host,
            command,
        } => What::Spawned {
            process: process.to_string(),
            pid,
            ns_pid,
            host: host.to_string(),
            command,
        },
        Kind::Forked {
            process,
            pid,
            ns_pid,
            parent,
        } => What::Forked {
            process: process.to_string(),
            pid,
            ns_pid,
            parent: parent.to_string(),
        },
        Kind::ProcessState { process, state } => What::ProcessState {
            process: process.to_string(),
            state: state.into(),
        },
        Kind::Exited { process, status } => What::Exited {
            process: process.to_string(),
            status: status.map(ExitValue::from),
        },
        Kind::Reaped { process, by } => What::Reaped {
            process: process.to_string(),
            by: by.into(),
        },
        Kind::Adopted { process, by } => What::Adopted {
            process: process.to_string(),
            by: by.into(),
        },
        Kind::Socket {
            key,
            host,
            state,
            evidence,
            facts,
            owner,
            cause,
        } => What::Socket {
            socket: key.0,
            endpoint: named(key),
            host: host.to_string(),
            state: StateWord(state),
            evidence,
            owner: owner.map(|owner| owner.to_string()),
            cause: cause.map(CauseValue::from),
            facts: facts.map(FactsValue::from),
        },
        Kind::Datagram {
            key,
            host,
            state,
            facts,
            owner,
        } => What::Datagram {
            socket: key.0,
            endpoint: named(key),
            host: host.to_string(),
            state,
            owner: owner.map(|owner| owner.to_string()),
            facts: facts.map(FactsValue::from),
        },
        Kind::Gauges { key, facts } => What::Gauges {
            socket: key.0,
            endpoint: named(key),
            facts: facts.into(),
        },
        Kind::Holders {
            key,
            holders,
            unreadable,
        } => What::Holders {
            socket: key.0,
            endpoint: named(key),
            holders: holders.into_iter().map(HolderValue::from).collect(),
            unreadable: strings(unreadable),
        },
        Kind::Sent(Packet {
            id,
            from,
            to,
            src,
            dst,
            len,
            body,
        }) => What::Sent {
            packet: id.0,
            from: from.to_string(),
            to: to.map(|to| to.to_string()),
            src,
            dst,
            len,
            body: body.into(),
        },
        Kind::Delivered { packet } => What::Delivered { packet: packet.0 },
        Kind::Held { packet } => What::Held { packet: packet.0 },
        Kind::Dropped { packet, why } => What::Dropped {
            packet: packet.0,
            why,
        },
        Kind::Output {
            process,
            stream,
            text,
        } => What::Output {
            process: process.to_string(),
            stream,
            text,
        },
        Kind::Called {
            process,
            call:
                Call {
                    name: call,
                    args,
                    result,
                    fd,
                    inode,
                    opened,
                    thread,
                },
        } => What::Called {
            process: process.to_string(),
            call,
            args,
            result: result.into(),
            fd,
            inode,
            opened,
            thread,
        },
        Kind::Executed { process, command } => What::Executed {
            process: process.to_string(),
            command,
        },
        Kind::Renamed { process, comm } => What::Renamed {
            process: process.to_string(),
            comm,
        },
        Kind::Signal {
            process,
            signal,
            from,
            fate,
        } => What::Signal {
            process: process.to_string(),
            signal: signal.into(),
            sender: from.into(),
            fate,
        },
        Kind::Told { key, what, tuple } => What::Told {
            endpoint: key.and_then(name),
            socket: key.map(|key| key.0),
            what,
            local: tuple.local,
            remote: tuple.remote,
        },
        Kind::Note { text } => What::Note { text },
        Kind::Gap { aspect, why } => What::Gap { aspect, why },
    }
}
