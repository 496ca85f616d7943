//! Arguments and results against a made-up memory.

use super::*;

mod hostile;
mod words;

/// Memory from address 0x1000 on.
struct Ram(Vec<u8>);

const BASE: u64 = 0x1000;

impl Memory for Ram {
    fn read(&self, address: u64, into: &mut [u8]) -> nix::Result<usize> {
        let from = address
            .checked_sub(BASE)
            .and_then(|from| usize::try_from(from).ok())
            .ok_or(nix::Error::EFAULT)?;
        let there = self.0.get(from..).unwrap_or_default();
        let length = there.len().min(into.len());
        into[..length].copy_from_slice(&there[..length]);
        match length {
            0 => Err(nix::Error::EFAULT),
            length => Ok(length),
        }
    }
}

/// The call of this number at its entry; nothing for one that does not matter.
fn begin(number: i64, args: [u64; 6], memory: &dyn Memory) -> Option<Begun> {
    Some(find(number)?.begin(args, memory))
}

fn ended(number: i64, args: [u64; 6], returned: i64, memory: &[u8]) -> Ended {
    let memory = Ram(memory.to_vec());
    begin(number, args, &memory)
        .expect("a call that matters")
        .end(returned, &memory)
}

fn text(number: i64, args: [u64; 6], returned: i64, memory: &[u8]) -> String {
    let call = ended(number, args, returned, memory).call;
    format!("{}({}) {:?}", call.name, call.args, call.result)
}

fn v4(port: u16) -> Vec<u8> {
    let mut bytes = (libc::AF_INET as u16).to_ne_bytes().to_vec();
    bytes.extend(port.to_be_bytes());
    bytes.extend([192, 0, 2, 2]);
    bytes.extend([0; 8]);
    bytes
}

#[test]
fn sockets_are_made_and_named() {
    let stream = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as u64;
    assert_eq!(
        text(libc::SYS_socket, [2, stream, 6, 0, 0, 0], 3, b""),
        "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) Value(3)"
    );
    assert_eq!(
        text(libc::SYS_connect, [3, BASE, 16, 0, 0, 0], -111, &v4(9190)),
        "connect(3, 192.0.2.2:9190) Errno(111)"
    );
    let mut v6 = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
    v6.extend(80_u16.to_be_bytes());
    v6.extend([0; 4]);
    v6.extend(std::net::Ipv6Addr::LOCALHOST.octets());
    v6.extend([0; 4]);
    assert_eq!(
        text(libc::SYS_bind, [3, BASE, 28, 0, 0, 0], 0, &v6),
        "bind(3, [::1]:80) Value(0)"
    );
    let mut path = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    path.extend(b"\0ab\x1bc\0rest");
    assert_eq!(
        text(libc::SYS_connect, [3, BASE, 12, 0, 0, 0], 0, &path),
        "connect(3, @ab\\x1bc) Value(0)"
    );
    assert_eq!(
        text(libc::SYS_shutdown, [4, 1, 0, 0, 0, 0], 0, b""),
        "shutdown(4, SHUT_WR) Value(0)"
    );
    assert_eq!(
        text(libc::SYS_listen, [3, 5, 0, 0, 0, 0], 0, b""),
        "listen(3, 5) Value(0)"
    );
}

#[test]
fn an_address_may_be_cut_unknown_or_nowhere() {
    for (length, expected) in [(0, "?"), (1, "?"), (2, "AF_INET"), (6, "AF_INET")] {
        assert_eq!(
            text(libc::SYS_connect, [3, BASE, length, 0, 0, 0], 0, &v4(1)),
            format!("connect(3, {expected}) Value(0)")
        );
    }
    assert_eq!(
        text(libc::SYS_bind, [3, 0, 16, 0, 0, 0], -14, b""),
        "bind(3, NULL) Errno(14)"
    );
    assert_eq!(
        text(libc::SYS_bind, [3, 7, u64::MAX, 0, 0, 0], -14, b""),
        "bind(3, ?) Errno(14)"
    );
    assert_eq!(
        text(libc::SYS_bind, [3, BASE, 4, 0, 0, 0], -97, &[99, 0, 1, 2]),
        "bind(3, family 99) Errno(97)"
    );
}

#[test]
fn an_accepted_peer_is_shown() {
    let mut memory = v4(40_000);
    memory.extend(16_i32.to_ne_bytes());
    let args = [3, BASE, BASE + 16, libc::SOCK_CLOEXEC as u64, 0, 0];
    assert_eq!(
        text(libc::SYS_accept4, args, 4, &memory),
        "accept4(3, 192.0.2.2:40000, SOCK_CLOEXEC) Value(4)"
    );
    assert_eq!(
        text(libc::SYS_accept, [3, 0, 0, 0, 0, 0], -11, b""),
        "accept(3) Errno(11)"
    );
}

