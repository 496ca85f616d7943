//! A packet drawn between the lifelines of two hosts.

use super::rows::{Arrow, End, Leg, Side, WindowNews};
use super::text::{cut, escape, grouped, width};
use crate::event::{Body, Packet, Segment, SegmentRole, TcpFlags};

/// How much of a segment its label tells, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LabelDetail {
    /// Flags, numbers, length and window.
    Window,
    /// Flags, numbers and length.
    Numbers,
    /// Flags and length.
    Flags,
}

impl LabelDetail {
    pub(super) const ALL: [LabelDetail; 3] = [
        LabelDetail::Window,
        LabelDetail::Numbers,
        LabelDetail::Flags,
    ];
}

/// Columns that the arrow needs with such a label.
pub(super) fn columns(arrow: &Arrow, detail: LabelDetail) -> usize {
    let tip = match arrow.end {
        End::Delivered => 4,
        End::Dropped | End::Underway => 3,
        End::Held => 9,
    };
    width(&label(arrow, detail)) + 4 + tip
}

/// What stands on the arrow.
pub(super) fn label(arrow: &Arrow, detail: LabelDetail) -> String {
    let mut label = packet_label(&arrow.packet, detail);
    match arrow.window {
        None => {}
        Some(WindowNews::Closed) if detail == LabelDetail::Window => {}
        Some(WindowNews::Closed) => label.push_str(" win 0"),
        Some(WindowNews::Opened) => label.push_str(" window update"),
    }
    label
}

/// A packet in a few words.
pub(super) fn packet_label(packet: &Packet, detail: LabelDetail) -> String {
    match &packet.body {
        Body::Tcp(segment) => segment_label(segment, packet.len, detail),
        Body::Udp => format!("UDP {}", payload(packet.len)),
        Body::Icmp { text } => format!("ICMP {}", escape(text)),
        Body::Other { text } => escape(text),
    }
}

fn segment_label(segment: &Segment, len: u32, detail: LabelDetail) -> String {
    let mut label = segment.flags.to_string();
    match segment.role {
        SegmentRole::First => {}
        SegmentRole::Retransmission => label.push_str(" (again)"),
        SegmentRole::KeepAlive => label.push_str(" keep-alive probe"),
        SegmentRole::WindowProbe => label.push_str(" window probe"),
    }
    if detail == LabelDetail::Flags {
        if len > 0 {
            label.push(' ');
            label.push_str(&payload(len));
        }
        return label;
    }
    // Bare acknowledgements and resets stand for no sequence number of their own.
    let numbered = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
    if len > 0 || segment.flags.0 & numbered != 0 || segment.role != SegmentRole::First {
        label.push_str(&format!(" seq {}", segment.seq));
    }
    if segment.flags.has(TcpFlags::ACK) {
        label.push_str(&format!(" ack {}", segment.ack));
    }
    if len > 0 {
        label.push_str(&format!(" len {len}"));
    }
    if detail == LabelDetail::Window && !segment.flags.has(TcpFlags::RST) {
        label.push_str(&format!(" win {}", segment.window));
    }
    label
}

fn payload(len: u32) -> String {
    match len {
        1 => "1 byte".to_owned(),
        len => format!("{} bytes", grouped(u64::from(len))),
    }
}

/// Left lifeline, arrow and right lifeline, `columns` wide between the lifelines.
pub(super) fn draw(arrow: &Arrow, label: &str, columns: usize) -> [String; 3] {
    let label = cut(label, columns.saturating_sub(7));
    let (shaft, start) = match arrow.leg {
        Leg::Whole | Leg::Leaves => ('─', true),
        Leg::Arrives => ('┄', false),
    };
    let two = shaft.to_string().repeat(2);
    let rest = columns.saturating_sub(width(&label) + 4);
    let (tip, far) = match arrow.end {
        End::Delivered => (shaft.to_string().repeat(rest.saturating_sub(1)), "▶"),
        End::Dropped => (two.clone(), "╳"),
        End::Held => (two.clone(), "■ held"),
        End::Underway => ("┄".repeat(rest), ""),
    };
    // Where `held` does not fit behind the label, the square alone says it.
    let far = if width(&tip) + width(far) > rest {
        far.split(' ').next().unwrap_or(far)
    } else {
        far
    };
    let fill = " ".repeat(rest.saturating_sub(width(&tip) + width(far)));
    match arrow.toward {
        Side::Right => [
            if start { "├" } else { "│" }.to_owned(),
            format!("{two} {label} {tip}{far}{fill}"),
            "│".to_owned(),
        ],
        Side::Left => {
            let far = match far {
                "▶" => "◀",
                "■ held" => "held ■",
                other => other,
            };
            [
                "│".to_owned(),
                format!("{fill}{far}{tip} {label} {two}"),
                if start { "┤" } else { "│" }.to_owned(),
            ]
        }
    }
}
