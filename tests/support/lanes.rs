//! What a run did, without what differs every time.

use sockscope::compare::{self, Lane};
use sockscope::run::Run;

/// The states of each endpoint, the packets, and each process's life, one line each.
pub(crate) fn sequence(run: &Run) -> Vec<String> {
    compare::lanes(&compare::normal(run, false), false)
        .into_iter()
        .filter(|(lane, _)| matches!(lane, Lane::States(_) | Lane::Wire | Lane::Life(_)))
        .flat_map(|(lane, items)| {
            items
                .into_iter()
                .map(move |item| format!("{lane}: step {} {}", item.step + 1, item.text))
        })
        .collect()
}

/// The lines in which two sequences differ first.
pub(crate) fn difference(first: &[String], second: &[String]) -> String {
    let at = first
        .iter()
        .zip(second)
        .position(|(a, b)| a != b)
        .unwrap_or(first.len().min(second.len()));
    let around = |lines: &[String]| {
        lines[at.saturating_sub(2).min(lines.len())..(at + 3).min(lines.len())].join("\n  ")
    };
    format!("  {}\nagainst\n  {}", around(first), around(second))
}
