//! Processes that lie: pointers to nowhere, absurd lengths, memory without end.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

/// Memory that answers at every address, and counts what is asked of it.
#[derive(Default)]
struct Endless {
    bytes: Cell<usize>,
    reads: Cell<usize>,
}

impl Memory for Endless {
    fn read(&self, _: u64, into: &mut [u8]) -> nix::Result<usize> {
        self.bytes.set(self.bytes.get() + into.len());
        self.reads.set(self.reads.get() + 1);
        into.fill(0xff);
        Ok(into.len())
    }
}

#[test]
fn what_is_read_has_bounds() {
    for syscall in all() {
        let memory = Endless::default();
        let begun = begin(syscall.number, [u64::MAX; 6], &memory).expect("from the table");
        let call = begun.end(i64::MAX, &memory).call;
        let (bytes, reads) = (memory.bytes.get(), memory.reads.get());
        let name = syscall.name;
        assert!(bytes < 2048, "{name} read {bytes} bytes");
        assert!(reads < 64, "{name} read {reads} times");
        assert!(call.args.len() < 1500, "{name}({})", call.args);
    }
}

#[test]
fn a_pointer_to_nowhere_is_said() {
    let big = 1 << 63;
    let cases: &[(i64, [u64; 6], i64, &str)] = &[
        (libc::SYS_write, [4, 7, 5, 0, 0, 0], -14, "4, ?, 5"),
        (
            libc::SYS_write,
            [4, 7, big, 0, 0, 0],
            -14,
            "4, ?, 9223372036854775808",
        ),
        (libc::SYS_writev, [4, 7, 2, 0, 0, 0], -14, "4, ?, 0+"),
        (libc::SYS_writev, [4, 7, 0, 0, 0, 0], 0, "4, \"\", 0"),
        (libc::SYS_sendmsg, [4, 7, 0, 0, 0, 0], -14, "4, ?, 0+"),
        (libc::SYS_recvmsg, [4, 7, 0, 0, 0, 0], -14, "4, buf, 0+"),
        (
            libc::SYS_read,
            [4, 7, big, 0, 0, 0],
            5,
            "4, ?, 9223372036854775808",
        ),
        (libc::SYS_accept, [3, 7, 7, 0, 0, 0], 4, "3"),
        (libc::SYS_getsockname, [3, 7, 7, 0, 0, 0], -14, "3"),
        (libc::SYS_ppoll, [7, big, 7, 0, 0, 0], -14, "[...], ?"),
        (
            libc::SYS_pselect6,
            [u64::MAX >> 33, 7, 0, 0, 7, 0],
            -14,
            "read ?, ?",
        ),
        (libc::SYS_epoll_pwait, [5, 7, 9, 50, 0, 0], 9, "5, 50 ms"),
        (libc::SYS_waitid, [0, 0, 7, 4, 0, 0], 0, "P_ALL, WEXITED"),
        (libc::SYS_execve, [7, 7, 7, 0, 0, 0], -14, "?, []"),
        (libc::SYS_clone3, [7, 88, 0, 0, 0, 0], -14, "?"),
        (
            libc::SYS_rt_sigaction,
            [17, 7, 0, 8, 0, 0],
            -14,
            "SIGCHLD, NULL",
        ),
        (
            libc::SYS_setsockopt,
            [4, 1, libc::SO_LINGER as u64, 7, 8, 0],
            -14,
            "4, SO_LINGER",
        ),
    ];
    for (number, args, returned, expected) in cases {
        let call = ended(*number, *args, *returned, b"").call;
        assert_eq!(call.args, *expected, "{}", call.name);
    }
}

#[test]
fn an_unknown_number_is_nothing() {
    for number in [-1, i64::MIN, i64::MAX, libc::SYS_getpid] {
        assert!(begin(number, [0; 6], &Ram(Vec::new())).is_none());
    }
}

fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        BASE..BASE + 300,
        0_u64..300,
        Just(u64::MAX),
        Just(1 << 63),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_a_process_does_is_too_much(
        index in 0..all().len(),
        args in prop::array::uniform6(argument()),
        returned in prop_oneof![any::<i64>(), -600_i64..600],
        memory in prop::collection::vec(any::<u8>(), 0..300),
        later in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let begun = begin(all()[index].number, args, &Ram(memory)).expect("from the table");
        // Another thread may write there meanwhile.
        let call = begun.clone().end(returned, &Ram(later)).call;
        prop_assert!(call.args.chars().count() < 1500);
        prop_assert!(!call.args.chars().any(char::is_control));
        prop_assert_eq!(begun.never().result, CallResult::Never);
    }

    #[test]
    fn every_number_is_taken(number: i64, args: [u64; 6]) {
        let known = begin(number, args, &Ram(Vec::new())).is_some();
        prop_assert_eq!(known, all().iter().any(|syscall| syscall.number == number));
    }
}
