//! Between a record's lines and the model: both ways.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::{
    AskedValue, BlindValue, Counts, EndLine, HeaderLine, MistakeValue, ScenarioText, Span,
    StepLine, StoppedValue, VerdictLine, VerdictValue,
};
use crate::event::Kind;
use crate::model::{Evidence, HostName, ProgramName};
use crate::record::event::nanoseconds;
use crate::record::value::Utc;
use crate::run::{
    Asked, Blind, Checked, Header, Mismatch, Mistake, Run, StepResult, Stopped, Verdict,
};

impl From<&Range<usize>> for Span {
    fn from(range: &Range<usize>) -> Span {
        Span {
            start: range.start,
            end: range.end,
        }
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Range<usize> {
        span.start..span.end
    }
}

impl HeaderLine {
    /// The header of the scenario's try of this index.
    pub fn of(header: &Header, index: usize) -> HeaderLine {
        let Header {
            sockscope,
            scenario,
            title,
            file,
            text,
            place,
            hosts,
            kernel,
            machine,
            began,
            asked,
            observers,
            blind,
            settings,
        } = header.clone();
        HeaderLine {
            schema: crate::record::SCHEMA.to_owned(),
            sockscope,
            attempt: index + 1,
            scenario: ScenarioText {
                name: scenario,
                title,
                file,
                sha256: sha256(&text),
                text,
            },
            place,
            kernel,
            machine,
            began: began.and_then(Utc::new),
            asked: asked.map(AskedValue::from),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            observers,
            blind: blind.into_iter().map(BlindValue::from).collect(),
            settings,
        }
    }

    /// The header of the run that this one is of.
    pub fn into_header(self) -> Header {
        let scenario = self.scenario;
        Header {
            sockscope: self.sockscope,
            scenario: scenario.name,
            title: scenario.title,
            file: scenario.file,
            text: scenario.text,
            place: self.place,
            hosts: self.hosts.into_iter().map(HostName::new).collect(),
            kernel: self.kernel,
            machine: self.machine,
            began: self.began.map(Utc::time),
            asked: self.asked.map(Asked::from),
            observers: self.observers,
            blind: self.blind.into_iter().map(Blind::from).collect(),
            settings: self.settings,
        }
    }
}

impl From<Asked> for AskedValue {
    fn from(asked: Asked) -> AskedValue {
        let Asked {
            net,
            syscalls,
            events,
            settled,
            timeout_scale,
            programs,
        } = asked;
        let programs = programs.into_iter();
        AskedValue {
            net,
            syscalls,
            events,
            settled,
            timeout_scale,
            programs: programs
                .map(|(name, command)| (name.to_string(), command))
                .collect(),
        }
    }
}

impl From<AskedValue> for Asked {
    fn from(value: AskedValue) -> Asked {
        let AskedValue {
            net,
            syscalls,
            events,
            settled,
            timeout_scale,
            programs,
        } = value;
        let programs = programs.into_iter();
        Asked {
            net,
            syscalls,
            events,
            settled,
            timeout_scale,
            programs: programs
                .map(|(name, command)| (ProgramName::new(name), command))
                .collect(),
        }
    }
}

impl From<Blind> for BlindValue {
    fn from(blind: Blind) -> BlindValue {
        let Blind {
            aspect,
            why,
            remedy,
        } = blind;
        BlindValue {
            aspect,
            why,
            remedy,
        }
    }
}

impl From<BlindValue> for Blind {
    fn from(value: BlindValue) -> Blind {
        let BlindValue {
            aspect,
            why,
            remedy,
        } = value;
        Blind {
            aspect,
            why,
            remedy,
        }
    }
}

impl StepLine {
    /// The line of the step of this index.
    pub fn of(index: usize, step: &StepResult) -> StepLine {
        StepLine {
            step: index + 1,
            text: step.text.clone(),
            span: (&step.span).into(),
        }
    }
}

impl VerdictLine {
    /// The line of a check of the step of this index.
    pub fn of(step: usize, check: &Checked) -> VerdictLine {
        VerdictLine {
            step: step + 1,
            polarity: check.polarity,
            text: check.text.clone(),
            span: (&check.span).into(),
            verdict: check.verdict.clone().into(),
        }
    }

