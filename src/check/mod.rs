//! Expectations against a timeline. No I/O: the same timeline gives the same verdicts.

use crate::event::{Aspect, Kind, Source};
use crate::model::{EndpointName, Evidence};
use crate::run::{Blind, Mismatch, Place, Polarity, Verdict};
use crate::scenario::{Expectation, Paths, StatePath};
use crate::timeline::Timeline;

mod endpoint;
mod packets;
mod path;
mod process;
mod witness;

pub use packets::on_the_wire;
pub use path::is_sampled;

/// What a run could see, and how strict the scenario is.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    /// Where the programs run.
    pub place: Place,
    /// What cannot be seen there.
    pub blind: &'a [Blind],
    /// Whether settled states suffice where paths cannot be seen.
    pub paths: Paths,
    /// The programs that say what their system calls return.
    pub telling: &'a [crate::model::ProgramName],
}

/// How an expectation stands at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Holds(Evidence),
    /// It does not hold, and may do later.
    NotYet(Mismatch),
    /// It does not hold and never will in this step.
    Missed(Mismatch),
    /// As far as one can see it holds, but one cannot see enough.
    Unseen(Blind),
}

impl Standing {
    /// Whether waiting longer can change anything.
    pub fn is_final(&self) -> bool {
        !matches!(self, Standing::NotYet(_))
    }

    fn not_yet(
        expected: impl Into<String>,
        observed: impl Into<String>,
        events: Vec<usize>,
    ) -> Standing {
        Standing::NotYet(mismatch(expected, observed, events))
    }

    fn missed(
        expected: impl Into<String>,
        observed: impl Into<String>,
        events: Vec<usize>,
    ) -> Standing {
        Standing::Missed(mismatch(expected, observed, events))
    }
}

fn mismatch(
    expected: impl Into<String>,
    observed: impl Into<String>,
    events: Vec<usize>,
) -> Mismatch {
    Mismatch {
        expected: expected.into(),
        observed: observed.into(),
        notes: Vec::new(),
        events,
    }
}

/// How an expectation stands in `step`, by the timeline so far.
pub fn standing(
    expectation: &Expectation,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    match expectation {
        Expectation::Path { endpoint, path } => path::path(endpoint, path, timeline, step, sight),
        Expectation::Datagram { endpoint, state } => {
            endpoint::datagram(endpoint, *state, timeline, sight)
        }
        Expectation::HeldBy { endpoint, holders } => {
            endpoint::held(endpoint, holders, timeline, sight)
        }
        Expectation::Gauge {
            endpoint,
            gauge,
            bound,
        } => endpoint::gauge(endpoint, *gauge, *bound, timeline, sight),
        Expectation::Timer { endpoint, timer } => {
            endpoint::timer(endpoint, *timer, timeline, sight)
        }
        Expectation::Process { process, facts } => process::process(process, facts, timeline),
        Expectation::Zombies { of, bound } => process::zombies(of.as_ref(), *bound, timeline),
        Expectation::Children { of, bound } => process::children(of, *bound, timeline),
        Expectation::Failed {
            process,
            call,
            errno,
        } => process::failed(process, call.as_deref(), *errno, timeline, step, sight),
        Expectation::GotEof(process) => process::got_eof(process, timeline, step, sight),
        Expectation::Caught { process, signal } => {
            process::caught(process, *signal, timeline, step, sight)
        }
        Expectation::Prints { process, text } => process::prints(process, text, timeline, step),
        Expectation::Wire { bound, what } => packets::count(*bound, what, timeline, step, sight),
        Expectation::WireSequence(wanted) => packets::sequence(wanted, timeline, step, sight),
    }
}