#[test]
fn data_is_quoted_and_cut() {
    assert_eq!(
        text(libc::SYS_write, [4, BASE, 6, 0, 0, 0], 6, b"hello\n"),
        "write(4, \"hello\\n\", 6) Value(6)"
    );
    let long = [b'x'; 100];
    let call = ended(libc::SYS_write, [4, BASE, 100, 0, 0, 0], 100, &long).call;
    assert!(call.args.ends_with("\"..., 100"), "{}", call.args);
    assert!(call.args.len() < 60, "{}", call.args);
    let hostile = text(libc::SYS_write, [4, BASE, 5, 0, 0, 0], 5, b"\x1b[2J\xff");
    assert!(!hostile.contains('\x1b'), "{hostile}");
    assert_eq!(
        text(libc::SYS_read, [4, BASE, 4096, 0, 0, 0], 0, b""),
        "read(4, \"\", 4096) Eof"
    );
    assert_eq!(
        text(libc::SYS_read, [4, BASE, 0, 0, 0, 0], 0, b""),
        "read(4, \"\", 0) Value(0)"
    );
    assert_eq!(
        text(libc::SYS_read, [4, BASE, 10, 0, 0, 0], -512, b""),
        "read(4, buf, 10) Restarted(512)"
    );
    let flags = (libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) as u64;
    assert_eq!(
        text(libc::SYS_sendto, [4, BASE, 2, flags, 0, 0], -32, b"hi"),
        "sendto(4, \"hi\", 2, MSG_DONTWAIT|MSG_NOSIGNAL) Errno(32)"
    );
}

#[test]
fn vectors_are_joined() {
    let mut memory = Vec::new();
    for (at, length) in [(BASE + 32, 3_u64), (BASE + 35, 2)] {
        memory.extend(at.to_ne_bytes());
        memory.extend(length.to_ne_bytes());
    }
    memory.extend(b"abcde");
    assert_eq!(
        text(libc::SYS_writev, [4, BASE, 2, 0, 0, 0], 5, &memory),
        "writev(4, \"abcde\", 5) Value(5)"
    );
    assert_eq!(
        text(libc::SYS_readv, [4, BASE, 2, 0, 0, 0], 4, &memory),
        "readv(4, \"abcd\", 5) Value(4)"
    );
    let absurd = text(libc::SYS_writev, [4, BASE, u64::MAX, 0, 0, 0], -22, &memory);
    assert!(absurd.starts_with("writev(4, "), "{absurd}");
}

#[test]
fn options_have_names() {
    let linger = [1_i32.to_ne_bytes(), 0_i32.to_ne_bytes()].concat();
    let socket = libc::SOL_SOCKET as u64;
    assert_eq!(
        text(
            libc::SYS_setsockopt,
            [4, socket, libc::SO_LINGER as u64, BASE, 8, 0],
            0,
            &linger
        ),
        "setsockopt(4, SO_LINGER, {1, 0}) Value(0)"
    );
    let mut error = 104_i32.to_ne_bytes().to_vec();
    error.extend(4_i32.to_ne_bytes());
    assert_eq!(
        text(
            libc::SYS_getsockopt,
            [4, socket, libc::SO_ERROR as u64, BASE, BASE + 4, 0],
            0,
            &error
        ),
        "getsockopt(4, SO_ERROR = ECONNRESET) Value(0)"
    );
    assert_eq!(
        text(libc::SYS_setsockopt, [4, 77, 78, 0, 0, 0], -92, b""),
        "setsockopt(4, level 77 option 78) Errno(92)"
    );
}

#[test]
fn processes_signals_and_waits() {
    assert_eq!(
        text(libc::SYS_clone, [0x0120_0011, 0, 0, 0, 0, 0], 7, b""),
        "clone(SIGCHLD) Value(7)"
    );
    assert_eq!(
        text(
            libc::SYS_wait4,
            [u64::MAX, BASE, 1, 0, 0, 0],
            7,
            &9_i32.to_ne_bytes()
        ),
        "wait4(-1, killed by SIGKILL, WNOHANG) Value(7)"
    );
    assert_eq!(
        text(libc::SYS_kill, [7, 15, 0, 0, 0, 0], 0, b""),
        "kill(7, SIGTERM) Value(0)"
    );
    let mut action = 0x5555_u64.to_ne_bytes().to_vec();
    action.extend((0x0400_0000_u64 | libc::SA_RESTART as u64).to_ne_bytes());
    let done = ended(libc::SYS_rt_sigaction, [17, BASE, 0, 8, 0, 0], 0, &action);
    assert_eq!(done.call.args, "SIGCHLD, handler, SA_RESTART");
    let disposition = Disposition::Caught { restart: true };
    let signal = 17;
    assert_eq!(
        done.effect,
        Effect::Handler {
            signal,
            disposition
        }
    );
    let memory = Ram(Vec::new());
    let exit = begin(libc::SYS_exit_group, [3, 0, 0, 0, 0, 0], &memory).expect("it matters");
    assert!(!exit.needs_exit());
    let never = exit.never();
    assert_eq!(
        (never.args.as_str(), never.result),
        ("3", CallResult::Never)
    );
}

#[test]
fn a_program_is_shown_by_its_first_words() {
    let mut memory = Vec::new();
    for at in [BASE + 32, BASE + 35, 0, 0] {
        memory.extend(at.to_ne_bytes());
    }
    memory.extend(b"ls\0-l\0");
    assert_eq!(
        text(libc::SYS_execve, [BASE + 32, BASE, 0, 0, 0, 0], -2, &memory),
        "execve(\"ls\", [\"ls\", \"-l\"]) Errno(2)"
    );
}

#[test]
fn names_of_libc_mean_calls_of_the_kernel() {
    assert!(same_call("send", "sendto"));
    assert!(same_call("waitpid", "wait4"));
    assert!(!same_call("read", "recvfrom"));
}
