//! Whom a call means by a pid: programs see those of their own pid namespace.

use std::collections::HashMap;

use crate::event::{Call, Event, Kind};
use crate::model::ProcessName;

/// The processes by the pids that programs see.
pub(super) struct Pids<'a>(HashMap<i32, Vec<(usize, &'a ProcessName)>>);

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
        let mut pids: HashMap<i32, Vec<(usize, &ProcessName)>> = HashMap::new();
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
                pids.entry(*pid).or_default().push((index, process));
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
                .and_then(|pid| self.newest(pid, index)),
            returned: call.returned_pid().and_then(|pid| self.newest(pid, index)),
        }
    }

    /// Who had the pid then; where a fork is told before its child is, the next one.
    fn newest(&self, pid: i32, index: usize) -> Option<&'a ProcessName> {
        let all = self.0.get(&pid)?;
        let next = all.partition_point(|(since, _)| *since <= index);
        let (_, process) = all.get(next.saturating_sub(1))?;
        Some(process)
    }
}
