//! `client.conn ESTABLISHED > FIN_WAIT1 >> TIME_WAIT`

use super::{Sight, Standing};
use crate::event::{Aspect, Event, Kind};
use crate::model::{EndpointName, Evidence, TcpState};
use crate::run::{Blind, Place};
use crate::scenario::{Link, Paths, StatePath};
use crate::timeline::{Change, Endpoint, Timeline};

/// Judges a path. What counts is the state that the endpoint had when the step began, then every
/// change of the step.
pub(super) fn path(
    name: &EndpointName,
    wanted: &StatePath,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    let expected = format!("{name} {wanted}");
    let Some(endpoint) = timeline.endpoint(name) else {
        if *wanted == settled(TcpState::Close) {
            return Standing::not_yet(expected, format!("{name} never existed"), Vec::new());
        }
        if is_sampled(sight) && wanted.last() == TcpState::Close {
            return Standing::Unseen(came_and_went(name, sight));
        }
        let standing = missing(expected, name, timeline);
        // What it should have settled in can be looked at now, and is not there.
        return match wanted.is_settled_state() {
            true => standing,
            false => unseen_in_passing(standing, sight),
        };
    };
    let events: Vec<usize> = endpoint
        .changes_in(step)
        .map(|change| change.event)
        .collect();
    if wanted.is_settled_state() {
        return if endpoint.state() == wanted.first {
            Standing::Holds(evidence(endpoint))
        } else {
            let observed = format!("{name} is in {}", endpoint.state());
            let events = last_or(events, endpoint);
            match !endpoint.is_open() && is_over(name, timeline) {
                true => Standing::missed(expected, observed, events),
                false => Standing::not_yet(expected, observed, events),
            }
        };
    }
    let seen = Seen {
        states: states(endpoint, step),
        events,
        gap: gap(timeline.events_in(step).map(|(_, event)| event)),
        evidence: worst(endpoint, endpoint.changes_in(step)),
    };
    judge(wanted, endpoint, seen, sight)
}

/// Judges all states of a run that is over, from the first sight of the endpoint on, as one path:
/// a bare state is one that the endpoint never left.
pub(super) fn whole(
    name: &EndpointName,
    wanted: &StatePath,
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Standing {
    let gap = gap(timeline.events().iter());
    let Some(endpoint) = timeline.endpoint(name) else {
        return match blind_to(name, timeline) {
            Some(blind) => Standing::Unseen(blind),
            None if is_sampled(sight) || gap.is_some() => {
                Standing::Unseen(came_and_went(name, sight))
            }
            None => Standing::missed(
                format!("{name} {wanted}"),
                absent(name, timeline),
                Vec::new(),
            ),
        };
    };
    let mut states: Vec<TcpState> = endpoint.history.iter().map(|change| change.state).collect();
    states.dedup();
    let seen = Seen {
        states,
        events: endpoint.history.iter().map(|change| change.event).collect(),
        gap,
        evidence: worst(endpoint, endpoint.history.iter()),
    };
    judge(wanted, endpoint, seen, sight)
}

/// What was seen of an endpoint, in a step or in a whole run.
struct Seen {
    states: Vec<TcpState>,
    /// The events of the changes.
    events: Vec<usize>,
    /// What was missed meanwhile, if anything was.
    gap: Option<String>,
    evidence: Evidence,
}

/// Holds what was seen against a path. Only where nothing can have been missed the path is known.
fn judge(wanted: &StatePath, endpoint: &Endpoint, seen: Seen, sight: &Sight<'_>) -> Standing {
    let name = &endpoint.name;
    let expected = format!("{name} {wanted}");
    let fit = fit(wanted, &seen.states);
    // Without a wire the order of the hosts is chance: whoever is content with settled states is
    // content with another path there, too.
    let content = sight.place != Place::Wire && sight.paths == Paths::Settled;
    let incomplete = is_sampled(sight) || seen.gap.is_some() || content && fit != Fit::Whole;
    if incomplete {
        return sampled(expected, endpoint, wanted, seen, sight);
    }
    match fit {
        Fit::Whole => Standing::Holds(seen.evidence),
        Fit::Prefix => Standing::not_yet(expected, shown(name, &seen.states), seen.events),
        Fit::No => Standing::missed(expected, shown(name, &seen.states), seen.events),
    }
}

/// The first thing that the observers say they missed of states, in these events.
fn gap<'a>(mut events: impl Iterator<Item = &'a Event>) -> Option<String> {
    events.find_map(|event| match &event.kind {
        Kind::Gap {
            aspect: Aspect::Paths,
            why,
        } => Some(why.clone()),
        _ => None,
    })
}

