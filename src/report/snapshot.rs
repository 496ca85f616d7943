//! The state of everything at one event: what an inspection at that moment would have found.

use std::time::Duration;

use crate::event::{Event, Kind, Reaper};
use crate::model::{HostName, ProcState, ProcessName};
use crate::run::Run;
use crate::timeline::{Endpoint, Timeline};

/// Everything as it was after one event.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When, since the run began.
    pub at: Duration,
    /// During which step.
    pub step: usize,
    /// Whether nothing was about to happen.
    pub quiet: bool,
    /// The sockets that the kernel knew, in the order of their first sight.
    pub endpoints: Vec<Endpoint>,
    /// The processes that were not reaped, in the order of their start.
    pub processes: Vec<ProcessAt>,
}

/// A process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessAt {
    /// Its name.
    pub name: ProcessName,
    /// Its pid as sockscope's own `/proc` shows it.
    pub pid: i32,
    /// Its parent's, where that is a process of the run.
    pub ppid: Option<i32>,
    /// Where it runs.
    pub host: HostName,
    /// Its state.
    pub state: ProcState,
    /// The command line of the program; forked processes have their parent's.
    pub command: Vec<String>,
}

impl ProcessAt {
    /// The first word of the command line without its folder, as `ps` and `lsof` name a process.
    pub fn short_name(&self) -> &str {
        let command = self.command.first().map_or("?", String::as_str);
        command.rsplit('/').next().unwrap_or(command)
    }
}

impl Snapshot {
    /// Everything as it was after the event of this index; nothing when there is no such event.
    pub fn at(timeline: &Timeline, index: usize) -> Option<Snapshot> {
        let events = timeline.events();
        let event = events.get(index)?;
        let so_far = Timeline::from(events[..=index].to_vec());
        Some(Snapshot {
            at: event.at,
            step: event.step,
            quiet: event.kind == Kind::Quiet,
            endpoints: so_far
                .endpoints()
                .iter()
                .filter(|e| e.is_open())
                .cloned()
                .collect(),
            processes: processes(&so_far),
        })
    }

    /// One snapshot for each step: at its last quiet point, or at its end where it has none.
    pub fn after_steps(run: &Run) -> Vec<Snapshot> {
        let events = run.timeline.events();
        let mut points: Vec<(usize, usize, bool)> = Vec::new();
        for (index, Event { step, kind, .. }) in events.iter().enumerate() {
            let quiet = *kind == Kind::Quiet;
            match points.last_mut() {
                Some((last, at, was_quiet)) if last == step => {
                    if quiet || !*was_quiet {
                        *at = index;
                        *was_quiet = quiet;
                    }
                }
                _ => points.push((*step, index, quiet)),
            }
        }
        points
            .into_iter()
            .filter_map(|(_, index, _)| Snapshot::at(&run.timeline, index))
            .collect()
    }
}

fn processes(timeline: &Timeline) -> Vec<ProcessAt> {
    let pid_of = |name: &ProcessName| timeline.process(name).map(|p| p.pid);
    timeline
        .processes()
        .iter()
        .filter(|process| process.reaped.is_none())
        .map(|process| {
            let ppid = match (&process.adopted, &process.parent) {
                (Some(Reaper::Process(by)), _) => pid_of(by),
                (Some(_), _) | (None, None) => None,
                (None, Some(parent)) => pid_of(parent),
            };
            ProcessAt {
                name: process.name.clone(),
                pid: process.pid,
                ppid,
                host: process.host.clone(),
                state: process.state,
                command: command(timeline, &process.name),
            }
        })
        .collect()
}

/// The command line with which a process's program was last started.
fn command(timeline: &Timeline, name: &ProcessName) -> Vec<String> {
    timeline
        .command_of(&name.program())
        .map_or_else(|| vec!["?".to_owned()], <[String]>::to_vec)
}
