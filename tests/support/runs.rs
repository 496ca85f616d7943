//! The runs that the golden reports are made of.

use sockscope::event::{
    Aspect, Body, CallResult, Cause, Kind, SegmentRole, SocketKey, Source, Stream,
};
use sockscope::model::{ProcState, TcpState, UdpState};
use sockscope::run::{Outcome, Place, Polarity, Run, Verdict};

use TcpState::{Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, TimeWait};

use crate::fixture::{From, Pair, Stage};

const PAIR: fn(u16) -> Pair = Pair::nth;
const LISTENER: sockscope::event::SocketKey = sockscope::event::SocketKey(0);

/// Server and client are started and connected.
pub(crate) fn connected(stage: &mut Stage) -> Pair {
    let pair = PAIR(1);
    stage.step("start server");
    stage.wait(420);
    stage.spawn("server", 4711, "server", "chat-server 9190");
    stage.wait(380);
    stage.listen();
    stage.holders(LISTENER, &[("server", 3)]);
    stage.process_state("server", ProcState::Sleeping);
    stage.quiet();
    stage.passes("server.listener LISTEN");
    stage.wait(300);
    stage.step("start client");
    stage.wait(250);
    stage.spawn("client", 4713, "client", "chat-client 192.0.2.2 9190");
    stage.wait(510);
    if stage.header().place == Place::Wire {
        stage.handshake(pair);
        stage.call("server", "accept", "3", CallResult::Value(4));
    } else {
        stage.state(pair, From::Client, Established, None);
        stage.state(pair, From::Server, Established, None);
    }
    stage.wait(90);
    stage.fork("server", "server.child", 4714);
    stage.fork("client", "client.child", 4715);
    stage.wait(150);
    stage.holders(pair.server, &[("server", 4), ("server.child", 4)]);
    stage.holders(pair.client, &[("client", 3), ("client.child", 3)]);
    for process in ["client", "server.child", "client.child"] {
        stage.process_state(process, ProcState::Sleeping);
    }
    stage.quiet();
    stage.passes("client.conn SYN_SENT > ESTABLISHED");
    stage.passes("server.conn held by server, server.child");
    stage.passes("server.listener held by server");
    pair
}

fn says_hello(stage: &mut Stage, pair: Pair) {
    stage.wait(240);
    stage.step("client types hello");
    stage.wait(130);
    if stage.header().place == Place::Wire {
        stage.pass(pair, From::Client, "PSH,ACK", 6, (None, None));
        stage.pass(pair, From::Server, "ACK", 0, (None, None));
    }
    stage.call("server.child", "read", "4", CallResult::Value(6));
    stage.output("server", Stream::Stdout, "hello");
    stage.quiet();
    stage.passes("server prints hello");
}

fn client_half_closes(stage: &mut Stage, pair: Pair) {
    stage.wait(240);
    stage.step("client types q");
    stage.wait(130);
    stage.pass(
        pair,
        From::Client,
        "FIN,ACK",
        0,
        (Some(FinWait1), Some(CloseWait)),
    );
    stage.call(
        "client.child",
        "shutdown",
        "3, SHUT_WR",
        CallResult::Value(0),
    );
    stage.pass(pair, From::Server, "ACK", 0, (None, Some(FinWait2)));
    stage.call("server.child", "read", "4", CallResult::Eof);
    stage.exit("client.child", 0);
    stage.wait(200);
}

