//! Why kernel events cannot be had, and what would change it.

use nix::errno::Errno;
use thiserror::Error;

use super::Point;
use super::format::FormatError;

/// Why kernel events cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// `perf_event_open(2)` refuses this user.
    #[error("kernel events are for root and CAP_PERFMON: {}", .0.desc())]
    NotPermitted(Errno),
    /// The files that describe tracepoints cannot be read.
    #[error("kernel events need tracefs, which cannot be read: {}", .0.desc())]
    NoTracefs(Errno),
    /// This kernel has not got the tracepoint.
    #[error("this kernel has no tracepoint {0}")]
    NoPoint(Point),
    /// Its format file makes no sense.
    #[error("the format of tracepoint {0} makes no sense: {1}")]
    BadFormat(Point, FormatError),
    /// This kernel's tracepoint has not got a field that is needed.
    #[error("tracepoint {point} of this kernel has no field {field}")]
    NoField {
        /// The tracepoint.
        point: Point,
        /// The field.
        field: &'static str,
    },
    /// The kernel is built without perf events, or a container's filter forbids the call.
    #[error("perf_event_open cannot be called: {}", .0.desc())]
    NoPerf(Errno),
    /// Before Linux 6.0 the kernel does not count what finds no room.
    #[error("this kernel does not count the events that it loses (before Linux 6.0)")]
    NoLossCount,
    /// One descriptor for each tracepoint and CPU is more than the process may have.
    #[error("{0} descriptors are needed, more than this process may have")]
    TooManyDescriptors(usize),
    /// The rings need more memory than may be locked.
    #[error("the rings cannot be had: {}", .0.desc())]
    NoMemory(Errno),
    /// A filter that the tracepoint does not understand.
    #[error("tracepoint {0} does not understand the filter `{1}`")]
    BadFilter(Point, String),
    /// Anything else.
    #[error("kernel events cannot be recorded: {}", .0.desc())]
    Other(Errno),
}

impl Unavailable {
    /// What would change it, where something would.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Unavailable::NotPermitted(_) => Some("run as root, or with CAP_PERFMON".into()),
            Unavailable::NoTracefs(Errno::ENODEV | Errno::ENOENT) => {
                Some("a kernel with CONFIG_FTRACE".into())
            }
            Unavailable::NoTracefs(_) => Some("run as root".into()),
            Unavailable::NoPerf(_) => {
                Some("a kernel with CONFIG_PERF_EVENTS; in a container --cap-add PERFMON".into())
            }
            Unavailable::TooManyDescriptors(needed) => Some(format!("ulimit -n {}", needed + 1024)),
            Unavailable::NoMemory(_) => Some("sudo sysctl kernel.perf_event_mlock_kb=2052".into()),
            Unavailable::NoLossCount => Some("a kernel of 6.0 or newer".into()),
            Unavailable::NoPoint(_)
            | Unavailable::BadFormat(..)
            | Unavailable::NoField { .. }
            | Unavailable::BadFilter(..)
            | Unavailable::Other(_) => None,
        }
    }
}
