//! The table of one run: heading, ladder, verdict.

use super::grid::wrap;
use super::ladder::Ladder;
use super::lane;
use super::palette::Tone;
use super::replaced::replaced;
use super::rows::select;
use super::text::{count, cut, escape, visible, width};
use super::{Detail, Look};
use crate::event::{Aspect, Source};
use crate::run::{Blind, Outcome, Place, Polarity, Run, Verdict};

/// The whole table, ending in a newline.
pub fn render(run: &Run, look: &Look, detail: &Detail) -> String {
    let rows = select(run, detail);
    let ladder = Ladder::fit(run, &rows, look, detail);
    let mut lines = heading(run, look);
    if !rows.is_empty() {
        lines.push(String::new());
        lines.extend(ladder.head());
        lines.extend(ladder.lines(&rows, &|_| false));
    }
    lines.push(String::new());
    lines.extend(lane::legend(&rows, look));
    lines.extend(verdict(run, look));
    lines.push(String::new());
    lines.join("\n")
}

/// Scenario, title, place, and what could not be seen.
fn heading(run: &Run, look: &Look) -> Vec<String> {
    let header = &run.header;
    let place = look.glyphs(&place(run));
    let name = look.glyphs(&escape(&header.scenario));
    let title = look.glyphs(&visible(&header.title));
    let name = cut(&name, look.columns().saturating_sub(width(&place) + 1));
    let free = look.columns().saturating_sub(width(&name) + width(&place));
    let mut lines = Vec::new();
    let fits = width(&title) + 4 <= free;
    let beside = if fits {
        format!("  {title}")
    } else {
        String::new()
    };
    let gap = " ".repeat(free.saturating_sub(width(&beside)));
    lines.push(format!(
        "{}{}{gap}{}",
        look.paint(Tone::Strong, &name),
        look.paint(Tone::Plain, &beside),
        look.paint(Tone::Faint, &place)
    ));
    if !fits {
        lines.extend(wrap(look, "  ", &title, Tone::Plain));
    }
    if !header.settings.is_empty() {
        let settings: Vec<String> = header.settings.iter().map(|s| escape(s)).collect();
        lines.extend(wrap(look, "  ", &settings.join("; "), Tone::Faint));
    }
    for program in replaced(run) {
        lines.extend(wrap(look, "  ", &program, Tone::Faint));
    }
    for blind in &header.blind {
        lines.extend(wrap(look, "  ", &unseen(blind), Tone::Closing));
    }
    lines
}

/// What could not be seen, why, and what would change it.
pub(super) fn unseen(blind: &Blind) -> String {
    let text = format!(
        "cannot see {}: {}",
        blind.aspect.words(),
        escape(&blind.why)
    );
    with_remedy(text, blind.remedy.as_deref())
}

fn with_remedy(mut text: String, remedy: Option<&str>) -> String {
    if let Some(remedy) = remedy {
        text.push_str("; remedy: ");
        text.push_str(&escape(remedy));
    }
    text
}

/// `wire · complete`, `host loopback · sampled`, `host loopback · not run`
pub(super) fn place(run: &Run) -> String {
    let place = match run.header.place {
        Place::Wire => "wire",
        Place::Loopback => "private loopback",
        Place::Host if run.is_trace() => "this machine",
        Place::Host => "host loopback",
    };
    let sampled = run.header.blind.iter().any(|b| b.aspect == Aspect::Paths);
    let completeness = match sampled {
        _ if run.steps.is_empty() && run.stopped.is_some() => "not run",
        true => "sampled",
        false if run.header.place != Place::Wire => "traced",
        false => "complete",
    };
    let traced = match run.header.observers.contains(&Source::Syscalls) {
        true => " · syscalls",
        false => "",
    };
    format!("{place} · {completeness}{traced}")
}

/// The last line, and why something is inconclusive.
fn verdict(run: &Run, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    for text in doubts(run) {
        lines.extend(wrap(look, " ? ", &text, Tone::Closing));
    }
    let (word, tone) = word(run);
    let tale = tale(run);
    if run.stopped.is_some() {
        let mut told = wrap(look, &format!(" {word}  "), &tale, Tone::Plain);
        if let Some(first) = told.first_mut() {
            *first = first.replacen(word, &look.paint(tone, word), 1);
        }
        lines.extend(told);
        return lines;
    }
    lines.push(format!(
        " {}  {}",
        look.paint(tone, word),
        look.glyphs(&tale)
    ));
    lines
}

