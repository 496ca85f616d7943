//! What `why` found, for people; [`record`] for programs.

use std::collections::HashMap;

use super::grid::{Cell, Column, Grid, wrap};
use super::palette::Tone;
use super::text::{count, grouped, width};
use super::{Look, visible};
use crate::diagnose::picture::lapse;
use crate::diagnose::{Finding, Proof, Weight};
use crate::live::why::{Conclusion, Why};

pub mod record;

/// Cases of one diagnosis that are told one by one.
const CASES: usize = 4;
/// Observations that are told of one case.
const PROOFS: usize = 6;

/// Findings of one kind with one fix, in the order of the first of each, worst first.
pub(super) fn groups(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut known: HashMap<(&str, Weight, &str), usize> = HashMap::new();
    for finding in findings {
        let kind = (finding.diagnosis.key, finding.weight, finding.fix.as_str());
        let index = *known.entry(kind).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// The whole text, its last line what was looked at.
pub fn render(why: &Why, look: &Look) -> String {
    let mut lines = Vec::new();
    for group in groups(&why.findings) {
        lines.extend(block(&group, look));
        lines.push(String::new());
    }
    lines.extend(conclusion(why, look));
    lines.push(String::new());
    lines.join("\n")
}

fn tone(weight: Weight) -> Tone {
    match weight {
        Weight::Wrong => Tone::Bad,
        Weight::Suspect => Tone::Closing,
        Weight::Note => Tone::Faint,
    }
}

fn block(group: &[&Finding], look: &Look) -> Vec<String> {
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let word = format!("{:<7}  ", first.weight.word());
    let cases = match group.len() {
        1 => String::new(),
        many => format!(" ({} cases)", grouped(many as u64)),
    };
    let title = format!("{}{cases}", first.diagnosis.title);
    let mut lines = vec![format!(
        "{}{}",
        look.paint(tone(first.weight), &word),
        look.paint(Tone::Strong, &title)
    )];
    let mut told: &[Proof] = &[];
    for finding in group.iter().take(CASES) {
        lines.extend(wrap(look, "  ", &visible(&finding.headline), Tone::Plain));
        // The same for each: once is enough.
        if finding.evidence == told {
            continue;
        }
        told = &finding.evidence;
        for proof in finding.evidence.iter().take(PROOFS) {
            let indent = format!("    {}: ", proof.known);
            lines.extend(wrap(look, &indent, &visible(&proof.text), Tone::Faint));
        }
        if let Some(more @ 1..) = finding.evidence.len().checked_sub(PROOFS) {
            let text = format!("    … {} more", grouped(more as u64));
            lines.push(look.paint(Tone::Faint, &text));
        }
    }
    if let Some(more @ 1..) = group.len().checked_sub(CASES) {
        let text = format!("  … and {} more", grouped(more as u64));
        lines.push(look.paint(Tone::Faint, &text));
    }
    lines.extend(labelled(look, "fix", &visible(&first.fix), Tone::Good));
    let see = format!(
        "{}; sockscope explain {}",
        first.diagnosis.reference, first.diagnosis.key
    );
    lines.extend(labelled(look, "see", &see, Tone::Faint));
    lines
}

/// `  fix  …`, the label in its tone.
fn labelled(look: &Look, label: &str, text: &str, tone: Tone) -> Vec<String> {
    let indent = format!("  {label}  ");
    let mut lines = wrap(look, &" ".repeat(width(&indent)), text, Tone::Plain);
    if let Some(first) = lines.first_mut() {
        let rest = first.split_off(indent.len().min(first.len()));
        *first = format!("  {}  {rest}", look.paint(tone, label));
    }
    lines
}

fn conclusion(why: &Why, look: &Look) -> Vec<String> {
    let looked = looked_at(why);
    let (text, tone) = match why.conclusion() {
        Conclusion::Found => (format!("{looked}."), Tone::Faint),
        Conclusion::NothingWrong => (format!("Nothing wrong. {looked}."), Tone::Good),
        Conclusion::NotAllSeen => (
            format!("Nothing found among what could be read. {looked}."),
            Tone::Closing,
        ),
        Conclusion::NothingMatched => ("No socket or process matches.".to_owned(), Tone::Closing),
    };
    let mut lines = paragraph(look, &text, tone);
    for note in unseen(why) {
        lines.extend(paragraph(look, &note, Tone::Closing));
    }
    lines
}

/// Text from the first column on.
fn paragraph(look: &Look, text: &str, tone: Tone) -> Vec<String> {
    let mut grid = Grid::new(vec![Column::of(look.columns())]);
    grid.push(vec![Cell::new(text, tone)]);
    grid.lines(look)
}

fn looked_at(why: &Why) -> String {
    let twice = match why.between {
        Some(between) => format!(", twice, {} apart", lapse(between)),
        None => String::new(),
    };
    let counters = match why.counters {
        Some(_) => ", and the network namespace's counters",
        None => "",
    };
    format!(
        "Looked at {} and {}{counters}{twice}",
        count(why.sockets, "TCP socket"),
        processes(why.processes)
    )
}

fn processes(number: usize) -> String {
    match number {
        1 => "1 process".to_owned(),
        _ => format!("{} processes", grouped(number as u64)),
    }
}

/// What could not be seen, a line each.
pub(super) fn unseen(why: &Why) -> Vec<String> {
    let unseen = &why.unseen;
    let mut notes = Vec::new();
    if unseen.processes > 0 {
        notes.push(format!(
            "{} may not be looked at: holders may be missing.",
            processes(unseen.processes)
        ));
    }
    if unseen.undecided > 0 {
        notes.push(format!(
            "{} may be meant too: that depends on holders that could not be seen.",
            count(unseen.undecided, "socket")
        ));
    }
    if unseen.only_named {
        notes.push(
            "Only the processes of the filter were looked at: others may hold the same sockets."
                .to_owned(),
        );
    }
    if unseen.namespaces > 0 {
        notes.push(format!(
            "{} could not be entered: it needs CAP_SYS_ADMIN.",
            count(unseen.namespaces, "network namespace")
        ));
    }
    if unseen.hidden > 0 {
        notes.push(format!(
            "{} did not let their network namespace be seen.",
            processes(unseen.hidden)
        ));
    }
    notes
}
