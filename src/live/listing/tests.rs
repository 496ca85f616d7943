//! The join of sockets and holders, where both change under it.

use std::sync::Arc;

use super::*;
use crate::live::filter::{NamePattern, parse};
use crate::live::socket::LiveProcess;
use crate::model::{ProcState, Tuple};
use crate::observe::inet_diag::{Binding, Protocol};

fn facts(cookie: u64, inode: u32, state: TcpState) -> SocketFacts {
    SocketFacts {
        cookie,
        inode,
        ..SocketFacts::unasked(
            Tuple {
                local: "127.0.0.1:80".parse().expect("address"),
                remote: "127.0.0.1:5000".parse().expect("address"),
            },
            state,
        )
    }
}

fn row(cookie: u64, inode: u32) -> Row {
    Row {
        socket: LiveSocket {
            protocol: Protocol::Tcp,
            netns: None,
            binding: Binding::default(),
            facts: facts(cookie, inode, TcpState::Established),
        },
        owners: Owners::NotAsked,
    }
}

fn holder(pid: i32) -> LiveHolder {
    LiveHolder {
        process: Arc::new(LiveProcess {
            pid,
            start_ticks: 1,
            name: format!("p{pid}"),
            uid: 0,
            ppid: 1,
            state: ProcState::Sleeping,
        }),
        fd: 3,
    }
}

/// One walk found these holders; the table was like this after it.
fn joined(rows: Vec<Row>, found: &[(u32, i32)], after: Vec<SocketFacts>) -> Join {
    let mut join = Join::new(rows);
    let walk = Walk::from_found(found.iter().map(|(inode, pid)| (*inode, holder(*pid))));
    join.add(&walk, after);
    join
}

fn finished(join: Join) -> Listing {
    join.finish(&Filter::EVERYTHING, false, &HashMap::new())
}

const ESTABLISHED: TcpState = TcpState::Established;

#[test]
fn a_socket_that_stayed_has_its_holders() {
    let join = joined(
        vec![row(1, 100)],
        &[(100, 7), (100, 8)],
        vec![facts(1, 100, ESTABLISHED)],
    );
    assert!(join.is_settled());
    let listing = finished(join);
    assert_eq!(
        listing.rows[0].owners,
        Owners::Held {
            holders: vec![holder(7), holder(8)],
            complete: true
        }
    );
}

#[test]
fn an_inode_that_another_socket_got_meanwhile_names_no_holder() {
    // Cookie 1 was closed; cookie 2 has its inode, and process 7 holds that one.
    let join = joined(
        vec![row(1, 100)],
        &[(100, 7)],
        vec![facts(2, 100, ESTABLISHED)],
    );
    let listing = finished(join);
    assert_eq!(listing.rows, []);
    assert_eq!(listing.unseen.closed_meanwhile, 1);
}

#[test]
fn one_that_was_accepted_or_closed_meanwhile_is_looked_for_again() {
    let mut orphan = facts(2, 0, TcpState::FinWait2);
    orphan.uid = 0;
    let join = joined(
        vec![row(1, 0), row(2, 200)],
        &[(200, 7)],
        vec![facts(1, 100, ESTABLISHED), orphan],
    );
    assert!(!join.is_settled(), "the accepted one is held by somebody");
    assert_eq!(join.wanted(), Wanted::inodes([100]));
    let listing = finished(join);
    assert_eq!(
        listing.rows[0].owners,
        Owners::Unknown(UnknownOwner::NotHere)
    );
    assert_eq!(listing.rows[1].owners, Owners::Nobody(Nobody::Orphan));
}

#[test]
fn who_could_not_be_seen_is_unknown_and_never_nobody() {
    let mut join = joined(
        vec![row(1, 100), row(2, 200)],
        &[(200, 7)],
        vec![facts(1, 100, ESTABLISHED), facts(2, 200, ESTABLISHED)],
    );
    join.unread = vec![unread("p9", 0)];
    assert!(join.is_settled(), "its user's process may not be read");
    let listing = finished(join);
    assert_eq!(
        listing.rows[0].owners,
        Owners::Unknown(UnknownOwner::NotPermitted)
    );
    assert!(!listing.rows[1].owners.is_complete());
}

fn unread(name: &str, uid: u32) -> Unread {
    let process = LiveProcess {
        name: name.to_owned(),
        uid,
        ..(*holder(9).process).clone()
    };
    Unread {
        pid: 9,
        process: Some(process),
    }
}

/// How many rows `name:p7` has, and how many sockets are undecided.
fn by_name(join: Join) -> (usize, usize) {
    let name = Filter::Is(crate::live::filter::Condition::Name(NamePattern::new("p7")));
    let listing = join.finish(&name, false, &HashMap::new());
    (listing.rows.len(), listing.unseen.undecided)
}

#[test]
fn only_a_process_that_fits_may_be_meant_too() {
    let held = || {
        joined(
            vec![row(1, 100)],
            &[(100, 8)],
            vec![facts(1, 100, ESTABLISHED)],
        )
    };
    assert_eq!(by_name(held()), (0, 0));
    let mut join = held();
    join.unread = vec![unread("p7", 0)];
    assert_eq!(by_name(join), (0, 1));
    let mut join = held();
    join.unread = vec![unread("p9", 0)];
    assert_eq!(by_name(join), (0, 0));
    // Of one nothing is known; some are hidden.
    let mut join = held();
    join.unread = vec![Unread {
        pid: 9,
        process: None,
    }];
    assert_eq!(by_name(join), (0, 1));
    let mut join = held();
    join.hides = true;
    assert_eq!(by_name(join), (0, 1));
}

#[test]
fn a_socket_that_somebody_holds_who_was_not_seen_may_be_meant() {
    let open = || joined(vec![row(1, 100)], &[], vec![facts(1, 100, ESTABLISHED)]);
    assert_eq!(by_name(open()), (0, 1));
    let not = parse(&["not name:p7"], &|_| None).expect("a filter");
    let listing = open().finish(&not, false, &HashMap::new());
    assert_eq!((listing.rows.len(), listing.unseen.undecided), (0, 1));
}

#[test]
fn hidden_processes_leave_no_row_complete() {
    let mut join = joined(
        vec![row(1, 100)],
        &[(100, 7)],
        vec![facts(1, 100, ESTABLISHED)],
    );
    join.hides = true;
    let listing = finished(join);
    assert!(!listing.rows[0].owners.is_complete());
    assert!(listing.unseen.hides);
}

#[test]
fn what_another_users_process_hardly_holds_is_looked_for_again() {
    let mut join = joined(vec![row(1, 100)], &[], vec![facts(1, 100, ESTABLISHED)]);
    join.unread = vec![unread("p9", 33)];
    assert!(!join.is_settled(), "it is root's");
}

#[test]
fn a_connection_in_a_listeners_queue_is_not_accepted() {
    let mut listener = facts(9, 900, TcpState::Listen);
    listener.tuple.local = "0.0.0.0:80".parse().expect("address");
    listener.tuple.remote = "0.0.0.0:0".parse().expect("address");
    let listeners = HashMap::from([(None, vec![listener])]);
    let join = Join::new(vec![row(1, 0)]);
    assert!(join.has_unaccepted());
    let filter = parse(&["tcp"], &|_| None).expect("a filter");
    let listing = join.finish(&filter, false, &listeners);
    assert_eq!(listing.rows[0].owners, Owners::Nobody(Nobody::NotAccepted));
}
