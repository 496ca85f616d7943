//! The rules of `why` on made-up sockets and processes: what takes too long, or cannot be had, on
//! a live machine.

mod growth;
#[path = "../support/made_up.rs"]
mod made_up;
mod ports;

use std::net::SocketAddr;

use made_up::process;
use sockscope::diagnose::picture::{Held, Picture, Settings, Socket};
use sockscope::diagnose::{Finding, Question, Weight, diagnose};
use sockscope::model::{Evidence, ProcState, SocketFacts, TcpInfo, TcpState, TimerKind, Tuple};

fn tuple(local: u16, remote: u16) -> Tuple {
    let at = |host, port| -> SocketAddr { ([10, 0, 0, host], port).into() };
    match remote {
        0 => Tuple {
            local: at(1, local),
            remote: ([0, 0, 0, 0], 0).into(),
        },
        _ => Tuple {
            local: at(1, local),
            remote: at(2, remote),
        },
    }
}

fn facts(tuple: Tuple, state: TcpState) -> SocketFacts {
    SocketFacts {
        cookie: u64::from(tuple.remote.port()),
        inode: 1,
        info: Some(Box::new(TcpInfo::default())),
        ..SocketFacts::unasked(tuple, state)
    }
}

/// A socket of 10.0.0.1, by default held by the first process; its key is the remote port.
fn socket(local: u16, remote: u16, state: TcpState) -> Socket {
    let tuple = tuple(local, remote);
    Socket {
        name: tuple.to_string(),
        key: u64::from(remote),
        place: None,
        netns: None,
        tuple: Some(tuple),
        state,
        known: Evidence::Seen,
        facts: Some(facts(tuple, state)),
        holders: Some(vec![held(0, 4)]),
        more_holders: false,
        peer: None,
        since: None,
        let_go: None,
        sent_again: 0,
        overflows: None,
        earlier: None,
    }
}

fn held(process: usize, fd: i32) -> Held {
    Held {
        process,
        fd,
        close_on_exec: Some(false),
    }
}

/// With these numbers now, and those at an earlier look.
fn moved(
    mut socket: Socket,
    now: impl Fn(&mut SocketFacts, &mut TcpInfo),
    then: impl Fn(&mut SocketFacts, &mut TcpInfo),
) -> Socket {
    let of = |change: &dyn Fn(&mut SocketFacts, &mut TcpInfo)| {
        let mut facts = facts(socket.tuple.expect("addresses"), socket.state);
        let mut info = TcpInfo::default();
        change(&mut facts, &mut info);
        facts.info = Some(Box::new(info));
        Some(facts)
    };
    let (now, then) = (of(&now), of(&then));
    socket.facts = now;
    socket.earlier = then;
    socket
}

fn picture(sockets: Vec<Socket>) -> Picture {
    Picture {
        sockets,
        processes: vec![process("one", 7), process("two", 8), process("three", 9)],
        ..Picture::default()
    }
}

fn told(picture: &Picture, ports: &[u16]) -> Vec<Finding> {
    let question = Question {
        sockets: (0..picture.sockets.len()).collect(),
        processes: (0..picture.processes.len()).collect(),
        ports: ports.to_vec(),
        about_close: true,
        about_holders: true,
        about_children: true,
        about_stops: true,
        about_progress: true,
        ..Question::default()
    };
    diagnose(picture, &question)
}

fn keys(found: &[Finding]) -> Vec<(&str, Weight)> {
    let key = |finding: &Finding| (finding.diagnosis.key, finding.weight);
    found.iter().map(key).collect()
}

fn of(sockets: Vec<Socket>) -> Vec<Finding> {
    told(&picture(sockets), &[])
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in: {text}");
}

/// Evidence as it is told.
fn proofs(finding: &Finding) -> String {
    let told = finding.evidence.iter();
    let told: Vec<String> = told
        .map(|it| format!("{}: {}", it.known, it.text))
        .collect();
    told.join("\n")
}

#[test]
fn a_corked_sender_waits_for_nobody_but_itself() {
    // The persist timer runs while TCP_CORK holds back what the window would take.
    let corked = |window: Option<u32>, unacked: u32| {
        let probes = move |facts: &mut SocketFacts, info: &mut TcpInfo| {
            (facts.timer, facts.timer_ms, facts.send_q) = (TimerKind::Probe, 180, 100);
            (info.snd_wnd, info.unacked) = (window, unacked);
        };
        of(vec![moved(
            socket(80, 1, TcpState::Established),
            probes,
            probes,
        )])
    };
    assert_eq!(keys(&corked(Some(65_536), 0)), []);
    assert_eq!(keys(&corked(Some(100), 0)), []);
    let shut = [("zero-window", Weight::Wrong)];
    assert_eq!(keys(&corked(Some(0), 0)), shut);
    assert_eq!(keys(&corked(Some(99), 0)), shut, "it may not send all");
    assert_eq!(
        keys(&corked(None, 0)),
        shut,
        "an older kernel does not tell"
    );
}

