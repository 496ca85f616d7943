//! What stands beside a life line: a state in its box, and how it is known.

use maud::{Markup, html};

use super::STATE;
use super::columns::Columns;
use super::draw::{Anchor, Type, class, lines};
use super::measure::{Face, Px, advance};
use super::scene::{Form, Shape};
use crate::model::Evidence;
use crate::report::palette::Tone;
use crate::report::rows::Side;

/// The height of a box.
pub(super) const HEIGHT: f64 = 21.0;

/// A box of this evidence and tone: solid for seen, a double line for traced, dashed for
/// inferred.
pub(super) fn frame(x: f64, top: f64, width: f64, evidence: Evidence, tone: Tone) -> Markup {
    let tone = class(tone);
    let style = match evidence {
        Evidence::Inferred => " inferred",
        Evidence::Seen | Evidence::Traced => "",
    };
    html! {
        rect class=(format!("box {tone}{style}")) x=(Px(x)) y=(Px(top)) width=(Px(width))
            height=(Px(HEIGHT)) rx="4" {}
        @if evidence == Evidence::Traced {
            rect class=(format!("box {tone} inner")) x=(Px(x + 2.5)) y=(Px(top + 2.5))
                width=(Px(width - 5.0)) height=(Px(HEIGHT - 5.0)) rx="2" {}
        }
    }
}

/// Draws a [`Shape::State`].
pub(super) fn draw(shape: &Shape, columns: &Columns) -> Markup {
    let Shape::State {
        life,
        middle,
        text,
        tone,
        form,
    } = shape
    else {
        return html! {};
    };
    let life = &columns.lives[*life];
    let words = text
        .lines
        .first()
        .map_or(0.0, |line| advance(line, STATE, Face::Mono));
    let width = words + 14.0;
    let (x, text_x, anchor) = match life.side {
        Side::Left => (life.states.end - width, life.states.end - 7.0, Anchor::End),
        Side::Right => (life.states.start, life.states.start + 7.0, Anchor::Start),
    };
    let base = middle + 4.2;
    let look = Type::mono(STATE, class(*tone)).anchored(anchor);
    let inner = match life.side {
        Side::Left => [life.states.end, life.x],
        Side::Right => [life.x, life.states.start],
    };
    html! {
        @match form {
            Form::State(evidence) => {
                line class="life" x1=(Px(inner[0])) x2=(Px(inner[1])) y1=(Px(*middle)) y2=(Px(*middle)) {}
                (frame(x, middle - HEIGHT / 2.0, width, *evidence, *tone))
            }
            Form::Socket => (frame(x, middle - HEIGHT / 2.0, width, Evidence::Seen, *tone)),
            Form::Label => {}
        }
        (lines(text, text_x, base, 0.0, look))
    }
}
