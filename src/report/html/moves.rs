//! The way of an endpoint through the state diagram, and why it left the diagram's arrows.

use nix::errno::Errno;

use super::diagram::Node;
use super::map::EDGES;
use crate::event::{Body, CallResult, Cause, Kind, TcpFlags};
use crate::graph;
use crate::model::{Role, TcpState};
use crate::run::Run;
use crate::timeline::{Change, Endpoint};

/// A step from one place to the next.
pub(super) struct Move {
    pub(super) from: Node,
    pub(super) to: Node,
    /// Why it is none of the diagram's arrows, in lines; empty: it is one.
    pub(super) strange: &'static [&'static str],
}

/// The nodes that an endpoint visits, in order, and its moves between them.
pub(super) fn visits(run: &Run, endpoint: &Endpoint) -> (Vec<Node>, Vec<Move>) {
    let mut nodes: Vec<Node> = Vec::new();
    let mut moves = Vec::new();
    for change in &endpoint.history {
        let before = nodes.last().copied();
        let abort = abort(run, endpoint, change);
        let node = match (change.state, before) {
            (TcpState::Close, None) => Node::Start,
            // A listener that is closed is back where it began.
            (TcpState::Close, Some(Node::In(TcpState::Listen))) if abort.is_none() => Node::Start,
            (TcpState::Close, _) => Node::End,
            (state, _) => Node::In(state),
        };
        if before == Some(node) {
            continue;
        }
        match (before, node) {
            (Some(from), _) => moves.push(Move {
                from,
                to: node,
                strange: abort.unwrap_or_else(|| strangeness(from, node)),
            }),
            // A socket is new when it connects or listens; one that arrives comes from its
            // listener.
            (None, Node::In(TcpState::SynSent | TcpState::Listen)) => {
                nodes.push(Node::Start);
                moves.push(usual(Node::Start, node));
            }
            (None, Node::In(TcpState::SynRecv)) => {
                nodes.push(Node::In(TcpState::Listen));
                moves.push(usual(Node::In(TcpState::Listen), node));
            }
            _ => {}
        }
        nodes.push(node);
    }
    (nodes, moves)
}

fn usual(from: Node, to: Node) -> Move {
    Move {
        from,
        to,
        strange: &[],
    }
}

/// What ended a socket against the diagram, where that is known.
fn abort(run: &Run, endpoint: &Endpoint, change: &Change) -> Option<&'static [&'static str]> {
    let is_reset = |id| {
        let packet = run.timeline.packet(id).map(|fate| &fate.packet.body);
        matches!(packet, Some(Body::Tcp(segment)) if segment.flags.has(TcpFlags::RST))
    };
    match change.cause {
        Some(Cause::Received(id)) if is_reset(id) => return Some(&["receive", "RST"]),
        Some(Cause::Sent(id)) if is_reset(id) => return Some(&["send RST"]),
        Some(Cause::Received(_) | Cause::Sent(_)) => return None,
        // TIME_WAIT ends by its timer.
        Some(Cause::Timer) => {
            let waits = endpoint.history.iter().rev();
            let mut waits = waits.skip_while(|c| c.event >= change.event);
            let before = waits.next().map(|change| change.state);
            return (before != Some(TcpState::TimeWait)).then_some(&["timed", "out"]);
        }
        None => {}
    }
    if change.state != TcpState::Close {
        return None;
    }
    let step = || {
        run.timeline
            .events_in(change.step)
            .map(|(_, event)| &event.kind)
    };
    let rebooted = step().any(|kind| {
        matches!(kind, Kind::Acted { text } if text.strip_prefix("reboot ").map(str::trim)
            == Some(endpoint.host.as_str()))
    });
    if rebooted {
        return Some(&["host", "rebooted"]);
    }
    // The program was told. With several connections nobody knows which one was meant.
    let program = endpoint.name.program();
    let all = run.timeline.endpoints().iter();
    let connections = all.filter(|e| e.role == Role::Connection && e.name.program() == program);
    let timed_out = |kind: &Kind| match kind {
        Kind::Called { process, call } => {
            process.program() == program
                && call.result == CallResult::Errno(Errno::ETIMEDOUT as i32)
        }
        _ => false,
    };
    let alone = endpoint.role == Role::Connection && connections.count() == 1;
    (alone && step().any(timed_out)).then_some(&["timed", "out"])
}

/// Why a move is none of the diagram's arrows; empty when it is one.
fn strangeness(from: Node, to: Node) -> &'static [&'static str] {
    let drawn = EDGES.iter().any(|edge| edge.from == from && edge.to == to);
    match (drawn, from, to) {
        (true, ..) => &[],
        (_, Node::In(before), Node::In(after)) if graph::successors(before).contains(&after) => {
            &["cause", "not seen"]
        }
        (_, Node::In(before), Node::End)
            if graph::successors(before).contains(&TcpState::Close) =>
        {
            &["cause", "not seen"]
        }
        _ => &["not seen", "between"],
    }
}
