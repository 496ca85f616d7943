//! RFC 9293's state diagram (section 3.3.2, figure 5), and what it lets one conclude about states
//! that nobody saw.

use crate::model::TcpState::{
    self, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv,
    SynSent, TimeWait, Unknown,
};

/// The states that can follow `state` directly.
///
/// A FIN that also acknowledges ours takes FIN_WAIT1 through FIN_WAIT2 to TIME_WAIT: RFC 9293
/// section 3.10.7.4 looks at the ACK (fifth) before the FIN (eighth), and so does Linux.
pub fn successors(state: TcpState) -> &'static [TcpState] {
    match state {
        Close => &[Listen, SynSent],
        Listen => &[SynRecv, SynSent, Close],
        SynSent => &[SynRecv, Established, Close],
        SynRecv => &[Established, FinWait1, Listen, Close],
        Established => &[FinWait1, CloseWait, Close],
        FinWait1 => &[FinWait2, Closing, Close],
        FinWait2 => &[TimeWait, Close],
        Closing => &[TimeWait, Close],
        CloseWait => &[LastAck, Close],
        LastAck => &[Close],
        TimeWait => &[Close],
        Unknown(_) => &[],
    }
}

/// What lies between two known states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Between {
    /// Nothing needs to: the one follows the other, or they are the same.
    Direct,
    /// Exactly these states, in this order.
    Through(Vec<TcpState>),
    /// More than one path leads there.
    Ambiguous,
    /// No path leads there.
    Impossible,
}

/// What lies between `from` and `to`. `by_one_segment`: a single arriving segment did it, which
/// rules out CLOSING (that needs the FIN and the ACK to come apart) and any abort.
pub fn between(from: TcpState, to: TcpState, by_one_segment: bool) -> Between {
    if matches!(from, Unknown(_)) || matches!(to, Unknown(_)) {
        return Between::Ambiguous;
    }
    if from == to || successors(from).contains(&to) {
        return Between::Direct;
    }
    let mut paths = Vec::new();
    walk(from, to, by_one_segment, &mut Vec::new(), &mut paths);
    match paths.len() {
        0 => Between::Impossible,
        1 => Between::Through(paths.swap_remove(0)),
        _ => Between::Ambiguous,
    }
}

/// The states that an arriving segment takes a connection through, out of all that happened
/// between two looks, one before and one after its arrival. What is missing behind them is the
/// program's own doing: it may react before anyone can look. `fin` and `rst` are the segment's
/// flags.
pub fn received(before: TcpState, after: TcpState, fin: bool, rst: bool) -> Vec<TcpState> {
    if before == after {
        return Vec::new();
    }
    if rst && after == Close {
        return vec![Close];
    }
    match (before, after) {
        (SynSent, SynRecv) => vec![SynRecv],
        (SynSent | SynRecv, Close) => Vec::new(),
        (SynSent | SynRecv, _) => {
            let mut states = vec![Established];
            states.extend(received(Established, after, fin, rst));
            states
        }
        (Established, CloseWait | LastAck | Close) if fin => vec![CloseWait],
        (FinWait1, FinWait2) => vec![FinWait2],
        (FinWait1, Closing) => vec![Closing],
        (FinWait1, TimeWait) => vec![FinWait2, TimeWait],
        (FinWait2 | Closing, TimeWait) => vec![TimeWait],
        (LastAck, Close) => vec![Close],
        _ => Vec::new(),
    }
}

/// Collects the states between `from` and `to` of every path that passes no state twice.
fn walk(
    from: TcpState,
    to: TcpState,
    by_one_segment: bool,
    so_far: &mut Vec<TcpState>,
    found: &mut Vec<Vec<TcpState>>,
) {
    for &next in successors(from) {
        if next == to {
            found.push(so_far.clone());
        } else if next != Close && next != Listen && !so_far.contains(&next) {
            if by_one_segment && next == Closing {
                continue;
            }
            so_far.push(next);
            walk(next, to, by_one_segment, so_far, found);
            so_far.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_path_is_found() {
        assert_eq!(
            between(Established, FinWait2, false),
            Between::Through(vec![FinWait1])
        );
        assert_eq!(
            between(Established, LastAck, false),
            Between::Through(vec![CloseWait])
        );
    }

    #[test]
    fn fin_with_ack_goes_through_fin_wait2() {
        assert_eq!(
            between(FinWait1, TimeWait, true),
            Between::Through(vec![FinWait2])
        );
        assert_eq!(between(FinWait1, TimeWait, false), Between::Ambiguous);
    }

    #[test]
    fn what_the_program_did_is_not_the_segments_doing() {
        assert_eq!(received(Established, CloseWait, true, false), [CloseWait]);
        assert_eq!(received(Established, LastAck, true, false), [CloseWait]);
        assert_eq!(received(Established, FinWait1, false, false), []);
        assert_eq!(received(SynRecv, FinWait1, false, false), [Established]);
        assert_eq!(
            received(SynRecv, LastAck, true, false),
            [Established, CloseWait]
        );
        assert_eq!(received(Established, Close, false, true), [Close]);
        assert_eq!(received(Established, Close, false, false), []);
        assert_eq!(
            received(FinWait1, TimeWait, true, false),
            [FinWait2, TimeWait]
        );
    }

    #[test]
    fn backwards_is_impossible() {
        assert_eq!(between(TimeWait, Established, false), Between::Impossible);
        assert_eq!(between(CloseWait, FinWait1, false), Between::Impossible);
    }

    #[test]
    fn an_edge_is_direct() {
        assert_eq!(between(Established, Close, false), Between::Direct);
        assert_eq!(between(Established, Established, false), Between::Direct);
    }
}
