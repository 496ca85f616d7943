//! Causes on made-up timelines.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::event::{Packet, Segment, SegmentRole, Source};
use crate::model::{Evidence, SocketFacts, Tuple};

const SOCKET: SocketKey = SocketKey(1);

#[derive(Default)]
struct Story(Timeline);

impl Story {
    fn with(mut self, kind: Kind) -> Story {
        self.0.push(Event {
            at: Duration::ZERO,
            step: 0,
            source: Source::Driver,
            kind,
        });
        self
    }

    /// A connection that is open in these processes, each at fd 4.
    fn open_in(processes: &[&str]) -> Story {
        let mut story = Story::default();
        for name in processes {
            story = story.with(Kind::Spawned {
                process: (*name).into(),
                pid: 1,
                ns_pid: None,
                host: "server".into(),
                command: Vec::new(),
            });
        }
        story
            .call("server", "rt_sigaction", "SIGCHLD, handler")
            .state(TcpState::Established, None)
            .held_by(processes)
    }

    fn state(self, state: TcpState, cause: Option<Cause>) -> Story {
        let address = |last| SocketAddr::from(([192, 0, 2, last], 9190));
        let facts = SocketFacts {
            cookie: 7,
            inode: 70,
            ..SocketFacts::unasked(
                Tuple {
                    local: address(2),
                    remote: address(1),
                },
                state,
            )
        };
        self.with(Kind::Socket {
            key: SOCKET,
            host: "server".into(),
            state,
            evidence: Evidence::Seen,
            facts: Some(facts),
            owner: Some("server".into()),
            cause,
        })
    }

    fn held_by(self, processes: &[&str]) -> Story {
        let holders = processes.iter().map(|name| holder(&(*name).into(), 4));
        let holders = holders.collect();
        self.with(Kind::Holders {
            key: SOCKET,
            holders,
            unreadable: Vec::new(),
        })
    }

    fn call(self, process: &str, name: &str, args: &str) -> Story {
        self.with(Kind::Called {
            process: process.into(),
            call: Call {
                name: name.into(),
                args: args.into(),
                result: CallResult::Value(0),
                fd: Some(4),
                inode: None,
                opened: None,
                thread: None,
            },
        })
    }

    fn exit(self, process: &str) -> Story {
        self.with(Kind::Exited {
            process: process.into(),
            status: None,
        })
    }

    /// The segment leaves, and the state changes by it.
    fn sends(self, flags: TcpFlags, state: TcpState) -> Story {
        let id = PacketId(1);
        let packet = Packet {
            id,
            from: "server".into(),
            to: Some("client".into()),
            src: SocketAddr::from(([192, 0, 2, 2], 9190)),
            dst: SocketAddr::from(([192, 0, 2, 1], 9190)),
            len: 0,
            body: Body::Tcp(Segment {
                flags,
                seq: 1,
                ack: 1,
                window: 1,
                role: SegmentRole::First,
            }),
        };
        self.with(Kind::Sent(packet))
            .state(state, Some(Cause::Sent(id)))
    }

    /// Each link as the event's index and its effect.
    fn told(&self) -> Vec<(usize, &'static str)> {
        read(&self.0)
            .links
            .into_iter()
            .map(|link| {
                let effect = match link.effect {
                    Effect::Sent { reset: false, .. } => "FIN",
                    Effect::Sent { reset: true, .. } => "RST",
                    Effect::Became(TcpState::FinWait1) => "FIN_WAIT1",
                    Effect::Became(_) => "another state",
                    Effect::StillHeld(_) => "held",
                };
                (link.event, effect)
            })
            .collect()
    }

    /// The index of the next event.
    fn next(&self) -> usize {
        self.0.events().len()
    }
}

#[test]
fn the_last_close_sends_the_fin_and_those_before_say_who_holds_it() {
    let story = Story::open_in(&["server", "server.child"]);
    let first = story.next();
    let story = story
        .call("server", "close", "4")
        .held_by(&["server.child"]);
    let last = story.next();
    let story = story
        .exit("server.child")
        .sends(TcpFlags::FIN, TcpState::FinWait1);
    assert_eq!(story.told(), [(first, "held"), (last, "FIN")]);
}

#[test]
fn a_holder_that_closes_later_bears_out_the_close_before() {
    let story = Story::open_in(&["server", "server.child"]);
    let first = story.next();
    let story = story
        .call("server.child", "close", "4")
        .call("server", "close", "4")
        .sends(TcpFlags::FIN, TcpState::FinWait1);
    assert_eq!(story.told(), [(first, "held"), (first + 1, "FIN")]);
}

