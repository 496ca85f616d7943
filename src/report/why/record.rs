//! What `why` found, for programs: JSON, and JSON lines, one case a line.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::group::groups;
use crate::diagnose::{Facts, Finding, Proof, Weight};
use crate::live::listing::Unseen;
use crate::live::why::{Conclusion, Why};

/// What `why --format json` prints.
#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// Worst first.
    diagnoses: Vec<Diagnosis<'a>>,
    /// What was looked at.
    looked: Looked,
}

/// Cases of one diagnosis with one cause: the same programs hold the sockets, or are what is wrong.
#[derive(Serialize, JsonSchema)]
struct Diagnosis<'a> {
    #[serde(flatten)]
    kind: Kind,
    /// The cases, the oldest first.
    cases: Vec<Case<'a>>,
}

/// A line of `why --format jsonl`: a case with its diagnosis. The last line is `{"looked": …}`.
#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    #[serde(flatten)]
    kind: Kind,
    #[serde(flatten)]
    case: Case<'a>,
}

/// The last line of `why --format jsonl`.
#[derive(Serialize, JsonSchema)]
struct LastLine {
    /// What was looked at.
    looked: Looked,
}

/// A kind of diagnosis.
#[derive(Serialize, JsonSchema)]
struct Kind {
    /// The key of the diagnosis: `sockscope explain KEY` explains it.
    diagnosis: &'static str,
    /// It in a few words.
    title: &'static str,
    /// How bad it is.
    weight: Weight,
    /// Where more is to be read.
    reference: &'static str,
}

/// A case of a diagnosis.
#[derive(Serialize, JsonSchema)]
struct Case<'a> {
    /// What is wrong, as a sentence for people. Its words may change from version to version.
    headline: &'a str,
    /// What to do, for people.
    fix: &'a str,
    /// What bears it out, for people.
    evidence: &'a [Proof],
    #[serde(flatten)]
    facts: &'a Facts,
}

impl Kind {
    fn of(finding: &Finding) -> Kind {
        Kind {
            diagnosis: finding.diagnosis.key,
            title: finding.diagnosis.title,
            weight: finding.weight,
            reference: finding.diagnosis.reference,
        }
    }
}

impl<'a> Case<'a> {
    fn of(finding: &'a Finding) -> Case<'a> {
        Case {
            headline: &finding.headline,
            fix: &finding.fix,
            evidence: &finding.evidence,
            facts: &finding.facts,
        }
    }
}

/// What it comes to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Something is wrong or suspect: exit code 1.
    Found,
    /// Nothing is, and everything that was asked for could be seen: exit code 0.
    NothingWrong,
    /// Nothing was found among what could be seen: exit code 3.
    NotAllSeen,
    /// The filter means nothing that is there: exit code 4.
    NothingMatched,
}

/// What was looked at.
#[derive(Serialize, JsonSchema)]
struct Looked {
    /// What it comes to.
    conclusion: Word,
    /// TCP sockets that the filter means.
    sockets: usize,
    /// Processes that were looked at.
    processes: usize,
    /// How often.
    looks: usize,
    /// Milliseconds between the first look and the last; null where one was enough.
    between_ms: Option<u64>,
    /// Whether a socket that is bound to the port of the filter, and neither listens nor connects,
    /// would not have been seen: this kernel is older than Linux 6.8.
    bound_unseen: bool,
    /// What could not be seen.
    unseen: Unseen,
}

impl Looked {
    fn of(why: &Why) -> Looked {
        Looked {
            conclusion: match why.conclusion() {
                Conclusion::Found => Word::Found,
                Conclusion::NothingWrong => Word::NothingWrong,
                Conclusion::NotAllSeen => Word::NotAllSeen,
                Conclusion::NothingMatched => Word::NothingMatched,
            },
            sockets: why.sockets,
            processes: why.processes,
            looks: why.looks,
            bound_unseen: why.bound_unseen,
            between_ms: why
                .between
                .map(|between| u64::try_from(between.as_millis()).unwrap_or(u64::MAX)),
            unseen: why.unseen,
        }
    }
}

/// One object, with a newline at its end.
///
/// # Errors
/// None that plain data can have.
pub fn json(why: &Why) -> serde_json::Result<String> {
    let document = Document {
        diagnoses: groups(&why.findings)
            .iter()
            .map(|group| Diagnosis {
                kind: Kind::of(group.first),
                cases: group.cases.iter().map(|case| Case::of(case)).collect(),
            })
            .collect(),
        looked: Looked::of(why),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}

/// A line for each case, the last one `{"looked": …}`.
///
/// # Errors
/// None that plain data can have.
pub fn json_lines(why: &Why) -> serde_json::Result<String> {
    let mut text = String::new();
    for finding in groups(&why.findings).iter().flat_map(|group| &group.cases) {
        let line = Line {
            kind: Kind::of(finding),
            case: Case::of(finding),
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    let looked = Looked::of(why);
    text.push_str(&serde_json::to_string(&LastLine { looked })?);
    text.push('\n');
    Ok(text)
}

/// The JSON Schema of what `why --format json` prints, ending in a newline. The lines of `--format
/// jsonl` are in its definitions, as `Line` and `LastLine`.
pub fn schema_text() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<Line<'_>>();
    generator.subschema_for::<LastLine>();
    let mut schema = generator.into_root_schema_for::<Document<'_>>();
    schema.insert("title".into(), "What sockscope why found".into());
    // A value made of words always has a text.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
