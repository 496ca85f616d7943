//! [`Finding`]: what a rule found, with its evidence and its fix.

use schemars::JsonSchema;
use serde::Serialize;

use super::facts::Facts;
use crate::model::Evidence;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It stays as it is, or gets worse, until somebody acts.
    Wrong,
    /// It may pass, and may be meant.
    Suspect,
    /// Nothing is wrong; good to know.
    Note,
}

impl Weight {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Weight::Wrong => "wrong",
            Weight::Suspect => "suspect",
            Weight::Note => "note",
        }
    }
}

/// A kind of diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Diagnosis {
    /// The key in machine-readable output.
    pub key: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Where it is explained.
    pub reference: &'static str,
}

/// One observation that bears a finding out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Proof {
    /// What was observed.
    pub text: String,
    /// How it is known.
    pub known: Evidence,
}

impl Proof {
    /// Something that the kernel was asked for.
    pub fn seen(text: impl Into<String>) -> Proof {
        Proof {
            text: text.into(),
            known: Evidence::Seen,
        }
    }

    /// Something that follows from what was seen.
    pub fn inferred(text: impl Into<String>) -> Proof {
        Proof {
            text: text.into(),
            known: Evidence::Inferred,
        }
    }
}

/// What a finding is about: the same at a second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// The socket with this key.
    Socket(u64),
    /// The process with this key.
    Process(u64),
    /// A port, and the network namespace where several are looked at.
    Port(u16, Option<u64>),
    /// A namespace as a whole.
    Network,
}

/// One case of a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub diagnosis: &'static Diagnosis,
    /// How bad it is.
    pub weight: Weight,
    /// What it is about.
    pub about: About,
    /// The same as values.
    pub facts: Facts,
    /// What is wrong, in one sentence without its full stop.
    pub headline: String,
    /// What bears it out.
    pub evidence: Vec<Proof>,
    /// What to do, without a full stop.
    pub fix: String,
}

impl Finding {
    /// In one line: what is wrong, how that is known, what to do, where it is explained. `like` so
    /// many others are.
    pub fn note(&self, like: usize) -> String {
        /// Observations of one finding that are told.
        const PROOFS: usize = 3;
        let mut parts = vec![match like {
            0 => self.headline.clone(),
            more => format!("{} (and {more} more like it)", self.headline),
        }];
        let proofs = self.evidence.iter().take(PROOFS);
        parts.extend(proofs.map(|proof| format!("{}: {}", proof.known, proof.text)));
        parts.push(format!("fix: {} ({})", self.fix, self.diagnosis.reference));
        parts.join("; ")
    }
}
