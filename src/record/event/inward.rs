//! From a record's events to the model's.

use super::{BodyValue, What};
use crate::event::{Body, Call, Kind, Packet, PacketId, Segment, SocketKey};
use crate::model::{HostName, ProcessName, ProgramName, Tuple};

impl From<BodyValue> for Body {
    fn from(value: BodyValue) -> Body {
        match value {
            BodyValue::Tcp {
                flags,
                seq,
                ack,
                window,
                role,
            } => Body::Tcp(Segment {
                flags: flags.0,
                seq,
                ack,
                window,
                role,
            }),
            BodyValue::Udp => Body::Udp,
            BodyValue::Icmp { text } => Body::Icmp { text },
            BodyValue::Other { text } => Body::Other { text },
        }
    }
}

impl What {
    pub(super) fn into_kind(self) -> Kind {
        match self {
            What::StepBegan => Kind::StepBegan,
            What::Acted { text } => Kind::Acted { text },
            What::Quiet => Kind::Quiet,
            What::Spawned {
                process,
                pid,
                ns_pid,
                host,
                command,
            } => Kind::Spawned {
                process: ProcessName::new(process),
                pid,
                ns_pid,
                host: HostName::new(host),
                command,
            },
            What::Forked {
                process,
                pid,
                ns_pid,
                parent,
            } => Kind::Forked {
                process: ProcessName::new(process),
                pid,
                ns_pid,
                parent: ProcessName::new(parent),
            },
            What::ProcessState { process, state } => Kind::ProcessState {
                process: ProcessName::new(process),
                state: state.into(),
            },
            What::Exited { process, status } => Kind::Exited {
                process: ProcessName::new(process),
                status: status.map(Into::into),
            },
            What::Reaped { process, by } => Kind::Reaped {
                process: ProcessName::new(process),
                by: by.into(),
            },
            What::Adopted { process, by } => Kind::Adopted {
                process: ProcessName::new(process),
                by: by.into(),
            },
            What::Socket {
                socket,
                endpoint: _,
                host,
                state,
                evidence,
                owner,
                cause,
                facts,
            } => Kind::Socket {
                key: SocketKey(socket),
                host: HostName::new(host),
                state: state.0,
                evidence,
                facts: facts.map(Into::into),
                owner: owner.map(ProgramName::new),
                cause: cause.map(Into::into),
            },
            What::Datagram {
                socket,
                endpoint: _,
                host,
                state,
                owner,
                facts,
            } => Kind::Datagram {
                key: SocketKey(socket),
                host: HostName::new(host),
                state,
                facts: facts.map(Into::into),
                owner: owner.map(ProgramName::new),
            },
            What::Gauges {
                socket,
                endpoint: _,
                facts,
            } => Kind::Gauges {
                key: SocketKey(socket),
                facts: facts.into(),
            },
            What::Holders {
                socket,
                endpoint: _,
                holders,
                unreadable,
            } => Kind::Holders {
                key: SocketKey(socket),
                holders: holders.into_iter().map(Into::into).collect(),
                unreadable: unreadable.into_iter().map(ProcessName::new).collect(),
            },
            What::Sent {
                packet,
                from,
                to,
                src,
                dst,
                len,
                body,
            } => Kind::Sent(Packet {
                id: PacketId(packet),
                from: HostName::new(from),
                to: to.map(HostName::new),
                src,
                dst,
                len,
                body: body.into(),
            }),
            What::Delivered { packet } => Kind::Delivered {
                packet: PacketId(packet),
            },
            What::Held { packet } => Kind::Held {
                packet: PacketId(packet),
            },
            What::Dropped { packet, why } => Kind::Dropped {
                packet: PacketId(packet),
                why,
            },
            What::Output {
                process,
                stream,
                text,
            } => Kind::Output {
                process: ProcessName::new(process),
                stream,
                text,
            },
            What::Called {
                process,
                call,
                args,
                result,
                fd,
                inode,
                opened,
                thread,
            } => Kind::Called {
                process: ProcessName::new(process),
                call: Call {
                    name: call,
                    args,
                    result: result.into(),
                    fd,
                    inode,
                    opened,
                    thread,
                },
            },
            What::Executed { process, command } => Kind::Executed {
                process: ProcessName::new(process),
                command,
            },
            What::Renamed { process, comm } => Kind::Renamed {
                process: ProcessName::new(process),
                comm,
            },
            What::Signal {
                process,
                signal,
                sender,
                fate,
            } => Kind::Signal {
                process: ProcessName::new(process),
                signal: signal.number,
                from: sender.into(),
                fate,
            },
            What::Told {
                socket,
                endpoint: _,
                what,
                local,
                remote,
            } => Kind::Told {
                key: socket.map(SocketKey),
                what,
                tuple: Tuple { local, remote },
            },
            What::Note { text } => Kind::Note { text },
            What::Gap { aspect, why } => Kind::Gap { aspect, why },
        }
    }
}
