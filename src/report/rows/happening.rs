//! One event in words.

use super::pids::Named;
use super::{Class, Happening, Lanes, effects};
use crate::causes::{Link, Subject};
use crate::event::{Event, Kind, Reaper, Stream, ToldSegment};
use crate::model::{ExitStatus, Holder, ProcState, ProcessName, SocketFacts, TcpState};
use crate::report::palette::Tone;
use crate::report::text::{escape, quote, visible};

/// The columns that a line of a program's output takes at most.
const OUTPUT_COLUMNS: usize = 72;

/// What the timeline knew when the event came.
pub(super) struct Moment<'a> {
    pub(super) lanes: &'a Lanes<'a>,
    /// Show also what changes nothing.
    pub(super) all: bool,
    /// What the event did to connections.
    pub(super) links: &'a [Link],
    /// The sockets that the event is about, if it is a call.
    pub(super) subject: Option<Subject>,
    /// Which thread made the call, where its process has several.
    pub(super) thread: Option<usize>,
    /// Whom the call names by their pids.
    pub(super) named: Named<'a>,
    /// The events before it.
    pub(super) before: &'a [Event],
    /// System calls are traced: the user wants to see them.
    pub(super) traced: bool,
    /// The process that ended here stays a zombie.
    pub(super) zombie: bool,
    /// The step has several actions.
    pub(super) several_actions: bool,
}

impl Moment<'_> {
    /// The event in words; nothing when it is not worth a row or is drawn otherwise.
    pub(super) fn tell(&self, event: &Event) -> Option<Happening> {
        match &event.kind {
            Kind::Acted { text } => {
                let shown = self.all || self.several_actions;
                shown.then(|| free(Class::Action, Tone::Strong, format!("▸ {}", visible(text))))
            }
            Kind::Quiet => self
                .all
                .then(|| free(Class::Event, Tone::Faint, "quiet".to_owned())),
            Kind::Spawned { process, pid, .. } => {
                self.of(process, Tone::Plain, format!("started, pid {pid}"))
            }
            Kind::Forked {
                process,
                pid,
                parent,
                ..
            } => self.of(
                parent,
                Tone::Plain,
                format!("forked {}, pid {pid}", escape(process.as_str())),
            ),
            Kind::ProcessState { process, state } => self.process_state(process, *state),
            Kind::Exited { process, status } => self.exited(process, *status),
            // The lab's init started a program's first process: who else would reap it?
            Kind::Reaped {
                process,
                by: Reaper::Init,
            } if !process.is_child() && !self.all => None,
            Kind::Reaped { process, by } => {
                let tone = match by {
                    Reaper::Process(_) => Tone::Plain,
                    Reaper::Init | Reaper::Kernel | Reaper::Unknown => Tone::Faint,
                };
                self.of(process, tone, reaped(by))
            }
            Kind::Adopted { process, by } => {
                let by = match by {
                    Reaper::Process(name) => escape(name.as_str()),
                    Reaper::Init => "init".to_owned(),
                    Reaper::Kernel => "the kernel".to_owned(),
                    Reaper::Unknown => "nobody knows whom".to_owned(),
                };
                self.of(process, Tone::Closing, format!("adopted by {by}"))
            }
            Kind::Output {
                process,
                stream,
                text,
            } => {
                let how = match stream {
                    Stream::Stdout => "prints",
                    Stream::Stderr => "prints to stderr",
                };
                let text = format!("{how} {}", quote(text, OUTPUT_COLUMNS));
                let told = self.of(process, Tone::Plain, text)?;
                Some(Happening {
                    class: Class::Output,
                    ..told
                })
            }
            Kind::Called { process, call } => self.called(process, call),
            Kind::Note { text } => Some(free(Class::Note, Tone::Plain, escape(text))),
            Kind::Gap { aspect, why } => Some(free(
                Class::Gap,
                Tone::Bad,
                format!("may have missed {}: {}", aspect.words(), escape(why)),
            )),
            Kind::Gauges { key, facts } => {
                let endpoint = self.lanes.endpoint(*key).filter(|_| self.all)?;
                Some(Happening {
                    text: format!("{} {}", escape(endpoint.name.as_str()), gauges(facts)),
                    tone: Tone::Faint,
                    side: Some(self.lanes.side(endpoint)),
                    class: Class::Event,
                })
            }
            Kind::Dropped { why, .. } => Some(free(
                Class::Event,
                Tone::Closing,
                format!("dropped: {}", escape(why)),
            )),
            Kind::Delivered { packet } => self.all.then(|| {
                free(
                    Class::Event,
                    Tone::Faint,
                    format!("packet {} delivered", packet.0),
                )
            }),
            Kind::Executed { process, command } => {
                let command = quote(&command.join(" "), OUTPUT_COLUMNS);
                self.of(process, Tone::Plain, format!("became {command}"))
            }
            Kind::Renamed { process, comm } => {
                let text = format!("calls itself {}", quote(comm, OUTPUT_COLUMNS));
                self.of(process, Tone::Plain, text)
            }
            Kind::Signal {
                process,
                signal,
                from,
                fate,
            } => self.signal(process, *signal, from, *fate),
            Kind::Told { key, what, tuple } => {
                let text = match what {
                    ToldSegment::ResetSent => "sent RST",
                    ToldSegment::ResetReceived => "received RST",
                    ToldSegment::Retransmitted => "sent a segment again",
                };
                let endpoint = key.and_then(|key| self.lanes.endpoint(key));
                let who =
                    endpoint.map_or_else(|| tuple.local.to_string(), |e| escape(e.name.as_str()));
                Some(Happening {
                    text: format!("{who} {text}"),
                    tone: Tone::Closing,
                    side: endpoint.map(|e| self.lanes.side(e)),
                    class: Class::Event,
                })
            }
            Kind::StepBegan
            | Kind::Socket { .. }
            | Kind::Datagram { .. }
            | Kind::Holders { .. }
            | Kind::Sent(_)
            | Kind::Held { .. } => None,
        }
    }

    pub(super) fn of(&self, process: &ProcessName, tone: Tone, text: String) -> Option<Happening> {
        Some(Happening {
            text: format!("{} {text}", escape(process.as_str())),
            tone,
            side: self.lanes.side_of_process(process),
            class: Class::Event,
        })
    }

    fn process_state(&self, process: &ProcessName, state: ProcState) -> Option<Happening> {
        match state {
            ProcState::Stopped => self.of(process, Tone::Closing, "stopped (T)".to_owned()),
            ProcState::Traced => self.of(process, Tone::Closing, "stopped (t)".to_owned()),
            // The end of the process is an event of its own.
            ProcState::Zombie | ProcState::Dead => None,
            other if self.all => self.of(
                process,
                Tone::Faint,
                format!("is in state {}", other.letter()),
            ),
            _ => None,
        }
    }

    fn exited(&self, process: &ProcessName, status: Option<ExitStatus>) -> Option<Happening> {
        let how = status.map_or_else(
            || "ended, nobody saw how".to_owned(),
            |status| status.to_string(),
        );
        let from = effects::sender(self.before, process, status);
        let closed = effects::of_end(self.links, self.lanes);
        let forced = matches!(status, Some(ExitStatus::Signaled { .. }));
        if self.zombie {
            self.of(
                process,
                Tone::Bad,
                format!("{how}{from} → Z <defunct>{closed}"),
            )
        } else {
            let tone = if forced { Tone::Bad } else { Tone::Plain };
            self.of(process, tone, format!("{how}{from}{closed}"))
        }
    }
}

