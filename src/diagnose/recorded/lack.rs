//! [`Lack`]: what connections did not bring, where an expectation names none.

use crate::event::{TcpFlags, WIRE};
use crate::model::{HostName, ProcessName, ProgramName};
use crate::scenario::{Bound, Comparison, Expectation, PacketClass, ProcessFact};
use crate::timeline::{PacketFate, Process, Timeline};

/// Something did not come that connections bring.
#[derive(Debug)]
pub(super) struct Lack {
    pub(super) what: Missing,
    pub(super) of: Whose,
}

/// What did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Data, an error, a connection.
    Data,
    /// The end of a connection, for which its reader waits: the other end did not close.
    End,
    /// A FIN: this end did not close.
    Fin,
}

/// Whose connections it would have come by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those that these processes hold.
    Processes(Vec<ProcessName>),
    /// Those of a program: its processes' and those that it has not accepted.
    Program(ProgramName),
    /// Those on this host, or on any.
    Host(Option<HostName>),
}

impl Lack {
    /// What may be missing where an expectation names no endpoint.
    pub(super) fn of(expectation: &Expectation, timeline: &Timeline, step: usize) -> Option<Lack> {
        use Needs::{Fewer, More};
        let (what, of) = match expectation {
            Expectation::GotEof(process)
            | Expectation::Failed { process, .. }
            | Expectation::Caught { process, .. }
                if timeline.process(process).is_none() =>
            {
                unborn(process)
            }
            Expectation::GotEof(process) => (Missing::End, only(process)),
            Expectation::Failed { process, .. } => (Missing::Data, only(process)),
            Expectation::Prints { process, .. } => {
                (Missing::Data, Whose::Program(process.program()))
            }
            Expectation::Caught { process, signal } => match *signal {
                nix::libc::SIGCHLD => (
                    Missing::End,
                    children_of(timeline, |child| child.parent.as_ref() == Some(process)),
                ),
                nix::libc::SIGPIPE | nix::libc::SIGURG | nix::libc::SIGIO => {
                    (Missing::Data, only(process))
                }
                _ => return None,
            },
            Expectation::Process { process, facts } => end_of(process, facts, timeline)?,
            Expectation::Children { of, bound } => {
                let there = |child: &&Process| {
                    child.parent.is_some() && child.reaped.is_none() && child.name.program() == *of
                };
                match needs(*bound, timeline.processes().iter().filter(there).count())? {
                    More => (Missing::Data, Whose::Program(of.clone())),
                    Fewer => (
                        Missing::End,
                        children_of(timeline, |child| child.name.program() == *of),
                    ),
                }
            }
            Expectation::Zombies { of, bound } => {
                let of_program =
                    |child: &Process| of.as_ref().is_none_or(|of| child.name.program() == *of);
                let there = timeline.processes().iter().filter(|process| {
                    process.is_zombie() && process.parent.is_some() && of_program(process)
                });
                match needs(*bound, there.count())? {
                    More => (Missing::End, children_of(timeline, of_program)),
                    Fewer => return None,
                }
            }
            Expectation::Wire { bound, what } => {
                let fits = |fate: &&PacketFate| what.matches(&fate.packet);
                match needs(*bound, sent(timeline, step).filter(fits).count())? {
                    More => (by(what.what)?, Whose::Host(what.from.clone())),
                    Fewer => return None,
                }
            }
            Expectation::WireSequence(wanted) => {
                let (host, class) = next(wanted, timeline, step)?;
                (by(*class)?, Whose::Host(Some(host.clone())))
            }
            Expectation::Path { .. }
            | Expectation::Datagram { .. }
            | Expectation::HeldBy { .. }
            | Expectation::Gauge { .. }
            | Expectation::Timer { .. } => return None,
        };
        Some(Lack { what, of })
    }
}

/// In which direction a number is off.
enum Needs {
    More,
    Fewer,
}

/// Nothing when the bound holds.
fn needs(bound: Bound, there: usize) -> Option<Needs> {
    let there = there as u64;
    if bound.holds(there) {
        return None;
    }
    Some(match bound.op {
        Comparison::AtLeast | Comparison::More => Needs::More,
        Comparison::Equal if there < bound.value => Needs::More,
        Comparison::Equal | Comparison::AtMost | Comparison::Less => Needs::Fewer,
    })
}

fn only(process: &ProcessName) -> Whose {
    Whose::Processes(vec![process.clone()])
}

/// Children that have not ended.
fn children_of(timeline: &Timeline, fits: impl Fn(&Process) -> bool) -> Whose {
    let children = timeline.processes().iter();
    let living = children.filter(|child| child.parent.is_some() && !child.ended && fits(child));
    Whose::Processes(living.map(|child| child.name.clone()).collect())
}

/// Why a process has not ended, or is not there.
fn end_of(
    name: &ProcessName,
    facts: &[ProcessFact],
    timeline: &Timeline,
) -> Option<(Missing, Whose)> {
    let Some(process) = timeline.process(name) else {
        return Some(unborn(name));
    };
    let is_end = |fact: &ProcessFact| match fact {
        ProcessFact::Zombie
        | ProcessFact::Exited(_)
        | ProcessFact::Reaped
        | ProcessFact::ReapedBy(_) => Some(Missing::End),
        ProcessFact::KilledBy(nix::libc::SIGPIPE) => Some(Missing::Data),
        ProcessFact::KilledBy(_)
        | ProcessFact::Running
        | ProcessFact::Stopped
        | ProcessFact::Adopted => None,
    };
    let ends: Vec<Missing> = facts.iter().filter_map(is_end).collect();
    let missing = *ends.first().filter(|_| ends.len() == facts.len())?;
    (!process.ended).then(|| (missing, only(name)))
}

/// A process that is not there: it would have been forked for a connection.
fn unborn(name: &ProcessName) -> (Missing, Whose) {
    (Missing::Data, Whose::Program(name.program()))
}

/// What the sender of such packets waits for, where it can be told.
fn by(class: PacketClass) -> Option<Missing> {
    match class {
        PacketClass::Flags(flags) if flags.has(TcpFlags::FIN) => Some(Missing::Fin),
        PacketClass::Flags(flags) if flags.has(TcpFlags::SYN.with(TcpFlags::ACK)) => {
            Some(Missing::Data)
        }
        PacketClass::Data => Some(Missing::Data),
        PacketClass::Any
        | PacketClass::Flags(_)
        | PacketClass::Retransmission
        | PacketClass::KeepAlive
        | PacketClass::WindowProbe
        | PacketClass::Udp
        | PacketClass::Icmp => None,
    }
}

/// The packets that hosts sent in a step.
fn sent(timeline: &Timeline, step: usize) -> impl Iterator<Item = &PacketFate> {
    let packets = timeline.packets().iter();
    packets.filter(move |fate| fate.step == step && fate.packet.from.as_str() != WIRE)
}

/// Which packet of a sequence did not come, where those before it did and no other.
fn next<'a>(
    wanted: &'a [(HostName, PacketClass)],
    timeline: &Timeline,
    step: usize,
) -> Option<&'a (HostName, PacketClass)> {
    let fits = sent(timeline, step)
        .zip(wanted)
        .all(|(fate, (host, class))| fate.packet.from == *host && class.matches(&fate.packet));
    wanted.get(sent(timeline, step).count()).filter(|_| fits)
}
