//! The parser, by what it must hold for every filter and for every text.

use proptest::prelude::*;

use super::ends::{Net, Ports};
use super::matching::{Others, Seen, Subject};
use super::*;
use crate::model::{SocketFacts, TcpState, Tuple};

fn users(name: &str) -> Option<u32> {
    match name {
        "www-data" => Some(33),
        "or" => Some(7),
        _ => None,
    }
}

fn read(text: &str) -> Filter {
    match parse(&[text], &users) {
        Ok(filter) => filter,
        Err(error) => panic!("{text}: {}", error.render(false)),
    }
}

fn wrong(text: &str) -> String {
    match parse(&[text], &users) {
        Ok(filter) => panic!("{text} is read as {filter}"),
        Err(error) => error.render(false),
    }
}

fn net() -> impl Strategy<Value = Net> {
    prop_oneof![
        (any::<u32>(), 0u8..=32).prop_map(|(bits, prefix)| {
            Net::new(std::net::IpAddr::V4(bits.into()), prefix).expect("prefix")
        }),
        (any::<u128>(), 0u8..=128).prop_map(|(bits, prefix)| {
            Net::new(std::net::IpAddr::V6(bits.into()), prefix).expect("prefix")
        }),
    ]
}

fn ports() -> impl Strategy<Value = Ports> {
    (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Ports {
        from: a.min(b),
        to: a.max(b),
    })
}

fn end() -> impl Strategy<Value = EndPattern> {
    (proptest::option::of(net()), proptest::option::of(ports()))
        .prop_filter("says something", |(net, ports)| {
            net.is_some() || ports.is_some()
        })
        .prop_map(|(net, ports)| EndPattern { net, ports })
}

