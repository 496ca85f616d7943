//! What `why` found, for people; [`record`] for programs.

use super::grid::{Cell, Column, Grid, wrap};
use super::palette::Tone;
use super::text::{count, grouped, width};
use super::{Look, visible};
use crate::diagnose::picture::lapse;
use crate::diagnose::{Finding, Proof, Weight};
use crate::live::why::{Conclusion, Why};

mod group;
pub mod record;

use group::{Ages, Group, groups};

/// Cases of one diagnosis that are all told one by one.
const CASES: usize = 4;
/// Of more, the oldest are, and who has the rest.
const OLDEST: usize = 3;
/// Observations that are told of one case.
const PROOFS: usize = 6;
const PROOFS_OF_MANY: usize = 3;
/// Processes or hosts that are told of many cases.
const NAMES: usize = 3;

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

fn block(group: &Group<'_>, look: &Look) -> Vec<String> {
    let first = group.first;
    let many = group.cases.len() > CASES;
    let word = format!("{:<7}  ", first.weight.word());
    let title = format!("{}{}", first.diagnosis.title, cases(group));
    let mut lines = heading(look, &word, &title, tone(first.weight));
    let mut told: &[Proof] = &[];
    let shown = if many { OLDEST } else { CASES };
    for (finding, index) in group.cases.iter().take(shown).zip(0..) {
        lines.extend(wrap(look, "  ", &visible(&finding.headline), Tone::Plain));
        // The same for each: once is enough. Of many, the oldest one's are.
        if finding.evidence == told || many && index > 0 {
            continue;
        }
        told = &finding.evidence;
        let proofs = if many { PROOFS_OF_MANY } else { PROOFS };
        for proof in finding.evidence.iter().take(proofs) {
            let indent = format!("    {}: ", proof.known);
            lines.extend(wrap(look, &indent, &visible(&proof.text), Tone::Faint));
        }
        if let Some(more @ 1..) = finding.evidence.len().checked_sub(proofs) {
            let text = format!("    … {} more", grouped(more as u64));
            lines.push(look.paint(Tone::Faint, &text));
        }
    }
    if many {
        let more = group.cases.len() - shown;
        let text = format!("  … and {} more", grouped(more as u64));
        lines.push(look.paint(Tone::Faint, &text));
        for (what, one, names) in [
            ("held by", "process", group.holders()),
            ("children of", "process", group.parents()),
            ("to", "host", group.remotes()),
        ] {
            if let Some(text) = shares(what, one, &names) {
                lines.extend(wrap(look, "  ", &visible(&text), Tone::Plain));
            }
        }
    }
    let same = |finding: &&Finding| finding.fix == first.fix;
    let fix = match group.cases.iter().all(same) {
        true => first.fix.clone(),
        false => format!("{}; likewise in the others", first.fix),
    };
    lines.extend(labelled(look, "fix", &visible(&fix), Tone::Good));
    let see = format!(
        "{}; sockscope explain {}",
        first.diagnosis.reference, first.diagnosis.key
    );
    lines.extend(labelled(look, "see", &see, Tone::Faint));
    lines
}

/// `wrong    zombies: nobody waits for them`, the word in its tone.
fn heading(look: &Look, word: &str, title: &str, tone: Tone) -> Vec<String> {
    let indent = " ".repeat(width(word));
    let lines = wrap(look, &indent, title, Tone::Plain);
    let painted = lines.iter().zip(0..).map(|(line, index)| {
        let before = match index {
            0 => look.paint(tone, word),
            _ => indent.clone(),
        };
        let title = line.get(indent.len()..).unwrap_or_default();
        format!("{before}{}", look.paint(Tone::Strong, title))
    });
    painted.collect()
}

/// ` (5,000 cases, for at least 0.3 s to 3 h 5 min)`; nothing of one case.
fn cases(group: &Group<'_>) -> String {
    if group.cases.len() == 1 {
        return String::new();
    }
    let age = match group.ages() {
        Ages::Unknown => String::new(),
        Ages::All(newest, oldest) if lapse(newest) == lapse(oldest) => {
            format!(", for at least {}", lapse(oldest))
        }
        Ages::All(newest, oldest) => {
            format!(", for at least {} to {}", lapse(newest), lapse(oldest))
        }
        Ages::Some(oldest) => format!(", the oldest known for at least {}", lapse(oldest)),
    };
    format!(" ({} cases{age})", grouped(group.cases.len() as u64))
}

/// `held by 14 processes: leak 812 (3,000), leak 813 (1,990), leak 814 (2) and 11 more`; nothing of
/// a single one, which the cases name.
fn shares(what: &str, one: &str, names: &[(String, usize)]) -> Option<String> {
    if names.len() < 2 {
        return None;
    }
    let number = match one {
        "process" => processes(names.len()),
        _ => count(names.len(), one),
    };
    let shown: Vec<String> = names
        .iter()
        .take(NAMES)
        .map(|(name, cases)| format!("{name} ({})", grouped(*cases as u64)))
        .collect();
    let more = match names.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    Some(format!("{what} {number}: {}{more}", shown.join(", ")))
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
    let again = match (why.looks, why.between) {
        (2, Some(between)) => format!(", twice, {} apart", lapse(between)),
        (looks, Some(between)) => format!(", {looks} times in {}", lapse(between)),
        (_, None) => String::new(),
    };
    let counters = match why.counters {
        Some(_) => ", and the network namespace's counters",
        None => "",
    };
    let unseen = &why.unseen;
    let blind = unseen.processes + unseen.undecided > 0 || unseen.hides;
    let what = match (why.sockets, why.processes) {
        (0, 1) if !blind => "1 process, which holds no TCP socket here".to_owned(),
        (0, many @ 1..) if !blind => {
            format!("{}, which hold no TCP socket here", processes(many))
        }
        (sockets, many) => format!("{} and {}", count(sockets, "TCP socket"), processes(many)),
    };
    format!("Looked at {what}{counters}{again}")
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
    if unseen.hides {
        notes.push(
            "This /proc hides processes of others (hidepid): holders may be missing.".to_owned(),
        );
    }
    if unseen.elsewhere > 0 {
        notes.push(format!(
            "{} of the filter {} sockets in another network namespace, which were not looked at: \
             --netns PID or --netns all looks at them.",
            processes(unseen.elsewhere),
            if unseen.elsewhere == 1 { "has" } else { "have" },
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
    if unseen.closed_meanwhile > 0 {
        notes.push(format!(
            "{} closed while this was read.",
            count(unseen.closed_meanwhile, "socket")
        ));
    }
    if why.bound_unseen {
        notes.push(
            "This kernel (before Linux 6.8) does not tell of sockets that are bound and neither \
             listen nor connect: one may have the port."
                .to_owned(),
        );
    }
    notes
}
