//! The step loop: carries out a scenario in a lab and judges each step.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crate::check::{self, Sight, Standing};
use crate::diagnose::{self, Failure};
use crate::event::{Aspect, Kind, Source};
use crate::lab::wire::{OrderId, Wire};
use crate::model::ProgramName;
use crate::run::{
    Blind, Capture, Checked, Header, Mismatch, Outcome, Place, Polarity, Run, StepResult, Stopped,
    Verdict,
};
use crate::scenario::{Expectation, Gauge, Paths, Scenario, Step, fill};
use crate::tolerance;

pub mod abilities;
mod act;
pub mod events;
mod extra;
mod header;
pub mod pilot;
pub mod place;
pub mod recorder;
pub mod refused;
pub mod replaced;
mod session;
mod still;
mod streams;
mod taken;
pub mod trace;

pub use extra::{Extra, capture, observe, run, run_with, step_through};

use events::Events;
use session::{Halt, Session};

/// How to run a scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// sockscope itself, to start the lab and the built-in programs with.
    pub executable: PathBuf,
    /// Where to run; nothing: the best place that can be had.
    pub net: Option<Place>,
    /// Every duration of the scenario file is multiplied by this.
    pub timeout_scale: f64,
    /// Whether settled states suffice where complete paths cannot be observed, whatever the file
    /// says.
    pub settled: bool,
    /// Whether to record what the kernel tells itself.
    pub events: Events,
    /// Whether system calls and signals are traced, whatever the file says.
    pub syscalls: bool,
    /// Commands that replace programs of the scenario.
    pub programs: BTreeMap<ProgramName, Vec<String>>,
}

struct Driver<'a> {
    scenario: &'a Scenario,
    options: &'a Options,
    session: Session<'a>,
    header: Header,
    places: place::Placeholders,
    telling: Vec<ProgramName>,
    paths: Paths,
    steps: Vec<StepResult>,
    /// Standing orders to the wire: given in which step, where in the file.
    orders: Vec<(usize, Range<usize>, OrderId)>,
    /// Whoever wants to know that a step begins.
    begins: Option<&'a dyn Fn(usize)>,
    /// Whether the run goes on behind a step that failed.
    past_failures: bool,
    /// Whether programs have sockscope's own standard streams and session.
    attached: bool,
}

/// Why a step is not finished.
enum Broken {
    Halt(Halt),
    Stopped(Stopped),
    /// A program does not run: the errno, and the same in words.
    NotStarted(i32, Stopped),
}

impl From<Halt> for Broken {
    fn from(halt: Halt) -> Broken {
        Broken::Halt(halt)
    }
}

