//! A record while it is read: what its lines must hold to be believed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use crate::event::{Event, Kind, SocketKey};
use crate::record::event::{EventLine, What};
use crate::record::fault::{Fault, RecordError};
use crate::record::line::{Counts, EndLine, HeaderLine, Span, StepLine, VerdictLine, sha256};
use crate::run::{Header, Outcome, Run, StepResult, Stopped, Verdict};
use crate::timeline::Timeline;

/// A record whose end has not come yet.
pub(super) struct Open {
    /// The line of its header.
    pub(super) begun: usize,
    pub(super) attempt: usize,
    header: Header,
    timeline: Timeline,
    steps: Vec<StepResult>,
    packets: BTreeSet<u32>,
    /// Why nobody can say what the run came to.
    doubt: Option<String>,
}

/// What speaks against a header's scenario.
pub(super) fn mismatch(header: &HeaderLine) -> Option<Fault> {
    (header.scenario.sha256 != sha256(&header.scenario.text)).then_some(Fault::Hash)
}

impl Open {
    pub(super) fn new(header: HeaderLine, line: usize) -> Open {
        Open {
            begun: line,
            attempt: header.attempt,
            header: header.into_header(),
            timeline: Timeline::default(),
            steps: Vec::new(),
            packets: BTreeSet::new(),
            doubt: None,
        }
    }

    /// Nobody can say what the run came to.
    pub(super) fn doubt(&mut self, why: &RecordError) {
        self.doubt = Some(why.to_string());
    }

    pub(super) fn event(&mut self, line: EventLine) -> Result<(), Fault> {
        if !self.steps.is_empty() {
            return Err(Fault::Misplaced("an event behind a step"));
        }
        let events = self.timeline.events();
        in_order("event", events.len(), line.index)?;
        let last = events.last().map(|event| (event.step, event.at));
        let step = last.map_or(1, |(step, _)| step + 1);
        if line.step != step && line.step != step + 1 {
            return in_order("step", step, line.step);
        }
        let claim = claim(&line.what);
        self.packets_of(&line.what)?;
        let event = line.into_event();
        if last.is_some_and(|(_, at)| event.at < at) {
            return Err(Fault::Time);
        }
        // A socket is named at its first sight.
        let names = matches!(event.kind, Kind::Socket { .. } | Kind::Datagram { .. });
        if names {
            self.timeline.replay(event);
            return self.endpoint(claim);
        }
        self.endpoint(claim)?;
        self.timeline.replay(event);
        Ok(())
    }

    /// Whether the packets of an event are those that left before.
    fn packets_of(&mut self, what: &What) -> Result<(), Fault> {
        let named = match what {
            What::Sent { packet, .. } => {
                return match self.packets.insert(*packet) {
                    true => Ok(()),
                    false => Err(Fault::SentTwice(*packet)),
                };
            }
            What::Delivered { packet } | What::Held { packet } | What::Dropped { packet, .. } => {
                Some(*packet)
            }
            What::Socket { cause, .. } => cause.as_ref().and_then(|cause| cause.packet()),
            _ => None,
        };
        match named {
            Some(packet) if !self.packets.contains(&packet) => Err(Fault::Unknown {
                what: "packet",
                number: packet as usize,
            }),
            _ => Ok(()),
        }
    }

