//! Which thread of a process made a call: a number that reads better than the kernel's.

use std::collections::HashMap;

use crate::event::{Call, Event, Kind};
use crate::model::ProcessName;

/// The threads of each process that made calls, in the order of their first calls. The first
/// thread of a process comes first even if it made none.
pub(super) struct Threads<'a>(HashMap<&'a ProcessName, Vec<i32>>);

impl<'a> Threads<'a> {
    /// The threads that these events speak of.
    pub(super) fn of(events: &'a [Event]) -> Threads<'a> {
        let mut threads: HashMap<&ProcessName, Vec<i32>> = HashMap::new();
        for event in events {
            if let Kind::Called { process, call } = &event.kind
                && let Some(thread) = call.thread
            {
                let known = threads.entry(process).or_default();
                if !known.contains(&thread) {
                    known.push(thread);
                }
            }
        }
        Threads(threads)
    }

    /// The thread that made a call, counted from 1; nothing where its process has only one.
    pub(super) fn number(&self, process: &ProcessName, call: &Call) -> Option<usize> {
        let others = self.0.get(process)?;
        match call.thread {
            None => Some(1),
            Some(thread) => Some(others.iter().position(|known| *known == thread)? + 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{CallResult, Source};

    #[test]
    fn threads_are_counted_where_there_are_several() {
        let call = |thread| Call {
            name: "close".into(),
            args: "4".into(),
            result: CallResult::Value(0),
            fd: Some(4),
            inode: None,
            opened: None,
            thread,
        };
        let event = |process: &str, thread| Event {
            at: Duration::ZERO,
            step: 0,
            source: Source::Syscalls,
            kind: Kind::Called {
                process: process.into(),
                call: call(thread),
            },
        };
        let events = [
            event("alone", None),
            event("server", Some(4712)),
            event("server", Some(4711)),
            event("server", Some(4712)),
        ];
        let threads = Threads::of(&events);
        let number = |process: &str, thread| threads.number(&process.into(), &call(thread));
        assert_eq!(number("alone", None), None);
        assert_eq!(number("server", None), Some(1));
        assert_eq!(number("server", Some(4712)), Some(2));
        assert_eq!(number("server", Some(4711)), Some(3));
    }
}
