//! Closes that did not come.

use super::Subject;
use crate::event::Kind;
use crate::model::TcpState;
use crate::timeline::Endpoint;

/// The endpoint, or its peer, which a missing FIN may be due to.
fn ends<'a>(subject: &Subject<'a>) -> Vec<&'a Endpoint> {
    let Some(name) = &subject.endpoint else {
        return Vec::new();
    };
    let Some(endpoint) = subject.timeline.endpoint(name) else {
        return Vec::new();
    };
    let mut ends = vec![endpoint];
    ends.extend(subject.timeline.peer(endpoint));
    ends
}

fn holder_list(endpoint: &Endpoint) -> String {
    let holders: Vec<String> = endpoint
        .holders
        .iter()
        .flatten()
        .map(|holder| format!("{} fd {}", holder.process, holder.fd))
        .collect();
    holders.join(" and ")
}

/// A copy of the socket is still open elsewhere: close() in one process sends no FIN (UNP
/// section 4.8, `close(2)`).
pub(super) fn other_holder(subject: &Subject<'_>) -> Option<String> {
    if !subject.about_close {
        return None;
    }
    ends(subject).into_iter().find_map(|endpoint| {
        let open = matches!(
            endpoint.state(),
            TcpState::Established | TcpState::CloseWait
        );
        let left = endpoint.holding_processes();
        let several = left.len() > 1;
        let told = match endpoint.state() {
            _ if subject.about_holders => several,
            TcpState::CloseWait => several || one_let_go(subject, endpoint),
            _ => one_let_go(subject, endpoint),
        };
        if !open || left.is_empty() || !told {
            return None;
        }
        Some(format!(
            "{} is still held by {}: close() in another process sends no FIN as long as a copy \
             is open; shutdown(fd, SHUT_WR) sends it at once (UNP 4.8, 6.6)",
            endpoint.name,
            holder_list(endpoint)
        ))
    })
}

/// Whether a process closed its copy, or ended, in this step, and others kept theirs.
fn one_let_go(subject: &Subject<'_>, endpoint: &Endpoint) -> bool {
    let mut looks = subject
        .timeline
        .events()
        .iter()
        .rev()
        .filter_map(|event| match &event.kind {
            Kind::Holders { key, holders, .. } if *key == endpoint.key => {
                Some((event.step, holders))
            }
            _ => None,
        });
    match (looks.next(), looks.next()) {
        (Some((step, now)), Some((_, before))) => {
            step == subject.step && before.iter().any(|holder| !now.contains(holder))
        }
        _ => false,
    }
}

/// CLOSE_WAIT: the peer has closed, the program has not.
pub(super) fn owes_the_close(subject: &Subject<'_>) -> Option<String> {
    ends(subject).into_iter().find_map(|endpoint| {
        if endpoint.state() != TcpState::CloseWait {
            return None;
        }
        let holders = holder_list(endpoint);
        let who = match holders.as_str() {
            "" => "no process holds it".to_owned(),
            list => format!("{list} owes the close"),
        };
        Some(format!(
            "{} is in CLOSE_WAIT since step {}: the peer sent its FIN and {who}",
            endpoint.name,
            endpoint.history.last()?.step + 1
        ))
    })
}
