//! Whether what a scenario says can mean something: its names, its order, its paths.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Fault;
use super::names::{Mention, MentionKind};
use super::placeholder::{PORTS, Piece, TemplateError, pieces};
use super::program_table::Draft as ProgramDraft;
use super::quoted::Quoted;
use super::reader::Reader;
use super::step_table::Draft as StepDraft;
use super::{Action, Expectation, Link, Matcher, suggest};
use crate::graph::{self, Between};
use crate::model::{HostName, ProgramName};

/// The names of a scenario.
pub(crate) struct Names {
    /// Each program and where it runs.
    pub(crate) programs: BTreeMap<ProgramName, HostName>,
    /// The hosts that are there.
    pub(crate) hosts: BTreeSet<HostName>,
}

impl Names {
    /// The host that a word means: a host, or the host of a program.
    fn host(&self, word: &HostName) -> Option<HostName> {
        if self.hosts.contains(word) {
            return Some(word.clone());
        }
        self.programs.get(&ProgramName::new(word.as_str())).cloned()
    }
}

/// Checks the placeholders of all programs, and returns the hosts that they name.
pub(crate) fn placeholders<'d>(
    reader: &mut Reader<'_>,
    drafts: impl Iterator<Item = &'d ProgramDraft>,
    hosts: &BTreeSet<HostName>,
) -> BTreeSet<HostName> {
    let mut named = BTreeSet::new();
    for template in drafts.flat_map(|draft| &draft.templates) {
        for piece in pieces(&template.value) {
            let (name, span) = match piece {
                Ok(Piece::Text(_)) => continue,
                Ok(Piece::Name { name, span }) => (name, span),
                Err(TemplateError::Brace { span } | TemplateError::Unknown { span, .. }) => {
                    reader.fault_in(
                        template,
                        Fault::new(span, "a brace without its partner")
                            .help("a brace itself is written twice: `{{` or `}}`"),
                    );
                    continue;
                }
            };
            // `{server6}` is the IPv6 address of host `server`.
            let exact = HostName::from(name);
            let host = match name.strip_suffix('6') {
                Some(base) if !hosts.contains(&exact) => HostName::from(base),
                _ => exact,
            };
            if matches!(host.as_str(), "server" | "client") || hosts.contains(&host) {
                named.insert(host);
            } else if !PORTS.contains(&name) {
                let known: BTreeSet<&str> = ["server", "client"]
                    .into_iter()
                    .chain(PORTS)
                    .chain(hosts.iter().map(HostName::as_str))
                    .collect();
                let near = suggest::nearest(name, known.iter().copied());
                let help = near.map_or_else(
                    || {
                        let all: Vec<String> = known.iter().map(|k| format!("{{{k}}}")).collect();
                        format!(
                            "the placeholders are {}; a brace itself is written twice",
                            all.join(", ")
                        )
                    },
                    |near| format!("did you mean `{{{near}}}`?"),
                );
                reader.fault_in(
                    template,
                    Fault::new(span, format!("unknown placeholder `{{{name}}}`")).help(help),
                );
            }
        }
    }
    named
}

/// Checks that every name in the steps is known and every path possible.
pub(crate) fn names(reader: &mut Reader<'_>, steps: &[StepDraft], names: &Names) {
    for step in steps {
        let of_actions = step
            .actions
            .iter()
            .map(|said| (&said.quoted, &said.mentions));
        let of_checks = step
            .expect
            .iter()
            .chain(&step.never)
            .map(|said| (&said.quoted, &said.mentions));
        for (quoted, mentions) in of_actions.chain(of_checks) {
            for mention in mentions {
                if let Some(fault) = unknown(mention, names) {
                    reader.fault_in(quoted, fault);
                }
            }
        }
    }
}

fn unknown(mention: &Mention, names: &Names) -> Option<Fault> {
    let programs = names.programs.keys().map(ProgramName::as_str);
    match &mention.kind {
        MentionKind::Starts(name)
        | MentionKind::Types(name)
        | MentionKind::ClosesStdin(name)
        | MentionKind::Signals(name)
        | MentionKind::Judges(name) => (!names.programs.contains_key(name)).then(|| {
            let known: Vec<&str> = programs.collect();
            let fault = Fault::new(mention.span.clone(), format!("unknown program `{name}`"));
            match known[..] {
                [] => fault,
                _ => fault.help(suggest::did_you_mean_or_list(name.as_str(), &known)),
            }
        }),
        MentionKind::Host(name) => names.host(name).is_none().then(|| {
            let known: BTreeSet<&str> = programs
                .chain(names.hosts.iter().map(HostName::as_str))
                .collect();
            let known: Vec<&str> = known.into_iter().collect();
            Fault::new(
                mention.span.clone(),
                format!("`{name}` is neither a host nor a program"),
            )
            .help(suggest::did_you_mean_or_list(name.as_str(), &known))
        }),
        MentionKind::Follows(from, link, to) => {
            let between = graph::between(*from, *to, false);
            let fault = match (link, between) {
                (_, Between::Impossible) => format!("no path leads from {from} to {to}"),
                (Link::Direct, Between::Through(_) | Between::Ambiguous) => {
                    format!("{to} cannot follow {from} directly")
                }
                _ => return None,
            };
            let fault = Fault::new(mention.span.clone(), fault);
            Some(match graph::between(*from, *to, false) {
                Between::Through(states) => {
                    let states: Vec<String> = states.iter().map(ToString::to_string).collect();
                    fault.help(format!("between them comes {}", states.join(" > ")))
                }
                Between::Ambiguous => fault.help("`>>` allows any states between"),
                _ => {
                    let next: Vec<&str> =
                        graph::successors(*from).iter().map(|s| s.name()).collect();
                    fault.help(format!(
                        "{from} leads to {} (RFC 9293, figure 5)",
                        next.join(", ")
                    ))
                }
            })
        }
    }
}