/// The client half-closes, everything ends well.
pub(crate) fn normal_close() -> Run {
    let mut stage = Stage::new(
        Place::Wire,
        "normal-close",
        "Normal close: the client half-closes first",
    );
    let pair = connected(&mut stage);
    says_hello(&mut stage, pair);
    client_half_closes(&mut stage, pair);
    stage.exit("server.child", 0);
    stage.holders(pair.server, &[("server", 4)]);
    stage.wait(40);
    stage.call("server", "SIGCHLD", "", CallResult::Nothing);
    stage.reap("server.child", "server");
    stage.wait(110);
    stage.pass(
        pair,
        From::Server,
        "FIN,ACK",
        0,
        (Some(LastAck), Some(TimeWait)),
    );
    stage.call("server", "close", "4", CallResult::Value(0));
    stage.pass(pair, From::Client, "ACK", 0, (None, Some(Close)));
    stage.holders(pair.client, &[]);
    stage.reap("client.child", "client");
    stage.exit("client", 0);
    stage.push(
        Source::Sampler,
        Kind::Reaped {
            process: "client".into(),
            by: sockscope::event::Reaper::Init,
        },
    );
    stage.wait(300);
    stage.quiet();
    stage.passes("client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT");
    stage.passes("server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE");
    stage.passes("server.child exited 0, reaped");
    stage.passes("server running");
    stage.check(
        Polarity::Never,
        "any zombie",
        Verdict::Pass(sockscope::model::Evidence::Seen),
    );
    stage.finish()
}