fn settled(state: TcpState) -> StatePath {
    StatePath {
        first: state,
        rest: Vec::new(),
    }
}

/// Without every state in sight: the last state must be reached, and the states that were seen
/// must come in the order of the path. More cannot be said, unless the scenario asks for no more.
fn sampled(
    expected: String,
    endpoint: &Endpoint,
    wanted: &StatePath,
    seen: Seen,
    sight: &Sight<'_>,
) -> Standing {
    if !has_any_link(wanted) && !in_order(wanted, &seen.states) {
        return Standing::missed(expected, shown(&endpoint.name, &seen.states), seen.events);
    }
    if endpoint.state() != wanted.last() {
        let observed = shown(&endpoint.name, &seen.states);
        return Standing::not_yet(expected, observed, seen.events);
    }
    if sight.paths == Paths::Settled && seen.gap.is_none() {
        return Standing::Holds(Evidence::Seen);
    }
    Standing::Unseen(blind_to_paths(sight, seen.gap))
}

/// Whether states are only looked at from time to time: neither the wire nor the kernel tells.
pub fn is_sampled(sight: &Sight<'_>) -> bool {
    let mut blind = sight.blind.iter();
    blind.any(|blind| blind.aspect == Aspect::Paths)
}

/// Why not every state was seen.
fn blind_to_paths(sight: &Sight<'_>, gap: Option<String>) -> Blind {
    let known = sight
        .blind
        .iter()
        .find(|blind| blind.aspect == Aspect::Paths)
        .cloned();
    known.unwrap_or_else(|| Blind {
        aspect: Aspect::Paths,
        why: gap.unwrap_or_else(|| "states were only sampled".into()),
        remedy: None,
    })
}

/// An endpoint that nobody saw, where not every state was seen.
fn came_and_went(name: &EndpointName, sight: &Sight<'_>) -> Blind {
    Blind {
        why: format!("{name} was not seen: it may have come and gone between two looks"),
        ..blind_to_paths(sight, None)
    }
}

fn has_any_link(path: &StatePath) -> bool {
    path.rest.iter().any(|(link, _)| *link == Link::Eventually)
}

/// Whether the observed states come in the order of the path, some of them left out.
fn in_order(path: &StatePath, observed: &[TcpState]) -> bool {
    let mut left = std::iter::once(path.first).chain(path.rest.iter().map(|(_, state)| *state));
    observed
        .iter()
        .all(|state| left.any(|wanted| wanted == *state))
}

/// The state before the step, then the changes of the step, each state once in a row. A
/// connection begins from nothing: CLOSE is not written.
fn states(endpoint: &Endpoint, step: usize) -> Vec<TcpState> {
    let mut states: Vec<TcpState> = endpoint.state_before(step).into_iter().collect();
    states.extend(endpoint.changes_in(step).map(|change| change.state));
    states.dedup();
    states
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// All of the path, and nothing else, was observed.
    Whole,
    /// What was observed is how the path begins.
    Prefix,
    /// What was observed is something else.
    No,
}

/// Holds the observed states against the path. Each wanted state is a set of observed positions
/// reached so far, since `>>` may skip any number of states.
fn fit(wanted: &StatePath, observed: &[TcpState]) -> Fit {
    let mut links = vec![Link::Direct];
    links.extend(wanted.rest.iter().map(|(link, _)| *link));
    let mut targets = vec![wanted.first];
    targets.extend(wanted.rest.iter().map(|(_, state)| *state));
    // at[i]: the first i targets can be matched by what was read so far, the i-th by the last
    // state read. skipping[i]: the same, and states of a `>>` came after it.
    let mut at = vec![false; targets.len() + 1];
    at[0] = true;
    let mut skipping = vec![false; targets.len() + 1];
    for state in observed {
        let mut next_at = vec![false; targets.len() + 1];
        let mut next_skipping = vec![false; targets.len() + 1];
        for i in 0..targets.len() {
            if (at[i] || skipping[i]) && *state == targets[i] {
                next_at[i + 1] = true;
            }
            if (at[i] || skipping[i]) && links[i] == Link::Eventually {
                next_skipping[i] = true;
            }
        }
        (at, skipping) = (next_at, next_skipping);
    }
    if at[targets.len()] {
        Fit::Whole
    } else if at.iter().chain(&skipping).any(|reached| *reached) {
        Fit::Prefix
    } else {
        Fit::No
    }
}

/// How well these states are known: the weakest evidence among them.
fn worst<'a>(endpoint: &Endpoint, changes: impl Iterator<Item = &'a Change>) -> Evidence {
    changes
        .map(|change| change.evidence)
        .max()
        .unwrap_or_else(|| evidence(endpoint))
}

