//! Two runs of the same scenario: whether they are the same, and where they differ first.
//!
//! [`normal`](fn@normal) takes from a run what differs every time, [`lanes`](fn@lanes) sorts the rest into lanes:
//! the states of an endpoint, the packets, the calls of a process. Within a lane the order counts,
//! between lanes it does not.

mod arguments;
mod clock;
mod lanes;
mod names;
mod normal;
mod unlike;
mod words;

use std::collections::BTreeSet;

pub use lanes::{Item, Lane, Lanes, Part, lanes};
pub use normal::normal;
pub use unlike::Unlike;

use crate::run::Run;

/// What counts as a difference.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// How states and passes are known counts too.
    pub evidence: bool,
    /// What does not count.
    pub ignore: BTreeSet<Part>,
}

/// What is compared of two runs.
#[derive(Clone, Debug, Default)]
struct Scope {
    evidence: bool,
    ignore: BTreeSet<Part>,
    /// What only one of them shows.
    lost: BTreeSet<Part>,
    /// States only as each step leaves them.
    settled: bool,
    /// Expectations that one of them could not decide: by their step and text.
    undecided: BTreeSet<(usize, String)>,
}

impl Scope {
    fn leave_out(&mut self, part: Part) {
        self.lost.insert(part);
    }

    /// Whether a lane is compared.
    fn has(&self, lane: &Lane) -> bool {
        let part = lane.part();
        let is_lost = self.lost.contains(&part) && !(part == Part::States && self.settled);
        !is_lost && !self.ignore.contains(&part)
    }
}

/// What came of comparing two runs.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// In what they are unlike from the start.
    pub unlike: Vec<Unlike>,
    /// What only one of them shows, so that it was not compared, and that the terms do not ignore.
    pub lost: BTreeSet<Part>,
    /// Where they differ first in what was compared.
    pub difference: Option<Difference>,
}

/// Where two runs differ first.
#[derive(Clone, Debug)]
pub struct Difference {
    /// In which lane.
    pub lane: Lane,
    /// The items around it in the first run and in the second, and which of them is the first
    /// that differs.
    pub sides: [Excerpt; 2],
    /// Both runs without what differs every time; [`Item::event`] is of these.
    pub runs: Box<[Run; 2]>,
}

impl Difference {
    /// The step in which it is: an index into the runs' steps.
    pub fn step(&self) -> usize {
        let items = self.sides.iter().filter_map(Excerpt::first);
        items.map(|item| item.step).min().unwrap_or(0)
    }
}

/// A part of a lane.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// The items.
    pub items: Vec<Item>,
    /// The first that differs: an index into `items`. That of none: the lane ends before it.
    pub differs: usize,
}

impl Excerpt {
    /// The first item that differs.
    pub fn first(&self) -> Option<&Item> {
        self.items.get(self.differs)
    }
}

/// Items that are shown before and after the first that differs.
const AROUND: usize = 2;

/// Compares two runs. What differs first is in the earliest step, there in the first [`Lane`].
pub fn compare(left: &Run, right: &Run, terms: &Terms) -> Comparison {
    let headers = [&left.header, &right.header];
    let elsewhere = left.header.place != right.header.place;
    let runs = [left, right].map(|run| normal::normal_at(run, terms.evidence, elsewhere));
    let (mut unlike, mut scope) = unlike::unlike(&runs, headers, terms);
    let difference = first(&runs, &scope);
    if scope.ignore.contains(&Part::Place) {
        // Whoever does not mind where they ran does not mind what could be seen there either.
        scope.lost.retain(|part| *part == Part::Calls);
        unlike.retain(|unlike| unlike.what != "place");
    }
    Comparison {
        unlike,
        lost: scope.lost.difference(&scope.ignore).copied().collect(),
        difference: difference.map(|(lane, sides)| Difference {
            lane,
            sides,
            runs: Box::new(runs),
        }),
    }
}

fn first(runs: &[Run; 2], scope: &Scope) -> Option<(Lane, [Excerpt; 2])> {
    let [left, right] = runs.each_ref().map(|run| lanes::within(run, scope));
    let none = Vec::new();
    let mut first: Option<(usize, Lane, [Excerpt; 2])> = None;
    let mut names: Vec<&Lane> = left.keys().chain(right.keys()).collect();
    names.sort();
    names.dedup();
    for lane in names {
        let sides = [&left, &right].map(|lanes| lanes.get(lane).unwrap_or(&none));
        // Whoever samples does not meet a socket that comes and goes in between.
        let unseen = scope.settled && sides.iter().any(|items| items.is_empty());
        if unseen && lane.part() == Part::States {
            continue;
        }
        let Some((step, excerpts)) = first_of(sides) else {
            continue;
        };
        if first.as_ref().is_none_or(|(least, ..)| step < *least) {
            first = Some((step, lane.clone(), excerpts));
        }
    }
    first.map(|(_, lane, sides)| (lane, sides))
}

/// The first item in which two lanes differ, and in which step that is.
fn first_of(sides: [&Vec<Item>; 2]) -> Option<(usize, [Excerpt; 2])> {
    let [left, right] = sides;
    let same = |(a, b): &(&Item, &Item)| a.text == b.text && a.step == b.step;
    let at = left.iter().zip(right).take_while(same).count();
    if at == left.len() && at == right.len() {
        return None;
    }
    let steps = sides.map(|items| items.get(at).map(|item| item.step));
    let step = steps.into_iter().flatten().min()?;
    let from = at.saturating_sub(AROUND);
    let excerpts = sides.map(|items| Excerpt {
        items: items[from.min(items.len())..(at + AROUND + 1).min(items.len())].to_vec(),
        differs: at - from,
    });
    Some((step, excerpts))
}