/// Checks what depends on the order of the steps. Returns the programs that are started.
pub(crate) fn order(reader: &mut Reader<'_>, steps: &[StepDraft]) -> BTreeSet<ProgramName> {
    let mut so_far = SoFar::default();
    for step in steps {
        for said in &step.actions {
            for mention in &said.mentions {
                if let Some(fault) = so_far.names_of_action(mention) {
                    reader.fault_in(&said.quoted, fault);
                }
            }
            if let Some(message) = so_far.action(&said.value) {
                reader.fault(Fault::new(said.quoted.span.clone(), message));
            }
        }
        for said in step.expect.iter().chain(&step.never) {
            judged(reader, &said.quoted, &said.mentions, &so_far);
        }
    }
    so_far.started
}

fn judged(reader: &mut Reader<'_>, quoted: &Quoted, mentions: &[Mention], so_far: &SoFar) {
    for mention in mentions {
        if let MentionKind::Judges(name) = &mention.kind
            && !so_far.started.contains(name)
        {
            reader.fault_in(quoted, not_started(mention, name));
        }
    }
}

fn not_started(mention: &Mention, name: &ProgramName) -> Fault {
    Fault::new(mention.span.clone(), format!("`{name}` is not started yet")).help(format!(
        "`start {name}` must come before, in this step or an earlier one"
    ))
}

/// What the actions up to here have come to.
#[derive(Default)]
struct SoFar {
    started: BTreeSet<ProgramName>,
    stdin_closed: BTreeSet<ProgramName>,
    held: bool,
    cut: bool,
}

impl SoFar {
    fn names_of_action(&mut self, mention: &Mention) -> Option<Fault> {
        match &mention.kind {
            MentionKind::Starts(name) => {
                self.started.insert(name.clone());
                self.stdin_closed.remove(name);
                None
            }
            MentionKind::Types(name) | MentionKind::ClosesStdin(name) => {
                if !self.started.contains(name) {
                    return Some(not_started(mention, name));
                }
                self.stdin_closed.contains(name).then(|| {
                    Fault::new(
                        mention.span.clone(),
                        format!("the standard input of `{name}` is closed already"),
                    )
                })
            }
            MentionKind::Signals(name) if !self.started.contains(name) => {
                Some(not_started(mention, name))
            }
            _ => None,
        }
    }

    /// Why the action can never be carried out.
    fn action(&mut self, action: &Action) -> Option<&'static str> {
        match action {
            Action::CloseStdin(name) => {
                self.stdin_closed.insert(name.clone());
                None
            }
            Action::Hold(_) => {
                self.held = true;
                None
            }
            Action::Release(_) if !self.held => Some("nothing is held that could be released"),
            Action::Cut if self.cut => Some("the wire is cut already"),
            Action::Mend if !self.cut => Some("the wire is not cut"),
            Action::Cut | Action::Mend => {
                self.cut = !self.cut;
                None
            }
            _ => None,
        }
    }
}

/// Puts the hosts of programs where programs stand for their hosts.
pub(crate) fn settle_hosts_of_action(action: &mut Action, names: &Names) {
    match action {
        Action::Hold(what)
        | Action::Release(what)
        | Action::Drop(what)
        | Action::Delay { what, .. }
        | Action::Unreachable { what, .. } => settle_matcher(what, names),
        Action::Crash(host) | Action::Reboot(host) | Action::Sysctl { host, .. } => {
            settle(host, names);
        }
        Action::Start(_)
        | Action::Type { .. }
        | Action::CloseStdin(_)
        | Action::Signal { .. }
        | Action::Cut
        | Action::Mend => {}
    }
}

/// The same for an expectation.
pub(crate) fn settle_hosts_of_expectation(expectation: &mut Expectation, names: &Names) {
    match expectation {
        Expectation::Wire { what, .. } => settle_matcher(what, names),
        Expectation::WireSequence(packets) => {
            for (host, _) in packets {
                settle(host, names);
            }
        }
        _ => {}
    }
}

fn settle_matcher(what: &mut Matcher, names: &Names) {
    if let Some(host) = &mut what.from {
        settle(host, names);
    }
}

fn settle(word: &mut HostName, names: &Names) {
    if let Some(host) = names.host(word) {
        *word = host;
    }
}