fn evidence(endpoint: &Endpoint) -> Evidence {
    endpoint
        .history
        .last()
        .map_or(Evidence::Seen, |change| change.evidence)
}

fn shown(name: &EndpointName, states: &[TcpState]) -> String {
    let path: Vec<String> = states.iter().map(ToString::to_string).collect();
    format!("{name} {}", path.join(" > "))
}

fn last_or(events: Vec<usize>, endpoint: &Endpoint) -> Vec<usize> {
    if events.is_empty() {
        endpoint
            .history
            .last()
            .map(|c| c.event)
            .into_iter()
            .collect()
    } else {
        events
    }
}

/// As [`missing`], of something that holds only for a while: where states are sampled, an endpoint
/// that was not seen may have come and gone.
pub(super) fn missing_for_now(
    expected: String,
    name: &EndpointName,
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Standing {
    unseen_in_passing(missing(expected, name, timeline), sight)
}

/// An endpoint that was never seen may still come, unless its program has ended.
fn missing(expected: String, name: &EndpointName, timeline: &Timeline) -> Standing {
    if let Some(blind) = blind_to(name, timeline) {
        return Standing::Unseen(blind);
    }
    let observed = absent(name, timeline);
    match is_over(name, timeline) {
        true => Standing::missed(expected, observed, Vec::new()),
        false => Standing::not_yet(expected, observed, Vec::new()),
    }
}

/// Why the endpoint may be there although it was not seen: the kernel does not tell of UDP.
fn blind_to(name: &EndpointName, timeline: &Timeline) -> Option<Blind> {
    let mut gaps = timeline
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Gap {
                aspect: aspect @ Aspect::Datagrams,
                why,
            } => Some(Blind {
                aspect: *aspect,
                why: why.clone(),
                remedy: Some("sudo modprobe udp_diag".into()),
            }),
            _ => None,
        });
    gaps.next().filter(|_| name.is_datagram())
}

/// A connection that came and went between two looks was not seen: where states are sampled, that
/// its program has ended without one says nothing.
fn unseen_in_passing(standing: Standing, sight: &Sight<'_>) -> Standing {
    match standing {
        Standing::Missed(_) if is_sampled(sight) => Standing::Unseen(blind_to_paths(sight, None)),
        known => known,
    }
}

/// Whether the endpoint's program was started and has ended, with all its children.
fn is_over(name: &EndpointName, timeline: &Timeline) -> bool {
    let program = name.program();
    let mut processes = timeline
        .processes()
        .iter()
        .filter(|process| process.name.program() == program)
        .peekable();
    processes.peek().is_some() && processes.all(|process| process.ended)
}

/// Says that an endpoint was never seen, and which ones were.
fn absent(name: &EndpointName, timeline: &Timeline) -> String {
    let known: Vec<&str> = timeline
        .endpoints()
        .iter()
        .map(|endpoint| endpoint.name.as_str())
        .collect();
    if known.is_empty() {
        format!("{name} does not exist; no socket was seen")
    } else {
        format!("{name} does not exist; seen: {}", known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TcpState::{Close, CloseWait, Established, FinWait1, FinWait2, LastAck, TimeWait};

    fn wanted(first: TcpState, rest: &[(Link, TcpState)]) -> StatePath {
        StatePath {
            first,
            rest: rest.to_vec(),
        }
    }

    #[test]
    fn a_direct_path_leaves_nothing_out() {
        let path = wanted(
            Established,
            &[
                (Link::Direct, FinWait1),
                (Link::Direct, FinWait2),
                (Link::Direct, TimeWait),
            ],
        );
        assert_eq!(fit(&path, &[Established]), Fit::Prefix);
        assert_eq!(fit(&path, &[Established, FinWait1, FinWait2]), Fit::Prefix);
        assert_eq!(
            fit(&path, &[Established, FinWait1, FinWait2, TimeWait]),
            Fit::Whole
        );
        assert_eq!(fit(&path, &[Established, CloseWait]), Fit::No);
        assert_eq!(
            fit(&path, &[Established, FinWait1, FinWait2, TimeWait, Close]),
            Fit::No
        );
        assert_eq!(fit(&path, &[Established, FinWait1, TimeWait]), Fit::No);
    }

    #[test]
    fn eventually_skips() {
        let path = wanted(Established, &[(Link::Eventually, Close)]);
        assert_eq!(fit(&path, &[Established, CloseWait]), Fit::Prefix);
        assert_eq!(
            fit(&path, &[Established, CloseWait, LastAck, Close]),
            Fit::Whole
        );
        assert_eq!(fit(&path, &[Established, Close]), Fit::Whole);
        assert_eq!(fit(&path, &[CloseWait]), Fit::No);
    }
}
