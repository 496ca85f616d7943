//! RFC 9293's state diagram (section 3.3.2, figure 5) on paper: where each state stands and how
//! the arrows run. The bottom CLOSE is the same state as the top one, reached again.

use super::diagram::Node;
use crate::model::TcpState;

/// Size of the paper.
pub(super) const SIZE: [f64; 2] = [790.0, 620.0];

/// Half the size of a state's box.
pub(super) const HALF: [f64; 2] = [56.0, 13.0];

/// Every state and the middle of its box.
pub(super) const NODES: [(Node, [f64; 2]); 12] = [
    (Node::Start, [390.0, 30.0]),
    (Node::In(TcpState::Listen), [390.0, 124.0]),
    (Node::In(TcpState::SynRecv), [160.0, 216.0]),
    (Node::In(TcpState::SynSent), [620.0, 216.0]),
    (Node::In(TcpState::Established), [390.0, 306.0]),
    (Node::In(TcpState::FinWait1), [160.0, 396.0]),
    (Node::In(TcpState::Closing), [390.0, 396.0]),
    (Node::In(TcpState::CloseWait), [620.0, 396.0]),
    (Node::In(TcpState::FinWait2), [160.0, 496.0]),
    (Node::In(TcpState::TimeWait), [390.0, 496.0]),
    (Node::In(TcpState::LastAck), [620.0, 496.0]),
    (Node::End, [390.0, 590.0]),
];

/// On which side of its point a label stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Left,
    Middle,
    Right,
}

/// An arrow of the diagram.
pub(super) struct Edge {
    pub(super) from: Node,
    pub(super) to: Node,
    /// Its two ends and the corners between.
    pub(super) way: &'static [[f64; 2]],
    /// What leads there, what is done.
    pub(super) label: &'static [&'static str],
    /// Where the first line of the label stands.
    pub(super) at: [f64; 2],
    pub(super) beside: Beside,
}

const fn edge(
    [from, to]: [Node; 2],
    way: &'static [[f64; 2]],
    label: &'static [&'static str],
    at: [f64; 2],
    beside: Beside,
) -> Edge {
    Edge {
        from,
        to,
        way,
        label,
        at,
        beside,
    }
}

use Beside::{Left, Middle, Right};
use Node::{End, In, Start};
use TcpState::{
    CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent,
    TimeWait,
};

/// Every arrow of the RFC's figure but LISTEN to SYN_SENT, which Linux's sockets do not take, and
/// the way back from SYN_RECV to LISTEN, which is another socket's there.
pub(super) const EDGES: [Edge; 18] = [
    edge(
        [Start, In(Listen)],
        &[[380.0, 43.0], [380.0, 111.0]],
        &["listen()"],
        [372.0, 82.0],
        Left,
    ),
    edge(
        [In(Listen), Start],
        &[[400.0, 111.0], [400.0, 43.0]],
        &["close()"],
        [408.0, 82.0],
        Right,
    ),
    edge(
        [In(SynSent), Start],
        &[[650.0, 203.0], [650.0, 24.0], [446.0, 24.0]],
        &["close()"],
        [658.0, 112.0],
        Right,
    ),
    edge(
        [Start, In(SynSent)],
        &[[446.0, 36.0], [612.0, 203.0]],
        &["connect()", "send SYN"],
        [545.0, 100.0],
        Right,
    ),
    edge(
        [In(Listen), In(SynRecv)],
        &[[334.0, 124.0], [168.0, 203.0]],
        &["receive SYN", "send SYN,ACK"],
        [222.0, 142.0],
        Left,
    ),
    edge(
        [In(SynSent), In(SynRecv)],
        &[[564.0, 216.0], [216.0, 216.0]],
        &["receive SYN, send SYN,ACK"],
        [390.0, 208.0],
        Middle,
    ),
    edge(
        [In(SynRecv), In(Established)],
        &[[176.0, 229.0], [340.0, 293.0]],
        &["receive ACK"],
        [290.0, 262.0],
        Right,
    ),
    edge(
        [In(SynSent), In(Established)],
        &[[604.0, 229.0], [440.0, 293.0]],
        &["receive SYN,ACK", "send ACK"],
        [545.0, 266.0],
        Right,
    ),
    edge(
        [In(SynRecv), In(FinWait1)],
        &[[150.0, 229.0], [150.0, 383.0]],
        &["close()", "send FIN"],
        [142.0, 262.0],
        Left,
    ),
    edge(
        [In(Established), In(FinWait1)],
        &[[340.0, 319.0], [176.0, 383.0]],
        &["close()", "send FIN"],
        [232.0, 338.0],
        Left,
    ),
    edge(
        [In(Established), In(CloseWait)],
        &[[440.0, 319.0], [604.0, 383.0]],
        &["receive FIN", "send ACK"],
        [545.0, 338.0],
        Right,
    ),
    edge(
        [In(FinWait1), In(FinWait2)],
        &[[160.0, 409.0], [160.0, 483.0]],
        &["receive ACK"],
        [152.0, 450.0],
        Left,
    ),
    edge(
        [In(FinWait1), In(Closing)],
        &[[216.0, 396.0], [334.0, 396.0]],
        &["receive FIN", "send ACK"],
        [275.0, 389.0],
        Middle,
    ),
    edge(
        [In(Closing), In(TimeWait)],
        &[[390.0, 409.0], [390.0, 483.0]],
        &["receive ACK"],
        [398.0, 450.0],
        Right,
    ),
    edge(
        [In(FinWait2), In(TimeWait)],
        &[[216.0, 496.0], [334.0, 496.0]],
        &["receive FIN", "send ACK"],
        [275.0, 489.0],
        Middle,
    ),
    edge(
        [In(CloseWait), In(LastAck)],
        &[[620.0, 409.0], [620.0, 483.0]],
        &["close()", "send FIN"],
        [628.0, 442.0],
        Right,
    ),
    edge(
        [In(TimeWait), End],
        &[[390.0, 509.0], [390.0, 577.0]],
        &["after 2 MSL"],
        [398.0, 546.0],
        Right,
    ),
    edge(
        [In(LastAck), End],
        &[[612.0, 509.0], [446.0, 583.0]],
        &["receive ACK"],
        [560.0, 560.0],
        Right,
    ),
];
