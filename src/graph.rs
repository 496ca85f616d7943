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
    if from == to || can_follow(from, to, by_one_segment) {
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

/// Whether `to` can follow `from` directly. A segment that arrives does not make a program close:
/// between SYN_RECV and FIN_WAIT1 it leads to ESTABLISHED first. Nor does one segment open a
/// connection by way of SYN_RECV, which is for a SYN that crosses.
fn can_follow(from: TcpState, to: TcpState, by_one_segment: bool) -> bool {
    successors(from).contains(&to) && !(by_one_segment && from == SynRecv && to == FinWait1)
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
        if next == to && can_follow(from, to, by_one_segment) {
            found.push(so_far.clone());
        } else if next != Close && next != Listen && !so_far.contains(&next) {
            if by_one_segment && (next == Closing || from == SynSent && next == SynRecv) {
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
    fn a_program_that_closes_at_once_was_connected() {
        assert_eq!(
            between(SynRecv, FinWait1, true),
            Between::Through(vec![Established])
        );
        assert_eq!(
            between(SynSent, FinWait1, true),
            Between::Through(vec![Established])
        );
        assert_eq!(between(SynRecv, FinWait1, false), Between::Direct);
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