#[test]
fn shutdown_sends_the_fin_whoever_holds_the_socket() {
    let story = Story::open_in(&["server", "server.child"]);
    let first = story.next();
    let story = story
        .call("server", "shutdown", "4, SHUT_WR")
        .exit("server")
        .sends(TcpFlags::FIN, TcpState::FinWait1);
    assert_eq!(story.told(), [(first, "FIN")]);
}

#[test]
fn a_reset_is_told_from_a_fin() {
    let story = Story::open_in(&["server"]);
    let first = story.next();
    let story = story
        .call("server", "close", "4")
        .sends(TcpFlags::RST, TcpState::Close);
    assert_eq!(story.told(), [(first, "RST")]);
}

#[test]
fn nothing_is_claimed_that_was_not_seen() {
    let open = || Story::open_in(&["server", "server.child"]);
    // Nobody looked again: the other holder may have closed it too.
    assert!(open().call("server", "close", "4").told().is_empty());
    // Nobody holds it any more, and no segment left.
    let gone = open().exit("server").exit("server.child").held_by(&[]);
    assert!(gone.told().is_empty());
    // A shutdown of the reading side sends nothing.
    let story = open().call("server", "shutdown", "4, SHUT_RD");
    assert!(story.told().is_empty());
}

#[test]
fn of_a_program_whose_calls_are_unknown_nothing_is_claimed() {
    let story = Story::default()
        .state(TcpState::Established, None)
        .held_by(&["server", "other"])
        .exit("server")
        .held_by(&["other"])
        .exit("other")
        .sends(TcpFlags::FIN, TcpState::FinWait1);
    assert!(story.told().is_empty());
}

#[test]
fn a_close_that_was_not_the_last_is_not_the_cause() {
    let story = Story::open_in(&["server"]);
    let first = story.next();
    // The model thought it was the last one; then another holder shows up.
    let story = story
        .call("server", "close", "4")
        .held_by(&["server.child"]);
    let last = story.next();
    let story = story
        .exit("server.child")
        .sends(TcpFlags::FIN, TcpState::FinWait1);
    assert!(first < last);
    assert_eq!(story.told(), [(last, "FIN")]);
}

#[test]
fn without_a_wire_the_state_tells_what_a_close_did() {
    let closes = |story: Story| story.call("server", "close", "4");
    let finishes = |story: Story| story.state(TcpState::FinWait1, None);
    let open = || Story::open_in(&["server"]);
    let first = open().next();
    // Sampled: the call has told of itself before anybody looks.
    let told = finishes(closes(open())).told();
    assert_eq!(told, [(first, "FIN_WAIT1")]);
    // Traced: the kernel tells while the call goes on.
    let told = closes(finishes(open())).told();
    assert_eq!(told, [(first + 1, "FIN_WAIT1")]);
    // What comes later is not its doing.
    let later = closes(open()).state(TcpState::FinWait1, None);
    let told = later.state(TcpState::FinWait2, None).told();
    assert_eq!(told, [(first, "FIN_WAIT1")]);
    // Somebody else did it, and nobody told.
    let told = closes(finishes(open()).with(Kind::Quiet)).told();
    assert!(told.is_empty());
    // The other end closed.
    let told = closes(open()).state(TcpState::CloseWait, None).told();
    assert!(told.is_empty());
}

#[test]
fn a_call_is_about_what_its_inode_says() {
    let call = |inode, opened| Call {
        name: "accept4".into(),
        args: "4".into(),
        result: CallResult::Value(5),
        fd: Some(4),
        inode,
        opened,
        thread: None,
    };
    let called = |call| Kind::Called {
        process: "server".into(),
        call,
    };
    let story = Story::open_in(&["server"]);
    let first = story.next();
    let story = story
        .call("server", "read", "4, buf, 1")
        .with(called(call(Some(71), Some(70))));
    let subjects = read(&story.0).subjects;
    let subject = |event| subjects.get(&event).copied().unwrap_or_default();
    // Untraced, who holds what tells.
    assert_eq!(subject(first).of, Some(SOCKET));
    // At the last look fd 4 was the connection; now it is something else.
    assert_eq!(subject(first + 1).of, None);
    assert_eq!(subject(first + 1).opened, Some(SOCKET));
}
