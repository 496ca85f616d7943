//! The summary at the end.

use std::fmt::Write as _;
use std::time::Duration;

use super::span;
use crate::live::watch::summary::{First, Order, Summary};
use crate::live::watch::watcher::Totals;
use crate::report::Look;
use crate::report::palette::Tone;
use crate::report::text::{count, grouped};

/// What all changes come to.
pub fn render(summary: &Summary, totals: &Totals, took: Duration, look: &Look) -> String {
    let mut text = format!(
        "\n{} in {}\n",
        count(
            usize::try_from(summary.changes).unwrap_or(usize::MAX),
            "change"
        ),
        span(took)
    );
    let most = summary.transitions.values().max().copied().unwrap_or(0);
    let digits = grouped(most).len().max(6);
    for ((old, new), number) in &summary.transitions {
        let word = |state: &Option<Order>, nothing: &str| {
            state.map_or(nothing.to_owned(), |order| order.0.to_string())
        };
        let _ = writeln!(
            text,
            "  {:>digits$}  {} > {}",
            grouped(*number),
            word(old, "-"),
            word(new, "gone")
        );
    }
    let lives = &summary.lives;
    if lives.count > 0 {
        let _ = writeln!(
            text,
            "{}: min {}, median {}, max {}",
            lived(lives.count),
            span(lives.least),
            span(lives.median()),
            span(lives.greatest)
        );
    }
    let first: Vec<String> = summary
        .closed_first
        .iter()
        .map(|(first, number)| format!("{} {}", word(*first), grouped(*number)))
        .collect();
    if !first.is_empty() {
        let _ = writeln!(text, "closed first: {}", first.join(", "));
    }
    if let Some((sent, received)) = totals.resets
        && sent + received > 0
    {
        let (sent, received) = (grouped(sent), grouped(received));
        let _ = writeln!(text, "RST: {sent} sent, {received} received");
    }
    if let Some(retransmits @ 1..) = totals.retransmits {
        let _ = writeln!(text, "retransmitted segments: {}", grouped(retransmits));
    }
    for (tone, note) in notes(totals) {
        let _ = writeln!(text, "{}", look.paint(tone, &note));
    }
    look.glyphs(&text)
}

/// Whether `--until` came true, and with how many.
pub fn until(with: Option<u64>, look: &Look) -> String {
    let text = match with {
        Some(count) => format!("--until came true, with a count of {}", grouped(count)),
        None => "--until did not come true".to_owned(),
    };
    look.paint(Tone::Strong, &text) + "\n"
}

fn lived(number: u64) -> String {
    let noun = if number == 1 { "end" } else { "ends" };
    format!(
        "{} {noun} of connections lived from begin to end",
        grouped(number)
    )
}

fn word(first: First) -> &'static str {
    match first {
        First::Client => "the end that connected",
        First::Server => "the end that accepted",
        First::ThisEnd => "this end",
        First::OtherEnd => "the other end",
        First::ResetSent => "RST sent",
        First::ResetReceived => "RST received",
    }
}

/// What is missing, a line each.
fn notes(totals: &Totals) -> Vec<(Tone, String)> {
    let mut notes = Vec::new();
    let number = |number: u64, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", grouped(number)),
    };
    match (totals.resets.is_some(), totals.lost_unknown, totals.lost) {
        (false, ..) => notes.push((
            Tone::Faint,
            format!(
                "sampled, {}: states between two looks are missing",
                number(totals.looks, "look", "looks")
            ),
        )),
        (true, true, _) => notes.push((
            Tone::Bad,
            "nobody knows how many events were lost".to_owned(),
        )),
        (true, false, 0) => notes.push((Tone::Faint, "no event was lost".to_owned())),
        (true, false, lost) => notes.push((
            Tone::Bad,
            format!(
                "{} lost, of any socket of the machine: changes may be missing",
                number(lost, "event was", "events were")
            ),
        )),
    }
    let mut say = |count: u64, one: &str, many: &str| {
        if count > 0 {
            notes.push((Tone::Closing, number(count, one, many)));
        }
    };
    say(
        totals.gaps,
        "change did not begin where the one before had ended",
        "changes did not begin where the one before had ended",
    );
    say(
        totals.unheard,
        "change was found by looking: no event had told of it",
        "changes were found by looking: no event had told of them",
    );
    say(
        totals.unplaced,
        "event was left out: it may be of a socket in another network namespace",
        "events were left out: they may be of sockets in another network namespace",
    );
    say(
        totals.undecided,
        "change may be meant too: its holder was never found",
        "changes may be meant too: their holders were never found",
    );
    say(
        totals.given_up,
        "socket in TIME_WAIT or FIN_WAIT2 was not followed to its end",
        "sockets in TIME_WAIT or FIN_WAIT2 were not followed to their end",
    );
    if totals.holders_skipped > 0 {
        let times = number(totals.holders_skipped, "time", "times");
        let why = match totals.unreadable {
            0 => "the connection was too short, or too much happened".to_owned(),
            many => format!(
                "{} may not be looked at; or the connection was too short, or too much happened",
                number(many as u64, "process", "processes")
            ),
        };
        notes.push((
            Tone::Faint,
            format!("holders were not found {times}: {why}"),
        ));
    }
    notes
}