/// On the host's loopback: the server does not reap its child.
pub(crate) fn zombie() -> Run {
    let mut stage = Stage::new(
        Place::Host,
        "zombie",
        "No SIGCHLD handler: every served client leaves a zombie",
    );
    stage.blind(
        Aspect::Paths,
        "no user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)",
        Some("sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    );
    stage.blind(
        Aspect::Segments,
        "the host's loopback is not in our hands",
        None,
    );
    let pair = connected(&mut stage);
    stage.wait(240);
    stage.step("client types q");
    stage.wait(800);
    stage.state(pair, From::Client, TimeWait, None);
    stage.state(pair, From::Server, Close, None);
    stage.exit("server.child", 0);
    stage.holders(pair.client, &[]);
    stage.exit("client.child", 0);
    stage.reap("client.child", "client");
    stage.wait(200);
    stage.process_state("server.child", ProcState::Zombie);
    stage.quiet();
    stage.passes("server.child zombie");
    stage.passes("server zombies = 1");
    stage.passes("server running");
    stage.finish()
}

/// The server's parent forgets its copy: one expectation fails.
pub(crate) fn failed() -> Run {
    let mut stage = Stage::new(
        Place::Wire,
        "normal-close",
        "Normal close: the client half-closes first",
    );
    let pair = connected(&mut stage);
    says_hello(&mut stage, pair);
    client_half_closes(&mut stage, pair);
    stage.exit("server.child", 0);
    let held = stage.holders(pair.server, &[("server", 4)]);
    stage.wait(40);
    stage.call("server", "SIGCHLD", "", CallResult::Nothing);
    stage.reap("server.child", "server");
    stage.output("server", Stream::Stderr, "chat-server: child 4714 reaped");
    stage.quiet();
    stage.wait(2_000_000);
    stage.passes("server.child exited 0, reaped");
    stage.fails(
        "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
        "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
        "server.conn ESTABLISHED > CLOSE_WAIT, and there it stays",
        "server.conn is still held by server fd 4: as long as one copy is open, close() in another process sends no FIN",
        &[held],
    );
    stage.fails(
        "client.conn TIME_WAIT",
        "client.conn settles in TIME_WAIT",
        "client.conn settles in FIN_WAIT2",
        "its FIN was acknowledged; the server owes the close",
        &[],
    );
    stage.finish()
}

/// Paths cannot be seen on the host's loopback.
pub(crate) fn inconclusive() -> Run {
    let mut stage = Stage::new(
        Place::Loopback,
        "half-close",
        "Half-close: data flows on from CLOSE_WAIT into FIN_WAIT2",
    );
    stage.blind(
        Aspect::Paths,
        "no /dev/net/tun here",
        Some("sudo modprobe tun"),
    );
    let pair = connected(&mut stage);
    stage.wait(240);
    stage.step("client types q");
    stage.wait(400);
    stage.state(pair, From::Client, FinWait2, None);
    stage.state(pair, From::Server, CloseWait, None);
    stage.quiet();
    stage.check(
        Polarity::Expect,
        "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2",
        Verdict::Inconclusive {
            why: "states that last shorter than the time between two samples cannot be seen".into(),
            remedy: Some("sudo modprobe tun".into()),
        },
    );
    stage.passes("server.conn CLOSE_WAIT");
    stage.finish()
}

/// A program that writes what no terminal should get.
pub(crate) fn hostile() -> Run {
    let mut stage = Stage::new(
        Place::Wire,
        "hostile",
        "Output \u{1b}[31mthat\u{202e} bites",
    );
    connected(&mut stage);
    stage.wait(240);
    stage.step("client types \u{1b}]0;owned\u{7}");
    stage.output("server", Stream::Stdout, "\u{1b}[2J\u{1b}[31mred\u{7}\u{0}");
    stage.output(
        "server",
        Stream::Stdout,
        "漢字かな交じり文 über 🙂\u{200d}↕\u{fe0f}",
    );
    stage.output("client", Stream::Stderr, "abc\u{202e}def\u{2066}ghi");
    stage.output("server", Stream::Stdout, &"A".repeat(65_536));
    stage.output("client", Stream::Stdout, &"漢".repeat(400));
    stage.output("server", Stream::Stdout, "not UTF-8: \u{fffd}\u{fffd}");
    stage.push(
        Source::Driver,
        Kind::Note {
            text: "server wrote 12 bytes that are no UTF-8".into(),
        },
    );
    stage.push(
        Source::Sampler,
        Kind::Gap {
            aspect: Aspect::Processes,
            why: "the ring overflowed: 17 records lost".into(),
        },
    );
    stage.quiet();
    stage.finish()
}

/// The first FIN gets lost; RFC 6298 sends it again.
pub(crate) fn lost_fin() -> Run {
    let mut stage = Stage::new(Place::Wire, "lost-fin", "A lost FIN is sent again");
    stage
        .header()
        .settings
        .push("rto_min 20 ms on both hosts (a plain machine: 200 ms)".into());
    let pair = connected(&mut stage);
    stage.wait(240);
    stage.step("drop next FIN from client; client types q");
    stage.wait(130);
    let lost = stage.send(pair, From::Client, "FIN,ACK", 0, SegmentRole::First);
    stage.state(pair, From::Client, FinWait1, Some(Cause::Sent(lost)));
    stage.push(
        Source::Wire,
        Kind::Dropped {
            packet: lost,
            why: "drop next FIN from client".into(),
        },
    );
    stage.call(
        "client.child",
        "shutdown",
        "3, SHUT_WR",
        CallResult::Value(0),
    );
    stage.wait(20_400);
    let again = stage.send(
        pair,
        From::Client,
        "FIN,ACK",
        0,
        SegmentRole::Retransmission,
    );
    stage.wait(15);
    stage.deliver(again);
    stage.state(pair, From::Server, CloseWait, Some(Cause::Received(again)));
    stage.wait(60);
    stage.pass(
        pair,
        From::Server,
        "FIN,ACK",
        0,
        (Some(LastAck), Some(TimeWait)),
    );
    stage.pass(pair, From::Client, "ACK", 0, (None, Some(Close)));
    stage.quiet();
    stage.passes("wire 1 retransmits from client");
    stage.finish()
}

/// Both FINs are held and cross: CLOSING on both ends. Then TIME_WAIT ends by its timer.
pub(crate) fn simultaneous_close() -> Run {
    let mut stage = Stage::new(
        Place::Wire,
        "simultaneous-close",
        "Both FINs on the wire at once",
    );
    let pair = connected(&mut stage);
    stage.wait(240);
    stage.step("hold FIN; client types q; server types q");
    let mut ids = Vec::new();
    for end in [From::Client, From::Server] {
        stage.wait(130);
        let id = stage.send(pair, end, "FIN,ACK", 0, SegmentRole::First);
        stage.state(pair, end, FinWait1, Some(Cause::Sent(id)));
        stage.push(Source::Wire, Kind::Held { packet: id });
        ids.push((id, end));
    }
    stage.quiet();
    stage.passes("client.conn FIN_WAIT1");
    stage.wait(240);
    stage.step("release all");
    for ((id, _), other) in ids.iter().zip([From::Server, From::Client]) {
        stage.wait(50);
        stage.deliver(*id);
        stage.state(pair, other, Closing, Some(Cause::Received(*id)));
    }
    for end in [From::Client, From::Server] {
        stage.pass(pair, end, "ACK", 0, (None, Some(TimeWait)));
    }
    stage.quiet();
    stage.passes("client.conn CLOSING > TIME_WAIT");
    stage.wait(60_000_000);
    stage.step("wait 61s");
    for end in [From::Client, From::Server] {
        stage.wait(4_000);
        stage.state(pair, end, Close, Some(Cause::Timer));
    }
    stage.passes("client.conn CLOSE");
    stage.finish()
}

/// Many connections in one lane: none of them is ever closed by the server.
pub(crate) fn twenty() -> Run {
    let mut stage = Stage::new(
        Place::Wire,
        "close-wait-leak",
        "20 clients gone, 20 CLOSE_WAIT in a server that never closes",
    );
    stage.step("start server");
    stage.spawn("server", 4711, "server", "event-echo-server 9190");
    stage.wait(800);
    stage.listen();
    stage.holders(LISTENER, &[("server", 3)]);
    stage.quiet();
    stage.step("start client");
    stage.spawn(
        "client",
        4713,
        "client",
        "echo-client --connections 20 192.0.2.2 9190",
    );
    for n in 1..=20 {
        stage.wait(200);
        stage.handshake(PAIR(n));
        stage.holders(PAIR(n).server, &[("server", 3 + i32::from(n))]);
    }
    stage.quiet();
    stage.wait(200);
    stage.step("send SIGKILL to client");
    stage.killed("client", 9);
    for n in 1..=20 {
        stage.pass(
            PAIR(n),
            From::Client,
            "FIN,ACK",
            0,
            (Some(FinWait1), Some(CloseWait)),
        );
        stage.pass(PAIR(n), From::Server, "ACK", 0, (None, Some(FinWait2)));
    }
    stage.quiet();
    stage.passes("server.conn CLOSE_WAIT");
    stage.finish()
}

/// A megabyte.
pub(crate) fn megabyte() -> Run {
    let mut stage = Stage::new(Place::Wire, "megabyte", "A megabyte in a thousand segments");
    let pair = connected(&mut stage);
    stage.wait(240);
    stage.step("client types the whole file");
    for n in 0..700 {
        stage.pass(pair, From::Client, "ACK", 1448, (None, None));
        if n % 2 == 1 {
            stage.pass(pair, From::Server, "ACK", 0, (None, None));
        }
    }
    for n in 0..30 {
        stage.output("server", Stream::Stdout, &format!("line {n}"));
    }
    stage.quiet();
    stage.passes("server prints line 29");
    stage.finish()
}

/// A program ends at once, and the run with it.
pub(crate) fn stopped() -> Run {
    let mut stage = Stage::new(Place::Wire, "mine", "A server that ends at once");
    stage.step("start server");
    stage.spawn("server", 4711, "server", "./mychat 9190");
    stage.wait(900);
    for n in 1..=25 {
        stage.output("server", Stream::Stderr, &format!("mychat: retry {n}"));
    }
    stage.output(
        "server",
        Stream::Stderr,
        "mychat: bind: Address already in use",
    );
    stage.exit("server", 1);
    stage.stop(
        "server exited 1 before it listened",
        "run it by hand: ./mychat 9190",
        Outcome::Inconclusive,
    );
    stage.finish()
}

/// A place that cannot have what the scenario needs: nothing was begun.
pub(crate) fn refused() -> Run {
    let mut stage = Stage::new(Place::Host, "host-crash", "The server's host is gone");
    stage.stop(
        "cannot run on the host: only hosts of their own can have client rto_min=110ms",
        "--net wire",
        Outcome::Inconclusive,
    );
    stage.finish()
}

/// Ctrl-C in the second step, when the listener has gone.
pub(crate) fn interrupted() -> Run {
    let mut stage = Stage::new(Place::Wire, "mine", "A line typed: \\n is two characters");
    stage.step("start server");
    stage.spawn("server", 4711, "server", "./mychat 9190");
    stage.listen();
    stage.step(r#"server types "one\ntwo""#);
    stage.socket(SocketKey(0), "server", TcpState::Close, None, None);
    stage.stop("interrupted", "", Outcome::Interrupted);
    stage.finish()
}

/// Three hosts.
pub(crate) fn three_hosts() -> Run {
    let mut stage = Stage::new(Place::Wire, "event-loop", "Several clients, one server");
    stage.header().hosts = vec!["client".into(), "client2".into(), "server".into()];
    stage.step("start server");
    stage.spawn("server", 4711, "server", "event-echo-server 9190");
    stage.listen();
    stage.step("start client");
    stage.spawn("client", 4712, "client", "echo-client 192.0.2.2 9190");
    stage.handshake(PAIR(1));
    stage.spawn("client2", 4713, "client2", "echo-client 192.0.2.2 9190");
    let key = PAIR(2).client;
    let facts = stage.facts(From::Client, Some(40_002), Established);
    stage.socket(key, "client2", Established, Some(facts), None);
    stage.state(PAIR(2), From::Server, Established, None);
    stage.quiet();
    stage.finish()
}

/// UDP: a server and two clients, the second connected, and nobody at the port any more.
pub(crate) fn datagrams() -> Run {
    use UdpState::{Connected, Gone, Unconnected};
    let mut stage = Stage::new(Place::Wire, "udp", "UDP sockets, connected and not");
    let [server, client, second] = [1, 2, 3].map(sockscope::event::SocketKey);
    stage.step("start server");
    stage.spawn("server", 4711, "server", "udp-echo-server 9190");
    stage.wait(400);
    stage.datagram(server, "server", Unconnected, (9190, None));
    stage.holders(server, &[("server", 3)]);
    stage.quiet();
    stage.passes("server.udp unconnected");
    stage.step("start client; client types hello");
    stage.spawn("client", 4712, "client", "udp-echo-client 192.0.2.2 9190");
    stage.wait(300);
    stage.datagram(client, "client", Unconnected, (40001, None));
    stage.carry(From::Client, 40001, 6, Body::Udp);
    stage.carry(From::Server, 40001, 6, Body::Udp);
    stage.holders(client, &[("client", 3)]);
    stage.quiet();
    stage.passes("client.udp unconnected");
    stage.step("start second");
    stage.spawn("second", 4713, "client", "udp-echo-client 192.0.2.2 9190");
    stage.wait(300);
    stage.datagram(second, "second", Connected, (40002, Some(9190)));
    stage.holders(second, &[("second", 3)]);
    stage.quiet();
    stage.passes("second.udp connected");
    stage.step("send SIGTERM to server; second types hello");
    stage.killed("server", 15);
    stage.wait(200);
    stage.datagram(server, "server", Gone, (0, None));
    stage.carry(From::Client, 40002, 6, Body::Udp);
    let text = "port unreachable".to_owned();
    stage.carry(From::Server, 0, 34, Body::Icmp { text });
    stage.call("second", "read", "3", CallResult::Errno(libc::ECONNREFUSED));
    stage.quiet();
    stage.passes("second failed read ECONNREFUSED");
    stage.finish()
}

/// The server does not read: its window closes, is probed and opens again.
pub(crate) fn closed_window() -> Run {
    let mut stage = Stage::new(Place::Wire, "window", "A window closes and opens");
    let pair = connected(&mut stage);
    stage.step("client types 65536 bytes");
    stage.pass(pair, From::Client, "PSH,ACK", 65_483, (None, None));
    stage.window(0);
    stage.pass(pair, From::Server, "ACK", 0, (None, None));
    stage.window(64_240);
    let probe = stage.send(pair, From::Client, "ACK", 0, SegmentRole::WindowProbe);
    stage.deliver(probe);
    stage.wait(40);
    stage.window(0);
    stage.pass(pair, From::Server, "ACK", 0, (None, None));
    stage.window(32_768);
    stage.pass(pair, From::Server, "ACK", 0, (None, None));
    stage.pass(pair, From::Server, "ACK", 0, (None, None));
    stage.quiet();
    stage.finish()
}
