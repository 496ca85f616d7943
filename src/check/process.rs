//! Processes: lives, zombies, errors, output.

use super::endpoint::blind_to_calls;
use super::{Sight, Standing};
use crate::event::{Aspect, CallResult, Event, Kind, Reaper, SignalFate};
use crate::model::{
    Evidence, ExitStatus, ProcState, ProcessName, ProgramName, errno_name, restart_name,
    signal_name,
};
use crate::observe::syscalls::decode::same_call;
use crate::run::Blind;
use crate::scenario::{Bound, Collector, ProcessFact};
use crate::timeline::{Process, Timeline};

/// `server.child exited 0, reaped`
pub(super) fn process(name: &ProcessName, facts: &[ProcessFact], timeline: &Timeline) -> Standing {
    let list: Vec<String> = facts.iter().map(ToString::to_string).collect();
    let expected = format!("{name} {}", list.join(", "));
    let Some(process) = timeline.process(name) else {
        let known: Vec<&str> = timeline
            .processes()
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        let observed = format!("{name} does not exist; seen: {}", known.join(", "));
        return Standing::not_yet(expected, observed, Vec::new());
    };
    let events = life_events(name, timeline);
    for fact in facts {
        match fact_of(process, *fact) {
            Fact::True => {}
            Fact::NotYet => return Standing::not_yet(expected, life(process), events),
            Fact::Never => return Standing::missed(expected, life(process), events),
            Fact::Unknown(why) => {
                return Standing::Unseen(Blind {
                    aspect: Aspect::Processes,
                    why,
                    remedy: None,
                });
            }
        }
    }
    Standing::Holds(Evidence::Seen)
}

enum Fact {
    True,
    NotYet,
    Never,
    Unknown(String),
}

fn fact_of(process: &Process, fact: ProcessFact) -> Fact {
    let when = |holds: bool, else_: Fact| if holds { Fact::True } else { else_ };
    match fact {
        ProcessFact::Running => when(!process.ended, Fact::Never),
        ProcessFact::Stopped => when(process.state == ProcState::Stopped, Fact::NotYet),
        ProcessFact::Zombie => when(process.is_zombie(), Fact::NotYet),
        ProcessFact::Exited(_) | ProcessFact::KilledBy(_) if !process.ended => Fact::NotYet,
        ProcessFact::Exited(_) | ProcessFact::KilledBy(_) => match process.status {
            Some(ExitStatus::Exited(status)) => {
                when(fact == ProcessFact::Exited(status), Fact::Never)
            }
            Some(ExitStatus::Signaled { signal, .. }) => {
                when(fact == ProcessFact::KilledBy(signal), Fact::Never)
            }
            // The kernel may tell once it is reaped.
            None if process.is_zombie() => Fact::NotYet,
            None => Fact::Unknown(format!(
                "the kernel did not tell how {} ended",
                process.name
            )),
        },
        ProcessFact::Reaped => when(process.reaped.is_some(), Fact::NotYet),
        ProcessFact::ReapedBy(collector) => match (&process.reaped, collector) {
            (None, _) => Fact::NotYet,
            (Some(Reaper::Process(_)), Collector::Parent)
            | (Some(Reaper::Init), Collector::Init)
            | (Some(Reaper::Kernel), Collector::Kernel) => Fact::True,
            (Some(Reaper::Unknown), _) => Fact::Unknown(format!(
                "{} was gone before anyone could look who reaped it",
                process.name
            )),
            (Some(_), _) => Fact::Never,
        },
        ProcessFact::Adopted => when(process.adopted.is_some(), Fact::NotYet),
    }
}

fn life(process: &Process) -> String {
    let name = &process.name;
    if !process.ended {
        return format!("{name} has not ended (state {})", process.state.letter());
    }
    let how = match process.status {
        Some(status) => status.to_string(),
        None => "ended, the kernel does not tell how".into(),
    };
    match &process.reaped {
        None => format!("{name} {how}, not reaped: Z <defunct>"),
        Some(reaper) => format!("{name} {how}, reaped by {}", reaper_words(reaper)),
    }
}

fn reaper_words(reaper: &Reaper) -> String {
    match reaper {
        Reaper::Process(name) => name.to_string(),
        Reaper::Init => "init".into(),
        Reaper::Kernel => "the kernel".into(),
        Reaper::Unknown => "an unknown process".into(),
    }
}

fn life_events(wanted: &ProcessName, timeline: &Timeline) -> Vec<usize> {
    timeline
        .events()
        .iter()
        .enumerate()
        .filter(|(_, event)| match &event.kind {
            Kind::Exited { process, .. } | Kind::Reaped { process, .. } => process == wanted,
            // Other letters are not shown: they come and go.
            Kind::ProcessState { process, state } => {
                process == wanted && *state == ProcState::Stopped
            }
            _ => false,
        })
        .map(|(index, _)| index)
        .collect()
}

/// `server zombies = 5`, `any zombie`
pub(super) fn zombies(of: Option<&ProgramName>, bound: Bound, timeline: &Timeline) -> Standing {
    let found: Vec<&Process> = timeline
        .processes()
        .iter()
        .filter(|p| p.is_zombie() && p.parent.is_some())
        .filter(|p| of.is_none_or(|of| p.name.program() == *of))
        .collect();
    let what = of.map_or_else(String::new, |of| format!("{of} "));
    count_of(format!("{what}zombies"), &found, bound, timeline)
}

/// `server children = 5`
pub(super) fn children(of: &ProgramName, bound: Bound, timeline: &Timeline) -> Standing {
    let found: Vec<&Process> = timeline
        .processes()
        .iter()
        .filter(|p| p.parent.is_some() && p.reaped.is_none() && p.name.program() == *of)
        .collect();
    count_of(format!("{of} children"), &found, bound, timeline)
}

