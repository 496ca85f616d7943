//! The formats that CI reads, on a made-up suite, against files in `tests/golden/formats`.
//! `UPDATE_GOLDEN=1 cargo test --test formats` writes them anew.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/golden.rs"]
mod golden;
#[expect(dead_code, reason = "some runs are enough")]
#[path = "support/runs.rs"]
mod runs;
#[path = "support/suite.rs"]
mod suite;

use proptest::prelude::*;
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use sockscope::report::format::{FORMATS, Format, render};
use sockscope::report::github::inert;
use sockscope::report::{Detail, Look, WireDetail};
use sockscope::suite::Case;

use golden::golden;
use suite::suite;

const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
};

const DETAIL: Detail = Detail {
    all: false,
    wire: WireDetail::Flags,
};

fn written(format: Format, cases: &[Case]) -> String {
    render(format, cases, &LOOK, &DETAIL).expect("it takes a suite")
}

/// The start and empty tags of a document, in order, which must be well-formed.
fn tags(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().enable_all_checks(true);
    let mut tags = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(tag) | Event::Empty(tag) => {
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.expect("well-formed");
                    let key = String::from_utf8_lossy(attribute.key.as_ref().as_ref()).into_owned();
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                    let value = value.expect("known entities");
                    (key, value.into_owned())
                });
                let name = String::from_utf8_lossy(tag.name().as_ref().as_ref()).into_owned();
                tags.push((name, attributes.collect()));
            }
            Event::Eof => return tags,
            _ => {}
        }
    }
}

#[test]
fn several_scenarios_on_a_terminal() {
    golden("formats/suite.table.txt", &written(Format::Table, &suite()));
}

#[test]
fn a_flaky_scenario_alone_shows_every_try() {
    let flaky = suite().remove(3);
    assert!(flaky.is_flaky());
    let text = written(Format::Table, std::slice::from_ref(&flaky));
    for expected in ["try 1 of 3", "try 3 of 3", " FLAKY  passed at try 3; "] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn junit() {
    let xml = written(Format::Junit, &suite());
    golden("formats/suite.junit.xml", &xml);
    let tags = tags(&xml);
    let count = |name: &str| tags.iter().filter(|(tag, _)| tag == name).count();
    assert_eq!(count("testcase"), suite().len());
    // The counts are those of what is there.
    let (_, totals) = &tags[0];
    for (key, element) in [
        ("failures", "failure"),
        ("errors", "error"),
        ("tests", "testcase"),
    ] {
        let told = totals.iter().find(|(name, _)| name == key);
        assert_eq!(
            told.map(|(_, value)| value.clone()),
            Some(count(element).to_string())
        );
    }
    assert_eq!((count("flakyFailure"), count("flakyError")), (1, 1));
    assert_eq!((count("rerunFailure"), count("rerunError")), (1, 0));
}

#[test]
fn junit_has_no_character_that_xml_forbids() {
    let xml = written(Format::Junit, &suite());
    let forbidden = |c: &char| {
        (c.is_control() && *c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202e}')
    };
    assert_eq!(xml.chars().find(forbidden), None);
}

#[test]
fn junit_of_nothing_is_a_document() {
    let tags = tags(&written(Format::Junit, &[]));
    assert_eq!(tags.len(), 2, "testsuites and one empty testsuite");
}

#[test]
fn tap() {
    let text = written(Format::Tap, &suite());
    golden("formats/suite.tap", &text);
    let points = text
        .lines()
        .filter(|line| line.starts_with("ok ") || line.starts_with("not ok "));
    assert_eq!(points.count(), suite().len());
    // A `#` after a blank begins a directive: SKIP and TODO would hide a failure.
    assert!(
        !text
            .lines()
            .any(|line| line.contains("ok ") && line.contains(" #"))
    );
}

#[test]
fn github_annotations() {
    let text = written(Format::Github, &suite());
    golden("formats/suite.github.txt", &text);
    assert_eq!(text.lines().count(), 10, "GitHub shows no more");
    for line in text.lines() {
        let (command, _) = line[2..].split_once("::").expect("a command and its text");
        assert!(
            command.starts_with("error ") || command.starts_with("warning "),
            "{line}"
        );
    }
    let flaky = written(Format::Github, &suite()[3..4]);
    golden("formats/flaky.github.txt", &flaky);
    assert_eq!(written(Format::Github, &suite()[..1]), "", "all is well");
}

#[test]
fn what_a_runner_could_misread_is_never_sockscopes_own() {
    for about in FORMATS {
        let text = written(about.format, &suite()[..1]);
        assert_eq!(inert(&text, about.escapes), text, "{}", about.name);
    }
}

#[test]
fn a_built_in_scenario_has_no_file_in_the_users_repository() {
    let mut run = runs::failed();
    let known = sockscope::scenario::builtin::find("normal-close").expect("it is built in");
    known.text.clone_into(&mut run.header.text);
    assert_eq!(run.header.file, known.file);
    let cases = [Case::from(run)];
    for format in [Format::Github, Format::Junit, Format::Tap] {
        let text = written(format, &cases);
        assert!(!text.contains("file=") && !text.contains("file:"), "{text}");
    }
    assert!(written(Format::Junit, &cases).contains(r#"classname="sockscope.close""#));
}

#[test]
fn a_run_without_a_scenario_has_no_file() {
    let mut run = runs::normal_close();
    run.header.scenario = sockscope::run::TRACE.to_owned();
    run.header.file.clear();
    run.header.text.clear();
    assert!(run.is_trace());
    let cases = [Case::from(run)];
    for format in [Format::Github, Format::Junit, Format::Tap] {
        let text = written(format, &cases);
        assert!(
            !text.contains("file=") && !text.contains("file:") && !text.contains("line="),
            "{text}"
        );
    }
}

#[test]
fn every_format_is_ascii_where_nothing_else_is_safe() {
    let look = Look {
        unicode: false,
        ..LOOK
    };
    // Pictures and pages are UTF-8 by themselves, whatever the terminal is.
    let for_terminals = FORMATS.iter().filter(|about| {
        !matches!(
            about.format,
            Format::Svg | Format::Html | Format::Mermaid | Format::Markdown
        )
    });
    for about in for_terminals {
        let cases = match about.format.takes(2) {
            Ok(()) => suite(),
            Err(_) => vec![Case::from(suite::hostile())],
        };
        let text = render(about.format, &cases, &look, &DETAIL).expect("written");
        assert!(text.is_ascii(), "{}: {text}", about.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_from_outside_breaks_a_format(text in any::<String>()) {
        let run = suite::failing_with(&text);
        let mut flaky = Case::from(run.clone());
        flaky.again(runs::normal_close());
        let cases = [Case::from(run), flaky];
        // A document, as if nothing had happened.
        let names: Vec<String> = tags(&written(Format::Junit, &cases))
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        prop_assert_eq!(names, [
            "testsuites", "testsuite", "properties", "property", "property",
            "testcase", "failure", "system-out",
            "testcase", "flakyFailure", "stackTrace", "system-out",
        ]);
        let tap = written(Format::Tap, &cases);
        let outside = tap.lines().filter(|line| !line.starts_with("  "));
        prop_assert_eq!(outside.count(), 4);
        let github = written(Format::Github, &cases);
        prop_assert_eq!(github.lines().count(), 3);
        prop_assert!(github.lines().all(|line| line.matches(",title=").count() == 1));
    }
}
