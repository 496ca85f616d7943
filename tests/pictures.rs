//! The pictures and pages of made-up runs, against files in `tests/golden/pictures`.
//! `UPDATE_GOLDEN=1 cargo test --test pictures` writes them anew. How they look in a browser is
//! for `tests/peers_pages.rs`.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/runs.rs"]
mod runs;

use std::collections::BTreeSet;
use std::path::PathBuf;

use quick_xml::Reader;
use quick_xml::events::Event;
use sockscope::report::{Detail, Look, WireDetail, html, markdown, mermaid, svg};
use sockscope::run::Run;
use sockscope::suite::Case;

const LOOK: Look = Look {
    width: 100,
    color: true,
    unicode: true,
};

const FLAGS: Detail = Detail {
    all: false,
    wire: WireDetail::Flags,
};

const EVERYTHING: Detail = Detail {
    all: true,
    wire: WireDetail::Full,
};

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/pictures")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the golden folder");
        std::fs::write(&path, text).expect("a golden file");
        return;
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let differs = text.lines().zip(wanted.lines()).find(|(is, was)| is != was);
    assert!(
        text == wanted,
        "{name} differs; UPDATE_GOLDEN=1 rewrites it\nfirst: {differs:#?}"
    );
}

fn case(run: Run) -> [Case; 1] {
    [run.into()]
}

fn every_run() -> Vec<Run> {
    vec![
        runs::normal_close(),
        runs::zombie(),
        runs::failed(),
        runs::inconclusive(),
        runs::hostile(),
        runs::lost_fin(),
        runs::simultaneous_close(),
        runs::twenty(),
        runs::megabyte(),
        runs::stopped(),
        runs::refused(),
        runs::interrupted(),
        runs::three_hosts(),
        runs::datagrams(),
        hostile::markup(),
    ]
}

/// A scenario that failed and passed at the second try.
fn flaky() -> Case {
    let mut case = Case::from(runs::failed());
    case.again(runs::normal_close());
    case
}

/// The elements of an XML document and all its text; whatever is no XML is a failure.
fn parsed(xml: &str) -> (BTreeSet<String>, String) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut names = BTreeSet::new();
    let mut text = String::new();
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(element) | Event::Empty(element) => {
                names.insert(element.name().as_ref().to_owned());
                for attribute in element.attributes() {
                    let attribute = attribute.expect("an attribute");
                    assert!(!attribute.key.as_ref().starts_with("on"), "{attribute:?}");
                }
            }
            Event::Text(part) => text.push_str(part.as_ref()),
            Event::GeneralRef(part) => {
                text.push('&');
                text.push_str(part.as_ref());
                text.push(';');
            }
            Event::End(_) => {}
            Event::Eof => return (names, text),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pictures() {
    for (name, run) in [
        ("normal-close", runs::normal_close()),
        ("lost-fin", runs::lost_fin()),
        ("simultaneous-close", runs::simultaneous_close()),
        ("three-hosts", runs::three_hosts()),
    ] {
        golden(&format!("{name}.svg"), &svg::render(&case(run), &FLAGS));
    }
}

#[test]
fn a_page() {
    golden("zombie.html", &html::render(&case(runs::zombie()), &FLAGS));
}

#[test]
fn diagrams_of_mermaid() {
    for (name, run) in [
        ("lost-fin", runs::lost_fin()),
        ("simultaneous-close", runs::simultaneous_close()),
    ] {
        golden(&format!("{name}.mmd"), &mermaid::render(&case(run), &FLAGS));
    }
    golden("flaky.mmd.md", &mermaid::render(&[flaky()], &FLAGS));
}

#[test]
fn markdown_for_a_pull_request() {
    golden(
        "failed.md",
        &markdown::render(&case(runs::failed()), &LOOK, &FLAGS),
    );
    golden(
        "flaky.md",
        &markdown::render(&[flaky(), runs::zombie().into()], &LOOK, &FLAGS),
    );
}

#[test]
fn every_picture_is_xml_and_nothing_but_a_picture() {
    let known = [
        "circle", "desc", "g", "line", "path", "polygon", "rect", "style", "svg", "text", "title",
    ];
    for run in every_run() {
        for detail in [FLAGS, EVERYTHING] {
            let document = svg::render(&case(run.clone()), &detail);
            let (names, _) = parsed(&document);
            for name in names {
                assert!(known.contains(&name.as_str()), "<{name}>");
            }
        }
    }
    parsed(&svg::render(&[], &FLAGS));
}

#[test]
fn hostile_texts_are_texts() {
    let run = case(hostile::markup());
    let (_, text) = parsed(&svg::render(&run, &FLAGS));
    assert!(text.contains("&lt;script&gt;owned=1&lt;/script&gt;"));
    let page = html::render(&run, &FLAGS);
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    for tag in ["<img", "<svg onload", "<b&gt;"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let diagram = mermaid::render(&run, &FLAGS);
    let markdown = markdown::render(&run, &LOOK, &FLAGS);
    for text in [&page, &diagram, &markdown, &svg::render(&run, &FLAGS)] {
        let steering =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{feff}');
        let around = |at: usize| text[..at].chars().rev().take(60).collect::<Vec<char>>();
        let found = text.find(steering).map(around);
        let before = found.map(|chars| chars.into_iter().rev().collect::<String>());
        assert_eq!(before, None, "something steers behind this");
    }
    for line in diagram.lines().skip(1) {
        assert!(!line.contains('<') || line.starts_with("  Note "), "{line}");
        assert_eq!(line.replace("<br/>", "").find('<'), None, "{line}");
    }
    assert!(!markdown.contains("\n# h") && !markdown.contains("\n```\n\n@"));
}

#[test]
fn a_diagram_is_never_too_large_for_github() {
    for run in [runs::twenty(), hostile::markup()] {
        let text = mermaid::render(&case(run), &EVERYTHING);
        assert!(text.len() < 50_000, "{}", text.len());
    }
}

#[test]
fn no_try_is_hidden() {
    let cases = [flaky()];
    for text in [
        svg::render(&cases, &FLAGS),
        html::render(&cases, &FLAGS),
        mermaid::render(&cases, &FLAGS),
        markdown::render(&cases, &LOOK, &FLAGS),
    ] {
        assert!(text.contains("try 1 of 2"));
        assert!(text.contains("try 2 of 2: flaky"));
    }
}

#[test]
fn the_picture_tells_what_the_table_tells() {
    let run = runs::lost_fin();
    let (_, text) = parsed(&svg::render(&case(run), &FLAGS));
    for words in [
        "FIN_WAIT2~",
        "FIN,ACK (again)",
        "inferred: the only way",
        "rto_min 20 ms",
    ] {
        assert!(text.contains(words), "{words}");
    }
}
