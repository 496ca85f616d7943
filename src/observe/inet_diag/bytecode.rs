//! [`Code`]: what a dump shall leave out, as the program that the kernel runs over each socket
//! (`INET_DIAG_REQ_BYTECODE`, `inet_diag_bc_run` in `net/ipv4/inet_diag.c`).
//!
//! An operation has two ways on, by offset: `yes` leads to the next one, `no` anywhere ahead. A
//! socket is sent when the program runs exactly to its end, and left out when it jumps beyond.

use std::net::IpAddr;

use super::{AF_INET, AF_INET6};

/// Operation codes (`linux/inet_diag.h`).
const JMP: u8 = 1;
const S_GE: u8 = 2;
const S_LE: u8 = 3;
const D_GE: u8 = 4;
const D_LE: u8 = 5;
const S_COND: u8 = 7;
const D_COND: u8 = 8;

/// The size of `struct inet_diag_bc_op`.
const OP: usize = 4;
/// The size of `struct inet_diag_hostcond` without an address.
const HOSTCOND: usize = 8;
/// The longest program that is made. An attribute's length has 16 bits; a longer program would
/// cost the kernel more than it saves.
const LONGEST: usize = 16 * 1024;

/// Which end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// This one.
    Local,
    /// The other one.
    Remote,
}

/// What the kernel can ask of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The port is in this range, both ends included.
    Port {
        /// Of which end.
        side: Side,
        /// The least.
        from: u16,
        /// The greatest.
        to: u16,
    },
    /// The first `prefix` bits of the address are these. An IPv4 address also means the
    /// IPv4-mapped IPv6 one.
    Net {
        /// Of which end.
        side: Side,
        /// The address.
        address: IpAddr,
        /// How many bits of it count.
        prefix: u8,
    },
    /// All of them. Of none: true.
    All(Vec<Test>),
    /// At least one of them. Of none: false.
    Any(Vec<Test>),
    /// Not so.
    Not(Box<Test>),
}

/// A finished program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(Vec<u8>);

impl Code {
    /// The program that lets exactly those sockets through for which `test` holds. Nothing when it
    /// would be too long.
    pub fn of(test: &Test) -> Option<Code> {
        let mut writer = Writer::default();
        let beyond = writer.label();
        writer.test(test, beyond);
        writer.finish(beyond).map(Code)
    }

    /// The program as the kernel takes it. Empty: everything is let through.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A place in the program that is not known yet.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Label(usize);

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Where each label is, once it is known.
    places: Vec<Option<usize>>,
    /// Operations whose `no` leads to a label.
    jumps: Vec<(usize, Label)>,
}

impl Writer {
    fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    fn place(&mut self, label: Label) {
        self.places[label.0] = Some(self.bytes.len());
    }

    /// Code that goes on behind itself where the test holds, and to `fails` where it does not.
    fn test(&mut self, test: &Test, fails: Label) {
        match test {
            Test::Port { side, from, to } => {
                let (ge, le) = match side {
                    Side::Local => (S_GE, S_LE),
                    Side::Remote => (D_GE, D_LE),
                };
                if *from > 0 {
                    self.port(ge, *from, fails);
                }
                if *to < u16::MAX {
                    self.port(le, *to, fails);
                }
            }
            Test::Net {
                side,
                address,
                prefix,
            } => self.net(*side, *address, *prefix, fails),
            Test::All(parts) => {
                for part in parts {
                    self.test(part, fails);
                }
            }
            Test::Any(parts) => {
                let holds = self.label();
                for part in parts {
                    let next = self.label();
                    self.test(part, next);
                    self.jump(holds);
                    self.place(next);
                }
                self.jump(fails);
                self.place(holds);
            }
            Test::Not(part) => {
                let holds = self.label();
                self.test(part, holds);
                self.jump(fails);
                self.place(holds);
            }
        }
    }

    fn jump(&mut self, to: Label) {
        self.op(JMP, OP, to);
    }

    /// The operation's operand is the `no` of a second one behind it.
    fn port(&mut self, code: u8, port: u16, fails: Label) {
        self.op(code, 2 * OP, fails);
        self.bytes.extend([0, 0]);
        self.bytes.extend(port.to_ne_bytes());
    }

    fn net(&mut self, side: Side, address: IpAddr, prefix: u8, fails: Label) {
        let code = match side {
            Side::Local => S_COND,
            Side::Remote => D_COND,
        };
        let (family, octets) = match address {
            IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
        };
        self.op(code, OP + HOSTCOND + octets.len(), fails);
        let bits = octets.len() * 8;
        self.bytes.extend([family, prefix.min(bits as u8), 0, 0]);
        // Port: any.
        self.bytes.extend((-1i32).to_ne_bytes());
        self.bytes.extend(octets);
    }

    /// `length`: of the operation with its operands, where `yes` leads to.
    fn op(&mut self, code: u8, length: usize, no: Label) {
        self.jumps.push((self.bytes.len(), no));
        self.bytes.extend([code, length as u8, 0, 0]);
    }

