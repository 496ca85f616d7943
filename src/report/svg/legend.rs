//! What the signs of a picture mean, those that occur in it.

use maud::{Markup, html};

use super::draw::{self, Type, broken, zombie};
use super::measure::Px;
use super::scene::{Fate, Looked, Scene};
use super::state::{HEIGHT, frame};
use super::{NOTE, columns};
use crate::model::Evidence;
use crate::report::lane::{meaning, occurs};
use crate::report::palette::Tone;
use crate::report::rows::Row;

/// From one sign to the next.
const PITCH: f64 = 24.0;

/// A sign that needs an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// How a state is known.
    Known(Evidence),
    /// A part of a life line.
    Line(Looked),
    /// A process that was not reaped.
    Zombie(Fate),
    /// A failure points here.
    Mark,
}

impl Sign {
    fn means(self) -> &'static str {
        match self {
            Sign::Known(evidence) => meaning(evidence),
            Sign::Line(Looked::Down) => "the host is down",
            Sign::Line(_) => {
                "nobody looked: between two samples it may have passed through other states"
            }
            Sign::Zombie(Fate::Zombie) => {
                "a zombie that lasts: the process ended, and nobody collects its exit status"
            }
            Sign::Zombie(_) => "a process that ended and is reaped next",
            Sign::Mark => "a failed expectation points here",
        }
    }
}

/// The signs of a picture and their middles; `at` moves below them.
pub(super) fn legend(rows: &[Row], scene: &Scene, at: &mut f64) -> Vec<(Sign, f64)> {
    let mut signs = Vec::new();
    // That states were seen needs no word where all were.
    let told = [Evidence::Inferred, Evidence::Traced];
    if told.iter().any(|evidence| occurs(rows, *evidence)) {
        let known = [Evidence::Seen, Evidence::Traced, Evidence::Inferred];
        signs.extend(
            known
                .into_iter()
                .filter(|evidence| occurs(rows, *evidence))
                .map(Sign::Known),
        );
    }
    for looked in [Looked::Between, Looked::Down] {
        let mut bars = scene.bars.iter();
        if bars.any(|bar| bar.looked == looked && bar.to > bar.from) {
            signs.push(Sign::Line(looked));
        }
    }
    for fate in [Fate::Reaped, Fate::Zombie] {
        let mut lives = scene.lifetimes.iter();
        if lives.any(|life| life.fate == fate && life.to > life.ended) {
            signs.push(Sign::Zombie(fate));
        }
    }
    if scene.rows.iter().any(|row| row.mark.is_some()) {
        signs.push(Sign::Mark);
    }
    signs
        .into_iter()
        .map(|sign| {
            *at += PITCH;
            (sign, *at - 8.0)
        })
        .collect()
}

/// A sign and what it means.
pub(super) fn draw((sign, middle): (Sign, f64), columns: &columns::Columns) -> Markup {
    let x = columns.body().start;
    let look = Type::mono(NOTE, "faint");
    let [top, bottom] = [middle - 9.0, middle + 9.0];
    html! {
        @match sign {
            Sign::Known(evidence) => {
                (frame(x, middle - HEIGHT / 2.0, 34.0, evidence, Tone::Faint))
            }
            Sign::Line(looked) => (broken(x + 17.0, top, bottom, looked, Tone::Good)),
            Sign::Zombie(fate) => (zombie(x + 17.0, top, bottom, fate)),
            Sign::Mark => {
                rect class="mark" x=(Px(x + 15.0)) y=(Px(top)) width="4" height=(Px(bottom - top)) {}
            }
        }
        (draw::line(sign.means(), x + 44.0, middle + 4.0, look, None))
    }
}