fn free(class: Class, tone: Tone, text: String) -> Happening {
    Happening {
        text,
        tone,
        side: None,
        class,
    }
}

fn reaped(by: &Reaper) -> String {
    match by {
        Reaper::Process(parent) => format!("reaped by {}", escape(parent.as_str())),
        Reaper::Init => "reaped by init".to_owned(),
        Reaper::Kernel => "reaped by the kernel at once".to_owned(),
        Reaper::Unknown => "reaped, nobody saw by whom".to_owned(),
    }
}

/// Why no process of the run holds an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unheld {
    /// It waits in a listener's queue.
    NotAccepted,
    /// It is closed, and the kernel does the rest.
    Kernel,
    /// There is nothing left of it.
    Gone,
    /// A descriptor of it is open somewhere: in a program outside of the run, or on its way from
    /// one process to another (`unix(7)`, SCM_RIGHTS).
    Elsewhere,
}

impl Unheld {
    /// By its state and the inode of its file, which is 0 where it has none. `held_before`:
    /// somebody held it earlier.
    pub(super) fn of(state: TcpState, inode: u32, held_before: bool) -> Unheld {
        match state {
            TcpState::Close => Unheld::Gone,
            // The inode is that of the last look, when somebody held it still.
            _ if held_before => Unheld::Kernel,
            _ if inode != 0 => Unheld::Elsewhere,
            TcpState::Established | TcpState::SynRecv | TcpState::CloseWait => Unheld::NotAccepted,
            _ => Unheld::Kernel,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Unheld::NotAccepted => "held by nobody: not accepted yet",
            Unheld::Kernel => "held by nobody: the kernel finishes it",
            Unheld::Gone => "held by nobody",
            Unheld::Elsewhere => "held by no process of the run",
        }
    }
}

/// Who holds an endpoint, in words.
pub(super) fn holders(holders: &[Holder], unreadable: &[ProcessName], unheld: Unheld) -> String {
    let mut text = if holders.is_empty() {
        match unreadable.is_empty() {
            true => unheld.words().to_owned(),
            false => "held by nobody known".to_owned(),
        }
    } else {
        let names: Vec<String> = holders
            .iter()
            .map(|holder| format!("{} fd {}", escape(holder.process.as_str()), holder.fd))
            .collect();
        format!("held by {}", names.join(", "))
    };
    if !unreadable.is_empty() {
        let names: Vec<String> = unreadable
            .iter()
            .map(|name| escape(name.as_str()))
            .collect();
        text.push_str(", perhaps by ");
        text.push_str(&names.join(", "));
        text.push_str(" (descriptors unreadable)");
    }
    text
}

fn gauges(facts: &SocketFacts) -> String {
    let mut text = format!("recv-q {} send-q {}", facts.recv_q, facts.send_q);
    if facts.timer != crate::model::TimerKind::Off {
        text.push_str(&format!(
            " timer {} {} ms",
            facts.timer.word(),
            facts.timer_ms
        ));
    }
    if facts.retransmits > 0 {
        text.push_str(&format!(" retransmits {}", facts.retransmits));
    }
    text
}
