//! Ways for steps that RFC 9293's figure has no arrow for: through the margins of the diagram and
//! the channel between its middle and its right column, where they cross no box and no label.

use super::diagram::Node;
use super::map::{HALF, NODES};

/// The lanes: outside of the left column, between the middle and the right one, outside of that.
const LEFT: f64 = 68.0;
const CHANNEL: f64 = 505.0;
const RIGHT: f64 = 712.0;

/// Above everything.
const TOP: f64 = 7.0;

/// The middle column.
const MIDDLE: f64 = 390.0;

/// A way from state to state, and where its label begins.
pub(super) struct Route {
    /// Both ends and the corners between.
    pub(super) way: Vec<[f64; 2]>,
    /// Where the first line of the label stands.
    pub(super) label: [f64; 2],
    /// Whether the label stands at the left of its point.
    pub(super) leftward: bool,
}

/// The way of a step; nothing for states that the diagram does not know.
pub(super) fn route(from: Node, to: Node) -> Option<Route> {
    let place = |wanted: Node| {
        let found = NODES.iter().find(|(node, _)| *node == wanted);
        found.map(|(_, at)| *at)
    };
    let (start, end) = (place(from)?, place(to)?);
    // The channel connects the middle column's lower half; above it an arrow and its label stand.
    let channel = [start, end].iter().all(|[x, y]| *x == MIDDLE && *y > 300.0);
    let left = start[0].min(end[0]) < MIDDLE && start[0].max(end[0]) <= MIDDLE;
    let lane = match (channel, left) {
        (true, _) => CHANNEL,
        (_, true) => LEFT,
        _ => RIGHT,
    };
    let side = if lane == LEFT { -1.0 } else { 1.0 };
    // Into CLOSE at the bottom below the arrow that comes from LAST_ACK.
    let enter = if to == Node::End {
        end[1] + 7.0
    } else {
        end[1]
    };
    let mut way = vec![[start[0] + side * HALF[0], start[1]], [lane, start[1]]];
    let outer = start[0].max(end[0]) > MIDDLE && start[0].min(end[0]) < MIDDLE;
    let hidden = lane != CHANNEL && end[0] == MIDDLE && (383.0..509.0).contains(&end[1]);
    if outer {
        // From the one outer column to the other one around everything.
        let side = (start[0] - MIDDLE).signum();
        let [near, far] = if side < 0.0 {
            [LEFT, RIGHT]
        } else {
            [RIGHT, LEFT]
        };
        way = vec![
            [start[0] + side * HALF[0], start[1]],
            [near, start[1]],
            [near, TOP],
            [far, TOP],
            [far, end[1]],
            [end[0] - side * HALF[0], end[1]],
        ];
    } else if hidden {
        // An outer column stands before it: from below.
        let under = end[1] + HALF[1] + 15.0;
        let foot = end[0] + side * 36.0;
        way.extend([[lane, under], [foot, under], [foot, end[1] + HALF[1]]]);
    } else {
        way.extend([[lane, enter], [end[0] + side * HALF[0], enter]]);
    }
    let label = match lane {
        // In the gaps between the rows of the columns beside.
        CHANNEL if end[1] < 480.0 => [lane + 7.0, 366.0],
        CHANNEL => [lane + 7.0, 442.0],
        _ if outer => [MIDDLE + 70.0, TOP + 10.0],
        _ => [lane + 6.0 * side, f64::midpoint(start[1], way[2][1])],
    };
    Some(Route {
        way,
        label,
        leftward: lane == LEFT && !outer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a line that runs along an axis touches a box.
    fn touches([a, b]: [[f64; 2]; 2], [x, y]: [f64; 2]) -> bool {
        let [left, right] = [a[0].min(b[0]), a[0].max(b[0])];
        let [top, bottom] = [a[1].min(b[1]), a[1].max(b[1])];
        left < x + HALF[0] && right > x - HALF[0] && top < y + HALF[1] && bottom > y - HALF[1]
    }

    #[test]
    fn no_way_runs_behind_a_state() {
        for (from, start) in NODES {
            for (to, _) in NODES {
                // Nothing ends where it begins, and the end leads nowhere.
                if from == to || from == Node::End || to == Node::Start {
                    continue;
                }
                // From CLOSING and TIME_WAIT nothing leads anywhere but to the end.
                if start[0] == MIDDLE && start[1] > 380.0 && to != Node::End {
                    continue;
                }
                let route = route(from, to).expect("both are in the diagram");
                for pair in route.way.windows(2) {
                    for (node, at) in NODES {
                        assert!(
                            !touches([pair[0], pair[1]], at),
                            "{from:?} to {to:?} runs through {node:?}"
                        );
                    }
                }
            }
        }
    }
}
