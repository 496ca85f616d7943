//! The ladder as textbooks draw it: life lines, states in boxes along them, segments as slanted
//! arrows, what happened to processes at the sides.
//!
//! The rows are those of the terminal's [`table`](super::table). The picture stands alone: text
//! is text, generic fonts, no reference to anything outside, light and dark by
//! `prefers-color-scheme`, light in print and where a renderer knows no such thing.

mod arrow;
mod aside;
mod columns;
mod draw;
mod layout;
mod legend;
mod lifetime;
pub(super) mod measure;
mod page;
mod scene;
mod shaft;
mod sheet;
mod standing;
mod state;

use maud::{Markup, PreEscaped, html};

use super::Detail;
use super::attempt::{Attempt, attempts};
use super::rows::select;
use crate::suite::Case;
use measure::Px;
use page::Page;

/// The style of a picture. It names only what is inside of `.ladder`.
pub(super) const STYLE: &str = include_str!("style.css");

/// Sizes of letters, in pixels: states, labels of segments, notes, headings of steps.
const STATE: f64 = 12.0;
const LABEL: f64 = 12.0;
const NOTE: f64 = 11.0;
const HEADING: f64 = 13.0;
/// From one line of a heading to the next: the tallest fonts for user interfaces need so much.
const HEADING_LINE: f64 = 18.0;

/// A picture of all runs, one below the other, as an SVG document. Ends in a newline.
pub fn render(cases: &[Case], detail: &Detail) -> String {
    let pages: Vec<Page> = attempts(cases)
        .iter()
        .map(|attempt| Page::of(attempt, detail, true))
        .collect();
    let width = pages.iter().map(|page| page.width).fold(0.0, f64::max);
    let height: f64 = pages.iter().map(|page| page.height).sum();
    let titles: Vec<&str> = pages.iter().map(|page| page.title.as_str()).collect();
    let stories: Vec<&str> = pages.iter().map(|page| page.story.as_str()).collect();
    let mut top = 0.0;
    let document = html! {
        svg xmlns="http://www.w3.org/2000/svg" class="ladder" role="img"
            aria-labelledby="title" aria-describedby="story"
            width=(Px(width)) height=(Px(height))
            viewBox=(format!("0 0 {} {}", Px(width), Px(height))) {
            title id="title" { (titles.join("; ")) }
            desc id="story" { (stories.join(" ")) }
            style { (PreEscaped(STYLE)) }
            rect class="paper" width=(Px(width)) height=(Px(height)) {}
            @for page in &pages {
                g transform=(format!("translate(0 {})", Px(top))) { (page.draw()) }
                ({ top += page.height; "\n" })
            }
        }
    };
    format!("{}\n", document.into_string())
}

/// The picture of one run, for a page that has [`STYLE`] and says elsewhere what the run was and
/// came to.
pub(super) struct Element {
    /// The whole of it.
    pub(super) whole: Markup,
    /// The same for paper, cut between steps where it is longer than a sheet; nothing where it is
    /// not. It shows what is in `whole`, which must be on the page too.
    pub(super) sheets: Option<Markup>,
    /// Where the middle of the wire is, as a part of the width.
    pub(super) middle: f64,
}

/// Draws it. `id` is a word that nothing else on the page is called.
pub(super) fn element(attempt: &Attempt, detail: &Detail, id: &str) -> Element {
    let page = Page::of(attempt, detail, false);
    let width = Px(page.width);
    let drawing = format!("{id}-drawing");
    let whole = html! {
        svg class="ladder" role="img" aria-labelledby=(format!("{id}-title"))
            aria-describedby=(format!("{id}-story"))
            width=(Px(page.width)) height=(Px(page.height))
            viewBox=(format!("0 0 {} {}", Px(page.width), Px(page.height))) {
            title id=(format!("{id}-title")) { (page.title) }
            desc id=(format!("{id}-story")) { (page.story) }
            rect class="paper" width=(Px(page.width)) height=(Px(page.height)) {}
            // The class once more: where the drawing is used again it stands outside of the svg.
            g class="ladder" id=(drawing) { (page.draw()) }
        }
    };
    let sheets = sheet::sheets(&page);
    Element {
        whole,
        sheets: (sheets.len() > 1).then(|| {
            html! {
                @for sheet in &sheets {
                    svg class="ladder sheet" aria-hidden="true" width=(width) height=(Px(sheet.height()))
                        viewBox=(format!("0 {} {} {}", Px(sheet.from), width, Px(sheet.height()))) {
                        use href=(format!("#{drawing}")) {}
                    }
                }
            }
        }),
        middle: page.middle() / page.width,
    }
}
