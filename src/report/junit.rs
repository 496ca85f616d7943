//! JUnit's XML: what GitLab, Jenkins and the reporters of GitHub read.
//!
//! There is no one schema. This is the part that Maven Surefire writes and all of them read: a test
//! case for each scenario, `failure` for one that failed, `error` for one that is inconclusive or
//! could not run (never `skipped`: it was not left out). Tries that did not decide are Surefire's
//! `flakyFailure`, `flakyError`, `rerunFailure` and `rerunError`. `file` and `line` of a test case
//! are an addition that GitLab and GitHub's reporters read.

use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::format::WriteError;
use super::origin::{self, Position};
use super::problem::{Problem, in_brief, problems};
use super::text::visible;
use super::{Detail, Look, failure, table};
use crate::run::{Outcome, Run};
use crate::suite::Case;

type Xml = Writer<Vec<u8>>;

/// The whole document, ending in a newline.
///
/// # Errors
/// Never in practice: it is written to memory.
pub fn render(cases: &[Case], look: &Look, detail: &Detail) -> Result<String, WriteError> {
    let page = Page {
        look: Look {
            color: false,
            ..*look
        },
        detail: *detail,
    };
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let totals = Totals::of(cases);
    let all = totals.attributes();
    xml.create_element("testsuites")
        .with_attributes(all.iter().map(|(key, value)| (*key, value.as_str())))
        .write_inner_content(|xml| page.suite(xml, cases, &totals))?;
    let mut text = String::from_utf8(xml.into_inner())?;
    text.push('\n');
    Ok(text)
}

/// The counts of all cases.
struct Totals {
    tests: usize,
    failures: usize,
    errors: usize,
    time: Duration,
}

impl Totals {
    fn of(cases: &[Case]) -> Totals {
        let of = |element: Element| {
            let those = cases
                .iter()
                .filter(|c| element_of(c.run()) == Some(element));
            those.count()
        };
        Totals {
            tests: cases.len(),
            failures: of(Element::Failure),
            errors: of(Element::Error),
            time: cases.iter().flat_map(Case::attempts).map(|r| r.took).sum(),
        }
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", "sockscope".to_owned()),
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
            ("time", seconds(self.time)),
        ]
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Failure,
    Error,
}

/// What stands in a test case for a run; nothing for one that passed.
fn element_of(run: &Run) -> Option<Element> {
    match run.outcome() {
        Outcome::Passed => None,
        Outcome::Failed => Some(Element::Failure),
        Outcome::Usage | Outcome::Inconclusive | Outcome::NothingMatched | Outcome::Interrupted => {
            Some(Element::Error)
        }
    }
}

struct Page {
    look: Look,
    detail: Detail,
}

impl Page {
    fn suite(&self, xml: &mut Xml, cases: &[Case], totals: &Totals) -> std::io::Result<()> {
        let mut attributes = totals.attributes();
        attributes.insert(4, ("skipped", "0".to_owned()));
        xml.create_element("testsuite")
            .with_attributes(attributes.iter().map(|(key, value)| (*key, value.as_str())))
            .write_inner_content(|xml| {
                self.properties(xml, cases)?;
                cases.iter().try_for_each(|case| self.case(xml, case))
            })?;
        Ok(())
    }

    /// The kernel that all this is true of, and which cases are flaky.
    fn properties(&self, xml: &mut Xml, cases: &[Case]) -> std::io::Result<()> {
        let mut properties = Vec::new();
        if let Some(case) = cases.first() {
            properties.push(("kernel", self.line(&case.run().header.kernel)));
        }
        for case in cases.iter().filter(|case| case.is_flaky()) {
            properties.push(("flaky", self.line(&case.run().header.scenario)));
        }
        if properties.is_empty() {
            return Ok(());
        }
        xml.create_element("properties")
            .write_inner_content(|xml| {
                properties.iter().try_for_each(|(name, value)| {
                    xml.create_element("property")
                        .with_attributes([("name", *name), ("value", value.as_str())])
                        .write_empty()
                        .map(drop)
                })
            })?;
        Ok(())
    }