    /// The check.
    pub fn into_check(self) -> Checked {
        Checked {
            polarity: self.polarity,
            text: self.text,
            span: self.span.into(),
            verdict: self.verdict.into(),
        }
    }
}

impl From<Verdict> for VerdictValue {
    fn from(verdict: Verdict) -> VerdictValue {
        match verdict {
            Verdict::Pass(evidence) => VerdictValue::Pass { evidence },
            Verdict::Fail(Mismatch {
                expected,
                observed,
                notes,
                events,
            }) => VerdictValue::Fail {
                expected,
                observed,
                notes,
                events,
            },
            Verdict::Inconclusive { why, remedy } => VerdictValue::Inconclusive { why, remedy },
            Verdict::Waived => VerdictValue::Waived,
        }
    }
}

impl From<VerdictValue> for Verdict {
    fn from(value: VerdictValue) -> Verdict {
        match value {
            VerdictValue::Pass { evidence } => Verdict::Pass(evidence),
            VerdictValue::Fail {
                expected,
                observed,
                notes,
                events,
            } => Verdict::Fail(Mismatch {
                expected,
                observed,
                notes,
                events,
            }),
            VerdictValue::Inconclusive { why, remedy } => Verdict::Inconclusive { why, remedy },
            VerdictValue::Waived => Verdict::Waived,
        }
    }
}

impl EndLine {
    /// The last line of a run's record.
    pub fn of(run: &Run) -> EndLine {
        EndLine {
            outcome: run.outcome(),
            exit_code: run.outcome().exit_code(),
            took_ns: nanoseconds(run.took),
            stopped: run.stopped.as_ref().map(|stopped| StoppedValue {
                why: stopped.why.clone(),
                span: stopped.span.as_ref().map(Span::from),
                help: stopped.help.clone(),
                more: stopped.more.iter().map(MistakeValue::from).collect(),
            }),
            counts: Counts::of(run),
        }
    }

    /// Why the run stopped, where it did.
    pub fn stopped(&self) -> Option<Stopped> {
        let stopped = self.stopped.clone()?;
        Some(Stopped {
            why: stopped.why,
            span: stopped.span.map(Range::from),
            help: stopped.help,
            outcome: self.outcome,
            more: stopped.more.into_iter().map(Mistake::from).collect(),
        })
    }
}

impl From<&Mistake> for MistakeValue {
    fn from(mistake: &Mistake) -> MistakeValue {
        MistakeValue {
            why: mistake.why.clone(),
            span: mistake.span.as_ref().map(Span::from),
            help: mistake.help.clone(),
        }
    }
}

impl From<MistakeValue> for Mistake {
    fn from(value: MistakeValue) -> Mistake {
        Mistake {
            why: value.why,
            span: value.span.map(Range::from),
            help: value.help,
        }
    }
}

impl Counts {
    /// What a run holds.
    pub fn of(run: &Run) -> Counts {
        let events = run.timeline.events();
        let of = |wanted: fn(&Kind) -> bool| events.iter().filter(|e| wanted(&e.kind)).count();
        Counts {
            events: events.len(),
            steps: run.steps.len(),
            verdicts: run.checks().count(),
            packets: of(|kind| matches!(kind, Kind::Sent(_))),
            dropped: of(|kind| matches!(kind, Kind::Dropped { .. })),
            processes: of(|kind| matches!(kind, Kind::Spawned { .. } | Kind::Forked { .. })),
            inferred: of(|kind| {
                matches!(
                    kind,
                    Kind::Socket {
                        evidence: Evidence::Inferred,
                        ..
                    }
                )
            }),
            gaps: of(|kind| matches!(kind, Kind::Gap { .. })),
        }
    }

    /// Each count with its word.
    pub(in crate::record) fn named(&self) -> [(&'static str, usize); 8] {
        [
            ("events", self.events),
            ("steps", self.steps),
            ("verdicts", self.verdicts),
            ("packets", self.packets),
            ("dropped packets", self.dropped),
            ("processes", self.processes),
            ("inferred states", self.inferred),
            ("gaps", self.gaps),
        ]
    }
}

/// The SHA-256 of a text, in hexadecimal digits.
pub(in crate::record) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