fn states() -> impl Strategy<Value = StateSet> {
    let one = prop::sample::select(TcpState::ALL.to_vec()).prop_map(StateSet::of);
    prop_oneof![
        proptest::collection::vec(one, 1..4)
            .prop_map(|all| all.into_iter().fold(StateSet::none(), StateSet::with)),
        prop::sample::select(StateSet::NAMED.to_vec()).prop_map(|(set, _)| set),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let how = prop::sample::select(vec![
        How::Less,
        How::AtMost,
        How::Equal,
        How::Unequal,
        How::AtLeast,
        How::More,
    ]);
    (how, any::<u64>()).prop_map(|(how, number)| Comparison { how, number })
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        (
            prop::sample::select(vec![Ends::Either, Ends::Local, Ends::Remote]),
            end()
        )
            .prop_map(|(ends, pattern)| Condition::End(ends, pattern)),
        prop::sample::select(vec![Protocol::Tcp, Protocol::Udp]).prop_map(Condition::Protocol),
        prop::sample::select(vec![Family::V4, Family::V6]).prop_map(Condition::Family),
        states().prop_map(Condition::State),
        (0..i32::MAX).prop_map(Condition::Pid),
        ".{0,12}".prop_map(|name| Condition::Name(NamePattern::new(name))),
        any::<u32>().prop_map(|uid| Condition::User(User { uid, name: None })),
        prop::sample::select(vec!["www-data", "or"]).prop_map(|name| Condition::User(User {
            uid: users(name).expect("known"),
            name: Some(name.to_owned())
        })),
        (
            prop::sample::select(vec![Gauge::RecvQ, Gauge::SendQ, Gauge::Retransmits]),
            comparison()
        )
            .prop_map(|(gauge, comparison)| Condition::Gauge(gauge, comparison)),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    condition()
        .prop_map(Filter::Is)
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(Filter::all),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(Filter::any),
                inner.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
}

fn address() -> impl Strategy<Value = std::net::SocketAddr> {
    (any::<bool>(), 0u32..8, 0u16..8).prop_map(|(v4, bits, port)| {
        let ip = match v4 {
            true => std::net::IpAddr::V4((0x0a00_0000 | bits).into()),
            false => std::net::IpAddr::V6(u128::from(bits).into()),
        };
        std::net::SocketAddr::new(ip, port)
    })
}

fn facts() -> impl Strategy<Value = SocketFacts> {
    (
        address(),
        address(),
        prop::sample::select(TcpState::ALL.to_vec()),
        0u32..3,
        0u32..2,
    )
        .prop_map(|(local, remote, state, recv_q, inode)| SocketFacts {
            recv_q,
            cookie: 1,
            inode,
            uid: 33,
            ..SocketFacts::unasked(Tuple { local, remote }, state)
        })
}

/// Small numbers, so that filters and sockets meet.
fn near_filter() -> impl Strategy<Value = Filter> {
    let condition = prop_oneof![
        (
            prop::sample::select(vec![Ends::Either, Ends::Local, Ends::Remote]),
            0u16..8,
            0u16..3
        )
            .prop_map(|(ends, from, more)| Condition::End(
                ends,
                EndPattern {
                    net: None,
                    ports: Some(Ports {
                        from,
                        to: from + more
                    })
                }
            )),
        prop::sample::select(vec![Protocol::Tcp, Protocol::Udp]).prop_map(Condition::Protocol),
        prop::sample::select(vec![Family::V4, Family::V6]).prop_map(Condition::Family),
        states().prop_map(Condition::State),
        (1i32..3).prop_map(Condition::Pid),
        Just(Condition::User(User {
            uid: 33,
            name: None
        })),
    ];
    condition
        .prop_map(Filter::Is)
        .prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(Filter::all),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(Filter::any),
                inner.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(filter in filter()) {
        let text = filter.to_string();
        prop_assert_eq!(read(&text), filter, "{}", text);
    }

    #[test]
    fn until_too(filter in filter(), count in comparison()) {
        let until = Until { filter, count };
        let text = until.to_string();
        let again = parse_until(&text, &users).expect("read");
        prop_assert_eq!(again, until, "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        if let Err(error) = parse(&[text], &users) {
            prop_assert!(error.render(false).contains('^'));
        }
    }

    #[test]
    fn anything_near_the_language_is_read_or_refused(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "and", "or", "not", "(", ")", "tcp", ":80", "pid:1", "state:", "listen", ">", "count",
                "recv-q", "\"", "1.2.3.4", "name:\"a b\"", "!", "=", "sport", "::", "[",
            ]),
            0..8,
        )
    ) {
        let _ = parse(&words, &users);
        let _ = parse_until(&words.join(" "), &users);
    }

    /// What is meant is always among what the kernel is asked for.
    #[test]
    fn the_kernel_is_asked_for_everything_that_is_meant(
        filter in near_filter(),
        facts in facts(),
        udp in any::<bool>(),
        pid in 1i32..3,
        complete in any::<bool>(),
    ) {
        let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
        // The kernel's tables hold sockets of one family.
        prop_assume!(facts.tuple.local.is_ipv4() == facts.tuple.remote.is_ipv4());
        let mut facts = facts;
        if udp {
            facts.state = match crate::model::UdpState::of(facts.tuple) {
                crate::model::UdpState::Connected => TcpState::Established,
                _ => TcpState::Close,
            };
        }
        let holders = [Seen { pid, name: "x", uid: 33 }];
        let subject = Subject { protocol, facts: &facts, holders: &holders, others: Others::unless(complete) };
        if filter.matches(&subject) != Some(false) {
            let family = if facts.tuple.local.is_ipv4() { Family::V4 } else { Family::V6 };
            let asked = filter.dumps().into_iter().any(|dump| {
                dump.protocol == protocol
                    && dump.family.is_none_or(|asked| asked == family)
                    && dump.states.bits() & crate::observe::inet_diag::StateMask::of(facts.state).bits() != 0
            });
            prop_assert!(asked, "{} of {:?}", filter, facts);
        }
    }
}

