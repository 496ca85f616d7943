//! [`Run`]: everything that one run of a scenario left behind, as plain data. Reports read it.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Aspect, Source};
use crate::model::{Evidence, HostName};
use crate::timeline::Timeline;

mod asked;
mod capture;

pub(crate) use asked::command_line;
pub use asked::{Asked, AskedEvents};
pub use capture::Capture;

/// One run of one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// What ran, where, and who watched.
    pub header: Header,
    /// What happened.
    pub timeline: Timeline,
    /// The steps that were begun.
    pub steps: Vec<StepResult>,
    /// Why the run could not go on, where it could not.
    pub stopped: Option<Stopped>,
    /// How long it took, from the first step to the last verdict.
    pub took: Duration,
}

/// What ran, where, and who watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of sockscope that ran it.
    #[serde(default)]
    pub sockscope: String,
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its file, as the user knows it.
    pub file: String,
    /// The file's text, for errors that point into it.
    pub text: String,
    /// Where the programs ran.
    pub place: Place,
    /// The hosts, in the order of their lanes: the client's side first.
    pub hosts: Vec<HostName>,
    /// The kernel's release.
    pub kernel: String,
    /// The machine's architecture, as `uname(2)` names it: `x86_64`.
    #[serde(default)]
    pub machine: Option<String>,
    /// When it began, by the wall clock: the moment that events count from.
    #[serde(default)]
    pub began: Option<SystemTime>,
    /// What was asked for, of a run that began.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// Who watched.
    #[serde(default)]
    pub observers: Vec<Source>,
    /// What could not be seen, and why.
    pub blind: Vec<Blind>,
    /// Settings of the lab that differ from a plain machine's, in words.
    pub settings: Vec<String>,
}

/// Where the programs of a run lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// A network namespace for each host, the wire between them in sockscope's hands.
    Wire,
    /// One private network namespace, all programs on its loopback.
    Loopback,
    /// The machine's own loopback, an ephemeral port.
    Host,
}

impl Place {
    /// The word of `--net` and of the header line.
    pub fn word(self) -> &'static str {
        match self {
            Place::Wire => "wire",
            Place::Loopback => "loopback",
            Place::Host => "host",
        }
    }
}

/// Something that could not be seen in this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// What.
    pub aspect: Aspect,
    /// Why.
    pub why: String,
    /// What would change it: a command, or advice.
    pub remedy: Option<String>,
}

/// How one step went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// Its actions as the file writes them, joined by `; `; empty: it only waited.
    pub text: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    /// Its expectations in the order of the file, `expect` before `never`.
    pub checks: Vec<Checked>,
}

/// An expectation and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// `expect` or `never`.
    pub polarity: Polarity,
    /// As the file writes it.
    pub text: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    /// What came of it.
    pub verdict: Verdict,
}

/// Whether something must or must not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// It must hold when the step ends.
    Expect,
    /// It must not hold at any time of the step.
    Never,
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It held, known so.
    Pass(Evidence),
    /// It did not hold.
    Fail(Mismatch),
    /// Nobody can say: an observer was blind.
    Inconclusive {
        /// Why.
        why: String,
        /// What would change it.
        remedy: Option<String>,
    },
    /// It was not judged, because the user is content without (`--settled`, where there is no
    /// wire).
    Waived,
}

/// Why an expectation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// What was expected, in words.
    pub expected: String,
    /// What was observed instead, in words.
    pub observed: String,
    /// Explanations and fixes that fit.
    pub notes: Vec<String>,
    /// The events that show it: indices into the timeline.
    pub events: Vec<usize>,
}

/// Why a run could not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// What happened, in words.
    pub why: String,
    /// Where in the scenario file, if it has to do with it.
    pub span: Option<Range<usize>>,
    /// What would help.
    pub help: Option<String>,
    /// The exit code this leads to.
    pub outcome: Outcome,
    /// What else is wrong, where a scenario has more than one mistake.
    #[serde(default)]
    pub more: Vec<Mistake>,
}

/// One more thing that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// What is wrong, in words.
    pub why: String,
    /// Where in the scenario file; nothing: the file as a whole.
    pub span: Option<Range<usize>>,
    /// What would be right.
    pub help: Option<String>,
}

/// What a run comes to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Every expectation passed.
    Passed,
    /// An expectation failed.
    Failed,
    /// The scenario or the call was wrong.
    Usage,
    /// It could not run, or could not be observed.
    Inconclusive,
    /// Nothing matched.
    NothingMatched,
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
}

impl Outcome {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Passed => 0,
            Outcome::Failed => 1,
            Outcome::Usage => 2,
            Outcome::Inconclusive => 3,
            Outcome::NothingMatched => 4,
            Outcome::Interrupted => 130,
        }
    }

    /// The word of summaries.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Usage => "error",
            Outcome::Inconclusive => "inconclusive",
            Outcome::NothingMatched => "nothing matched",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// What a run without a scenario is called.
pub const TRACE: &str = "trace";

impl Run {
    /// Whether it has no scenario: programs that were only watched.
    pub fn is_trace(&self) -> bool {
        self.header.scenario == TRACE && self.header.file.is_empty()
    }

    /// What the run comes to: stopped, else failed, else inconclusive, else passed.
    pub fn outcome(&self) -> Outcome {
        if let Some(stopped) = &self.stopped {
            return stopped.outcome;
        }
        let verdicts = || {
            self.steps
                .iter()
                .flat_map(|s| &s.checks)
                .map(|c| &c.verdict)
        };
        if verdicts().any(|v| matches!(v, Verdict::Fail(_))) {
            Outcome::Failed
        } else if verdicts().any(|v| matches!(v, Verdict::Inconclusive { .. })) {
            Outcome::Inconclusive
        } else {
            Outcome::Passed
        }
    }

    /// All checks with the index of their step.
    pub fn checks(&self) -> impl Iterator<Item = (usize, &Checked)> {
        self.steps
            .iter()
            .enumerate()
            .flat_map(|(index, step)| step.checks.iter().map(move |check| (index, check)))
    }
}