fn count_of(what: String, found: &[&Process], bound: Bound, timeline: &Timeline) -> Standing {
    if bound.holds(found.len() as u64) {
        return Standing::Holds(Evidence::Seen);
    }
    let names: Vec<&str> = found.iter().map(|p| p.name.as_str()).collect();
    let mut observed = format!("{what} = {}", found.len());
    if !names.is_empty() {
        observed.push_str(&format!(" ({})", names.join(", ")));
    }
    let events = found
        .iter()
        .filter_map(|p| life_events(&p.name, timeline).pop())
        .collect();
    Standing::not_yet(format!("{what} {bound}"), observed, events)
}

/// `client failed write EPIPE`
pub(super) fn failed(
    name: &ProcessName,
    call: Option<&str>,
    errno: i32,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    let what = match call {
        Some(call) => format!("failed {call} {}", errno_name(errno)),
        None => format!("failed {}", errno_name(errno)),
    };
    called(name, &what, timeline, step, sight, |index, made| {
        is_noticed(timeline, name, index)
            && call.is_none_or(|call| same_call(call, &made.name))
            && made.result == CallResult::Errno(errno)
    })
}

/// Whether the process lived to see what a traced call returned: SIGPIPE comes before `write(2)`
/// returns EPIPE, and ends whoever neither catches nor ignores it.
pub(super) fn is_noticed(timeline: &Timeline, name: &ProcessName, index: usize) -> bool {
    let next = timeline.events()[index + 1..]
        .iter()
        .find_map(|event| match &event.kind {
            Kind::Called { process, .. } if process == name => Some(false),
            Kind::Signal {
                process,
                signal,
                fate,
                ..
            } if process == name => {
                Some(*signal == libc::SIGPIPE && *fate == SignalFate::Delivered)
            }
            _ => None,
        });
    next != Some(true)
}

/// `client got EOF`
pub(super) fn got_eof(
    name: &ProcessName,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    called(name, "got EOF", timeline, step, sight, |_, made| {
        made.result == CallResult::Eof
    })
}

/// `server caught SIGCHLD`
pub(super) fn caught(
    name: &ProcessName,
    number: i32,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
) -> Standing {
    let signal = signal_name(number);
    if timeline.events_in(step).any(|(_, event)| {
        matches!(&event.kind, Kind::Signal { process, signal: came, fate: SignalFate::Caught, .. }
            if process == name && *came == number)
    }) {
        return Standing::Holds(Evidence::Traced);
    }
    called(
        name,
        &format!("caught {signal}"),
        timeline,
        step,
        sight,
        |_, made| made.name == signal && made.result == CallResult::Nothing,
    )
}

fn called(
    name: &ProcessName,
    what: &str,
    timeline: &Timeline,
    step: usize,
    sight: &Sight<'_>,
    is_it: impl Fn(usize, &crate::event::Call) -> bool,
) -> Standing {
    let expected = format!("{name} {what}");
    let calls: Vec<(usize, &crate::event::Call)> = timeline
        .events_in(step)
        .filter_map(|(index, event)| match &event.kind {
            Kind::Called { process, call } if process == name => Some((index, call)),
            _ => None,
        })
        .collect();
    if calls.iter().any(|(index, call)| is_it(*index, call)) {
        return Standing::Holds(Evidence::Seen);
    }
    if let Some(blind) = blind_to_calls(name, sight) {
        return Standing::Unseen(blind);
    }
    let observed = match calls.last() {
        Some((_, call)) => format!("the last call of {name} was {}", call_text(call)),
        None => format!("{name} made no call that matters in this step"),
    };
    let events = calls.last().map(|(index, _)| *index).into_iter().collect();
    match timeline.process(name).is_some_and(|process| process.ended) {
        true => Standing::missed(expected, observed, events),
        false => Standing::not_yet(expected, observed, events),
    }
}

/// A call as one would write it: `write(4, 6) = EPIPE`.
pub(super) fn call_text(call: &crate::event::Call) -> String {
    match &call.result {
        CallResult::Value(value) => format!("{}({}) = {value}", call.name, call.args),
        CallResult::Eof => format!("{}({}) = 0 (EOF)", call.name, call.args),
        CallResult::Errno(errno) => {
            format!("{}({}) = {}", call.name, call.args, errno_name(*errno))
        }
        CallResult::Nothing => call.name.clone(),
        CallResult::Restarted(number) => {
            format!("{}({}) = {}", call.name, call.args, restart_name(*number))
        }
        CallResult::Never => format!("{}({}) = ?", call.name, call.args),
    }
}

/// `client prints hello`
pub(super) fn prints(
    name: &ProcessName,
    wanted: &str,
    timeline: &Timeline,
    step: usize,
) -> Standing {
    let lines: Vec<(usize, &str)> = timeline
        .events_in(step)
        .filter_map(|(index, event): (usize, &Event)| match &event.kind {
            Kind::Output { process, text, .. } if process.program() == name.program() => {
                Some((index, text.as_str()))
            }
            _ => None,
        })
        .collect();
    if lines.iter().any(|(_, line)| line.contains(wanted)) {
        return Standing::Holds(Evidence::Seen);
    }
    let observed = match lines.last() {
        Some((_, line)) => format!("{name} printed \"{line}\""),
        None => format!("{name} printed nothing in this step"),
    };
    let events = lines.iter().map(|(index, _)| *index).collect();
    let expected = format!("{name} prints {wanted}");
    let mut writers = timeline
        .processes()
        .iter()
        .filter(|process| process.name.program() == name.program())
        .peekable();
    match writers.peek().is_some() && writers.all(|process| process.ended) {
        true => Standing::missed(expected, observed, events),
        false => Standing::not_yet(expected, observed, events),
    }
}
