//! Whom a call means by a pid: programs see those of their own pid namespace.

use crate::event::{ByPid, Call, Event, Kind};
use crate::model::ProcessName;

/// The processes by the pids that programs see.
pub(super) struct Pids<'a>(ByPid<&'a ProcessName>);

/// Whom a call names.
#[derive(Clone, Copy, Default)]
pub(super) struct Named<'a> {
    /// By its first argument.
    pub(super) argument: Option<&'a ProcessName>,
    /// By what it returned.
    pub(super) returned: Option<&'a ProcessName>,
}

impl<'a> Pids<'a> {
    /// The processes that these events tell of, where they tell how programs see them.
    pub(super) fn of(events: &'a [Event]) -> Pids<'a> {
        let mut pids = ByPid::default();
        for (index, event) in events.iter().enumerate() {
            if let Kind::Spawned {
                process,
                ns_pid: Some(pid),
                ..
            }
            | Kind::Forked {
                process,
                ns_pid: Some(pid),
                ..
            } = &event.kind
            {
                pids.add(*pid, index, process);
            }
        }
        Pids(pids)
    }

    /// Whom the call at this event names.
    pub(super) fn named(&self, call: &Call, index: usize) -> Named<'a> {
        let argument = || call.args.split(',').next()?.parse().ok();
        Named {
            argument: call
                .takes_a_pid()
                .then(argument)
                .flatten()
                .and_then(|pid| self.0.at(pid, index).copied()),
            returned: call
                .returned_pid()
                .and_then(|pid| self.0.at(pid, index).copied()),
        }
    }
}