    fn case(&self, xml: &mut Xml, case: &Case) -> std::io::Result<()> {
        let run = case.run();
        let wrong = problems(run);
        let mut attributes = vec![
            ("name", self.line(&run.header.scenario)),
            ("classname", self.line(&origin::group(run))),
            ("time", seconds(run.took)),
        ];
        if let Some(file) = origin::file(run) {
            attributes.push(("file", self.line(file)));
            let span = wrong.iter().find_map(|problem| problem.span.as_ref());
            let at = Position::of(&run.header.text, span.map_or(0, |span| span.start));
            attributes.push(("line", at.line.to_string()));
        }
        let element = xml
            .create_element("testcase")
            .with_attributes(attributes.iter().map(|(key, value)| (*key, value.as_str())));
        if case.outcome() == Outcome::Passed && !case.is_flaky() {
            element.write_empty()?;
            return Ok(());
        }
        element.write_inner_content(|xml| {
            if let Some(element) = element_of(run) {
                let name = match element {
                    Element::Failure => "failure",
                    Element::Error => "error",
                };
                self.problem(xml, name, run, &wrong)?;
            }
            for earlier in case.earlier() {
                let name = match (case.is_flaky(), element_of(earlier)) {
                    (true, Some(Element::Failure)) => "flakyFailure",
                    (true, _) => "flakyError",
                    (false, Some(Element::Failure)) => "rerunFailure",
                    (false, _) => "rerunError",
                };
                self.problem(xml, name, earlier, &problems(earlier))?;
            }
            let mut told = String::new();
            for run in case.attempts() {
                told.push_str(&table::render(run, &self.look, &self.detail));
                told.push('\n');
            }
            self.text(xml, "system-out", &[], &told)
        })?;
        Ok(())
    }

    fn problem(
        &self,
        xml: &mut Xml,
        name: &str,
        run: &Run,
        wrong: &[Problem],
    ) -> std::io::Result<()> {
        let message = self.legal(&in_brief(wrong));
        let kind = run.outcome().word();
        let text = explain(run, wrong, &self.look);
        match name {
            "failure" | "error" => {
                self.text(xml, name, &[("type", kind), ("message", &message)], &text)
            }
            _ => {
                xml.create_element(name)
                    .with_attributes([("type", kind), ("message", &message)])
                    .write_inner_content(|xml| self.text(xml, "stackTrace", &[], &text))?;
                Ok(())
            }
        }
    }

    fn text(
        &self,
        xml: &mut Xml,
        name: &str,
        attributes: &[(&str, &str)],
        text: &str,
    ) -> std::io::Result<()> {
        xml.create_element(name)
            .with_attributes(attributes.iter().copied())
            .write_text_content(BytesText::new(&self.legal(text)))?;
        Ok(())
    }

    /// Text from outside, as an attribute's value.
    fn line(&self, text: &str) -> String {
        self.legal(&visible(text))
    }

    /// Text without what XML 1.0 forbids (section 2.2): U+FFFD stands for it.
    fn legal(&self, text: &str) -> String {
        let is_legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        let text: String = text
            .chars()
            .map(|c| if is_legal(c) { c } else { '\u{fffd}' })
            .collect();
        self.look.glyphs(&text)
    }
}

/// The failures as a compiler prints them; of a run without any, its problems.
fn explain(run: &Run, wrong: &[Problem], look: &Look) -> String {
    let text = failure::render(run, look);
    if !text.is_empty() {
        return text;
    }
    wrong
        .iter()
        .map(|problem| match problem.step {
            Some(step) => format!("step {step}: {}\n", problem.sentence()),
            None => format!("{}\n", problem.sentence()),
        })
        .collect()
}

/// As Surefire writes it.
fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
