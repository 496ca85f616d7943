//! What makes two runs unlike before anything happens: where they ran, who watched, what was
//! started. Some of it leaves less to compare.

use std::collections::BTreeMap;

use super::lanes::Part;
use super::{Scope, Terms};
use crate::event::{Aspect, Kind, Source};
use crate::model::{ProgramName, Role};
use crate::run::{Header, Place, Run, Verdict, command_line};

/// Something in which two runs are unlike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlike {
    /// What: `place`, `system calls`, `server`.
    pub what: String,
    /// What it is in the first run and in the second.
    pub sides: [String; 2],
    /// What cannot be compared for that reason, in words.
    pub lost: Option<&'static str>,
}

/// In what two runs are unlike, and what there is to compare still. `headers`: as they were before
/// the runs were made [normal](super::normal()).
pub(super) fn unlike(
    runs: &[Run; 2],
    headers: [&Header; 2],
    terms: &Terms,
) -> (Vec<Unlike>, Scope) {
    let mut found = Found {
        all: Vec::new(),
        scope: Scope {
            evidence: terms.evidence,
            ignore: terms.ignore.clone(),
            ..Scope::default()
        },
    };
    found.text(headers);
    found.place(headers);
    found.calls(headers);
    found.sight(headers);
    found.asked(headers);
    found.commands(runs);
    found.sizes(runs);
    found.versions(headers);
    let Found { all, mut scope } = found;
    if !scope.lost.is_empty() {
        scope.undecided = runs.iter().flat_map(undecided).collect();
    }
    (all, scope)
}

struct Found {
    all: Vec<Unlike>,
    scope: Scope,
}

impl Found {
    fn add(&mut self, what: &str, sides: [String; 2], lost: Option<&'static str>) {
        if sides[0] != sides[1] {
            self.all.push(Unlike {
                what: what.to_owned(),
                sides,
                lost,
            });
        }
    }

    fn text(&mut self, headers: [&Header; 2]) {
        let [left, right] = headers.map(|header| header.text.as_str());
        if left == right {
            return;
        }
        let mut lines = left.lines().zip(right.lines());
        let same = lines.by_ref().take_while(|(a, b)| a == b).count();
        let sides = [left, right].map(|text| match text.lines().nth(same) {
            Some(line) => format!("line {}: {}", same + 1, line.trim()),
            None => format!("{same} lines"),
        });
        match sides[0] == sides[1] {
            true => self.add("scenario", headers.map(|header| header.file.clone()), None),
            false => self.add("scenario", sides, None),
        }
    }

    fn place(&mut self, headers: [&Header; 2]) {
        let places = headers.map(|header| header.place);
        if places[0] == places[1] {
            return;
        }
        self.scope.leave_out(Part::Place);
        let wires = places.map(|place| place == Place::Wire);
        let lost = (wires[0] != wires[1]).then(|| {
            self.scope.leave_out(Part::Segments);
            "only one shows segments, so they are not compared"
        });
        let words = places.map(|place| place.word().to_owned());
        self.add("place", words, lost);
    }

    fn calls(&mut self, headers: [&Header; 2]) {
        let traced = headers.map(|header| header.observers.contains(&Source::Syscalls));
        if traced[0] == traced[1] {
            return;
        }
        self.scope.leave_out(Part::Calls);
        let words = traced.map(|traced| match traced {
            true => "traced".to_owned(),
            false => "not traced".to_owned(),
        });
        let lost = "only one shows every call, so calls are not compared";
        self.add("system calls", words, Some(lost));
    }

