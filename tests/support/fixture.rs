//! Runs made by hand: a small stage on which a test plays events, as the lab would record them.

use std::net::SocketAddr;
use std::time::Duration;

use sockscope::event::{
    Aspect, Body, Call, CallResult, Cause, Event, Kind, Packet, PacketId, Reaper, Segment,
    SegmentRole, SocketKey, Source, Stream, TcpFlags,
};
use sockscope::model::{
    Evidence, ExitStatus, Holder, HostName, ProcState, ProgramName, SocketFacts, TcpState,
    TimerKind, Tuple, UdpState,
};
use sockscope::run::{
    Blind, Checked, Header, Mismatch, Outcome, Place, Polarity, Run, StepResult, Stopped, Verdict,
};
use sockscope::timeline::Timeline;

/// A run in the making.
pub(crate) struct Stage {
    header: Header,
    timeline: Timeline,
    steps: Vec<StepResult>,
    stopped: Option<Stopped>,
    now: Duration,
    packets: u32,
    sequence: [u32; 2],
    window: u32,
}

/// The two ends of one connection.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) client: SocketKey,
    pub(crate) server: SocketKey,
    pub(crate) port: u16,
}

/// Which end sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Client,
    Server,
}

impl Pair {
    /// The `n`th connection of a run, counted from 1. Key 0 is the listener's.
    pub(crate) fn nth(n: u16) -> Pair {
        Pair {
            client: SocketKey(u32::from(n) * 2),
            server: SocketKey(u32::from(n) * 2 + 1),
            port: 40_000 + n,
        }
    }
}

impl Stage {
    pub(crate) fn new(place: Place, scenario: &str, title: &str) -> Stage {
        let text = format!(
            "title = \"{title}\"\n\n[programs]\nserver = \"chat-server {{port}}\"\nclient = \"chat-client {{server}} {{port}}\"\n"
        );
        Stage {
            header: Header {
                sockscope: "0.1.0".to_owned(),
                scenario: scenario.to_owned(),
                title: title.to_owned(),
                file: format!("scenarios/close/{scenario}.toml"),
                text,
                place,
                hosts: vec!["client".into(), "server".into()],
                kernel: "6.18.0".to_owned(),
                machine: None,
                began: None,
                asked: None,
                observers: Vec::new(),
                blind: Vec::new(),
                settings: Vec::new(),
            },
            timeline: Timeline::default(),
            steps: Vec::new(),
            stopped: None,
            now: Duration::ZERO,
            packets: 0,
            sequence: [0, 0],
            window: 64_240,
        }
    }

    pub(crate) fn header(&mut self) -> &mut Header {
        &mut self.header
    }

    pub(crate) fn blind(&mut self, aspect: Aspect, why: &str, remedy: Option<&str>) {
        self.header.blind.push(Blind {
            aspect,
            why: why.to_owned(),
            remedy: remedy.map(str::to_owned),
        });
    }

    /// The receive window that the next segments tell.
    pub(crate) fn window(&mut self, window: u32) {
        self.window = window;
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, micros: u64) {
        self.now += Duration::from_micros(micros);
    }

    pub(crate) fn push(&mut self, source: Source, kind: Kind) -> usize {
        let index = self.timeline.events().len();
        self.timeline.push(Event {
            at: self.now,
            step: self.steps.len().saturating_sub(1),
            source,
            kind,
        });
        index
    }

    pub(crate) fn step(&mut self, text: &str) {
        self.header.text.push_str("\n[[step]]\n");
        let start = self.header.text.len();
        self.header.text.push_str(&format!("do     = \"{text}\"\n"));
        self.steps.push(StepResult {
            text: text.to_owned(),
            span: start..self.header.text.len() - 1,
            checks: Vec::new(),
        });
        self.push(Source::Driver, Kind::StepBegan);
        for action in text.split("; ") {
            let text = action.to_owned();
            self.push(Source::Driver, Kind::Acted { text });
        }
    }

    pub(crate) fn check(&mut self, polarity: Polarity, text: &str, verdict: Verdict) {
        let key = match polarity {
            Polarity::Expect => "expect",
            Polarity::Never => "never ",
        };
        self.header.text.push_str(&format!("{key} = [\""));
        let start = self.header.text.len();
        self.header.text.push_str(text);
        let span = start..self.header.text.len();
        self.header.text.push_str("\"]\n");
        let step = self.steps.last_mut().expect("a step");
        step.checks.push(Checked {
            polarity,
            text: text.to_owned(),
            span,
            verdict,
        });
    }

    pub(crate) fn passes(&mut self, text: &str) {
        self.check(Polarity::Expect, text, Verdict::Pass(Evidence::Seen));
    }

    pub(crate) fn fails(
        &mut self,
        text: &str,
        expected: &str,
        observed: &str,
        note: &str,
        at: &[usize],
    ) {
        self.check(
            Polarity::Expect,
            text,
            Verdict::Fail(Mismatch {
                expected: expected.to_owned(),
                observed: observed.to_owned(),
                notes: vec![note.to_owned()],
                events: at.to_vec(),
            }),
        );
    }