#[test]
fn a_window_that_opens_from_look_to_look_is_a_note() {
    let shut = |acked: u64| {
        move |facts: &mut SocketFacts, info: &mut TcpInfo| {
            (facts.timer, facts.send_q) = (TimerKind::Probe, 9000);
            (info.snd_wnd, info.bytes_acked) = (Some(0), acked);
        }
    };
    let sender = |now| moved(socket(80, 1, TcpState::Established), shut(now), shut(500));
    let stuck = of(vec![sender(500)]);
    assert_eq!(keys(&stuck), [("zero-window", Weight::Wrong)]);
    has(&proofs(&stuck[0]), "seen: no byte was acknowledged");
    has(&proofs(&stuck[0]), "inferred: 10.0.0.2:1 does not read");
    let slow = of(vec![sender(1500)]);
    assert_eq!(keys(&slow), [("zero-window", Weight::Note)]);
    has(
        &proofs(&slow[0]),
        "1000 bytes were acknowledged between the looks",
    );
    assert!(!slow[0].headline.contains("does not read"), "{slow:#?}");
}

#[test]
fn segments_that_get_through_in_between_are_losses() {
    let again = |acked: u64| {
        move |facts: &mut SocketFacts, info: &mut TcpInfo| {
            (facts.timer, facts.retransmits, facts.send_q) = (TimerKind::Retransmit, 2, 10);
            info.bytes_acked = acked;
        }
    };
    let sender = |now| moved(socket(80, 1, TcpState::Established), again(now), again(5));
    let dead = of(vec![sender(5)]);
    assert_eq!(keys(&dead), [("retransmitting", Weight::Wrong)]);
    has(&dead[0].headline, "does not acknowledge it");
    let lossy = of(vec![sender(6)]);
    assert_eq!(keys(&lossy), [("retransmitting", Weight::Suspect)]);
    has(
        &lossy[0].headline,
        "lost on the way, and others get through",
    );
}

#[test]
fn a_queue_of_which_something_is_taken_is_read() {
    let queue = |recv_q: u32, received: u64| {
        move |facts: &mut SocketFacts, info: &mut TcpInfo| {
            facts.recv_q = recv_q;
            info.bytes_received = received;
        }
    };
    let reader = |now, then| of(vec![moved(socket(80, 1, TcpState::Established), now, then)]);
    let stuck = [("unread", Weight::Suspect)];
    assert_eq!(keys(&reader(queue(10, 50), queue(10, 50))), stuck);
    assert_eq!(
        keys(&reader(queue(30, 70), queue(10, 50))),
        stuck,
        "more came"
    );
    assert_eq!(keys(&reader(queue(9, 50), queue(10, 50))), []);
    assert_eq!(
        keys(&reader(queue(10, 60), queue(10, 50))),
        [],
        "as much as was read"
    );
}

#[test]
fn a_stopped_reader_is_told_once() {
    let queue = |facts: &mut SocketFacts, _: &mut TcpInfo| facts.recv_q = 10;
    let mut picture = picture(vec![moved(
        socket(80, 1, TcpState::Established),
        queue,
        queue,
    )]);
    picture.processes[0].state = Some(ProcState::Stopped);
    assert_eq!(keys(&told(&picture, &[])), [("stopped", Weight::Wrong)]);
}

#[test]
fn close_wait_on_which_data_flows_is_a_half_close() {
    let acked =
        |bytes: u64| move |_: &mut SocketFacts, info: &mut TcpInfo| info.bytes_acked = bytes;
    let waits = |now| {
        of(vec![moved(
            socket(80, 1, TcpState::CloseWait),
            now,
            acked(7),
        )])
    };
    let owed = waits(acked(7));
    assert_eq!(keys(&owed), [("close-wait", Weight::Wrong)]);
    has(
        &proofs(&owed[0]),
        "seen: nothing was sent on it between the looks",
    );
    has(&proofs(&owed[0]), "inferred: the close() was forgotten");
    assert_eq!(keys(&waits(acked(9))), [("half-closed", Weight::Note)]);
    // Not acknowledged yet.
    let queued = |facts: &mut SocketFacts, _: &mut TcpInfo| facts.send_q = 2;
    let none = |_: &mut SocketFacts, _: &mut TcpInfo| ();
    let sends = moved(socket(80, 1, TcpState::CloseWait), queued, none);
    assert_eq!(keys(&of(vec![sends])), [("half-closed", Weight::Note)]);
    // Held by a forked copy too: what is in use owes nothing.
    let mut copied = moved(socket(80, 1, TcpState::CloseWait), acked(9), acked(7));
    copied.holders = Some(vec![held(0, 4), held(1, 4)]);
    let found = of(vec![copied]);
    assert!(
        found.iter().all(|it| it.weight == Weight::Note),
        "{found:#?}"
    );
}

