//! From the raw bytes of a sample to plain values, by the places that the format files name.

use super::addresses::Addresses;
use super::format::{Field, Format};
use super::record::Sample;
use super::unavailable::Unavailable;
use super::{KernelEvent, Point, Signal, SignalResult, SocketAddress, StateChange, What};
use crate::event::ToldSegment;
use crate::model::TcpState;

/// `IPPROTO_TCP`; the tracepoint tells of SCTP and MPTCP as well.
const TCP: u64 = libc::IPPROTO_TCP as u64;
/// `CLONE_THREAD`
const CLONE_THREAD: u64 = libc::CLONE_THREAD as u64;
/// `TRACE_FLAG_HARDIRQ | TRACE_FLAG_SOFTIRQ | TRACE_FLAG_NMI`
/// (`include/linux/trace_events.h`): the kernel does not work for the process on the CPU.
const INTERRUPTED: u64 = 0x08 | 0x10 | 0x40;

/// Reads the records of one tracepoint.
#[derive(Clone, Debug)]
pub struct Decoder {
    point: Point,
    id: u32,
    kind: Field,
    flags: Field,
    places: Places,
}

/// Where the fields are that a tracepoint is read for.
#[derive(Clone, Debug)]
enum Places {
    State {
        socket: Field,
        old: Field,
        new: Field,
        protocol: Field,
        addresses: Addresses,
    },
    Destroyed {
        socket: Field,
        cookie: Field,
        addresses: Addresses,
    },
    Segment {
        what: ToldSegment,
        socket: Field,
        addresses: Addresses,
    },
    Signal {
        number: Field,
        errno: Field,
        code: Field,
        comm: Field,
        to: Field,
        group: Field,
        result: Field,
    },
    Task {
        id: Field,
        flags: Field,
    },
    Forked {
        parent: Field,
        child: Field,
    },
    Executed {
        pid: Field,
        file: Field,
    },
    Ended {
        thread: Field,
        /// Since Linux 6.16.
        last: Option<Field>,
    },
}

impl Decoder {
    /// A decoder for a tracepoint of this kernel.
    ///
    /// # Errors
    /// [`Unavailable::NoField`] when a field that is needed is not there.
    pub fn new(point: Point, format: &Format) -> Result<Decoder, Unavailable> {
        let missing = |field: &'static str| Unavailable::NoField { point, field };
        let field = |name: &'static str| format.field(name).cloned().ok_or(missing(name));
        let addresses = || Addresses::of(format).map_err(missing);
        let segment = |what| -> Result<Places, Unavailable> {
            Ok(Places::Segment {
                what,
                socket: field("skaddr")?,
                addresses: addresses()?,
            })
        };
        let places = match point {
            Point::SetState => Places::State {
                socket: field("skaddr")?,
                old: field("oldstate")?,
                new: field("newstate")?,
                protocol: field("protocol")?,
                addresses: addresses()?,
            },
            Point::DestroySocket => Places::Destroyed {
                socket: field("skaddr")?,
                cookie: field("sock_cookie")?,
                addresses: addresses()?,
            },
            Point::SendReset => segment(ToldSegment::ResetSent)?,
            Point::ReceiveReset => segment(ToldSegment::ResetReceived)?,
            Point::Retransmit => segment(ToldSegment::Retransmitted)?,
            Point::Signal => Places::Signal {
                number: field("sig")?,
                errno: field("errno")?,
                code: field("code")?,
                comm: field("comm")?,
                to: field("pid")?,
                group: field("group")?,
                result: field("result")?,
            },
            Point::NewTask => Places::Task {
                id: field("pid")?,
                flags: field("clone_flags")?,
            },
            Point::Fork => Places::Forked {
                parent: field("parent_pid")?,
                child: field("child_pid")?,
            },
            Point::Exec => Places::Executed {
                pid: field("pid")?,
                file: field("filename")?,
            },
            Point::Exit => Places::Ended {
                thread: field("pid")?,
                last: format.field("group_dead").cloned(),
            },
        };
        Ok(Decoder {
            point,
            id: format.id,
            kind: field("common_type")?,
            flags: field("common_flags")?,
            places,
        })
    }

    /// The tracepoint.
    pub fn point(&self) -> Point {
        self.point
    }

    /// The tracepoint's number on this kernel.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether a sample is of this tracepoint.
    pub fn is_for(&self, sample: &Sample<'_>) -> bool {
        self.kind.number(sample.raw) == Some(u64::from(self.id))
    }

    /// What a sample says.
    ///
    /// # Errors
    /// [`Nonsense`] when it is too short or its values cannot be.
    pub fn decode(&self, sample: &Sample<'_>) -> Result<Option<KernelEvent>, Nonsense> {
        let raw = sample.raw;
        let flags = self.flags.number(raw).ok_or(Nonsense)?;
        let what = match &self.places {
            Places::State { protocol, .. } if protocol.number(raw) != Some(TCP) => {
                return protocol.number(raw).map(|_| None).ok_or(Nonsense);
            }
            places => places.what(raw).ok_or(Nonsense)?,
        };
        Ok(Some(KernelEvent {
            at: sample.at,
            cpu: sample.cpu,
            pid: sample.pid,
            thread: sample.thread,
            in_process: flags & INTERRUPTED == 0,
            what,
        }))
    }
}

/// A record that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonsense;

impl Places {
    fn what(&self, raw: &[u8]) -> Option<What> {
        let int = |field: &Field| Some(field.number(raw)? as i32);
        let state =
            |field: &Field| Some(TcpState::from_kernel(field.number(raw)?.try_into().ok()?));
        let socket = |field: &Field| field.number(raw).map(SocketAddress);
        Some(match self {
            Places::State {
                socket: at,
                old,
                new,
                addresses,
                protocol: _,
            } => What::State(StateChange {
                socket: socket(at)?,
                old: state(old)?,
                new: state(new)?,
                tuple: addresses.tuple(raw)?,
            }),
            Places::Destroyed {
                socket: at,
                cookie,
                addresses,
            } => What::Destroyed {
                socket: socket(at)?,
                tuple: addresses.tuple(raw)?,
                cookie: cookie.number(raw)?,
            },
            Places::Segment {
                what,
                socket: at,
                addresses,
            } => What::Segment {
                what: *what,
                socket: socket(at).filter(|at| at.0 != 0),
                tuple: addresses.tuple(raw)?,
            },
            Places::Signal {
                number,
                errno,
                code,
                comm,
                to,
                group,
                result,
            } => What::Signal(Signal {
                number: int(number)?,
                errno: int(errno)?,
                code: int(code)?,
                comm: comm.text(raw)?,
                to: int(to)?,
                group: int(group)? != 0,
                result: SignalResult::from_kernel(int(result)?),
            }),
            Places::Task { id, flags } => What::Task {
                id: int(id)?,
                is_thread: flags.number(raw)? & CLONE_THREAD != 0,
            },
            Places::Forked { parent, child } => What::Forked {
                parent: int(parent)?,
                child: int(child)?,
            },
            Places::Executed { pid, file } => What::Executed {
                pid: int(pid)?,
                file: file.text(raw)?,
            },
            Places::Ended { thread, last } => What::Ended {
                thread: int(thread)?,
                last: match last {
                    Some(last) => Some(last.number(raw)? != 0),
                    None => None,
                },
            },
        })
    }
}