impl Driver<'_> {
    fn drive(mut self, begun: Instant) -> (Run, Option<Capture>) {
        let mut stopped = None;
        for (index, step) in self.scenario.steps.iter().enumerate() {
            if let Some(begins) = self.begins {
                begins(index);
            }
            let asked = self.session.ask_step(index, &step_text(step));
            self.session.pen.begin_step(index);
            let done = asked.map_err(Broken::from);
            let broken = done.and_then(|()| self.step(index, step)).err();
            let session = &mut self.session;
            session.sockets.check_losses(&mut session.pen);
            let mut checks = self.judge(index, step, broken.is_some());
            self.explain_taken_port(index, &mut checks);
            let failed = checks.iter().any(|c| matches!(c.verdict, Verdict::Fail(_)));
            self.steps.push(StepResult {
                text: step_text(step),
                span: step.span.clone(),
                checks,
            });
            if let Some(broken) = broken {
                stopped = Some(self.stopped(broken));
                break;
            }
            if failed && !self.past_failures {
                break;
            }
        }
        if stopped.is_none() && self.steps.len() == self.scenario.steps.len() {
            self.judge_orders();
        }
        self.admit_gaps();
        let kept = self.session.wire.as_mut().and_then(Wire::kept_bytes);
        let capture = kept.map(|packets| Capture {
            began: SystemTime::now() - self.session.pen.elapsed(),
            packets,
        });
        let run = Run {
            header: self.header,
            timeline: self.session.pen.finish(),
            steps: self.steps,
            stopped,
            took: begun.elapsed(),
        };
        (run, capture)
    }

    /// Where paths were to be complete and were not, the header says so.
    fn admit_gaps(&mut self) {
        let gaps = self.session.pen.timeline().events().iter();
        let first = gaps
            .filter(|event| event.source == Source::Kernel)
            .find_map(|event| match &event.kind {
                Kind::Gap {
                    aspect: aspect @ Aspect::Paths,
                    why,
                } => Some((*aspect, why.clone())),
                _ => None,
            });
        if let Some((aspect, why)) = first {
            self.header.blind.push(Blind {
                aspect,
                why,
                remedy: None,
            });
        }
    }

    /// Acts, then waits until every expectation is decided or the time is over.
    fn step(&mut self, index: usize, step: &Step) -> Result<(), Broken> {
        let within = scaled(step.within, self.options);
        let begun = self.session.now();
        let lines = step.expect.iter().chain(&step.never);
        let asks_for_timers = lines.map(|line| &line.value).any(|expectation| {
            matches!(
                expectation,
                Expectation::Gauge {
                    gauge: Gauge::TimerMs,
                    ..
                }
            )
        });
        self.session.sockets.follow_timers(asks_for_timers);
        for action in &step.actions {
            self.act(action)?;
            self.session.settle()?;
        }
        if step.actions.is_empty() {
            self.session.settle()?;
        }
        let tick = match self.header.place {
            Place::Wire => tolerance::TICK,
            Place::Loopback | Place::Host => tolerance::TICK_SAMPLED,
        };
        while !self.is_decided(index, step) {
            // What somebody dropped is sent again, and that takes its time.
            let within = match self.session.dropped_in.contains(&index) {
                true => within + tolerance::RTO_WHILE_LOOKING,
                false => within,
            };
            let left = self.session.left(begun, within);
            if left.is_zero() {
                break;
            }
            self.session.wait(tick.min(left))?;
            self.session.settle()?;
        }
        Ok(())
    }

    /// Whether waiting longer changes nothing: all hold, or one never will.
    fn is_decided(&self, index: usize, step: &Step) -> bool {
        let sight = self.sight();
        let timeline = self.session.pen.timeline();
        let mut open = false;
        for expectation in &step.expect {
            let expectation = self.filled(&expectation.value);
            match check::standing(&expectation, timeline, index, &sight) {
                // Behind a failure the run goes on: then the others shall have their time.
                Standing::Missed(_) if self.past_failures => {}
                Standing::Missed(_) => return true,
                Standing::NotYet(_) => open = true,
                Standing::Holds(_) | Standing::Unseen(_) => {}
            }
        }
        !open
    }

    /// The verdicts of a step; of one that broke off, only those that are certain.
    fn judge(&self, index: usize, step: &Step, broken: bool) -> Vec<Checked> {
        let sight = self.sight();
        let timeline = self.session.pen.timeline();
        let lines = step
            .expect
            .iter()
            .map(|line| (Polarity::Expect, line))
            .chain(step.never.iter().map(|line| (Polarity::Never, line)));
        lines
            .map(|(polarity, line)| {
                if self.is_waived(&line.value) {
                    return Checked {
                        polarity,
                        text: line.value.to_string(),
                        span: line.span.clone(),
                        verdict: Verdict::Waived,
                    };
                }
                let expectation = self.filled(&line.value);
                let verdict = check::judge(polarity, &expectation, timeline, index, &sight);
                let verdict = match verdict {
                    Verdict::Fail(_) | Verdict::Pass(_) if broken => Verdict::Inconclusive {
                        why: "the run ended before this was decided".into(),
                        remedy: None,
                    },
                    Verdict::Fail(_) if self.names_a_host(&line.value) => Verdict::Inconclusive {
                        why: "the hosts have no addresses of their own here".into(),
                        remedy: Some("--net wire".into()),
                    },
                    Verdict::Fail(mut mismatch) => {
                        mismatch.notes = diagnose::explain(&Failure {
                            expectation: &line.value,
                            polarity,
                            timeline,
                            step: index,
                            now: self.session.pen.elapsed(),
                            signals: &self.session.processes.signals(),
                        });
                        if self.session.dropped_in.iter().any(|step| *step <= index) {
                            let text = "you dropped a packet, so this run is another one than the \
                                        scenario expects";
                            mismatch.notes.insert(0, text.to_owned());
                        }
                        Verdict::Fail(mismatch)
                    }
                    decided => decided,
                };
                Checked {
                    polarity,
                    text: line.value.to_string(),
                    span: line.span.clone(),
                    verdict,
                }
            })
            .collect()
    }

    /// Adds to failures who has the port that a program found taken.
    fn explain_taken_port(&mut self, index: usize, checks: &mut [Checked]) {
        let mut failed = checks
            .iter_mut()
            .filter_map(|check| match &mut check.verdict {
                Verdict::Fail(mismatch) => Some(mismatch),
                _ => None,
            })
            .peekable();
        if self.header.place != Place::Host || failed.peek().is_none() {
            return;
        }
        if let Some(text) = taken::explain(self.session.pen.timeline(), index) {
            for mismatch in failed {
                mismatch.notes.push(text.clone());
            }
        }
    }

    /// Whoever is content with settled states is content without segments, too, where there are
    /// none to see.
    fn is_waived(&self, expectation: &Expectation) -> bool {
        let about_packets = matches!(
            expectation,
            Expectation::Wire { .. } | Expectation::WireSequence(_)
        );
        about_packets && self.paths == Paths::Settled && self.header.place != Place::Wire
    }

    /// An order that no packet ever fitted is a mistake in the scenario: what it was to show did
    /// not happen.
    fn judge_orders(&mut self) {
        let Some(wire) = &self.session.wire else {
            return;
        };
        let timeline = self.session.pen.timeline();
        for (step, span, order) in &self.orders {
            if wire.was_used(*order) {
                continue;
            }
            let text = self.header.text.get(span.clone()).unwrap_or_default();
            let failed = Checked {
                polarity: Polarity::Expect,
                text: text.to_owned(),
                span: span.clone(),
                verdict: Verdict::Fail(Mismatch {
                    expected: format!("a packet for `{text}`"),
                    observed: format!(
                        "none fitted; from there on: {}",
                        check::on_the_wire(timeline, *step)
                    ),
                    notes: Vec::new(),
                    events: Vec::new(),
                }),
            };
            if let Some(result) = self.steps.get_mut(*step) {
                result.checks.push(failed);
            }
        }
    }

    /// The expectation with addresses and ports in place of their names.
    fn filled<'e>(&self, expectation: &'e Expectation) -> Cow<'e, Expectation> {
        match expectation {
            Expectation::Prints { process, text } => Cow::Owned(Expectation::Prints {
                process: process.clone(),
                text: fill(text, &self.places.values),
            }),
            other => Cow::Borrowed(other),
        }
    }

    /// Whether an expectation speaks of a host's address where hosts share the loopback: a client
    /// may well have another of its addresses there.
    fn names_a_host(&self, expectation: &Expectation) -> bool {
        let Expectation::Prints { text, .. } = expectation else {
            return false;
        };
        self.header.place != Place::Wire
            && self
                .places
                .hosts
                .keys()
                .any(|host| text.contains(&format!("{{{host}}}")))
    }

    fn sight(&self) -> Sight<'_> {
        Sight {
            place: self.header.place,
            blind: &self.header.blind,
            paths: self.paths,
            telling: &self.telling,
        }
    }

    fn stopped(&self, broken: Broken) -> Stopped {
        let (why, outcome) = match broken {
            Broken::Stopped(stopped) | Broken::NotStarted(_, stopped) => return stopped,
            Broken::Halt(Halt::Interrupted) => ("interrupted".to_owned(), Outcome::Interrupted),
            Broken::Halt(Halt::Lab(error)) => (error.to_string(), Outcome::Inconclusive),
            Broken::Halt(Halt::Io(error)) => (error.to_string(), Outcome::Inconclusive),
        };
        Stopped {
            why,
            span: None,
            help: None,
            outcome,
            more: Vec::new(),
        }
    }
}

/// The actions of a step as the file writes them.
fn step_text(step: &Step) -> String {
    let actions: Vec<String> = step.actions.iter().map(|a| a.value.to_string()).collect();
    actions.join("; ")
}

/// What cannot be seen without a wire.
fn sampled_blind(why: &str, remedy: Option<&str>) -> Vec<Blind> {
    use crate::event::Aspect::{Paths, Segments};
    [Paths, Segments]
        .into_iter()
        .map(|aspect| Blind {
            aspect,
            why: why.to_owned(),
            remedy: remedy.map(str::to_owned),
        })
        .collect()
}

/// A duration of the scenario file, scaled.
fn scaled(duration: Duration, options: &Options) -> Duration {
    duration.mul_f64(options.timeout_scale)
}
