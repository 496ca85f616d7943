//! Properties of the grammar: what is written is read back, and nothing makes it panic.

use std::time::Duration;

use nix::sys::signal::Signal;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::names::{errno_number, is_reserved};
use super::*;
use crate::model::{Role, errno_name};

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,8}".prop_filter("reserved", |word| !is_reserved(word))
}

fn program() -> impl Strategy<Value = ProgramName> {
    name().prop_map(ProgramName::new)
}

fn host() -> impl Strategy<Value = HostName> {
    name().prop_map(HostName::new)
}

fn process() -> impl Strategy<Value = ProcessName> {
    (name(), vec(1_usize..30, 0..3)).prop_map(|(name, children)| {
        children
            .into_iter()
            .fold(ProcessName::new(name), |process, n| process.child(n))
    })
}

fn whole_process() -> impl Strategy<Value = ProcessName> {
    name().prop_map(ProcessName::new)
}

fn endpoint() -> impl Strategy<Value = EndpointName> {
    let role = select(vec![Role::Connection, Role::Listener]);
    (program(), role, 1_usize..30).prop_map(|(p, role, n)| EndpointName::of(&p, role, n))
}

fn datagram() -> impl Strategy<Value = EndpointName> {
    (program(), 1_usize..30).prop_map(|(p, n)| EndpointName::of(&p, Role::Datagram, n))
}

fn signal() -> impl Strategy<Value = i32> {
    select(Signal::iterator().map(|s| s as i32).collect::<Vec<_>>())
}

fn errno() -> impl Strategy<Value = i32> {
    let known = (1..=133).filter(|n| !errno_name(*n).contains(' '));
    select(known.collect::<Vec<_>>())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ \t\n\"\\\\,<>=a-c]{0,8}", "[a-z ]{0,12}"]
}

fn packet_class() -> impl Strategy<Value = PacketClass> {
    prop_oneof![
        (1_u8..0x40).prop_map(|flags| PacketClass::Flags(TcpFlags(flags))),
        select(vec![
            PacketClass::Any,
            PacketClass::Data,
            PacketClass::Retransmission,
            PacketClass::KeepAlive,
            PacketClass::WindowProbe,
            PacketClass::Udp,
            PacketClass::Icmp,
        ]),
    ]
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let count = option::of(prop_oneof![Just(1), 1..usize::MAX]);
    (count, 0..30_usize, packet_class(), option::of(host())).prop_map(
        |(count, skip, what, from)| Matcher {
            // Only one packet has an ordinal.
            skip: if count == Some(1) { skip } else { 0 },
            count,
            what,
            from,
        },
    )
}

fn bound() -> impl Strategy<Value = Bound> {
    let op = select(vec![
        Comparison::Equal,
        Comparison::AtLeast,
        Comparison::AtMost,
        Comparison::More,
        Comparison::Less,
    ]);
    let value = prop_oneof![0_u64..3, any::<u64>()];
    (op, value).prop_map(|(op, value)| Bound { op, value })
}

fn state() -> impl Strategy<Value = TcpState> {
    select(TcpState::ALL.to_vec())
}

fn path() -> impl Strategy<Value = StatePath> {
    let link = select(vec![Link::Direct, Link::Eventually]);
    (state(), vec((link, state()), 0..5)).prop_map(|(first, rest)| StatePath { first, rest })
}

fn action() -> impl Strategy<Value = Action> {
    let code = select(UnreachableCode::NAMED.map(|(code, _)| code).to_vec());
    let millis = (0_u64..86_400_000).prop_map(Duration::from_millis);
    let key = "net(\\.[a-z0-9_]{1,6}){1,3}";
    let value = "[!-~]([ -~]{0,10}[!-~])?";
    prop_oneof![
        program().prop_map(Action::Start),
        (program(), text()).prop_map(|(program, line)| Action::Type { program, line }),
        program().prop_map(Action::CloseStdin),
        (signal(), process(), any::<bool>()).prop_map(|(signal, to, tree)| Action::Signal {
            signal,
            to,
            tree
        }),
        matcher().prop_map(Action::Hold),
        matcher().prop_map(Action::Release),
        matcher().prop_map(Action::Drop),
        (matcher(), millis).prop_map(|(what, by)| Action::Delay { what, by }),
        (matcher(), code).prop_map(|(what, code)| Action::Unreachable { what, code }),
        Just(Action::Cut),
        Just(Action::Mend),
        host().prop_map(Action::Crash),
        host().prop_map(Action::Reboot),
        (host(), key, value).prop_map(|(host, key, value)| Action::Sysctl { host, key, value }),
    ]
}

fn fact() -> impl Strategy<Value = ProcessFact> {
    prop_oneof![
        (0..=255_i32).prop_map(ProcessFact::Exited),
        signal().prop_map(ProcessFact::KilledBy),
        select(vec![
            ProcessFact::Running,
            ProcessFact::Stopped,
            ProcessFact::Zombie,
            ProcessFact::Reaped,
            ProcessFact::ReapedBy(Collector::Kernel),
            ProcessFact::Adopted,
        ]),
    ]
}

fn call() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,8}".prop_filter("an errno", |word| errno_number(word).is_none())
}

