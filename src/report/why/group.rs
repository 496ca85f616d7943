//! [`Group`]: findings with one cause: of one kind, at the same programs. Addresses, descriptors
//! and pids differ from case to case, and five thousand leaked connections are one diagnosis.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::diagnose::facts::HeldBy;
use crate::diagnose::{Finding, Weight};

/// Findings of one kind; the oldest first, at least one.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) first: &'a Finding,
    /// All of them.
    pub(super) cases: Vec<&'a Finding>,
}

/// For how long the cases have been as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ages {
    /// Nobody knows.
    Unknown,
    /// At least so long, the newest and the oldest.
    All(Duration, Duration),
    /// Of some it is not known; the oldest of the others.
    Some(Duration),
}

/// What the cases of a group have in common.
#[derive(PartialEq, Eq, Hash)]
struct Cause<'a> {
    kind: &'static str,
    weight: Weight,
    port: Option<u16>,
    /// The programs that hold the sockets, or are what is wrong.
    programs: BTreeSet<&'a str>,
    /// Whether the holders are known.
    held: Option<HeldBy>,
}

impl<'a> Cause<'a> {
    fn of(finding: &'a Finding) -> Cause<'a> {
        let facts = &finding.facts;
        let socket = facts.sockets.first().filter(|_| facts.port.is_none());
        let holders = socket.into_iter().flat_map(|socket| &socket.holders);
        let processes = facts.processes.iter().flat_map(|process| {
            let parent = process.parent_name.as_deref();
            [Some(process.name.as_str()), parent].into_iter().flatten()
        });
        Cause {
            kind: finding.diagnosis.key,
            weight: finding.weight,
            port: facts.port,
            programs: holders
                .map(|holder| holder.name.as_str())
                .chain(processes)
                .collect(),
            held: socket.map(|socket| socket.held),
        }
    }
}

/// Findings with one cause together, in the order of the first of each, worst first.
pub(super) fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: HashMap<Cause<'_>, usize> = HashMap::new();
    for finding in findings {
        let index = *known.entry(Cause::of(finding)).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.cases.push(finding),
            None => groups.push(Group {
                first: finding,
                cases: vec![finding],
            }),
        }
    }
    for group in &mut groups {
        // Stable: of the same age in the order of the findings.
        group
            .cases
            .sort_by_key(|finding| std::cmp::Reverse(finding.facts.age()));
        if let Some(oldest) = group.cases.first() {
            group.first = oldest;
        }
    }
    groups
}

impl Group<'_> {
    pub(super) fn ages(&self) -> Ages {
        let ages = self.cases.iter().map(|finding| finding.facts.age());
        let known: Vec<Duration> = ages.flatten().collect();
        match (known.iter().min(), known.iter().max()) {
            (Some(min), Some(max)) if known.len() == self.cases.len() => Ages::All(*min, *max),
            (_, Some(max)) => Ages::Some(*max),
            _ => Ages::Unknown,
        }
    }

    /// The processes that hold the sockets, each with how many, most first.
    pub(super) fn holders(&self) -> Vec<(String, usize)> {
        self.most(|finding| {
            let sockets = finding.facts.sockets.first();
            let holders = sockets.into_iter().flat_map(|socket| &socket.holders);
            let names = holders.map(|holder| format!("{} {}", holder.name, holder.pid));
            names.collect()
        })
    }

    /// The parents of the processes, each with how many, most first.
    pub(super) fn parents(&self) -> Vec<(String, usize)> {
        self.most(|finding| {
            let processes = finding.facts.processes.iter();
            let parents = processes.filter_map(|process| {
                let name = process.parent_name.as_ref()?;
                Some(format!("{name} {}", process.parent_pid?))
            });
            parents.collect()
        })
    }

    /// The hosts at the other ends, each with how many connections, most first.
    pub(super) fn remotes(&self) -> Vec<(String, usize)> {
        self.most(|finding| {
            let socket = finding.facts.sockets.first();
            let remote = socket.and_then(|socket| socket.remote_address.clone());
            remote.into_iter().collect()
        })
    }

    fn most(&self, of: impl Fn(&Finding) -> BTreeSet<String>) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for name in self.cases.iter().flat_map(|finding| of(finding)) {
            *counts.entry(name).or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }
}
