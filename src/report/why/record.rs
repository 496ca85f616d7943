//! What `why` found, for programs: JSON, and JSON lines, one diagnosis a line.

use serde::Serialize;

use super::groups;
use crate::diagnose::{Finding, Proof};
use crate::live::listing::Unseen;
use crate::live::why::{Conclusion, Why};

#[derive(Serialize)]
struct Case<'a> {
    headline: &'a str,
    evidence: &'a [Proof],
}

#[derive(Serialize)]
struct Record<'a> {
    diagnosis: &'static str,
    title: &'static str,
    weight: &'static str,
    fix: &'a str,
    reference: &'static str,
    cases: Vec<Case<'a>>,
}

impl<'a> Record<'a> {
    fn of(group: &[&'a Finding]) -> Option<Record<'a>> {
        let first = group.first()?;
        Some(Record {
            diagnosis: first.diagnosis.key,
            title: first.diagnosis.title,
            weight: first.weight.word(),
            fix: &first.fix,
            reference: first.diagnosis.reference,
            cases: group
                .iter()
                .map(|finding| Case {
                    headline: &finding.headline,
                    evidence: &finding.evidence,
                })
                .collect(),
        })
    }
}

#[derive(Serialize)]
struct Looked {
    conclusion: &'static str,
    sockets: usize,
    processes: usize,
    /// Between two looks; null where one was enough.
    between_ms: Option<u128>,
    unseen: Unseen,
}

impl Looked {
    fn of(why: &Why) -> Looked {
        Looked {
            conclusion: match why.conclusion() {
                Conclusion::Found => "found",
                Conclusion::NothingWrong => "nothing_wrong",
                Conclusion::NotAllSeen => "not_all_seen",
                Conclusion::NothingMatched => "nothing_matched",
            },
            sockets: why.sockets,
            processes: why.processes,
            between_ms: why.between.map(|between| between.as_millis()),
            unseen: why.unseen,
        }
    }
}

/// One object, with a newline at its end.
///
/// # Errors
/// None that plain data can have.
pub fn json(why: &Why) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        diagnoses: Vec<Record<'a>>,
        looked: Looked,
    }
    let whole = Whole {
        diagnoses: groups(&why.findings)
            .iter()
            .filter_map(|group| Record::of(group))
            .collect(),
        looked: Looked::of(why),
    };
    Ok(serde_json::to_string(&whole)? + "\n")
}

/// A line for each diagnosis, the last one `{"looked": …}`.
///
/// # Errors
/// None that plain data can have.
pub fn json_lines(why: &Why) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Last {
        looked: Looked,
    }
    let mut text = String::new();
    for group in groups(&why.findings) {
        if let Some(record) = Record::of(&group) {
            text.push_str(&serde_json::to_string(&record)?);
            text.push('\n');
        }
    }
    let looked = Looked::of(why);
    text.push_str(&serde_json::to_string(&Last { looked })?);
    text.push('\n');
    Ok(text)
}
