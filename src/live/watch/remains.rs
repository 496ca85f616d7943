//! [`Remains`]: what the kernel keeps of sockets that their programs are done with. No kernel
//! event tells of TIME_WAIT, nor of what becomes of an orphaned FIN_WAIT2: each one is asked for
//! when it is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::connections::{Connections, Told};
use crate::model::TcpState;
use crate::observe::diag::{DiagError, DiagSocket};

/// How many are followed at once. The kernel keeps at most `tcp_max_tw_buckets` of them.
const MOST: usize = 100_000;
/// The first and the longest pause between two looks at an orphaned FIN_WAIT2.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How much later than its timer says the kernel may remove one: its wheel's grain.
const GRAIN: Duration = Duration::from_millis(250);
/// How many are asked for at once: those beyond that wait a moment.
const AT_ONCE: usize = 2_000;

/// Remains of sockets, by when they are asked for next.
#[derive(Debug, Default)]
pub(super) struct Remains {
    due: BinaryHeap<Reverse<(Duration, u64, Duration)>>,
    /// How many could not be followed.
    pub(super) given_up: u64,
}

impl Remains {
    /// Follows one from now on.
    pub(super) fn add(&mut self, connections: &mut Connections, id: u64, now: Duration) {
        if self.due.len() >= MOST {
            self.given_up += 1;
            connections.forget(id);
            return;
        }
        let Some(connection) = connections.known_mut(id) else {
            return;
        };
        connection.remains = true;
        let facts = &connection.socket.facts;
        let pause = match facts.state {
            TcpState::TimeWait => Duration::from_millis(facts.timer_ms.into()) + GRAIN,
            _ => LOOK_AGAIN.0,
        };
        self.due.push(Reverse((now + pause, id, pause)));
    }

    /// Asks for those that are due.
    pub(super) fn look(
        &mut self,
        connections: &mut Connections,
        diag: &DiagSocket,
        now: Duration,
    ) -> Result<(), DiagError> {
        for _ in 0..AT_ONCE {
            match self.due.peek() {
                Some(Reverse((due, ..))) if *due <= now => {}
                _ => break,
            }
            let Some(Reverse((_, id, pause))) = self.due.pop() else {
                break;
            };
            let Some(known) = connections.known(id).filter(|known| known.remains) else {
                continue;
            };
            let (tuple, cookie, old) = (known.tuple(), known.socket.facts.cookie, known.state());
            let found = diag.query_cookie(tuple, cookie)?;
            let Some(facts) = found.filter(|facts| facts.inode == 0) else {
                connections.change(id, old, None, Told::seen(now));
                continue;
            };
            let (state, left) = (facts.state, facts.timer_ms);
            connections.set_facts(id, facts);
            if state != old {
                connections.change(id, old, Some(state), Told::seen(now));
            }
            let pause = match state {
                TcpState::TimeWait => Duration::from_millis(left.into()) + GRAIN,
                _ => (pause * 2).min(LOOK_AGAIN.1),
            };
            self.due.push(Reverse((now + pause, id, pause)));
        }
        Ok(())
    }
}
