//! What stands in a lane: an endpoint's state, and how it is known.

use super::Look;
use super::grid::wrap;
use super::palette::Tone;
use super::rows::{LaneCell, Row, Side};
use super::text::{cut, width};
use crate::model::Evidence;

/// `conn2 FIN_WAIT1~`
pub(super) fn lane_text(cell: &LaneCell) -> String {
    let Some((state, evidence)) = &cell.state else {
        return cell.label.clone();
    };
    let gap = if cell.label.is_empty() { "" } else { " " };
    format!("{}{gap}{state}{}", cell.label, sign(*evidence))
}

/// The same in `columns`: the label gives way, the state does not.
pub(super) fn fitted(cell: &LaneCell, columns: usize) -> String {
    let text = lane_text(cell);
    let label = width(&cell.label);
    let over = width(&text).saturating_sub(columns);
    if over == 0 || label <= over + 1 {
        return cut(&text, columns);
    }
    let shorter = LaneCell {
        label: cut(&cell.label, label - over),
        ..cell.clone()
    };
    lane_text(&shorter)
}

/// What stands behind a state that was not seen.
fn sign(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Seen => "",
        Evidence::Traced => "^",
        Evidence::Inferred => "~",
    }
}

/// Whether a state of any row is known so.
pub(super) fn occurs(rows: &[Row], wanted: Evidence) -> bool {
    rows.iter().filter_map(Row::rung).any(|rung| {
        [Side::Left, Side::Right]
            .into_iter()
            .filter_map(|side| rung.cell(side)?.state)
            .any(|(_, evidence)| evidence == wanted)
    })
}

/// What it means that a state is known so.
pub(super) fn meaning(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Seen => "seen: the kernel was asked and answered so",
        Evidence::Traced => "traced: a kernel event said so",
        Evidence::Inferred => "inferred: the only way between two states that were seen",
    }
}

/// What the signs behind states mean, those that occur.
pub(super) fn legend(rows: &[Row], look: &Look) -> Vec<String> {
    let parts: Vec<String> = [Evidence::Inferred, Evidence::Traced]
        .into_iter()
        .filter(|evidence| occurs(rows, *evidence))
        .map(|evidence| format!("{} {}", sign(evidence), meaning(evidence)))
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    wrap(look, " ", &parts.join(" · "), Tone::Faint)
}
