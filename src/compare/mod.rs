//! Two runs of the same scenario: whether they are the same, and where they differ first.
//!
//! [`normal`](fn@normal) takes from a run what differs every time, [`lanes`](fn@lanes) sorts the rest into lanes:
//! the states of an endpoint, the packets, the calls of a process. Within a lane the order counts,
//! between lanes it does not.

mod lanes;
mod normal;

pub use lanes::{Item, Lane, Lanes, lanes};
pub use normal::normal;

use crate::run::Run;

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

/// Where two runs differ first: in the earliest step, there in the first [`Lane`]. `evidence`: how
/// states and passes are known counts too.
pub fn difference(left: &Run, right: &Run, evidence: bool) -> Option<Difference> {
    let runs = [normal(left, evidence), normal(right, evidence)];
    let [left, right] = [lanes(&runs[0], evidence), lanes(&runs[1], evidence)];
    let none = Vec::new();
    let mut first: Option<(usize, Lane, [Excerpt; 2])> = None;
    let mut names: Vec<&Lane> = left.keys().chain(right.keys()).collect();
    names.sort();
    names.dedup();
    for lane in names {
        let sides = [&left, &right].map(|lanes| lanes.get(lane).unwrap_or(&none));
        let Some((step, excerpts)) = first_of(sides) else {
            continue;
        };
        if first.as_ref().is_none_or(|(least, ..)| step < *least) {
            first = Some((step, lane.clone(), excerpts));
        }
    }
    let (_, lane, sides) = first?;
    Some(Difference {
        lane,
        sides,
        runs: Box::new(runs),
    })
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
