//! What of a filter the kernel can judge: which tables, which states, which addresses and ports.
//! It sends every socket that is meant, and few others; [`Filter::matches`] has the last word.
//!
//! Except that TCP sockets which are bound and neither listen nor are connected are asked for only
//! where the filter has an address, a port or `state:close`, as `ss(8)` shows them only with `-B`.

use super::{Condition, EndPattern, Ends, Filter, StateSet};
use crate::model::TcpState;
use crate::observe::inet_diag::{Code, Family, Protocol, Side, StateMask, Test};

/// One question to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Which table.
    pub protocol: Protocol,
    /// Of which family; nothing: of both.
    pub family: Option<Family>,
    /// In which states.
    pub states: StateMask,
    /// Which addresses and ports.
    pub code: Code,
}

impl Filter {
    /// The questions whose answers have every socket in them that is meant.
    pub fn dumps(&self) -> Vec<Dump> {
        let mut dumps = Vec::new();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let [v4, v6] = [Family::V4, Family::V6].map(|family| self.dump(protocol, family));
            match (v4, v6) {
                (Some(v4), Some(v6)) if (v4.states, &v4.code) == (v6.states, &v6.code) => {
                    dumps.push(Dump { family: None, ..v4 });
                }
                (v4, v6) => dumps.extend(v4.into_iter().chain(v6)),
            }
        }
        dumps
    }

    fn dump(&self, protocol: Protocol, family: Family) -> Option<Dump> {
        let table = Table { protocol, family };
        let judged = table.judge(self, true);
        if judged == Judged::Never {
            return None;
        }
        let states = table.states(self, true);
        if states.is_empty() {
            return None;
        }
        let mut mask = states.mask();
        // Looking for sockets that are bound and nothing more, the kernel walks through all that
        // are bound: as much work as everything else together.
        let asked = matches!(judged, Judged::Test(_)) || self.names_close();
        if asked && protocol == Protocol::Tcp && states.has(TcpState::Close) {
            mask = mask.with(StateMask::BOUND);
        }
        let code = match judged {
            Judged::Test(test) => Code::of(&test).unwrap_or_default(),
            Judged::Always | Judged::Never => Code::default(),
        };
        Some(Dump {
            protocol,
            family: Some(family),
            states: mask,
            code,
        })
    }
}

impl Filter {
    /// Whether a state of its is CLOSE.
    fn names_close(&self) -> bool {
        match self {
            // ss's groups are not meant to name it.
            Filter::Is(Condition::State(states)) => {
                !StateSet::NAMED.iter().any(|(group, _)| group == states)
                    && states.has(TcpState::Close)
            }
            Filter::Is(_) => false,
            Filter::Not(part) => part.names_close(),
            Filter::All(parts) | Filter::Any(parts) => parts.iter().any(Filter::names_close),
        }
    }
}

/// One of the kernel's tables.
#[derive(Clone, Copy)]
struct Table {
    protocol: Protocol,
    family: Family,
}

/// What a filter comes to in one table.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Judged {
    /// Every socket may be meant.
    Always,
    /// None is.
    Never,
    /// Those for which this holds may be.
    Test(Test),
}

impl Table {
    /// `holds`: whether the filter shall hold, or shall not. What the kernel cannot judge becomes
    /// [`Judged::Always`] either way.
    fn judge(self, filter: &Filter, holds: bool) -> Judged {
        match filter {
            Filter::Is(condition) => self.judge_one(condition, holds),
            Filter::Not(part) => self.judge(part, !holds),
            Filter::All(parts) | Filter::Any(parts) => {
                let parts = parts.iter().map(|part| self.judge(part, holds));
                match matches!(filter, Filter::All(_)) == holds {
                    true => all(parts),
                    false => any(parts),
                }
            }
        }
    }

    fn judge_one(self, condition: &Condition, holds: bool) -> Judged {
        let known = match condition {
            Condition::Protocol(protocol) => *protocol == self.protocol,
            Condition::Family(family) => *family == self.family,
            Condition::End(ends, pattern) => {
                let test = test_of(*ends, pattern);
                return Judged::Test(match holds {
                    true => test,
                    false => Test::Not(Box::new(test)),
                });
            }
            Condition::State(_)
            | Condition::Pid(_)
            | Condition::Name(_)
            | Condition::User(_)
            | Condition::Gauge(..) => return Judged::Always,
        };
        match known == holds {
            true => Judged::Always,
            false => Judged::Never,
        }
    }

    /// The states that sockets may be in for which the filter holds (or does not).
    fn states(self, filter: &Filter, holds: bool) -> StateSet {
        match filter {
            Filter::Is(Condition::State(states)) if holds => *states,
            Filter::Is(Condition::State(states)) => states.others(),
            Filter::Is(condition) => match self.judge_one(condition, holds) {
                Judged::Never => StateSet::none(),
                Judged::Always | Judged::Test(_) => StateSet::ALL,
            },
            Filter::Not(part) => self.states(part, !holds),
            Filter::All(parts) | Filter::Any(parts) => {
                let sets = parts.iter().map(|part| self.states(part, holds));
                match matches!(filter, Filter::All(_)) == holds {
                    true => sets.fold(StateSet::ALL, StateSet::within),
                    false => sets.fold(StateSet::none(), StateSet::with),
                }
            }
        }
    }
}

fn all(parts: impl Iterator<Item = Judged>) -> Judged {
    let mut tests = Vec::new();
    for part in parts {
        match part {
            Judged::Always => {}
            Judged::Never => return Judged::Never,
            Judged::Test(test) => tests.push(test),
        }
    }
    match tests.is_empty() {
        true => Judged::Always,
        false => Judged::Test(Test::All(tests)),
    }
}

fn any(parts: impl Iterator<Item = Judged>) -> Judged {
    let mut tests = Vec::new();
    for part in parts {
        match part {
            Judged::Always => return Judged::Always,
            Judged::Never => {}
            Judged::Test(test) => tests.push(test),
        }
    }
    match tests.is_empty() {
        true => Judged::Never,
        false => Judged::Test(Test::Any(tests)),
    }
}

fn test_of(ends: Ends, pattern: &EndPattern) -> Test {
    let of = |side| {
        let mut tests = Vec::new();
        if let Some(ports) = pattern.ports {
            tests.push(Test::Port {
                side,
                from: ports.from,
                to: ports.to,
            });
        }
        if let Some(net) = pattern.net {
            tests.push(Test::Net {
                side,
                address: net.address(),
                prefix: net.prefix(),
            });
        }
        Test::All(tests)
    };
    match ends {
        Ends::Local => of(Side::Local),
        Ends::Remote => of(Side::Remote),
        Ends::Either => Test::Any(vec![of(Side::Local), of(Side::Remote)]),
    }
}
