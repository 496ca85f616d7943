//! UDP sockets on the timeline.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/runs.rs"]
#[expect(dead_code, reason = "one run is enough")]
mod runs;

use fixture::{Pair, Stage};
use sockscope::event::{Kind, SocketKey};
use sockscope::model::{EndpointName, Role, TcpState, UdpState};
use sockscope::run::{Place, Run};
use sockscope::timeline::{Endpoint, Timeline};

fn endpoint<'a>(timeline: &'a Timeline, name: &str) -> &'a Endpoint {
    timeline
        .endpoint(&EndpointName::from(name))
        .unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn they_are_endpoints_without_states() {
    let run = runs::datagrams();
    let timeline = &run.timeline;
    for (name, state, open) in [
        ("server.udp", UdpState::Gone, false),
        ("client.udp", UdpState::Unconnected, true),
        ("second.udp", UdpState::Connected, true),
    ] {
        let endpoint = endpoint(timeline, name);
        assert_eq!(endpoint.role, Role::Datagram);
        assert_eq!(endpoint.udp(), Some(state), "{name}");
        assert_eq!(endpoint.is_open(), open, "{name}");
        assert_eq!(endpoint.history, []);
        assert_eq!(endpoint.state(), TcpState::Close);
    }
    let mut events = timeline.events().iter();
    assert!(!events.any(|event| matches!(event.kind, Kind::Gap { .. })));
}

#[test]
fn a_recorded_run_is_read_back() {
    let run = runs::datagrams();
    let text = serde_json::to_string(&run).expect("written");
    let read: Run = serde_json::from_str(&text).expect("read");
    assert_eq!(read.timeline.events(), run.timeline.events());
    assert_eq!(read.timeline.endpoints(), run.timeline.endpoints());
    assert!(text.contains(r#""kind":"datagram""#));
    assert!(text.contains(r#""state":"unconnected""#));
}

#[test]
fn a_datagram_belongs_to_the_connected_socket_before_the_other() {
    let run = runs::datagrams();
    let ends = |packet: usize| {
        let fate = &run.timeline.packets()[packet];
        run.timeline
            .ends(&fate.packet)
            .map(|end| end.map(|endpoint| endpoint.name.to_string()))
    };
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(ends(0), [name("client.udp"), name("server.udp")]);
    assert_eq!(ends(1), [name("server.udp"), name("client.udp")]);
    assert_eq!(ends(2), [name("second.udp"), None], "the server was gone");
    assert_eq!(ends(3), [None, None], "ICMP has no ports");
}

#[test]
fn they_are_not_taken_for_connections_with_the_same_ports() {
    let mut stage = Stage::new(Place::Wire, "both", "TCP and UDP on the same ports");
    let pair = Pair::nth(1);
    stage.step("both");
    stage.listen();
    stage.handshake(pair);
    let udp = UdpState::Connected;
    stage.datagram(SocketKey(90), "client", udp, (40001, Some(9190)));
    let run = stage.finish();
    let timeline = &run.timeline;
    let peer = |name: &str| {
        timeline
            .peer(endpoint(timeline, name))
            .map(|e| e.name.as_str())
    };
    assert_eq!(peer("server.conn"), Some("client.conn"));
    assert_eq!(peer("client.udp"), None);
    let [sender, _] = timeline.ends(&timeline.packets()[0].packet);
    assert_eq!(sender.map(|e| e.name.as_str()), Some("client.conn"));
}