#[test]
fn people_type_it_so() {
    for (typed, written) in [
        ("9190", ":9190"),
        ("*:9190", ":9190"),
        ("tcp listen", "tcp and state:listen"),
        ("state established", "state:established"),
        ("sport = :80 or dport = :80", "local::80 or remote::80"),
        ("sport >= :1024", "local::1024-65535"),
        ("src 10.0.0.1:80", "local:10.0.0.1:80"),
        ("!udp && v6", "not udp and v6"),
        ("state:estab,CLOSE_WAIT", "state:established,close-wait"),
        ("name:'Web Content'", "name:\"Web Content\""),
        ("pid:1,2 tcp", "(pid:1 or pid:2) and tcp"),
        ("user:www-data", "user:www-data"),
        ("recvq>0", "recv-q>0"),
        ("(tcp or udp) not (v4)", "(tcp or udp) and not v4"),
        ("", ""),
    ] {
        assert_eq!(read(typed).to_string(), written, "{typed}");
    }
}

#[test]
fn an_argument_with_blanks_stands_for_itself() {
    let filter = parse(&[":80 or :443", "tcp"], &users).expect("read");
    assert_eq!(filter.to_string(), "(:80 or :443) and tcp");
    let filter = parse(&["tcp", "or", "udp"], &users).expect("read");
    assert_eq!(filter.to_string(), "tcp or udp");
}

#[test]
fn mistakes_point_and_suggest() {
    for (text, caret, help) in [
        ("tcp lisen", "    ^^^^^", "did you mean `listen`?"),
        (
            "state:close-wiat",
            "      ^^^^^^^^^^",
            "did you mean `close-wait`?",
        ),
        ("nmae:nginx", "^^^^", "did you mean `name:nginx`?"),
        ("nginx", "^^^^^", "`name:nginx`"),
        ("(tcp", "^", "not closed"),
        ("tcp or", "      ^", "ends where"),
        ("tcp)", "   ^", "closes nothing"),
        ("pid:nginx", "    ^^^^^", "`name:nginx`"),
        (":99999", "^^^^^^", "0 to 65535"),
        ("localhost:80", "^^^^^^^^^^^^", "not looked up"),
        ("localhost", "^^^^^^^^^", "127.0.0.1"),
        ("[fe80::5%lo]:80", "^^^^^^^^^^^^^^^", "address alone"),
        ("user:nobody-here", "     ^^^^^^^^^^^", "user id"),
        ("count>10", "^^^^^", "of all sockets together"),
        ("name:", "^^^^^", "for example"),
        ("state:listen,lisen", "             ^^^^^", "did you mean"),
    ] {
        let printed = wrong(text);
        assert!(
            printed.contains(&format!("| {caret}")),
            "{text}:\n{printed}"
        );
        assert!(printed.contains(help), "{text}:\n{printed}");
    }
}

#[test]
fn words_of_the_table_are_conditions() {
    for (word, meant) in [
        ("tcp6", "tcp v6"),
        ("UDP4", "udp v4"),
        ("not udp6", "not (udp and v6)"),
        ("unconnected", "state:close"),
        ("state:unconn,listen", "state:close,listen"),
    ] {
        assert_eq!(read(word), read(meant), "{word}");
    }
}

