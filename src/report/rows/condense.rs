//! A megabyte on the wire is not a thousand rows: long stretches of plain segments and of output
//! lines are counted instead.

use super::{Class, End, Happening, Leg, Row, RowKind, Side};
use crate::event::{Body, SegmentRole, TcpFlags};
use crate::report::text::{bytes, count};

/// Plain segments in a row that are still shown one by one.
const SEGMENTS: usize = 40;

/// Output lines in a row that are still shown one by one.
const LINES: usize = 20;

/// How many rows of a long stretch are shown before and after the count.
const HEAD: usize = 3;
const TAIL: usize = 2;

/// Replaces the middle of every long stretch by one row that counts it. `titles` names the sides.
pub(super) fn condense(rows: Vec<Row>, titles: [&str; 2]) -> Vec<Row> {
    let mut kept = Vec::with_capacity(rows.len());
    let mut stretch: Vec<Row> = Vec::new();
    for row in rows {
        if is_plain_segment(&row) || is_output(&row) {
            stretch.push(row);
        } else {
            finish(&mut stretch, &mut kept, titles);
            kept.push(row);
        }
    }
    finish(&mut stretch, &mut kept, titles);
    kept
}

fn finish(stretch: &mut Vec<Row>, kept: &mut Vec<Row>, titles: [&str; 2]) {
    let segments = stretch.iter().filter(|row| is_plain_segment(row)).count();
    let lines = stretch.len() - segments;
    if segments <= SEGMENTS && lines <= LINES {
        kept.append(stretch);
        return;
    }
    let tail = stretch.split_off(stretch.len() - TAIL);
    let middle = stretch.split_off(HEAD);
    kept.append(stretch);
    if let Some(first) = middle.first() {
        kept.push(Row {
            step: first.step,
            at: first.at,
            kind: RowKind::Skipped(counted(&middle, titles)),
            events: middle.into_iter().flat_map(|row| row.events).collect(),
        });
    }
    kept.extend(tail);
}

/// `… 693 segments, 1.0 MB from client; 347 ACKs from server; 12 lines of output`
fn counted(rows: &[Row], titles: [&str; 2]) -> String {
    let mut parts = Vec::new();
    for side in [Side::Left, Side::Right] {
        let lengths: Vec<u32> = rows
            .iter()
            .filter_map(arrow_of)
            .filter(|arrow| arrow.toward == side.other())
            .map(|arrow| arrow.packet.len)
            .collect();
        let payload: u64 = lengths.iter().copied().map(u64::from).sum();
        let from = titles[side as usize];
        if payload > 0 {
            parts.push(format!(
                "{}, {} from {from}",
                count(lengths.len(), "segment"),
                bytes(payload)
            ));
        } else if !lengths.is_empty() {
            parts.push(format!("{} from {from}", count(lengths.len(), "ACK")));
        }
    }
    let lines = rows.iter().filter(|row| is_output(row)).count();
    if lines > 0 {
        parts.push(format!("{} of output", count(lines, "line")));
    }
    format!("… {}", parts.join("; "))
}

fn arrow_of(row: &Row) -> Option<&super::Arrow> {
    match &row.kind {
        RowKind::Rung(rung) => rung.arrow.as_ref(),
        _ => None,
    }
}

fn is_output(row: &Row) -> bool {
    matches!(
        &row.kind,
        RowKind::Happening(Happening {
            class: Class::Output,
            ..
        })
    )
}

/// Whether the row shows data or an acknowledgement that came through at once and changed no
/// state.
fn is_plain_segment(row: &Row) -> bool {
    let RowKind::Rung(rung) = &row.kind else {
        return false;
    };
    let Some(arrow) = &rung.arrow else {
        return false;
    };
    let plain = match &arrow.packet.body {
        Body::Tcp(segment) => {
            let marked = TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST);
            segment.role == SegmentRole::First && segment.flags.0 & marked.0 == 0
        }
        Body::Udp => true,
        Body::Icmp { .. } | Body::Other { .. } => false,
    };
    // A window that closes or opens stops the data or lets it go on: it is never only counted.
    plain
        && arrow.window.is_none()
        && arrow.leg == Leg::Whole
        && arrow.end == End::Delivered
        && !rung.changes_a_state()
}