fn expectation() -> impl Strategy<Value = Expectation> {
    let gauge = select(Gauge::NAMED.map(|(gauge, _)| gauge).to_vec());
    let timer = select((0..5).map(TimerKind::from_kernel).collect::<Vec<_>>());
    let holders = vec(process(), 0..4).prop_map(|mut holders| {
        holders.sort();
        holders.dedup();
        holders
    });
    let what = (packet_class(), option::of(host())).prop_map(|(what, from)| Matcher {
        skip: 0,
        count: None,
        what,
        from,
    });
    prop_oneof![
        (endpoint(), path()).prop_map(|(endpoint, path)| Expectation::Path { endpoint, path }),
        (
            datagram(),
            select(UdpState::NAMED.map(|(state, _)| state).to_vec())
        )
            .prop_map(|(endpoint, state)| Expectation::Datagram { endpoint, state }),
        (
            datagram(),
            select(vec![Gauge::RecvQ, Gauge::SendQ]),
            bound()
        )
            .prop_map(|(endpoint, gauge, bound)| Expectation::Gauge {
                endpoint,
                gauge,
                bound
            }),
        (prop_oneof![endpoint(), datagram()], holders)
            .prop_map(|(endpoint, holders)| Expectation::HeldBy { endpoint, holders }),
        (endpoint(), gauge, bound()).prop_map(|(endpoint, gauge, bound)| Expectation::Gauge {
            endpoint,
            gauge,
            bound
        }),
        (endpoint(), timer).prop_map(|(endpoint, timer)| Expectation::Timer { endpoint, timer }),
        (process(), vec(fact(), 1..4))
            .prop_map(|(process, facts)| Expectation::Process { process, facts }),
        (option::of(program()), bound()).prop_map(|(of, bound)| Expectation::Zombies { of, bound }),
        (program(), bound()).prop_map(|(of, bound)| Expectation::Children { of, bound }),
        (process(), option::of(call()), errno()).prop_map(|(process, call, errno)| {
            Expectation::Failed {
                process,
                call,
                errno,
            }
        }),
        process().prop_map(Expectation::GotEof),
        (process(), signal()).prop_map(|(process, signal)| Expectation::Caught { process, signal }),
        (whole_process(), text()).prop_map(|(process, text)| Expectation::Prints { process, text }),
        (bound(), what).prop_map(|(bound, what)| Expectation::Wire { bound, what }),
        vec((host(), packet_class()), 1..5).prop_map(Expectation::WireSequence),
    ]
}

/// Strings of the grammar's own words, in any order.
fn salad() -> impl Strategy<Value = String> {
    let words = [
        "start",
        "server",
        "client",
        "types",
        "close",
        "stdin",
        "of",
        "send",
        "SIGKILL",
        "to",
        "and",
        "its",
        "children",
        "hold",
        "next",
        "3",
        "FIN",
        "from",
        "delay",
        "by",
        "100ms",
        "answer",
        "with",
        "net-unreachable",
        "set",
        "net.x",
        "=",
        ">",
        ">>",
        ">=",
        ",",
        "wire",
        "no",
        "any",
        "zombie",
        "zombies",
        "server.conn",
        "server.udp",
        "connected",
        "server.child",
        "held",
        "nobody",
        "ESTABLISHED",
        "gone",
        "recv-q",
        "timer",
        "exited",
        "0",
        "killed",
        "failed",
        "EPIPE",
        "prints",
        "\"",
        "\\",
        "window",
        "probe",
        "ä漢",
        "\u{a0}",
        "",
        "q",
    ];
    vec((select(words.to_vec()), select(vec![" ", "", " "])), 0..9).prop_map(|words| {
        words
            .into_iter()
            .map(|(word, gap)| format!("{word}{gap}"))
            .collect()
    })
}

fn is_inside(text: &str, span: &Range<usize>) -> bool {
    span.start <= span.end && text.is_char_boundary(span.start) && text.is_char_boundary(span.end)
}

proptest! {
    #[test]
    fn actions_are_read_as_they_are_written(action in action()) {
        prop_assert_eq!(Action::parse(&action.to_string()), Ok(action));
    }

    #[test]
    fn expectations_are_read_as_they_are_written(expectation in expectation()) {
        prop_assert_eq!(Expectation::parse(&expectation.to_string()), Ok(expectation));
    }

    #[test]
    fn faults_point_into_the_string(text in prop_oneof![any::<String>(), salad(), salad()]) {
        if let Err(fault) = Action::parse(&text) {
            prop_assert!(is_inside(&text, &fault.span), "{:?}", fault);
        }
        if let Err(fault) = Expectation::parse(&text) {
            prop_assert!(is_inside(&text, &fault.span), "{:?}", fault);
        }
    }

    #[test]
    fn faults_point_into_the_file(
        action in prop_oneof![any::<String>(), salad()],
        expectation in prop_oneof![any::<String>(), salad()],
        command in any::<String>(),
        mangled in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let quote = |text: String| toml::Value::String(text).to_string();
        let mut text = format!(
            "title = \"t\"\n[programs]\nserver = {}\n[[step]]\ndo = [{}, 'start server']\n\
             never = {}\n",
            quote(command), quote(action), quote(expectation),
        );
        if cut {
            let kept = mangled.index(text.chars().count());
            text = text.chars().take(kept).collect();
        }
        let source = SourceText { name: "x.toml".to_owned(), text };
        if let Err(error) = Scenario::parse(source.clone(), "x", "") {
            prop_assert!(!error.faults.is_empty());
            for fault in &error.faults {
                prop_assert!(is_inside(&source.text, &fault.span), "{:?}", fault);
            }
            let rendered = error.render(&source, false);
            prop_assert!(!rendered.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
