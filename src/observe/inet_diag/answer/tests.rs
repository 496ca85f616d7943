use proptest::prelude::*;

use super::*;

// The protocol is in the machine's own byte order, the captures are of a little-endian one.
#[cfg(target_endian = "little")]
mod captured;

const SEQUENCE: u32 = 7;

#[cfg(target_endian = "little")]
mod of_a_real_kernel {
    use super::captured::*;
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair).expect("ASCII");
                u8::from_str_radix(pair, 16).expect("hexadecimal")
            })
            .collect()
    }

    fn only(hex: &str) -> SocketFacts {
        let answer = parse(&bytes(hex), SEQUENCE).expect("a real answer");
        assert_eq!(answer.end, Some(End::Done));
        let [facts] = answer.sockets.as_slice() else {
            panic!("one socket: {answer:?}");
        };
        facts.clone()
    }

    fn tuple(local: &str, remote: &str) -> Tuple {
        Tuple {
            local: local.parse().expect("address"),
            remote: remote.parse().expect("address"),
        }
    }

    #[test]
    fn a_listener() {
        assert_eq!(
            only(LISTENER),
            SocketFacts {
                tuple: tuple("127.0.0.1:9190", "0.0.0.0:0"),
                state: TcpState::Listen,
                recv_q: 1,
                send_q: 5,
                timer: TimerKind::Off,
                timer_ms: 0,
                retransmits: 0,
                cookie: 10,
                inode: 18_293,
                uid: 0,
                info: None,
            }
        );
    }

    #[test]
    fn a_connection_with_unread_data() {
        let facts = only(ESTABLISHED);
        assert_eq!(facts.tuple, tuple("127.0.0.1:40001", "127.0.0.1:9190"));
        assert_eq!(facts.state, TcpState::Established);
        assert_eq!((facts.recv_q, facts.send_q), (5, 0));
        let info = facts.info.expect("tcp_info");
        assert_eq!((info.bytes_acked, info.bytes_received), (1, 5));
        assert_eq!((info.segs_out, info.segs_in), (3, 2));
        assert_eq!((info.unacked, info.total_retrans), (0, 0));
        assert!(info.rto_us >= 200_000, "{info:?}");
    }

    #[test]
    fn time_wait_is_held_by_nobody_and_has_its_timer() {
        let facts = only(TIME_WAIT);
        assert_eq!(facts.state, TcpState::TimeWait);
        assert_eq!((facts.timer, facts.timer_ms), (TimerKind::TimeWait, 60_000));
        assert_eq!((facts.inode, facts.info), (0, None));
        assert_eq!(
            facts.cookie,
            only(ESTABLISHED).cookie,
            "the cookie stays through TIME_WAIT"
        );
    }

    #[test]
    fn a_mapped_address_stays_as_the_socket_has_it() {
        let facts = only(MAPPED);
        assert_eq!(
            facts.tuple,
            tuple("[::ffff:127.0.0.1]:9191", "[::ffff:127.0.0.1]:40002")
        );
        assert_eq!(
            facts.tuple.canonical(),
            tuple("127.0.0.1:9191", "127.0.0.1:40002")
        );
        assert_eq!((facts.state, facts.inode), (TcpState::Established, 0));
    }

    #[test]
    fn no_such_socket() {
        assert_eq!(
            parse(&bytes(NO_SUCH_SOCKET), SEQUENCE).expect("a real answer"),
            Answer {
                end: Some(End::Error(libc::ENOENT)),
                ..Answer::default()
            }
        );
    }

    #[test]
    fn a_dump_goes_on_until_its_end() {
        let first = parse(&bytes(DUMP_OF_LISTENERS), SEQUENCE).expect("a real answer");
        assert_eq!((first.sockets.len(), first.end), (1, None));
        let last = parse(&bytes(DUMP_END), SEQUENCE).expect("a real answer");
        assert_eq!((last.sockets.len(), last.end), (0, Some(End::Done)));
        let mut both = bytes(DUMP_OF_LISTENERS);
        both.extend(bytes(DUMP_END));
        let both = parse(&both, SEQUENCE).expect("two messages in one datagram");
        assert_eq!((both.sockets.len(), both.end), (1, Some(End::Done)));
    }

    #[test]
    fn a_dump_that_was_interrupted_says_so() {
        let mut end = bytes(DUMP_END);
        end[6] |= libc::NLM_F_DUMP_INTR as u8;
        assert!(parse(&end, SEQUENCE).expect("an answer").interrupted);
    }

    #[test]
    fn an_answer_to_another_question_is_skipped() {
        assert_eq!(
            parse(&bytes(LISTENER), SEQUENCE + 1).expect("an answer"),
            Answer::default()
        );
    }

    #[test]
    fn a_shorter_tcp_info_is_none_and_a_longer_one_is_read() {
        let whole = bytes(ESTABLISHED);
        let info = only(ESTABLISHED).info;
        // tcp_info is the last attribute; its header stands 280 + 4 bytes before the end.
        let with_length = |length: usize| {
            let header = whole.len() - 284;
            let mut bytes = whole[..header + 4].to_vec();
            bytes.extend(whole[header + 4..].iter().chain(&[0; 64]).take(length));
            bytes[header..header + 2].copy_from_slice(&(length as u16 + 4).to_ne_bytes());
            let total = bytes.len() as u32;
            bytes[..4].copy_from_slice(&total.to_ne_bytes());
            parse(&bytes, SEQUENCE).expect("an answer").sockets[0]
                .info
                .clone()
        };
        assert_eq!(with_length(104), None);
        let older = info.as_deref().map(|info| TcpInfo {
            snd_wnd: None,
            ..*info
        });
        assert_eq!(with_length(TCP_INFO_LEN).as_deref(), older.as_ref());
        assert_eq!(with_length(280 + 64), info);
    }

    #[test]
    fn unknown_numbers_are_kept() {
        let mut bytes = bytes(TIME_WAIT);
        bytes[17] = 77;
        bytes[18] = 9;
        let facts = &parse(&bytes, SEQUENCE).expect("an answer").sockets[0];
        assert_eq!(facts.state, TcpState::Unknown(77));
        assert_eq!(facts.timer, TimerKind::Unknown(9));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for hex in [LISTENER, ESTABLISHED, TIME_WAIT, NO_SUCH_SOCKET] {
            let whole = bytes(hex);
            for cut in 1..whole.len() {
                assert!(parse(&whole[..cut], SEQUENCE).is_err(), "cut at {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_real_answer_with_wrong_bytes_is_read_or_refused(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = bytes(ESTABLISHED);
            for (index, byte) in changes {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            let _ = parse(&bytes, SEQUENCE);
        }
    }
}

/// The bytes of the kernel's answer with these facts, `tcp_info` left out.
fn encode(facts: &SocketFacts, state: u8, timer: u8) -> Vec<u8> {
    let (family, local, remote) = match (facts.tuple.local.ip(), facts.tuple.remote.ip()) {
        (IpAddr::V4(local), IpAddr::V4(remote)) => {
            let wide = |address: Ipv4Addr| {
                let mut octets = [0; 16];
                octets[..4].copy_from_slice(&address.octets());
                octets
            };
            (AF_INET, wide(local), wide(remote))
        }
        (IpAddr::V6(local), IpAddr::V6(remote)) => (AF_INET6, local.octets(), remote.octets()),
        mixed => panic!("no socket has {mixed:?}"),
    };
    let mut bytes = Vec::new();
    bytes.extend(((HEADER_LEN + MSG_LEN) as u32).to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(SEQUENCE.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend([family, state, timer, facts.retransmits]);
    bytes.extend(facts.tuple.local.port().to_be_bytes());
    bytes.extend(facts.tuple.remote.port().to_be_bytes());
    bytes.extend(local);
    bytes.extend(remote);
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend((facts.cookie as u32).to_ne_bytes());
    bytes.extend(((facts.cookie >> 32) as u32).to_ne_bytes());
    for word in [
        facts.timer_ms,
        facts.recv_q,
        facts.send_q,
        facts.uid,
        facts.inode,
    ] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes
}

fn addresses() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<([u8; 4], [u8; 4])>().prop_map(|(a, b)| (a.into(), b.into())),
        any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (a.into(), b.into())),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        sequence: u32,
    ) {
        let _ = parse(&bytes, sequence);
    }

    #[test]
    fn any_body_behind_a_good_header_is_read_or_refused(
        kind in prop_oneof![Just(20u16), Just(2), Just(3), any::<u16>()],
        flags: u16,
        body in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = ((HEADER_LEN + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(SEQUENCE.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(body);
        let _ = parse(&bytes, SEQUENCE);
    }

    #[test]
    fn facts_survive_the_way_through_the_bytes(
        (local, remote) in addresses(),
        ports in any::<(u16, u16)>(),
        (state, timer, retransmits) in any::<(u8, u8, u8)>(),
        (recv_q, send_q, timer_ms, uid, inode) in any::<(u32, u32, u32, u32, u32)>(),
        cookie in any::<u64>(),
    ) {
        let facts = SocketFacts {
            tuple: Tuple {
                local: SocketAddr::new(local, ports.0),
                remote: SocketAddr::new(remote, ports.1),
            },
            state: TcpState::from_kernel(state),
            recv_q,
            send_q,
            timer: TimerKind::from_kernel(timer),
            timer_ms,
            retransmits,
            cookie,
            inode,
            uid,
            info: None,
        };
        let answer = parse(&encode(&facts, state, timer), SEQUENCE).expect("well formed");
        prop_assert_eq!(answer.sockets, vec![facts]);
        prop_assert_eq!(answer.end, Some(End::Done));
    }
}
