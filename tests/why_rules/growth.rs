//! What gets more from look to look.

use std::time::Duration;

use sockscope::diagnose::Weight;
use sockscope::diagnose::growth::{Counters, close_wait_leak, counted};
use sockscope::diagnose::picture::Picture;
use sockscope::model::TcpState;

use super::{has, held, keys, picture, proofs, socket};

/// Sockets in CLOSE_WAIT to these ports, held by the same processes.
fn waiting(ports: &[u16], holders: &[usize]) -> Picture {
    let sockets = ports.iter().map(|port| {
        let mut socket = socket(80, *port, TcpState::CloseWait);
        socket.holders = Some(holders.iter().map(|process| held(*process, 4)).collect());
        socket
    });
    picture(sockets.collect())
}

const TIME: Duration = Duration::from_secs(2);

#[test]
fn a_leak_is_by_the_sockets_and_not_by_their_number() {
    let leak = |before: &[u16], after: &[u16], last: &[u16]| {
        let at = |ports| waiting(ports, &[0]);
        close_wait_leak(&at(before), &at(after), &at(last), TIME)
    };
    let found = leak(&[1, 2], &[1, 2, 3], &[1, 2, 3, 4]);
    assert_eq!(keys(&found), [("close-wait-leak", Weight::Wrong)]);
    has(
        &found[0].headline,
        "grew from 2 to 3 in 2.0 s, and none of them was closed",
    );
    assert_eq!(leak(&[1, 2], &[1, 2], &[1, 2]), []);
    assert_eq!(leak(&[1, 2], &[3, 4, 5], &[3, 4, 5]), [], "they turn over");
    assert_eq!(leak(&[1, 2], &[2, 3, 4], &[2, 3, 4]), [], "one was closed");
    assert_eq!(leak(&[1, 2], &[1, 2, 3], &[1, 2]), [], "it was on its way");
    assert_eq!(
        leak(&[1, 2], &[1, 2, 3], &[1, 3]),
        [],
        "one was closed late"
    );
    let burst = leak(&[], &[1, 2, 3], &[1, 2, 3]);
    assert_eq!(keys(&burst), [("close-wait-leak", Weight::Suspect)]);
    assert_eq!(leak(&[], &[1], &[1]), [], "one is no pile");
}

#[test]
fn forked_holders_count_each_and_are_told_once() {
    // Each connection has a child of its own, and the parent keeps all.
    let of_parent = |ports: &[u16]| {
        let mut picture = picture(Vec::new());
        for (port, child) in ports.iter().zip(1..) {
            let mut socket = socket(80, *port, TcpState::CloseWait);
            socket.holders = Some(vec![held(0, 4), held(child, 4)]);
            picture.sockets.push(socket);
        }
        picture
    };
    let (before, after) = (of_parent(&[1]), of_parent(&[1, 2]));
    let found = close_wait_leak(&before, &after, &after, TIME);
    assert_eq!(keys(&found), [("close-wait-leak", Weight::Wrong)]);
    has(&found[0].headline, "of one 7 grew from 1 to 2");
    has(&proofs(&found[0]), "copies are also held by three 9");
    has(&found[0].fix, "the copies that fork() made in three 9");
}

#[test]
fn counters_are_told_as_what_they_count() {
    let none = Counters::default();
    let after = Counters {
        resets: 4,
        timeouts: 1,
        resets_sent: 2,
        refused: 3,
        ..none
    };
    let found = counted(none, after, TIME);
    assert_eq!(
        keys(&found),
        [
            ("resets", Weight::Suspect),
            ("attempts-failed", Weight::Suspect)
        ]
    );
    has(
        &found[0].headline,
        "4 connection ends that closed without a FIN in 2.0 s",
    );
    has(&proofs(&found[0]), "where both ends are here, each counts");
    has(&proofs(&found[0]), "TCPAbortOnTimeout +1");
    has(&found[1].headline, "3 connections that did not come about");
    has(
        &proofs(&found[1]),
        "refused (ECONNREFUSED), not answered (ETIMEDOUT)",
    );
    assert_eq!(counted(after, after, TIME), []);
}