/// Who may hold a socket is asked too: a process whose descriptors may not be read has a name, a
/// user and a pid all the same.
#[test]
fn only_who_may_hold_it_leaves_it_undecided() {
    let facts = SocketFacts {
        cookie: 1,
        inode: 9,
        uid: 7,
        ..SocketFacts::unasked(
            Tuple {
                local: "10.0.0.1:80".parse().expect("address"),
                remote: "10.0.0.2:5".parse().expect("address"),
            },
            TcpState::Established,
        )
    };
    let unread = [Seen {
        pid: 6,
        name: "sshd",
        uid: 0,
    }];
    let judged = |text: &str, others| {
        read(text).matches(&Subject {
            protocol: Protocol::Tcp,
            facts: &facts,
            holders: &[],
            others,
        })
    };
    let unread = Others {
        unread: &unread,
        ..Others::NOBODY
    };
    let elsewhere = Others {
        elsewhere: true,
        ..Others::NOBODY
    };
    for (text, by_unread, by_elsewhere) in [
        ("name:nginx", Some(false), None),
        ("name:ssh*", None, None),
        ("not name:nginx", Some(true), None),
        ("pid:6", None, Some(false)),
        ("pid:7", Some(false), Some(false)),
        ("not pid:7", Some(true), Some(true)),
        ("user:0", None, None),
        ("user:33", Some(false), None),
        ("user:7", Some(true), Some(true)),
    ] {
        assert_eq!(judged(text, unread), by_unread, "{text}");
        assert_eq!(judged(text, elsewhere), by_elsewhere, "{text}");
        assert!(judged(text, Others::NOBODY).is_some(), "{text}");
    }
    assert_eq!(judged("pid:7", Others::ANYBODY), None);
}

#[test]
fn what_is_not_known_is_neither_yes_nor_no() {
    let facts = SocketFacts {
        cookie: 1,
        inode: 9,
        ..SocketFacts::unasked(
            Tuple {
                local: "10.0.0.1:80".parse().expect("address"),
                remote: "10.0.0.2:5".parse().expect("address"),
            },
            TcpState::Established,
        )
    };
    let subject = |complete| Subject {
        protocol: Protocol::Tcp,
        facts: &facts,
        holders: &[Seen {
            pid: 5,
            name: "nginx",
            uid: 33,
        }],
        others: Others::unless(complete),
    };
    for (text, complete, meant) in [
        ("pid:5", false, Some(true)),
        ("pid:6", false, None),
        ("not pid:6", false, None),
        ("not pid:6", true, Some(true)),
        ("pid:6 or :80", false, Some(true)),
        ("pid:6 and :81", false, Some(false)),
        ("user:33", true, Some(true)),
        ("user:0", true, Some(true)),
        ("user:1", true, Some(false)),
    ] {
        assert_eq!(read(text).matches(&subject(complete)), meant, "{text}");
    }
}

#[test]
fn the_kernel_is_asked_only_for_what_can_be_meant() {
    let tables = |text: &str| -> Vec<(Protocol, Option<Family>)> {
        let dumps = read(text).dumps();
        dumps.iter().map(|d| (d.protocol, d.family)).collect()
    };
    assert_eq!(
        tables(""),
        [(Protocol::Tcp, None), (Protocol::Udp, None)],
        "of both families by one walk"
    );
    assert_eq!(tables("tcp v4"), [(Protocol::Tcp, Some(Family::V4))]);
    assert_eq!(tables("tcp 10.0.0.1").len(), 1);
    assert_eq!(tables("tcp udp"), []);
    assert_eq!(tables("not tcp"), [(Protocol::Udp, None)]);
    assert_eq!(
        tables("tcp v4 or tcp v6 listen"),
        [
            (Protocol::Tcp, Some(Family::V4)),
            (Protocol::Tcp, Some(Family::V6))
        ],
        "of each in states of its own"
    );
    let listen = read("tcp v4 listen").dumps();
    assert_eq!(
        listen[0].states,
        crate::observe::inet_diag::StateMask::LISTEN
    );
    let bound = crate::observe::inet_diag::StateMask::BOUND.bits();
    let asks_for_bound = |text: &str| read(text).dumps()[0].states.bits() & bound != 0;
    assert!(!asks_for_bound("tcp"));
    assert!(asks_for_bound("tcp :80"));
    assert!(asks_for_bound("tcp state:close"));
    assert!(asks_for_bound("tcp unconnected"));
    assert!(!asks_for_bound("tcp big"), "no more than `all`");
    assert!(!asks_for_bound("tcp listen :80"));
    assert!(read("name:x").dumps()[0].code.bytes().is_empty());
    assert!(!read("name:x :80").dumps()[0].code.bytes().is_empty());
    assert!(read("name:x or :80").dumps()[0].code.bytes().is_empty());
}
