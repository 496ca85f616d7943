//! A packet between the life lines: arriving, lost, held, or going on after it was held.

use maud::{Markup, html};

use super::draw::{Anchor, Type, class, line};
use super::measure::Px;
use super::scene::{Point, Shaft, Tip};
use super::{LABEL, NOTE};

/// Length and half of the width of an arrow's head.
const HEAD: [f64; 2] = [9.0, 4.0];

/// Half of the size of the sign of a lost or held packet.
const SIGN: f64 = 4.5;

/// The shaft, its head or sign, and its label along it.
pub(super) fn draw(shaft: &Shaft) -> Markup {
    let Shaft { from, to, .. } = *shaft;
    let length = (to.x - from.x).hypot(to.y - from.y).max(1.0);
    let [along_x, along_y] = [(to.x - from.x) / length, (to.y - from.y) / length];
    let back = |distance: f64, aside: f64| Point {
        x: to.x - along_x * distance - along_y * aside,
        y: to.y - along_y * distance + along_x * aside,
    };
    let tone = class(shaft.tone);
    let stroke = format!("shaft {tone}");
    let tip = format!("tip {tone}");
    // The shaft stops short of its head, and well before the cross: it is broken there.
    let end = back(
        match shaft.tip {
            Tip::Arrow => HEAD[0] - 1.0,
            Tip::Cross => 9.0,
            Tip::Held | Tip::Underway => SIGN,
        },
        0.0,
    );
    let turn = (to.y - from.y).atan2(to.x - from.x).to_degrees();
    // Text is never upside down.
    let turn = if turn.abs() > 90.0 {
        turn - 180.0 * turn.signum()
    } else {
        turn
    };
    let label_class = format!("{tone} halo");
    let label = Type::mono(LABEL, &label_class).anchored(Anchor::Middle);
    let turned = (!shaft.resumed && turn.abs() > 0.05).then_some(turn);
    html! {
        line class=(stroke) x1=(Px(from.x)) y1=(Px(from.y)) x2=(Px(end.x)) y2=(Px(end.y)) {}
        @if shaft.resumed {
            rect class=(tip) x=(Px(from.x - SIGN)) y=(Px(from.y - SIGN))
                width=(Px(2.0 * SIGN)) height=(Px(2.0 * SIGN)) {}
        }
        @match shaft.tip {
            Tip::Arrow => polygon class=(tip)
                points=(points(&[to, back(HEAD[0], HEAD[1]), back(HEAD[0], -HEAD[1])])) {},
            Tip::Cross => path class="shaft bad" d=(format!(
                "M{} {}l9 9m0 -9l-9 9", Px(to.x - SIGN), Px(to.y - SIGN))) {},
            Tip::Held => {
                rect class=(tip) x=(Px(to.x - SIGN)) y=(Px(to.y - SIGN))
                    width=(Px(2.0 * SIGN)) height=(Px(2.0 * SIGN)) {}
                (held(from, to, tone))
            }
            Tip::Underway => circle class=(stroke) cx=(Px(to.x)) cy=(Px(to.y)) r=(Px(SIGN)) {},
        }
        g {
            @if let Some(whole) = &shaft.label.whole { title { (whole) } }
            @if let Some(words) = shaft.label.lines.first() {
                (line(words, shaft.label_at.x, shaft.label_at.y, label, turned))
            }
        }
    }
}

/// The word behind the sign of a held packet.
fn held(from: Point, to: Point, tone: &str) -> Markup {
    let (x, anchor) = match to.x > from.x {
        true => (to.x + 9.0, Anchor::Start),
        false => (to.x - 9.0, Anchor::End),
    };
    let class = format!("{tone} halo");
    line(
        "held",
        x,
        to.y + 4.0,
        Type::mono(NOTE, &class).anchored(anchor),
        None,
    )
}

fn points(points: &[Point]) -> String {
    let pairs: Vec<String> = points
        .iter()
        .map(|point| format!("{},{}", Px(point.x), Px(point.y)))
        .collect();
    pairs.join(" ")
}
