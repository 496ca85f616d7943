//! Placed things as SVG.

use maud::{Markup, html};

use super::columns::{Columns, Strip};
use super::layout::LINE;
use super::measure::{Face, Folded, Px, advance, is_everyday, legible};
use super::scene::{Bar, Fate, Lifetime, Looked, NotePlace, Placed, Scene, Shape};
use super::{HEADING, LABEL, NOTE, arrow, state};
use crate::report::palette::Tone;
use crate::report::rows::{Class, Side};

/// The class of a tone in the style sheet.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Good => "good",
        Tone::Opening => "opening",
        Tone::Closing => "closing",
        Tone::Bad => "bad",
    }
}

/// Where a text is anchored.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line of text looks.
#[derive(Clone, Copy)]
pub(super) struct Type<'a> {
    pub(super) size: f64,
    pub(super) face: Face,
    pub(super) anchor: Anchor,
    pub(super) class: &'a str,
}

impl<'a> Type<'a> {
    pub(super) fn mono(size: f64, class: &'a str) -> Type<'a> {
        Type {
            size,
            face: Face::Mono,
            anchor: Anchor::Start,
            class,
        }
    }

    pub(super) fn heading(size: f64, class: &'a str) -> Type<'a> {
        Type {
            face: Face::Heading,
            ..Type::mono(size, class)
        }
    }

    pub(super) fn anchored(self, anchor: Anchor) -> Type<'a> {
        Type { anchor, ..self }
    }
}

/// One line of text on its base line.
pub(super) fn line(text: &str, x: f64, base: f64, look: Type, turn: Option<f64>) -> Markup {
    let anchor = match look.anchor {
        Anchor::Start => None,
        Anchor::Middle => Some("middle"),
        Anchor::End => Some("end"),
    };
    let class = match look.face {
        Face::Mono => look.class.to_owned(),
        Face::Heading => format!("h {}", look.class),
    };
    let strange = !text.chars().all(is_everyday);
    let length = strange.then(|| Px(advance(text, look.size, look.face)));
    let turn = turn.map(|degrees| format!("rotate({degrees:.2} {} {})", Px(x), Px(base)));
    html! {
        text x=(Px(x)) y=(Px(base)) font-size=(Px(look.size)) class=(class)
            text-anchor=[anchor] transform=[turn]
            textLength=[length] lengthAdjust=[strange.then_some("spacingAndGlyphs")] { (text) }
    }
}

/// Lines below each other, the first one on this base line. The whole text is a tooltip where it
/// was cut.
pub(super) fn lines(text: &Folded, x: f64, base: f64, pitch: f64, look: Type) -> Markup {
    html! {
        g {
            @if let Some(whole) = &text.whole { title { (whole) } }
            @for (at, words) in text.lines.iter().enumerate() {
                (line(words, x, base + pitch * at as f64, look, None))
            }
        }
    }
}

/// The heads of the life lines, the lines and all rows.
pub(super) fn ladder(scene: &Scene, columns: &Columns, top: f64) -> Markup {
    html! {
        @for life in &columns.lives {
            line class="life" x1=(Px(life.x)) x2=(Px(life.x)) y1=(Px(top)) y2=(Px(scene.bottom)) {}
        }
        @for bar in &scene.bars { (draw_bar(bar, columns)) }
        @for life in &scene.lifetimes { (lifetime(life)) }
        @for wait in &scene.waits {
            line class="wait" x1=(Px(wait.x)) x2=(Px(wait.x))
                y1=(Px(wait.from + 5.0)) y2=(Px(wait.to - 5.0)) {}
        }
        @for row in &scene.rows { (placed(row, columns)) "\n" }
    }
}

fn draw_bar(bar: &Bar, columns: &Columns) -> Markup {
    let x = columns.lives[bar.life].x;
    let faded = matches!(bar.looked, Looked::Inferred).then_some("0.5");
    html! {
        @if bar.to > bar.from {
            @match bar.looked {
                Looked::Whole | Looked::Inferred => {
                    rect class=(format!("bar {}", class(bar.tone))) x=(Px(x - 2.5)) y=(Px(bar.from))
                        width="5" height=(Px(bar.to - bar.from)) opacity=[faded] {}
                }
                Looked::Between | Looked::Down => {
                    (broken(x, bar.from, bar.to, bar.looked, bar.tone))
                }
            }
        }
    }
}

/// A part of a life line of which the state is not known, or no longer matters.
pub(super) fn broken(x: f64, from: f64, to: f64, looked: Looked, tone: Tone) -> Markup {
    let kind = match looked {
        Looked::Down => "down".to_owned(),
        _ => format!("between {}", class(tone)),
    };
    html! {
        line class="gone" x1=(Px(x)) x2=(Px(x)) y1=(Px(from)) y2=(Px(to)) {}
        line class=(kind) x1=(Px(x)) x2=(Px(x)) y1=(Px(from + 2.0)) y2=(Px(to)) {}
    }
}

/// A process from its start to its end, and until it is reaped.
fn lifetime(life: &Lifetime) -> Markup {
    let Lifetime {
        name,
        x,
        from,
        ended,
        to,
        fate,
        reaped,
    } = life;
    html! {
        g {
            title { (legible(name)) }
            line class="process" x1=(Px(*x)) x2=(Px(*x)) y1=(Px(*from)) y2=(Px(*ended)) {}
            @if to > ended { (zombie(*x, *ended, *to, *fate)) }
            @if *reaped {
                line class="process" x1=(Px(x - 3.5)) x2=(Px(x + 3.5)) y1=(Px(*to)) y2=(Px(*to)) {}
            }
        }
    }
}

/// A process that ended and was not reaped yet.
pub(super) fn zombie(x: f64, from: f64, to: f64, fate: Fate) -> Markup {
    let class = match fate {
        Fate::Zombie => "zombie",
        Fate::Runs | Fate::Reaped => "zombie passing",
    };
    html! {
        line class=(class) x1=(Px(x)) x2=(Px(x)) y1=(Px(from)) y2=(Px(to)) {}
    }
}

fn placed(row: &Placed, columns: &Columns) -> Markup {
    let time = Type::mono(NOTE, "faint").anchored(Anchor::End);
    html! {
        g {
            @if let Some(mark) = row.mark {
                rect class="mark" x="6" y=(Px(mark.start)) width="4" height=(Px(mark.width())) {
                    title { "a failed expectation points here" }
                }
            }
            @if let Some((base, text)) = &row.time { (line(text, columns.time, *base, time, None)) }
            @for shape in &row.shapes { (draw_shape(shape, columns)) }
        }
    }
}

fn draw_shape(shape: &Shape, columns: &Columns) -> Markup {
    match shape {
        Shape::Step {
            top,
            height,
            number,
            text,
            tally,
            tells,
        } => html! {
            (step(columns, *top, *height, *number, text, tally))
            (lines(tells, super::columns::MARGIN + 38.0, top + 34.0 + super::HEADING_LINE * text.lines.len().saturating_sub(1) as f64,
                LINE, Type::mono(NOTE, "plain")))
        },
        Shape::State { .. } => state::draw(shape, columns),
        Shape::Arrow(shaft) => arrow::draw(shaft),
        Shape::Note {
            top,
            place,
            text,
            tone,
            knots,
        } => note(columns, *top, *place, text, *tone, knots),
        Shape::Across {
            top,
            height,
            class,
            text,
            tone,
        } => across(columns.body(), *top, *height, *class, text, *tone),
    }
}

fn step(
    columns: &Columns,
    top: f64,
    height: f64,
    number: usize,
    text: &Folded,
    tally: &[(String, Tone)],
) -> Markup {
    let edge = super::columns::MARGIN;
    let base = top + 18.0;
    let mut x = columns.width - edge - 10.0;
    let mut counted = Vec::new();
    for (words, tone) in tally.iter().rev() {
        counted.push((words, x, *tone));
        x -= advance(words, LABEL, Face::Mono) + 12.0;
    }
    counted.reverse();
    html! {
        rect class="band" x=(Px(edge)) y=(Px(top)) rx="4"
            width=(Px(columns.width - 2.0 * edge)) height=(Px(height)) {}
        (line(&number.to_string(), edge + 10.0, base, Type::heading(HEADING, "number"), None))
        (lines(text, edge + 38.0, base, super::HEADING_LINE, Type::heading(HEADING, "strong")))
        @for (words, x, tone) in counted {
            (line(words, x, base, Type::mono(LABEL, class(tone)).anchored(Anchor::End), None))
        }
    }
}

fn note(
    columns: &Columns,
    top: f64,
    place: NotePlace,
    text: &Folded,
    tone: Tone,
    knots: &[f64],
) -> Markup {
    let base = top + 11.0;
    let words = class(tone);
    match place {
        NotePlace::Wire => {
            let class = format!("{words} halo");
            let look = Type::mono(NOTE, &class).anchored(Anchor::Middle);
            lines(text, columns.wire.middle(), base, LINE, look)
        }
        NotePlace::Beside(side) => {
            let strip = columns.notes[side as usize];
            let (x, knot, anchor) = match side {
                Side::Left => (strip.end - 9.0, strip.end - 2.0, Anchor::End),
                Side::Right => (strip.start + 9.0, strip.start + 2.0, Anchor::Start),
            };
            let knot_class = match tone {
                Tone::Faint | Tone::Plain => "knot",
                _ => words,
            };
            let middle = base - 3.8;
            let from = knots.iter().copied().fold(knot, f64::min);
            let to = knots.iter().copied().fold(knot, f64::max);
            let (knots, radius) = match knots {
                [] => (vec![knot], 2.0),
                knots => (knots.to_vec(), 2.6),
            };
            html! {
                @if to > from {
                    line class="thread" x1=(Px(from)) x2=(Px(to)) y1=(Px(middle)) y2=(Px(middle)) {}
                }
                @for knot in knots {
                    circle class=(knot_class) cx=(Px(knot)) cy=(Px(middle)) r=(Px(radius)) {}
                }
                (lines(text, x, base, LINE, Type::mono(NOTE, words).anchored(anchor)))
            }
        }
    }
}

fn across(
    body: Strip,
    top: f64,
    height: f64,
    kind: Option<Class>,
    text: &Folded,
    tone: Tone,
) -> Markup {
    let base = top + 15.0;
    let look = Type::mono(NOTE, class(tone));
    // Nothing goes through the words but the life lines beside them.
    let widest = text
        .lines
        .iter()
        .map(|words| advance(words, NOTE, Face::Mono))
        .fold(0.0, f64::max);
    let (frame, x, anchor, width) = match kind {
        Some(Class::Gap) => ("gap", body.start, Anchor::Start, body.width()),
        Some(Class::Action) => ("across", body.start, Anchor::Start, widest + 20.0),
        _ => {
            let width = widest + 20.0;
            ("across", body.middle() - width / 2.0, Anchor::Middle, width)
        }
    };
    let text_x = match anchor {
        Anchor::Middle => body.middle(),
        _ => x + 10.0,
    };
    html! {
        rect class=(frame) x=(Px(x)) y=(Px(top)) width=(Px(width)) height=(Px(height)) rx="3" {}
        (lines(text, text_x, base, LINE, look.anchored(anchor)))
    }
}