/// Why expectations are inconclusive, a text for each reason.
pub(super) fn doubts(run: &Run) -> Vec<String> {
    // The step in which a run stopped is undecided as a whole: its heading counts that.
    let stopped_in = run.stopped.as_ref().map(|_| run.steps.len());
    let decided = |step: usize| stopped_in != Some(step + 1);
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for (step, check) in run.checks().filter(|(step, _)| decided(*step)) {
        let Verdict::Inconclusive { why, remedy } = &check.verdict else {
            continue;
        };
        let never = match check.polarity {
            Polarity::Expect => "",
            Polarity::Never => "never ",
        };
        let doubt = format!("step {}: {never}{}", step + 1, visible(&check.text));
        let reason = with_remedy(escape(why), remedy.as_deref());
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, doubts)) => doubts.push(doubt),
            None => reasons.push((reason, vec![doubt])),
        }
    }
    reasons
        .into_iter()
        .map(|(reason, doubts)| match doubts.as_slice() {
            [only] => format!("{only}: {reason}"),
            several => format!("{reason}; undecided: {}", several.join("; ")),
        })
        .collect()
}

/// What stands behind the word of the outcome: the counts, or why the run stopped.
pub(super) fn tale(run: &Run) -> String {
    let Some(stopped) = &run.stopped else {
        return counts(run);
    };
    match run.steps.len() {
        0 => escape(&stopped.why),
        step if stopped.outcome == Outcome::Interrupted => format!("in step {step}"),
        step => format!("step {step}: {}", escape(&stopped.why)),
    }
}

/// The word of what a run came to.
pub(super) fn word(run: &Run) -> (&'static str, Tone) {
    match run.outcome() {
        Outcome::Passed if run.is_trace() => ("ended", Tone::Good),
        outcome => headline(outcome),
    }
}

/// The word of an outcome: loud unless all is well.
pub(super) fn headline(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Passed => ("passed", Tone::Good),
        Outcome::Failed => ("FAILED", Tone::Bad),
        Outcome::Usage => ("ERROR", Tone::Bad),
        Outcome::Inconclusive => ("INCONCLUSIVE", Tone::Closing),
        Outcome::NothingMatched => ("NOTHING MATCHED", Tone::Closing),
        Outcome::Interrupted => ("INTERRUPTED", Tone::Closing),
    }
}

/// `11 expectations, 4 steps, 9 ms`; `2 of 11 expectations failed, 1 inconclusive, …`
pub(super) fn counts(run: &Run) -> String {
    let waived = of(run, |v| *v == Verdict::Waived);
    let all = run.checks().count() - waived;
    let failed = of(run, |v| matches!(v, Verdict::Fail(_)));
    let inconclusive = of(run, |v| matches!(v, Verdict::Inconclusive { .. }));
    let mut parts = Vec::new();
    match (failed, inconclusive) {
        (0, 0) if run.is_trace() => {}
        (0, 0) if all == 0 => parts.push("no expectations".to_owned()),
        (0, 0) => parts.push(count(all, "expectation")),
        (0, n) => parts.push(format!("{n} of {}", count(all, "expectation"))),
        (n, 0) => parts.push(format!("{n} of {} failed", count(all, "expectation"))),
        (n, m) => parts.push(format!(
            "{n} of {} failed, {m} inconclusive",
            count(all, "expectation")
        )),
    }
    if waived > 0 {
        parts.push(format!("{waived} about segments not judged"));
    }
    parts.push(count(run.steps.len(), "step"));
    parts.push(took(run));
    parts.join(", ")
}

/// `9 ms`
pub(super) fn took(run: &Run) -> String {
    format!("{} ms", super::text::grouped(run.took.as_millis() as u64))
}

fn of(run: &Run, wanted: fn(&Verdict) -> bool) -> usize {
    run.checks().filter(|(_, c)| wanted(&c.verdict)).count()
}
