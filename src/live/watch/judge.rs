//! [`Judge`]: which connections are meant, and which count.

use super::connection::Connection;
use crate::live::filter::matching::{Others, Seen, Subject, matches};
use crate::live::filter::{Condition, Filter, Until};
use crate::live::socket::LiveSocket;
use crate::model::TcpState;

/// Which connections are meant, and which count.
#[derive(Clone, Debug)]
pub struct Judge {
    /// What shall be told.
    pub filter: Filter,
    /// What ends the watch.
    pub until: Option<Until>,
    /// What of the filter lasts for a socket's whole life: who fits it is watched.
    pub lasting: Filter,
}

impl Judge {
    /// By these.
    pub fn new(filter: Filter, until: Option<Until>) -> Judge {
        Judge {
            lasting: filter.keeping(Condition::lasts),
            filter,
            until,
        }
    }

    /// Whether a number is asked for that changes without any event.
    pub fn asks_for_gauges(&self) -> bool {
        self.filter.has(Condition::is_gauge)
            || (self.until.as_ref()).is_some_and(|until| until.filter.has(Condition::is_gauge))
    }

    /// Whether the connection is meant. A connection is judged by the holders that were found;
    /// nothing while none is known and the filter asks for them.
    pub(super) fn means(&self, connection: &mut Connection, state: TcpState) -> Option<bool> {
        let now = std::mem::replace(&mut connection.socket.facts.state, state);
        let means = connection.fits(&self.filter);
        connection.socket.facts.state = now;
        means
    }

    /// Whether it counts for the end.
    pub(super) fn counts(&self, connection: &Connection) -> bool {
        connection.ended.is_none()
            && (self.until.as_ref())
                .is_some_and(|until| connection.fits(&until.filter) == Some(true))
    }

    /// Whether a socket can be meant, now or later, whoever holds it.
    pub(super) fn may_mean(&self, socket: &LiveSocket) -> bool {
        matches(&self.lasting, socket, &[], Others::ANYBODY) != Some(false)
    }
}

impl Connection {
    /// Whether the filter lets it through. It is judged by the holders that were found; nothing
    /// while none is known and the filter asks for them.
    pub fn fits(&self, filter: &Filter) -> Option<bool> {
        let holders = self.owners.holders();
        let known = !holders.is_empty() || self.owners.is_complete();
        let by_holders = matches(filter, &self.socket, holders, Others::unless(known));
        // Who connected or closed it held it then; others may have held it too.
        let by_callers = || {
            let seen = self.callers.iter().map(|caller| Seen {
                pid: caller.pid,
                name: &caller.name,
                uid: u32::MAX,
            });
            let subject = Subject {
                protocol: self.socket.protocol,
                facts: &self.socket.facts,
                holders: &seen.collect::<Vec<_>>(),
                others: Others::ANYBODY,
            };
            filter.matches(&subject)
        };
        by_holders.or_else(by_callers)
    }
}
