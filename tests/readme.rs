//! What the README and the page on CI show is true.

mod support;

use sockscope::report;
use sockscope::run::Outcome;
use support::{run, say, wire};

const README: &str = include_str!("../README.md");
const CI: &str = include_str!("../docs/ci.md");

/// The blocks of code in that language.
fn blocks(page: &'static str, language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let found = page.split(&begin).skip(1);
    found.filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_scenario_passes() {
    if !wire() {
        return;
    }
    for text in blocks(README, "toml") {
        let run = run(text);
        let look = report::Look {
            width: 100,
            color: false,
            unicode: true,
        };
        let failure = report::failure::render(&run, &look);
        assert_eq!(run.outcome(), Outcome::Passed, "{failure}");
    }
    assert_eq!(blocks(README, "toml").len(), 1);
}

#[test]
fn every_command_is_known() {
    let mut found = 0;
    let blocks = [blocks(README, "sh"), blocks(CI, "sh")].concat();
    for line in blocks.into_iter().flat_map(str::lines) {
        let command = line.split('#').next().unwrap_or_default();
        let Some(arguments) = command.strip_prefix("sockscope ") else {
            continue;
        };
        found += 1;
        let mut words = shlex::split(arguments).expect("words");
        // Behind a bar is another command.
        words.truncate(
            words
                .iter()
                .position(|word| word == "|")
                .unwrap_or(words.len()),
        );
        // A scenario has to exist, an option has to be one. Nothing is run: --help comes first.
        if let [_, name, ..] = &words[..]
            && words[0] == "run"
            && !name.ends_with(".toml")
        {
            let shown = match name.ends_with('/') {
                true => say(&["list", name]),
                false => say(&["show", name]),
            };
            assert_eq!(shown.code, Some(0), "{line}: {}", shown.stderr);
        }
        if words[0] != "program" {
            // What follows the command of a trace is that command's.
            let at = if words[0] == "trace" { 1 } else { words.len() };
            words.insert(at, "--help".to_owned());
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let said = say(&words);
            assert_eq!(said.code, Some(0), "{line}: {}", said.stderr);
        }
    }
    assert!(found > 8);
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = say(&["run", "--help"]).stdout;
    let rows = README.lines().filter_map(|line| {
        let (code, meaning) = line.strip_prefix("| ")?.split_once(" | ")?;
        let code: u8 = code.parse().ok()?;
        Some((code, meaning.strip_suffix(" |")?))
    });
    let mut count = 0;
    for (code, meaning) in rows {
        count += 1;
        assert!(
            help.contains(&format!("{code}  {meaning}")),
            "{code} {meaning}"
        );
    }
    assert_eq!(count, 7);
}

const PICTURE: &str = include_str!("../docs/normal-close.svg");

/// What a picture of a run says of its steps, states and segments, from top to bottom.
fn told(svg: &str) -> Vec<String> {
    use quick_xml::events::Event;

    let mut reader = quick_xml::Reader::from_str(svg);
    let mut told = Vec::new();
    let mut in_text = false;
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(element) => in_text = element.name().as_ref() == "text",
            Event::Text(text) if in_text => {
                // How a state is known may differ from run to run.
                let words = text.trim().trim_end_matches(['~', '^']);
                let first = words.split([',', ' ']).next().unwrap_or_default();
                let segment = sockscope::event::TcpFlags::named(first).is_some();
                let state = words.parse::<sockscope::model::TcpState>().is_ok();
                let step = words.starts_with("client types") || words.starts_with("server types");
                if segment || state || step {
                    told.push(words.to_owned());
                }
            }
            Event::Eof => return told,
            _ => in_text = false,
        }
    }
}

/// `UPDATE_GOLDEN=1 cargo test --test readme` draws it anew.
#[test]
fn the_picture_is_of_a_run_as_it_is_today() {
    if !wire() {
        return;
    }
    let said = say(&["run", "normal-close", "--format", "svg"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/normal-close.svg");
        std::fs::write(file, said.stdout).expect("the picture");
        return;
    }
    let today = told(&said.stdout);
    assert!(today.len() > 15, "{today:?}");
    assert_eq!(told(PICTURE), today);
    assert!(README.contains("(docs/normal-close.svg)"));
}
