//! Holders, queues and timers of an endpoint; what a UDP socket is.

use super::path::missing_for_now;
use super::{Sight, Standing};
use crate::event::{Aspect, Kind};
use crate::model::{EndpointName, Evidence, ProcessName, TimerKind, UdpState};
use crate::run::Blind;
use crate::scenario::{Bound, Gauge};
use crate::timeline::{Endpoint, Timeline};

/// `client.udp connected`
pub(super) fn datagram(
    name: &EndpointName,
    wanted: UdpState,
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Standing {
    let expected = format!("{name} {wanted}");
    let Some(endpoint) = timeline.endpoint(name) else {
        return missing_for_now(expected, name, timeline, sight);
    };
    if endpoint.udp() == Some(wanted) {
        return Standing::Holds(Evidence::Seen);
    }
    let observed = endpoint.udp().map_or("no UDP socket", UdpState::word);
    let events = newest_event(endpoint, timeline);
    Standing::not_yet(expected, format!("{name} is {observed}"), events)
}

/// `server.conn held by server, server.child`
pub(super) fn held(
    name: &EndpointName,
    wanted: &[ProcessName],
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Standing {
    let expected = format!("{name} held by {}", names(wanted));
    let Some(endpoint) = timeline.endpoint(name) else {
        return missing_for_now(expected, name, timeline, sight);
    };
    if endpoint.holders.is_none() {
        return Standing::not_yet(expected, "its holders were not looked at yet", Vec::new());
    }
    let holding = endpoint.holding_processes();
    let mut wanted: Vec<ProcessName> = wanted.to_vec();
    wanted.sort();
    wanted.dedup();
    if holding == wanted {
        if let Some(process) = endpoint.unreadable.first() {
            return Standing::Unseen(Blind {
                aspect: Aspect::Holders,
                why: format!("the descriptors of {process} may not be read"),
                remedy: Some("run sockscope as the user of that process, or as root".into()),
            });
        }
        return Standing::Holds(Evidence::Seen);
    }
    let observed = match &endpoint.holders {
        Some(holders) if !holders.is_empty() => {
            let list: Vec<String> = holders
                .iter()
                .map(|holder| format!("{} fd {}", holder.process, holder.fd))
                .collect();
            format!("{name} is held by {}", list.join(", "))
        }
        _ => format!("{name} is held by nobody"),
    };
    Standing::not_yet(expected, observed, holder_events(endpoint, timeline))
}

fn names(processes: &[ProcessName]) -> String {
    if processes.is_empty() {
        return "nobody".into();
    }
    let names: Vec<&str> = processes.iter().map(ProcessName::as_str).collect();
    names.join(", ")
}

fn holder_events(endpoint: &Endpoint, timeline: &Timeline) -> Vec<usize> {
    timeline
        .events()
        .iter()
        .enumerate()
        .filter(
            |(_, event)| matches!(&event.kind, Kind::Holders { key, .. } if *key == endpoint.key),
        )
        .map(|(index, _)| index)
        .next_back()
        .into_iter()
        .collect()
}

/// `client.conn retransmits >= 2`
pub(super) fn gauge(
    name: &EndpointName,
    gauge: Gauge,
    bound: Bound,
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Standing {
    let word = Gauge::NAMED
        .iter()
        .find(|(known, _)| *known == gauge)
        .map_or("?", |(_, word)| *word);
    let expected = format!("{name} {word} {bound}");
    let Some(endpoint) = timeline.endpoint(name) else {
        return missing_for_now(expected, name, timeline, sight);
    };
    let Some(facts) = endpoint.facts.as_ref().filter(|_| endpoint.is_open()) else {
        return Standing::not_yet(expected, format!("{name} is gone"), Vec::new());
    };
    let measured = match gauge {
        Gauge::RecvQ => u64::from(facts.recv_q),
        Gauge::SendQ => u64::from(facts.send_q),
        Gauge::Retransmits => u64::from(facts.retransmits),
        Gauge::TimerMs => u64::from(facts.timer_ms),
    };
    if bound.holds(measured) {
        Standing::Holds(Evidence::Seen)
    } else {
        let events = newest_event(endpoint, timeline);
        Standing::not_yet(expected, format!("{name} {word} = {measured}"), events)
    }
}

/// `client.conn timer timewait`
pub(super) fn timer(
    name: &EndpointName,
    wanted: TimerKind,
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Standing {
    let expected = format!("{name} timer {}", wanted.word());
    let Some(endpoint) = timeline.endpoint(name) else {
        return missing_for_now(expected, name, timeline, sight);
    };
    let Some(facts) = endpoint.facts.as_ref().filter(|_| endpoint.is_open()) else {
        return Standing::not_yet(expected, format!("{name} is gone"), Vec::new());
    };
    if facts.timer == wanted {
        Standing::Holds(Evidence::Seen)
    } else {
        let observed = format!("{name} timer {}", facts.timer.word());
        Standing::not_yet(expected, observed, newest_event(endpoint, timeline))
    }
}

fn newest_event(endpoint: &Endpoint, timeline: &Timeline) -> Vec<usize> {
    timeline
        .events()
        .iter()
        .enumerate()
        .filter(|(_, event)| match &event.kind {
            Kind::Gauges { key, .. } | Kind::Socket { key, .. } | Kind::Datagram { key, .. } => {
                *key == endpoint.key
            }
            _ => false,
        })
        .map(|(index, _)| index)
        .next_back()
        .into_iter()
        .collect()
}

/// What a program must be able to tell for an expectation about its system calls.
pub(super) fn blind_to_calls(process: &ProcessName, sight: &Sight<'_>) -> Option<Blind> {
    if sight.telling.contains(&process.program()) {
        return None;
    }
    Some(Blind {
        aspect: Aspect::Calls,
        why: format!("{} is not a built-in program", process.program()),
        remedy: Some("--syscalls".to_owned()),
    })
}