    fn finish(mut self, beyond: Label) -> Option<Vec<u8>> {
        if self.bytes.len() > LONGEST {
            return None;
        }
        let end = self.bytes.len();
        self.places[beyond.0] = Some(end + OP);
        for (at, label) in std::mem::take(&mut self.jumps) {
            let offset = u16::try_from(self.places[label.0]? - at).ok()?;
            self.bytes[at + 2..at + 4].copy_from_slice(&offset.to_ne_bytes());
        }
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tuple;
    use proptest::prelude::*;
    use std::net::SocketAddr;

    /// What the kernel does with a program (`inet_diag_bc_run`).
    fn run(code: &[u8], tuple: Tuple) -> bool {
        let (mut at, end) = (0isize, code.len() as isize);
        while at < end {
            let op = &code[at as usize..];
            let no = |op: &[u8]| u16::from_ne_bytes([op[2], op[3]]);
            let operand = || no(&op[OP..]);
            let yes = match op[0] {
                JMP => false,
                S_GE => tuple.local.port() >= operand(),
                S_LE => tuple.local.port() <= operand(),
                D_GE => tuple.remote.port() >= operand(),
                D_LE => tuple.remote.port() <= operand(),
                S_COND => host(&op[OP..], tuple.local),
                D_COND => host(&op[OP..], tuple.remote),
                other => panic!("operation {other}"),
            };
            at += if yes { op[1] as isize } else { no(op) as isize };
        }
        at == end
    }

    fn host(cond: &[u8], address: SocketAddr) -> bool {
        let prefix = usize::from(cond[1]);
        let theirs = match (cond[0], address.ip()) {
            (AF_INET, IpAddr::V4(v4)) => v4.octets().to_vec(),
            (AF_INET6, IpAddr::V6(v6)) => v6.octets().to_vec(),
            (AF_INET, IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
                Some(v4) => v4.octets().to_vec(),
                None => return false,
            },
            _ => return false,
        };
        let bit = |bytes: &[u8], n: usize| bytes[n / 8] >> (7 - n % 8) & 1;
        (0..prefix).all(|n| bit(&cond[HOSTCOND..], n) == bit(&theirs, n))
    }

    /// What the kernel demands of a program (`inet_diag_bc_audit`).
    fn audit(code: &[u8]) -> bool {
        let mut boundaries = vec![];
        let mut at = 0;
        while at < code.len() {
            boundaries.push(at);
            let yes = usize::from(code[at + 1]);
            if yes < OP || yes % 4 != 0 || at + yes > code.len() {
                return false;
            }
            at += yes;
        }
        boundaries.push(code.len());
        boundaries.iter().take(boundaries.len() - 1).all(|at| {
            let no = usize::from(u16::from_ne_bytes([code[at + 2], code[at + 3]]));
            let to = at + no;
            no >= OP && no.is_multiple_of(4) && (boundaries.contains(&to) || to == code.len() + OP)
        })
    }

    fn holds(test: &Test, tuple: Tuple) -> bool {
        let end = |side: &Side| match side {
            Side::Local => tuple.local,
            Side::Remote => tuple.remote,
        };
        match test {
            Test::Port { side, from, to } => (*from..=*to).contains(&end(side).port()),
            Test::Net {
                side,
                address,
                prefix,
            } => {
                let (ours, theirs) = match (address, end(side).ip()) {
                    (IpAddr::V4(a), IpAddr::V4(b)) => {
                        (u128::from(a.to_bits()) << 96, u128::from(b.to_bits()) << 96)
                    }
                    (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits()),
                    (IpAddr::V4(a), IpAddr::V6(b)) => match b.to_ipv4_mapped() {
                        Some(b) => (u128::from(a.to_bits()) << 96, u128::from(b.to_bits()) << 96),
                        None => return false,
                    },
                    _ => return false,
                };
                let kept = u128::MAX.checked_shl(128 - u32::from(*prefix)).unwrap_or(0);
                ours & kept == theirs & kept
            }
            Test::All(parts) => parts.iter().all(|part| holds(part, tuple)),
            Test::Any(parts) => parts.iter().any(|part| holds(part, tuple)),
            Test::Not(part) => !holds(part, tuple),
        }
    }

    fn side() -> impl Strategy<Value = Side> {
        prop_oneof![Just(Side::Local), Just(Side::Remote)]
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0u8..4).prop_map(|n| IpAddr::from([10, 0, 0, n])),
            (0u16..4).prop_map(|n| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])),
            (0u8..4)
                .prop_map(|n| IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, n).to_ipv6_mapped())),
        ]
    }

    fn test() -> impl Strategy<Value = Test> {
        let leaf = prop_oneof![
            (side(), 0u16..6, 0u16..6).prop_map(|(side, from, more)| Test::Port {
                side,
                from,
                to: from + more
            }),
            side().prop_map(|side| Test::Port {
                side,
                from: 3,
                to: u16::MAX
            }),
            (side(), address(), prop_oneof![Just(0u8), 1..=32u8]).prop_map(
                |(side, address, prefix)| Test::Net {
                    side,
                    address,
                    prefix
                }
            ),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Test::All),
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Test::Any),
                inner.prop_map(|part| Test::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_program_means_what_the_test_means(
            test in test(),
            local in (address(), 0u16..8),
            remote in (address(), 0u16..8),
        ) {
            let tuple = Tuple { local: local.into(), remote: remote.into() };
            let code = Code::of(&test).expect("short");
            prop_assert!(audit(code.bytes()));
            prop_assert_eq!(run(code.bytes(), tuple), holds(&test, tuple));
        }
    }

    #[test]
    fn a_program_that_would_be_too_long_is_none() {
        let port = Test::Port {
            side: Side::Local,
            from: 1,
            to: 1,
        };
        assert_eq!(Code::of(&Test::Any(vec![port; 2000])), None);
    }
}
