//! Where two runs differ first, with the rows around it in both, as `diff -u` prints it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::grid::wrap;
use super::ladder::Ladder;
use super::palette::Tone;
use super::rows::{Row, select};
use super::text::{cut, escape, visible};
use super::{Detail, Look, WireDetail};
use crate::compare::{Difference, Part, Unlike};
use crate::run::{Run, Verdict};

/// Lines that are shown before and after the first that differs.
const AROUND: usize = 6;

const DETAIL: Detail = Detail {
    all: false,
    wire: WireDetail::Flags,
};

/// The difference, told and shown. `names` are those of the two records. Ends in a newline.
pub fn render(difference: &Difference, names: [&str; 2], look: &Look) -> String {
    let mut lines = told(difference, names, look);
    let shown = shown(difference, look);
    if !shown.is_empty() {
        lines.push(String::new());
        for (sign, name) in [("---", names[0]), ("+++", names[1])] {
            let name = cut(&look.glyphs(&escape(name)), look.columns() - 4);
            lines.push(look.paint(Tone::Strong, &format!("{sign} {name}")));
        }
        lines.extend(shown);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// In what the runs of a scenario are unlike from the start, a line for each. Empty, or ends in a
/// newline.
pub fn unlike(all: &[Unlike], scenario: &str, names: [&str; 2], look: &Look) -> String {
    if all.is_empty() {
        return String::new();
    }
    let head = format!("{}: the runs are not alike", escape(scenario));
    let mut lines = vec![look.paint(Tone::Strong, &look.glyphs(&head))];
    let [left, right] = names.map(escape);
    for Unlike { what, sides, lost } in all {
        let [one, other] = sides.each_ref().map(|side| match side.is_empty() {
            true => "nothing".to_owned(),
            false => visible(side),
        });
        let mut text = format!("{}: {one} in {left}, {other} in {right}", visible(what));
        if let Some(lost) = lost {
            text.push_str(&format!("; {lost}"));
        }
        lines.extend(wrap(look, "  ", &text, Tone::Closing));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// That runs are the same as far as both show. Ends in a newline.
pub fn same_in_part(lost: &BTreeSet<Part>, look: &Look) -> String {
    let parts = lost.iter().map(|part| part.word());
    // Whoever does not mind the place does not mind what could be seen there.
    let place = lost.contains(&Part::Place);
    let content = lost.iter().filter(|part| match part {
        Part::Place | Part::Calls => true,
        _ => !place,
    });
    let text = format!(
        "what both show is the same; not compared: {0} (--ignore {1} is content with that)",
        parts.collect::<Vec<_>>().join(", "),
        content
            .map(|part| part.word())
            .collect::<Vec<_>>()
            .join(",")
    );
    let mut lines = wrap(look, "  ", &text, Tone::Plain);
    lines.push(String::new());
    lines.join("\n")
}

/// Which lane differs, and what stands in it on either side.
fn told(difference: &Difference, names: [&str; 2], look: &Look) -> Vec<String> {
    let step = difference.step();
    let scenario = escape(&difference.runs[0].header.scenario);
    let mut text = format!("first difference in step {}", step + 1);
    let action = difference.runs.iter().find_map(|run| run.steps.get(step));
    if let Some(action) = action.filter(|step| !step.text.is_empty()) {
        text.push_str(&format!(" ({})", visible(&action.text)));
    }
    text.push_str(&format!(": {}", escape(&difference.lane.to_string())));
    let mut lines = wrap(look, &format!("{scenario}: "), &text, Tone::Strong);
    let room = look.columns() - 4;
    let name = |name: &str| cut(&look.glyphs(&escape(name)), room);
    for ((side, name), tone) in difference
        .sides
        .iter()
        .zip(names.map(name))
        .zip([Tone::Bad, Tone::Good])
    {
        lines.push(format!("  {name}"));
        let before = side.items.get(..side.differs).unwrap_or_default();
        for item in before {
            lines.extend(wrap(look, "      ", &visible(&item.text), Tone::Faint));
        }
        match side.first() {
            Some(item) if item.step == step => {
                lines.extend(wrap(look, "    > ", &visible(&item.text), tone));
            }
            Some(item) => {
                let text = format!("{}, but in step {}", visible(&item.text), item.step + 1);
                lines.extend(wrap(look, "    > ", &text, tone));
            }
            None => lines.extend(wrap(look, "    > ", "nothing more", tone)),
        }
    }
    lines
}

/// The lines of both pictures around the difference.
fn shown(difference: &Difference, look: &Look) -> Vec<String> {
    // One column is the sign's. What is compared has no colour.
    let narrow = Look {
        width: look.columns() - 1,
        color: false,
        ..*look
    };
    let last = difference.step();
    let runs = difference.runs.each_ref().map(|run| timeless(run, last));
    let rows = runs.each_ref().map(|run| select(run, &DETAIL));
    let both: Vec<Row> = rows.iter().flatten().cloned().collect();
    let ladder = Ladder::fit(&runs[0], &both, &narrow, &DETAIL);
    let mut marks = [None, None];
    let mut pictures = [Vec::new(), Vec::new()];
    for (index, rows) in rows.iter().enumerate() {
        let event = difference.sides[index].first().and_then(|item| item.event);
        let marked = |row: &Row| event.is_some_and(|event| row.events.contains(&event));
        let lines = ladder.lines(rows, &marked);
        marks[index] = lines.iter().position(|line| line.starts_with('>'));
        let bare = |line: &String| without_time(line, ladder.indent());
        pictures[index] = lines.iter().map(bare).collect();
    }
    let [left, right] = &pictures;
    let mut signed: Vec<(&str, Tone, &str)> = Vec::new();
    let mut at = None;
    for op in capture_diff_slices(Algorithm::Myers, left, right) {
        let (old, new) = (op.old_range(), op.new_range());
        let equal = op.tag() == DiffTag::Equal;
        let found = |range: &Range<usize>, mark: Option<usize>| {
            mark.filter(|mark| range.contains(mark))
                .map(|mark| mark - range.start)
        };
        let in_old = found(&old, marks[0]);
        let in_new = found(&new, marks[1]).map(|at| at + if equal { 0 } else { old.len() });
        at = at.or(in_old.or(in_new).map(|within| signed.len() + within));
        let as_it_is = |line| (" ", Tone::Plain, line);
        match equal {
            true => signed.extend(left[old].iter().map(String::as_str).map(as_it_is)),
            false => {
                signed.extend(left[old].iter().map(|line| ("-", Tone::Bad, line.as_str())));
                signed.extend(
                    right[new]
                        .iter()
                        .map(|line| ("+", Tone::Good, line.as_str())),
                );
            }
        }
    }
    // What no row shows stands where the rows differ first, or not at all.
    let at = at.or_else(|| signed.iter().position(|(sign, ..)| *sign != " "));
    let Some(at) = at else {
        return Vec::new();
    };
    let (from, to) = (
        at.saturating_sub(AROUND),
        (at + AROUND + 1).min(signed.len()),
    );
    let mut lines = Vec::new();
    let head = signed[..from]
        .iter()
        .rev()
        .find(|(_, _, line)| is_step(line));
    for (sign, tone, line) in head.into_iter().chain(&signed[from..to]) {
        let line = cut(&format!("{sign}{line}"), look.columns());
        lines.push(look.paint(*tone, line.trim_end()));
    }
    lines
}

/// Whether a line is the heading of a step: those alone have a number in front.
fn is_step(line: &str) -> bool {
    line.get(..3)
        .is_some_and(|start| start.trim().parse::<usize>().is_ok())
}

/// A line of the ladder without its sign and its time, which is always 0.
fn without_time(line: &str, indent: usize) -> String {
    let line = line
        .strip_prefix('>')
        .map_or(line.to_owned(), |rest| format!(" {rest}"));
    match line.get(..indent) {
        Some(start) if start.trim() == "0.0" => {
            format!("{}{}", " ".repeat(indent), &line[indent..])
        }
        _ => line,
    }
}

/// The run up to the end of a step, with all its events at the same time: a row more in one run
/// would give all later ones another time.
fn timeless(run: &Run, last: usize) -> Run {
    let mut run = run.clone();
    let events = run
        .timeline
        .events()
        .iter()
        .filter(|event| event.step <= last);
    let events: Vec<_> = events
        .cloned()
        .map(|mut event| {
            event.at = Duration::ZERO;
            event
        })
        .collect();
    run.timeline = events.into();
    run.steps.truncate(last + 1);
    for check in run.steps.iter_mut().flat_map(|step| &mut step.checks) {
        if let Verdict::Fail(mismatch) = &mut check.verdict {
            mismatch
                .events
                .retain(|event| *event < run.timeline.events().len());
        }
    }
    run
}