    pub(crate) fn stop(&mut self, why: &str, help: &str, outcome: Outcome) {
        let span = self.steps.last().map(|step| step.span.clone());
        self.stopped = Some(Stopped {
            why: why.to_owned(),
            span,
            help: Some(help.to_owned()),
            outcome,
            more: Vec::new(),
        });
    }

    pub(crate) fn spawn(&mut self, process: &str, pid: i32, host: &str, command: &str) {
        self.push(
            Source::Driver,
            Kind::Spawned {
                process: process.into(),
                pid,
                ns_pid: None,
                host: host.into(),
                command: command.split(' ').map(str::to_owned).collect(),
            },
        );
    }

    pub(crate) fn fork(&mut self, parent: &str, process: &str, pid: i32) {
        self.push(
            Source::Program,
            Kind::Forked {
                process: process.into(),
                pid,
                ns_pid: None,
                parent: parent.into(),
            },
        );
    }

    pub(crate) fn exit(&mut self, process: &str, status: i32) -> usize {
        self.push(
            Source::Sampler,
            Kind::Exited {
                process: process.into(),
                status: Some(ExitStatus::Exited(status)),
            },
        )
    }

    pub(crate) fn killed(&mut self, process: &str, signal: i32) {
        let status = Some(ExitStatus::Signaled {
            signal,
            core: false,
        });
        self.push(
            Source::Sampler,
            Kind::Exited {
                process: process.into(),
                status,
            },
        );
    }

    pub(crate) fn reap(&mut self, process: &str, by: &str) {
        self.push(
            Source::Sampler,
            Kind::Reaped {
                process: process.into(),
                by: Reaper::Process(by.into()),
            },
        );
    }

    pub(crate) fn process_state(&mut self, process: &str, state: ProcState) {
        self.push(
            Source::Sampler,
            Kind::ProcessState {
                process: process.into(),
                state,
            },
        );
    }

    pub(crate) fn quiet(&mut self) {
        self.push(Source::Driver, Kind::Quiet);
    }

    pub(crate) fn output(&mut self, process: &str, stream: Stream, text: &str) {
        self.push(
            Source::Driver,
            Kind::Output {
                process: process.into(),
                stream,
                text: text.to_owned(),
            },
        );
    }

    pub(crate) fn call(&mut self, process: &str, name: &str, args: &str, result: CallResult) {
        self.push(
            Source::Program,
            Kind::Called {
                process: process.into(),
                call: Call {
                    name: name.to_owned(),
                    args: args.to_owned(),
                    result,
                    fd: None,
                    inode: None,
                    opened: None,
                    thread: None,
                },
            },
        );
    }

    pub(crate) fn holders(&mut self, key: SocketKey, holders: &[(&str, i32)]) -> usize {
        let holders = holders
            .iter()
            .map(|(process, fd)| Holder {
                process: (*process).into(),
                fd: *fd,
            })
            .collect();
        self.push(
            Source::Sampler,
            Kind::Holders {
                key,
                holders,
                unreadable: Vec::new(),
            },
        )
    }

    fn address(&self, end: From, port: u16) -> SocketAddr {
        let ip = match (self.header.place, end) {
            (Place::Wire, From::Client) => [192, 0, 2, 1],
            (Place::Wire, From::Server) => [192, 0, 2, 2],
            _ => [127, 0, 0, 1],
        };
        SocketAddr::from((ip, port))
    }

    pub(crate) fn facts(&self, end: From, port: Option<u16>, state: TcpState) -> SocketFacts {
        let server = self.address(From::Server, 9190);
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        let tuple = match (end, port) {
            (From::Server, Some(port)) => Tuple {
                local: server,
                remote: self.address(From::Client, port),
            },
            (From::Client, Some(port)) => Tuple {
                local: self.address(From::Client, port),
                remote: server,
            },
            (_, None) => Tuple {
                local: server,
                remote: nobody,
            },
        };
        let (timer, timer_ms) = match state {
            TcpState::TimeWait => (TimerKind::TimeWait, 60_000),
            _ => (TimerKind::Off, 0),
        };
        SocketFacts {
            send_q: if state == TcpState::Listen { 5 } else { 0 },
            timer,
            timer_ms,
            cookie: 1,
            inode: 16_208 + u32::from(port.unwrap_or(40_000) - 40_000) * 2 + end as u32,
            uid: 1000,
            ..SocketFacts::unasked(tuple, state)
        }
    }

    pub(crate) fn listen(&mut self) {
        let facts = self.facts(From::Server, None, TcpState::Listen);
        self.socket(SocketKey(0), "server", TcpState::Listen, Some(facts), None);
    }

    pub(crate) fn socket(
        &mut self,
        key: SocketKey,
        host: &str,
        state: TcpState,
        facts: Option<SocketFacts>,
        cause: Option<Cause>,
    ) -> usize {
        self.push(
            Source::Sampler,
            Kind::Socket {
                key,
                host: HostName::from(host),
                state,
                evidence: Evidence::Seen,
                facts,
                owner: Some(ProgramName::from(host)),
                cause,
            },
        )
    }