    /// Whether a socket has the name that the line gives it.
    fn endpoint(&self, claim: Option<(u32, String)>) -> Result<(), Fault> {
        let Some((socket, claimed)) = claim else {
            return Ok(());
        };
        match self.timeline.endpoint_by_key(SocketKey(socket)) {
            None => Err(Fault::Unknown {
                what: "socket",
                number: socket as usize,
            }),
            Some(endpoint) if endpoint.name.as_str() != claimed => Err(Fault::Endpoint {
                socket,
                known: endpoint.name.to_string(),
                claimed,
            }),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn step(&mut self, line: StepLine) -> Result<(), Fault> {
        in_order("step", self.steps.len() + 1, line.step)?;
        self.steps.push(StepResult {
            text: line.text,
            span: self.span(line.span)?,
            checks: Vec::new(),
        });
        Ok(())
    }

    pub(super) fn verdict(&mut self, line: VerdictLine) -> Result<(), Fault> {
        if self.steps.is_empty() {
            return Err(Fault::Misplaced("a verdict before any step"));
        }
        in_order("step", self.steps.len(), line.step)?;
        self.span(line.span)?;
        let check = line.into_check();
        if let Verdict::Fail(mismatch) = &check.verdict {
            let events = self.timeline.events().len();
            if let Some(unknown) = mismatch.events.iter().find(|index| **index >= events) {
                return Err(Fault::Unknown {
                    what: "event",
                    number: *unknown,
                });
            }
        }
        if let Some(step) = self.steps.last_mut() {
            step.checks.push(check);
        }
        Ok(())
    }

    fn span(&self, span: Span) -> Result<Range<usize>, Fault> {
        let range = span.into();
        match self.header.text.get(Range::clone(&range)) {
            Some(_) => Ok(range),
            None => Err(Fault::Span {
                start: span.start,
                end: span.end,
            }),
        }
    }

    /// The run, when its end fits.
    pub(super) fn end(&mut self, line: &EndLine) -> Result<Run, Fault> {
        if let Some(stopped) = &line.stopped {
            let more = stopped.more.iter().map(|mistake| mistake.span);
            for span in more.chain([stopped.span]).flatten() {
                self.span(span)?;
            }
        }
        let mut run = self.run(line.stopped(), Duration::from_nanos(line.took_ns));
        let found = Counts::of(&run).named();
        for ((what, said), (_, found)) in line.counts.named().into_iter().zip(found) {
            if said != found {
                return Err(Fault::Count { what, said, found });
            }
        }
        if run.outcome() != line.outcome {
            return Err(Fault::Outcome {
                said: line.outcome.word(),
                found: run.outcome().word(),
            });
        }
        let last = run.timeline.events().last().map_or(0, |event| event.step);
        if !run.steps.is_empty() && last >= run.steps.len() {
            return Err(Fault::Unknown {
                what: "step",
                number: last + 1,
            });
        }
        if let (Some(why), None) = (&self.doubt, &run.stopped) {
            run.stopped = Some(inconclusive(format!("the record is doubtful: {why}")));
        }
        Ok(run)
    }

    fn run(&self, stopped: Option<Stopped>, took: Duration) -> Run {
        Run {
            header: self.header.clone(),
            timeline: self.timeline.clone(),
            steps: self.steps.clone(),
            stopped,
            took,
        }
    }

    /// The run as far as it was read. Steps whose lines are missing have their actions from the
    /// events, and no verdicts.
    pub(super) fn cut(mut self, error: &RecordError) -> Run {
        let events = self.timeline.events();
        let begun = events.last().map_or(0, |event| event.step + 1);
        for index in self.steps.len()..begun {
            let actions = events.iter().filter_map(|event| acted(event, index));
            self.steps.push(StepResult {
                text: actions.collect::<Vec<_>>().join("; "),
                span: 0..0,
                checks: Vec::new(),
            });
        }
        let took = events.last().map_or(Duration::ZERO, |event| event.at);
        let stopped = inconclusive(format!("the record is cut: {error}"));
        self.run(Some(stopped), took)
    }
}

fn inconclusive(why: String) -> Stopped {
    Stopped {
        why,
        span: None,
        help: None,
        outcome: Outcome::Inconclusive,
        more: Vec::new(),
    }
}

/// An action of the step of this index.
fn acted(event: &Event, step: usize) -> Option<&str> {
    match &event.kind {
        Kind::Acted { text } if event.step == step => Some(text),
        _ => None,
    }
}

pub(super) fn in_order(what: &'static str, wanted: usize, found: usize) -> Result<(), Fault> {
    match wanted == found {
        true => Ok(()),
        false => Err(Fault::Order {
            what,
            wanted,
            found,
        }),
    }
}

/// The socket that an event names, and what it calls it.
fn claim(what: &What) -> Option<(u32, String)> {
    match what {
        What::Socket {
            socket, endpoint, ..
        }
        | What::Datagram {
            socket, endpoint, ..
        }
        | What::Gauges {
            socket, endpoint, ..
        }
        | What::Holders {
            socket, endpoint, ..
        } => Some((*socket, endpoint.clone())),
        What::Told {
            socket, endpoint, ..
        } => Some((socket.as_ref().copied()?, endpoint.clone()?)),
        _ => None,
    }
}