    /// Aspects to which only one is blind.
    fn sight(&mut self, headers: [&Header; 2]) {
        let blind = headers.map(|header| {
            let aspects = header.blind.iter().map(|blind| blind.aspect);
            aspects.collect::<Vec<Aspect>>()
        });
        let kernel = headers.map(|header| header.observers.contains(&Source::Kernel));
        let aspects = [
            (
                Aspect::Paths,
                Part::States,
                "states are compared as each step leaves them",
            ),
            (Aspect::Holders, Part::Holders, "holders are not compared"),
            (
                Aspect::Processes,
                Part::Processes,
                "lives of processes are not compared",
            ),
            (Aspect::Calls, Part::Calls, "calls are not compared"),
            (
                Aspect::Segments,
                Part::Segments,
                "segments are not compared",
            ),
        ];
        for (aspect, part, lost) in aspects {
            let sees = blind.each_ref().map(|blind| !blind.contains(&aspect));
            if sees[0] == sees[1] || self.scope.lost.contains(&part) {
                continue;
            }
            self.scope.leave_out(Part::Place);
            self.scope.leave_out(part);
            self.scope.settled |= part == Part::States;
            let words = sees.map(|sees| match sees {
                true => "seen".to_owned(),
                false => "not seen".to_owned(),
            });
            self.add(aspect.words(), words, Some(lost));
        }
        // At another place that follows from the place.
        if headers[0].place != headers[1].place {
            return;
        }
        let words = kernel.map(|kernel| match kernel {
            true => "recorded".to_owned(),
            false => "not recorded".to_owned(),
        });
        self.add("kernel events", words, None);
    }

    /// Options that the place and the observers do not show.
    fn asked(&mut self, headers: [&Header; 2]) {
        let [Some(left), Some(right)] = headers.map(|header| header.asked.as_ref()) else {
            return;
        };
        let asked = [left, right];
        self.add(
            "--timeout-scale",
            asked.map(|asked| asked.timeout_scale.to_string()),
            None,
        );
        self.add("--settled", asked.map(|asked| yes(asked.settled)), None);
        self.add(
            "settings",
            headers.map(|header| header.settings.join("; ")),
            None,
        );
    }

    /// Programs that were started with another command line.
    fn commands(&mut self, runs: &[Run; 2]) {
        let [left, right] = match runs[0].header.place == runs[1].header.place {
            true => runs.each_ref().map(commands),
            // Where addresses differ anyway, what was given is compared.
            false => runs.each_ref().map(|run| {
                let asked = run.header.asked.as_ref();
                asked.map_or_else(BTreeMap::new, |asked| asked.programs.clone())
            }),
        };
        for (program, command) in &left {
            // Only in one: a step was not reached, and the difference says so.
            if let Some(other) = right.get(program) {
                let sides = [command, other].map(|command| command_line(command));
                self.add(program.as_str(), sides, None);
            }
        }
    }

    /// How much there is of what.
    fn sizes(&mut self, runs: &[Run; 2]) {
        let connections = |run: &Run| {
            let ends = run.timeline.endpoints().iter();
            let ends = ends.filter(|end| end.role == Role::Connection && end.udp().is_none());
            ends.count()
        };
        let counts = runs.each_ref().map(connections);
        // One that was not made is a difference like others.
        if counts[0].abs_diff(counts[1]) > 2 {
            let sides = counts.map(|count| count.to_string());
            self.add("ends of connections", sides, None);
        }
    }

    fn versions(&mut self, headers: [&Header; 2]) {
        self.add("kernel", headers.map(|header| header.kernel.clone()), None);
        if let [Some(left), Some(right)] = headers.map(|header| header.machine.clone()) {
            self.add("machine", [left, right], None);
        }
        self.add(
            "sockscope",
            headers.map(|header| header.sockscope.clone()),
            None,
        );
    }
}

fn yes(is: bool) -> String {
    match is {
        true => "yes".to_owned(),
        false => "no".to_owned(),
    }
}

/// The command line with which each program was first started.
fn commands(run: &Run) -> BTreeMap<ProgramName, Vec<String>> {
    let mut all = BTreeMap::new();
    for event in run.timeline.events() {
        if let Kind::Spawned {
            process, command, ..
        } = &event.kind
        {
            all.entry(process.program())
                .or_insert_with(|| command.clone());
        }
    }
    all
}

/// The expectations that were not decided: by their step and text.
fn undecided(run: &Run) -> Vec<(usize, String)> {
    let checks = run.checks();
    let open = checks.filter(|(_, check)| {
        matches!(
            check.verdict,
            Verdict::Inconclusive { .. } | Verdict::Waived
        )
    });
    open.map(|(step, check)| (step, check.text.clone()))
        .collect()
}
