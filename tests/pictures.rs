//! The pictures and pages of made-up runs, against files in `tests/golden/pictures`.
//! `UPDATE_GOLDEN=1 cargo test --test pictures` writes them anew. How they look in a browser is
//! for `tests/peers_pages.rs`.

#[path = "support/cut_short.rs"]
mod cut_short;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/runs.rs"]
mod runs;

use std::collections::{BTreeSet, HashMap};
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
        runs::closed_window(),
        cut_short::crashed(),
        cut_short::aborted(),
        cut_short::given_up(),
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

/// The numbers of an attribute.
fn numbers(value: &str) -> Vec<f64> {
    value
        .split([' ', ','])
        .map(|number| number.parse().expect("a number"))
        .collect()
}

/// Every element with its attributes, in order.
fn elements(xml: &str) -> Vec<(String, HashMap<String, String>)> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(element) | Event::Empty(element) => {
                let attributes = element.attributes().map(|attribute| {
                    let attribute = attribute.expect("an attribute");
                    let value = attribute.value.as_ref().to_owned();
                    (attribute.key.as_ref().to_owned(), value)
                });
                found.push((element.name().as_ref().to_owned(), attributes.collect()));
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

#[test]
fn no_effect_stands_above_its_cause() {
    let mut knots = 0;
    for run in every_run() {
        let mut arrived = [f64::MIN; 2];
        let mut middle = f64::MAX;
        for (name, attributes) in elements(&svg::render(&case(run), &FLAGS)) {
            let class = attributes.get("class").map_or("", String::as_str);
            if name == "polygon" && class.starts_with("tip") {
                let points = numbers(&attributes["points"]);
                let side = usize::from(points[0] > points[2]);
                arrived[side] = arrived[side].max(points[1]);
                middle = f64::midpoint(points[0], points[2]);
            }
            if name == "circle" && !class.starts_with("shaft") {
                let [x, y] = ["cx", "cy"].map(|key| numbers(&attributes[key])[0]);
                let side = usize::from(x > middle);
                knots += usize::from(arrived[side] > 0.0);
                assert!(y >= arrived[side] - 3.0, "{y} above {}", arrived[side]);
            }
        }
    }
    assert!(knots > 20, "{knots} notes behind an arrow");
}

/// How many elements have this class.
fn count(document: &str, class: &str) -> usize {
    let elements = elements(document);
    let classes = elements.iter().filter_map(|(_, a)| a.get("class"));
    classes.filter(|c| c.split(' ').any(|c| c == class)).count()
}

#[test]
fn a_picture_does_not_claim_what_nobody_saw() {
    let picture = |run: Run| svg::render(&case(run), &FLAGS);
    let sampled = picture(runs::inconclusive());
    assert!(count(&sampled, "between") >= 2);
    assert!(sampled.contains("between two samples it may have passed"));
    assert_eq!(count(&picture(runs::normal_close()), "between"), 0);
    let crashed = picture(cut_short::crashed());
    assert!(count(&crashed, "down") >= 1);
    assert!(crashed.contains("the host is down"));
    assert_eq!(count(&picture(runs::normal_close()), "down"), 0);
}

#[test]
fn processes_live_at_the_sides() {
    let picture = svg::render(&case(runs::zombie()), &FLAGS);
    let lines: Vec<[f64; 3]> = elements(&picture)
        .iter()
        .filter(|(_, a)| a.get("class").is_some_and(|class| class == "zombie"))
        .map(|(_, a)| ["x1", "y1", "y2"].map(|key| numbers(&a[key])[0]))
        .collect();
    // One in the picture, until its end, and one in the legend.
    let [[x, from, to], _] = lines.as_slice() else {
        panic!("{} lines of zombies", lines.len());
    };
    assert!(to > from);
    let before = elements(&picture).iter().any(|(_, a)| {
        a.get("class").is_some_and(|class| class == "process")
            && numbers(&a["x1"])[0] == *x
            && numbers(&a["y2"])[0] == *from
    });
    assert!(before, "the same line is the process before its end");
    let passing = svg::render(&case(runs::normal_close()), &FLAGS);
    assert!(count(&passing, "passing") > 0);
    assert!(passing.contains("ended and is reaped next"));
}

/// A run whose scenario says what it teaches.
fn taught(mut run: Run) -> Run {
    let story = "about = \"\"\"\nA story <b>about</b> it.\n\nAnd more.\n\"\"\"\nfix = \"do so\"\ntwin = \"other\"\n";
    let text = run
        .header
        .text
        .replacen("do     =", "tells = \"It listens.\"\ndo     =", 1);
    run.header.text = format!("{story}{text}");
    run
}

#[test]
fn what_a_scenario_teaches_is_in_its_pictures() {
    let run = case(taught(runs::normal_close()));
    let page = html::render(&run, &FLAGS);
    // The file itself holds all the words.
    let page = page.split("-scenario\" aria").next().unwrap_or_default();
    let (_, picture) = parsed(&svg::render(&run, &FLAGS));
    let notes = markdown::render(&run, &LOOK, &FLAGS);
    for text in [page, &picture, &notes] {
        for words in [
            "A story",
            "And more.",
            "It listens.",
            "The fix",
            "do so",
            "Its twin",
        ] {
            assert!(text.contains(words), "{words}");
        }
    }
    assert!(!page.contains("<b>about"));
    // All is well: the picture comes first. Something is wrong: that comes first.
    let order = |page: &str| page.find("-picture\" aria") < page.find("-verdicts\" aria");
    assert!(order(page));
    assert!(!order(&html::render(&case(runs::failed()), &FLAGS)));
}

#[test]
fn a_failure_leads_to_what_shows_it() {
    let page = html::render(&case(runs::failed()), &FLAGS);
    let links: Vec<&str> = page
        .split("href=\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| name.contains("-event-"))
        .collect();
    assert!(!links.is_empty());
    for name in links {
        assert!(page.contains(&format!("<tr id=\"{name}\"")), "{name}");
    }
}

#[test]
fn the_state_diagram_says_why_a_way_is_none_of_its_own() {
    let page = html::render(&case(cut_short::aborted()), &FLAGS);
    for words in ["send RST", ">receive<", ">RST<"] {
        assert!(page.contains(words), "{words}");
    }
    let page = html::render(&case(runs::zombie()), &FLAGS);
    assert!(page.contains("not seen"));
    let page = html::render(&case(cut_short::given_up()), &FLAGS);
    for words in [">timed<", ">out<"] {
        assert!(page.contains(words), "{words}");
    }
    let page = html::render(&case(runs::normal_close()), &FLAGS);
    assert!(
        !page.contains("way jump\""),
        "a normal close takes the diagram's arrows"
    );
}

#[test]
fn a_packet_is_found_by_both_its_ends() {
    let page = html::render(&case(runs::normal_close()), &FLAGS);
    let delivered = page
        .split("<tr")
        .find(|row| row.contains("packet 1 delivered"));
    let row = delivered.expect("a delivery");
    assert!(row.contains("data-host=\"client\nserver\""), "{row}");
    assert!(
        row.contains("data-who=\"client.conn\nserver.conn\""),
        "{row}"
    );
}

#[test]
fn a_held_packet_reaches_nobody_in_a_diagram() {
    let text = mermaid::render(&case(runs::simultaneous_close()), &FLAGS);
    let fins = text
        .lines()
        .filter(|line| line.contains("FIN") && line.contains(">>"));
    assert_eq!(fins.count(), 2, "{text}");
    assert!(text.contains(", held"));
    let failed = mermaid::render(&case(runs::failed()), &FLAGS);
    assert!(failed.contains("✗ step"), "{failed}");
    assert!(mermaid::render(&case(runs::lost_fin()), &FLAGS).contains("inferred: the only way"));
}

#[test]
fn a_long_picture_is_cut_for_paper_and_a_short_one_is_not() {
    let sheets = |page: &str| page.matches("class=\"ladder sheet\"").count();
    let page = |run: Run| html::render(&case(run), &FLAGS);
    assert_eq!(sheets(&page(runs::zombie())), 0);
    let long = every_run()
        .into_iter()
        .map(page)
        .find(|page| sheets(page) > 0)
        .expect("a long one");
    assert!(sheets(&long) > 1, "{}", sheets(&long));
    let (_, behind) = long.split_once("<use href=\"#").expect("it is used again");
    let (drawing, _) = behind.split_once('"').expect("a name");
    assert_eq!(long.matches(&format!("id=\"{drawing}\"")).count(), 1);
}