#[test]
fn fin_wait2_that_still_gets_data_is_a_half_close() {
    let got =
        |bytes: u64| move |_: &mut SocketFacts, info: &mut TcpInfo| info.bytes_received = bytes;
    let waits = |now| of(vec![moved(socket(80, 1, TcpState::FinWait2), now, got(7))]);
    assert_eq!(keys(&waits(got(7))), [("fin-wait2", Weight::Wrong)]);
    assert_eq!(keys(&waits(got(8))), [("half-closed", Weight::Note)]);
}

#[test]
fn the_fix_of_a_copy_fits_how_it_came_about() {
    let shared = || {
        let mut socket = socket(80, 1, TcpState::CloseWait);
        socket.holders = Some(vec![held(0, 4), held(1, 6)]);
        socket
    };
    let fix = |change: &dyn Fn(&mut Picture)| {
        let mut picture = picture(vec![shared()]);
        for process in &mut picture.processes {
            process.executes = Some("/bin/server".to_owned());
        }
        change(&mut picture);
        let found = told(&picture, &[]);
        let copy = found
            .iter()
            .find(|it| it.diagnosis.key == "held-by-several");
        let copy = copy.expect("a copy");
        has(&proofs(copy), "seen: one 7 fd 4 is not close-on-exec");
        (copy.fix.clone(), proofs(copy))
    };
    let (forked, proofs) = fix(&|_| ());
    has(
        &forked,
        "close() it after fork() in whichever of one 7 and two 8",
    );
    assert!(!proofs.contains("execve()"), "{proofs}");
    let (executed, proofs) = fix(&|picture| {
        picture.processes[1].executes = Some("/bin/sleep".to_owned());
        picture.processes[1].parent = Some(0);
    });
    has(&executed, "let one 7 set FD_CLOEXEC (SOCK_CLOEXEC)");
    has(&proofs, "inferred: one 7 and two 8 execute different files");
    // The one that begot it is named first, whoever comes first.
    let (executed, _) = fix(&|picture| {
        picture.processes[0].executes = Some("/bin/sleep".to_owned());
        picture.processes[0].parent = Some(1);
    });
    has(&executed, "let two 8 set FD_CLOEXEC");
    let (unknown, _) = fix(&|picture| picture.processes[1].executes = None);
    has(&unknown, "after fork()");
}

#[test]
fn a_syn_to_a_full_queue_here_is_told_with_its_listener() {
    let told_of = |queued: u32, remote: &str| {
        let mut syn = socket(4000, 1, TcpState::SynSent);
        let to = remote.parse().expect("an address");
        syn.tuple = syn.tuple.map(|tuple| Tuple {
            remote: to,
            ..tuple
        });
        let mut listener = socket(80, 0, TcpState::Listen);
        if let Some(facts) = &mut listener.facts {
            (facts.recv_q, facts.send_q) = (queued, 2);
        }
        let found = of(vec![syn, listener]);
        let syn = found.iter().find(|it| it.diagnosis.key == "syn-sent");
        let syn = syn.expect("a SYN");
        format!("{}\n{}", proofs(syn), syn.fix)
    };
    let full = told_of(3, "10.0.0.1:80");
    has(&full, "drops it: its accept queue is full");
    has(&full, "call accept() in one 7");
    // One more than the backlog goes in.
    has(&told_of(2, "10.0.0.1:80"), "is up, routed to");
    has(&told_of(3, "10.0.0.9:80"), "is up, routed to");
}

#[test]
fn how_long_a_syn_is_sent_again_is_what_the_kernel_is_set_to() {
    let patience = |retries, linear| {
        let mut picture = picture(vec![socket(80, 1, TcpState::SynSent)]);
        picture.settings = Settings {
            syn_retries: retries,
            syn_linear: linear,
            ephemeral: None,
        };
        let found = told(&picture, &[]);
        assert_eq!(keys(&found), [("syn-sent", Weight::Wrong)]);
        proofs(&found[0])
    };
    let text = patience(Some(6), Some(4));
    has(
        &text,
        "inferred: the SYN is sent again 10 times (tcp_syn_retries 6 + ",
    );
    has(
        &text,
        "the first 4 are as long as the first pause, then each is twice the last",
    );
    let text = patience(Some(6), None);
    has(&text, "sent again 6 times (tcp_syn_retries 6;");
    has(&text, "each pause is twice the last");
    assert!(
        !patience(None, None).contains("twice"),
        "not known, not told"
    );
}