    /// A UDP socket of a program is something now, with its port and its peer's.
    pub(crate) fn datagram(
        &mut self,
        key: SocketKey,
        program: &str,
        state: UdpState,
        (port, peer): (u16, Option<u16>),
    ) -> usize {
        let end = match program {
            "server" => From::Server,
            _ => From::Client,
        };
        let facts = (state != UdpState::Gone).then(|| {
            let mut facts = self.facts(end, peer.and(Some(port)), TcpState::Close);
            if peer.is_none() {
                facts.tuple.local = SocketAddr::from(([0, 0, 0, 0], port));
            }
            facts
        });
        let host = match end {
            From::Client => "client",
            From::Server => "server",
        };
        self.push(
            Source::Sampler,
            Kind::Datagram {
                key,
                host: host.into(),
                state,
                facts,
                owner: Some(program.into()),
            },
        )
    }

    /// Something else than a segment goes from one host to the other; port 0: it has no ports.
    pub(crate) fn carry(&mut self, from: From, port: u16, len: u32, body: Body) {
        self.packets += 1;
        let id = PacketId(self.packets);
        let server_port = if port == 0 { 0 } else { 9190 };
        let client = self.address(From::Client, port);
        let server = self.address(From::Server, server_port);
        let (host, to, src, dst) = match from {
            From::Client => ("client", "server", client, server),
            From::Server => ("server", "client", server, client),
        };
        self.push(
            Source::Wire,
            Kind::Sent(Packet {
                id,
                from: host.into(),
                to: Some(to.into()),
                src,
                dst,
                len,
                body,
            }),
        );
        self.deliver(id);
    }

    /// One end of `pair` is seen in `state`.
    pub(crate) fn state(
        &mut self,
        pair: Pair,
        end: From,
        state: TcpState,
        cause: Option<Cause>,
    ) -> usize {
        let (key, host) = match end {
            From::Client => (pair.client, "client"),
            From::Server => (pair.server, "server"),
        };
        let facts = (state != TcpState::Close).then(|| self.facts(end, Some(pair.port), state));
        self.socket(key, host, state, facts, cause)
    }

    /// A segment leaves.
    pub(crate) fn send(
        &mut self,
        pair: Pair,
        from: From,
        flags: &str,
        len: u32,
        role: SegmentRole,
    ) -> PacketId {
        self.packets += 1;
        let id = PacketId(self.packets);
        let flags = flags
            .split(',')
            .filter_map(TcpFlags::named)
            .fold(TcpFlags::default(), TcpFlags::with);
        let client = self.address(From::Client, pair.port);
        let server = self.address(From::Server, 9190);
        let mine = from as usize;
        let counts = u32::from(flags.has(TcpFlags::SYN)) + u32::from(flags.has(TcpFlags::FIN));
        let again = role == SegmentRole::Retransmission;
        let seq = self.sequence[mine] - if again { counts + len } else { 0 };
        if !again {
            self.sequence[mine] += counts + len;
        }
        let (host, to, src, dst) = match from {
            From::Client => ("client", "server", client, server),
            From::Server => ("server", "client", server, client),
        };
        let ack = self.sequence[1 - mine];
        self.push(
            Source::Wire,
            Kind::Sent(Packet {
                id,
                from: host.into(),
                to: Some(to.into()),
                src,
                dst,
                len,
                body: Body::Tcp(Segment {
                    flags,
                    seq,
                    ack,
                    window: self.window,
                    role,
                }),
            }),
        );
        id
    }

    pub(crate) fn deliver(&mut self, packet: PacketId) {
        self.push(Source::Wire, Kind::Delivered { packet });
    }

    /// A segment leaves and arrives, with the states that this leads to.
    pub(crate) fn pass(
        &mut self,
        pair: Pair,
        from: From,
        flags: &str,
        len: u32,
        states: (Option<TcpState>, Option<TcpState>),
    ) {
        let id = self.send(pair, from, flags, len, SegmentRole::First);
        self.wait(12);
        if let Some(state) = states.0 {
            self.state(pair, from, state, Some(Cause::Sent(id)));
        }
        self.deliver(id);
        self.wait(15);
        let other = match from {
            From::Client => From::Server,
            From::Server => From::Client,
        };
        if let Some(state) = states.1 {
            self.state(pair, other, state, Some(Cause::Received(id)));
        }
        self.wait(30);
    }

    /// The three segments of a handshake.
    pub(crate) fn handshake(&mut self, pair: Pair) {
        use TcpState::{Established, SynRecv, SynSent};
        self.sequence = [0, 0];
        self.pass(pair, From::Client, "SYN", 0, (Some(SynSent), Some(SynRecv)));
        self.pass(pair, From::Server, "SYN,ACK", 0, (None, Some(Established)));
        self.pass(pair, From::Client, "ACK", 0, (None, Some(Established)));
    }

    pub(crate) fn finish(self) -> Run {
        Run {
            header: self.header,
            timeline: self.timeline,
            steps: self.steps,
            stopped: self.stopped,
            took: self.now,
        }
    }
}