/// The verdict on an `expect` line, when the step is over.
pub fn expect(
    expectation: &Expectation,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Verdict {
    let standing = standing(expectation, timeline, step, sight);
    if !matches!(standing, Standing::Holds(_))
        && let Some(blind) =
            unmet_process(expectation, timeline).or_else(|| untold(expectation, timeline, step))
    {
        return inconclusive(&blind);
    }
    match standing {
        Standing::Holds(evidence) => Verdict::Pass(evidence),
        Standing::NotYet(mismatch) | Standing::Missed(mismatch) => Verdict::Fail(mismatch),
        Standing::Unseen(blind) => inconclusive(&blind),
    }
}

/// The verdict on all states that an endpoint went through in a run that is over, from the first
/// sight on.
pub fn whole_path(
    endpoint: &EndpointName,
    path: &StatePath,
    timeline: &Timeline,
    sight: &Sight<'_>,
) -> Verdict {
    match path::whole(endpoint, path, timeline, sight) {
        Standing::Holds(evidence) => Verdict::Pass(evidence),
        Standing::Unseen(blind) => inconclusive(&blind),
        Standing::NotYet(mismatch) | Standing::Missed(mismatch) => {
            match untold_states(timeline, usize::MAX) {
                Some(blind) => inconclusive(&blind),
                None => Verdict::Fail(mismatch),
            }
        }
    }
}

/// The verdict on a `never` line, when the step is over: judged at every quiet point of the step
/// and, for what is an event, over all of it. An absence passes only when nothing was missed.
pub fn never(
    expectation: &Expectation,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Verdict {
    let quiet: Vec<usize> = timeline
        .events_in(step)
        .filter(|(_, event)| event.kind == Kind::Quiet)
        .map(|(index, _)| index)
        .collect();
    let mut so_far = Timeline::default();
    let mut copied = 0;
    for index in quiet {
        for event in &timeline.events()[copied..=index] {
            so_far.replay(event.clone());
        }
        copied = index + 1;
        if let Standing::Holds(_) = standing(expectation, &so_far, step, sight) {
            let events = witness::of(expectation, &so_far, step);
            let shown = events.last().copied().unwrap_or(index);
            let at = crate::model::millis(timeline.events()[shown].at);
            return Verdict::Fail(mismatch(
                format!("never: {expectation}"),
                format!("it held at {at} ms"),
                events,
            ));
        }
    }
    let needs = aspect(expectation);
    if let Some(blind) = sight.blind.iter().find(|blind| Some(blind.aspect) == needs) {
        return inconclusive(blind);
    }
    if let Standing::Unseen(blind) = standing(expectation, timeline, step, sight) {
        return inconclusive(&blind);
    }
    let gap = timeline
        .events_in(step)
        .find_map(|(_, event)| match &event.kind {
            Kind::Gap { aspect, why } if Some(*aspect) == needs => Some(why.clone()),
            _ => None,
        });
    match gap {
        Some(why) => Verdict::Inconclusive { why, remedy: None },
        None => Verdict::Pass(Evidence::Seen),
    }
}

/// Whether a line of this polarity is judged by [`expect`] or [`never()`].
pub fn judge(
    polarity: Polarity,
    expectation: &Expectation,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Verdict {
    match polarity {
        Polarity::Expect => expect(expectation, timeline, step, sight),
        Polarity::Never => never(expectation, timeline, step, sight),
    }
}

/// What must be seen without gaps for an absence to mean anything. States of processes and
/// holders are judged at quiet points, which every place has.
fn aspect(expectation: &Expectation) -> Option<Aspect> {
    match expectation {
        Expectation::Path { path, .. } if path.is_settled_state() => None,
        Expectation::Path { .. } => Some(Aspect::Paths),
        Expectation::Wire { .. } | Expectation::WireSequence(_) => Some(Aspect::Segments),
        _ => None,
    }
}

/// A process that was gone before anyone could look may be the one that is missing.
fn unmet_process(expectation: &Expectation, timeline: &Timeline) -> Option<Blind> {
    let about_processes = matches!(
        expectation,
        Expectation::Process { .. }
            | Expectation::Zombies { .. }
            | Expectation::Children { .. }
            | Expectation::Failed { .. }
            | Expectation::GotEof(_)
            | Expectation::Caught { .. }
    );
    let mut gaps = timeline
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::Gap {
                aspect: aspect @ Aspect::Processes,
                why,
            } => Some(Blind {
                aspect: *aspect,
                why: why.clone(),
                remedy: None,
            }),
            _ => None,
        });
    gaps.next().filter(|_| about_processes)
}

/// Where the kernel's record has a gap, what does not fit a path may be its doing.
fn untold(expectation: &Expectation, timeline: &Timeline, step: usize) -> Option<Blind> {
    match expectation {
        Expectation::Path { .. } => untold_states(timeline, step),
        _ => None,
    }
}

/// The first gap in what the kernel told of states, up to the end of a step.
fn untold_states(timeline: &Timeline, step: usize) -> Option<Blind> {
    let so_far = timeline.events().iter().filter(|event| event.step <= step);
    let mut gaps = so_far.filter_map(|event| match &event.kind {
        Kind::Gap {
            aspect: aspect @ Aspect::Paths,
            why,
        } if event.source == Source::Kernel => Some(Blind {
            aspect: *aspect,
            why: why.clone(),
            remedy: None,
        }),
        _ => None,
    });
    gaps.next()
}

fn inconclusive(blind: &Blind) -> Verdict {
    Verdict::Inconclusive {
        why: format!("cannot see {}: {}", blind.aspect.words(), blind.why),
        remedy: blind.remedy.clone(),
    }
}
