//! The wire between two datagram sockets in place of TUN devices.

use std::os::unix::net::UnixDatagram;

use etherparse::PacketBuilder;

use super::*;
use crate::event::Body;
use crate::lab::host_spec;
use crate::scenario::PacketClass;

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// A wire, and the hosts' kernels as the test plays them.
fn wire() -> (Wire, [UnixDatagram; 2]) {
    let (client, client_end) = device();
    let (server, server_end) = device();
    let ends = [("client", client_end), ("server", server_end)];
    let specs = ends
        .into_iter()
        .enumerate()
        .map(|(index, (name, end))| (host_spec(HostName::from(name), index), end));
    (Wire::new(specs), [client, server])
}

fn device() -> (UnixDatagram, OwnedFd) {
    let (kernel, ours) = UnixDatagram::pair().expect("a pair of sockets");
    kernel.set_nonblocking(true).expect("it can be set");
    ours.set_nonblocking(true).expect("it can be set");
    (kernel, ours.into())
}

fn segment(from: u8, to: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, from], [192, 0, 2, to], 64)
        .tcp(4000, 9190, 1, 1000)
        .ack(1)
        .write(&mut bytes, payload)
        .expect("a vector takes it");
    bytes
}

fn read(kernel: &UnixDatagram) -> Option<Vec<u8>> {
    let mut buffer = [0; 2000];
    let length = kernel.recv(&mut buffer).ok()?;
    Some(buffer[..length].to_vec())
}

#[test]
fn an_answer_goes_back_as_a_packet_of_the_wire() {
    let (mut wire, [client, server]) = wire();
    wire.order(&Action::Unreachable {
        what: Matcher {
            skip: 0,
            count: Some(1),
            what: PacketClass::Data,
            from: None,
        },
        code: UnreachableCode::Host,
    });
    client.send(&segment(1, 2, b"hello")).expect("it is sent");
    let arrival = wire.take().expect("it is read").expect("it is there");
    assert!(matches!(arrival.fate, Fate::Dropped(_)), "{arrival:?}");
    let answer = arrival.answer.expect("the wire answers");
    assert_eq!(answer.from.as_str(), WIRE);
    assert_eq!(answer.to, Some(HostName::from("client")));
    assert!(
        matches!(&answer.body, Body::Icmp { text } if text.contains("host")),
        "{answer:?}"
    );
    match wire.deliver() {
        Some(Delivery::Done(delivered)) => assert_eq!(delivered, answer),
        other => panic!("{other:?}"),
    }
    let bytes = read(&client).expect("the client gets it");
    // IPv4, ICMP (1), destination unreachable (3), host (1).
    assert_eq!(
        (bytes[0] >> 4, bytes[9], bytes[20], bytes[21]),
        (4, 1, 3, 1)
    );
    assert_eq!(read(&server), None);
    // The order was for one packet.
    client.send(&segment(1, 2, b"hello")).expect("it is sent");
    let arrival = wire.take().expect("it is read").expect("it is there");
    assert_eq!((arrival.fate, arrival.answer), (Fate::Ready, None));
}

#[test]
fn a_crashed_host_says_and_hears_nothing() {
    let (mut wire, [client, server]) = wire();
    client.send(&segment(1, 2, b"")).expect("it is sent");
    wire.take().expect("it is read").expect("it is there");
    assert_eq!(wire.crash(SERVER).len(), 1, "what was on its way is lost");
    server.send(&segment(2, 1, b"FIN")).expect("it is sent");
    assert!(wire.take().expect("it is read").is_none());
    client.send(&segment(1, 2, b"")).expect("it is sent");
    let arrival = wire.take().expect("it is read").expect("it is there");
    assert_eq!(
        arrival.fate,
        Fate::Dropped("host server has crashed".into())
    );
    assert!(wire.deliver().is_none());
    assert_eq!(read(&server), None);
}

#[test]
fn a_replaced_host_has_nothing_of_the_old_one() {
    let (mut wire, [client, old]) = wire();
    wire.crash(SERVER);
    old.send(&segment(2, 1, b"old")).expect("it is sent");
    let (new, new_end) = device();
    wire.replace(SERVER, new_end);
    assert!(wire.take().expect("it is read").is_none());
    new.send(&segment(2, 1, b"new")).expect("it is sent");
    let arrival = wire.take().expect("it is read").expect("it is there");
    assert_eq!((arrival.packet.len, arrival.fate), (3, Fate::Ready));
    assert!(wire.deliver().is_some());
    assert!(read(&client).is_some());
    assert!(!wire.links[CLIENT].crashed && !wire.links[SERVER].crashed);
}
