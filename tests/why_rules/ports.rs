//! Who has a port.

use sockscope::diagnose::picture::{Settings, Socket};
use sockscope::diagnose::{Finding, Weight};
use sockscope::model::TcpState;

use super::{has, keys, picture, socket, told};

#[test]
fn each_way_to_have_a_port_has_its_own_fix() {
    let on = |sockets: Vec<Socket>| {
        let found = told(&picture(sockets), &[80]);
        let port = |it: &&Finding| it.facts.port == Some(80);
        let found: Vec<Finding> = found.iter().filter(port).cloned().collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].clone()
    };
    let nobody = |mut socket: Socket| {
        socket.holders = Some(Vec::new());
        socket
    };
    let listener = on(vec![
        socket(80, 0, TcpState::Listen),
        socket(80, 1, TcpState::Established),
    ]);
    assert_eq!(
        keys(std::slice::from_ref(&listener)),
        [("port-held", Weight::Note)]
    );
    has(
        &listener.fix,
        "SO_REUSEADDR does not help against a listener",
    );

    let bound = on(vec![socket(80, 0, TcpState::Close)]);
    assert_eq!(
        keys(std::slice::from_ref(&bound)),
        [("address-in-use", Weight::Suspect)]
    );
    has(
        &bound.headline,
        "one 7 fd 4 has bound it, and neither listens nor connects",
    );
    has(&bound.fix, "without SO_REUSEADDR at both");

    let child = on(vec![
        socket(80, 1, TcpState::Established),
        socket(80, 2, TcpState::CloseWait),
        nobody(socket(80, 3, TcpState::TimeWait)),
    ]);
    assert_eq!(
        keys(std::slice::from_ref(&child)),
        [("address-in-use", Weight::Suspect)]
    );
    has(
        &child.headline,
        "2 open connections (CLOSE_WAIT and ESTABLISHED) keep it, held by one 7",
    );
    has(&child.fix, "end the process that holds it");

    let left = on(vec![nobody(socket(80, 1, TcpState::LastAck))]);
    has(&left.headline, "1 left-over connection (LAST_ACK) keeps it");
    has(
        &left.fix,
        "set SO_REUSEADDR before bind(), from the server's first start on",
    );

    let waiting = on(vec![nobody(socket(80, 1, TcpState::TimeWait))]);
    has(&waiting.headline, "1 connection in TIME_WAIT keeps it");
    has(&waiting.fix, "set SO_REUSEADDR before bind()");

    // One that was connected and is closed has no port.
    assert_eq!(
        told(
            &picture(vec![nobody(socket(80, 1, TcpState::Close))]),
            &[80]
        ),
        []
    );
}

#[test]
fn a_port_of_connect_belongs_to_a_client() {
    let weight = |settings: Settings| {
        let mut picture = picture(vec![socket(40_000, 1, TcpState::Established)]);
        picture.settings = settings;
        keys(&told(&picture, &[40_000])) == [("port-held", Weight::Note)]
    };
    assert!(weight(Settings::default()));
    let narrow = Settings {
        ephemeral: Some((50_000, 60_000)),
        ..Settings::default()
    };
    assert!(!weight(narrow));
}

#[test]
fn udp_has_ports_of_its_own() {
    let mut picture = picture(Vec::new());
    picture.datagrams = vec![socket(80, 0, TcpState::Close)];
    let found = told(&picture, &[80]);
    assert_eq!(keys(&found), [("port-held", Weight::Note)]);
    has(&found[0].headline, "UDP port 80 is bound by one 7 fd 4");
    has(&found[0].fix, "TCP has ports of its own");
}

#[test]
fn ports_of_two_network_namespaces_are_two_ports() {
    let at = |netns: u64, socket: Socket| Socket {
        netns: Some(netns),
        place: Some(format!("netns {netns}")),
        ..socket
    };
    let mut waiting = at(2, socket(80, 1, TcpState::TimeWait));
    waiting.holders = Some(Vec::new());
    let found = told(
        &picture(vec![at(1, socket(80, 0, TcpState::Listen)), waiting]),
        &[80],
    );
    assert_eq!(
        keys(&found),
        [
            ("address-in-use", Weight::Suspect),
            ("port-held", Weight::Note)
        ]
    );
    has(&found[0].headline, "(netns 2)");
    assert_eq!(found[0].facts.netns, Some(2));
    assert_ne!(found[0].about, found[1].about);
}
