//! The state diagram with the path of an endpoint lit.

use maud::{Markup, html};

use super::map::{Beside, EDGES, Edge, HALF, NODES, SIZE};
use super::moves::{Move, visits};
use super::route::route;
use crate::model::{Evidence, Role, TcpState};
use crate::report::palette::Tone;
use crate::report::svg::measure::{Px, legible};
use crate::report::text::escape;
use crate::run::Run;
use crate::timeline::Endpoint;

/// A place in the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// CLOSE before anything.
    Start,
    /// A state.
    In(TcpState),
    /// CLOSE after all.
    End,
}

/// A diagram for each endpoint; nothing without a TCP endpoint.
pub(super) fn section(run: &Run, id: &str) -> Option<Markup> {
    let mut endpoints: Vec<&Endpoint> = run
        .timeline
        .endpoints()
        .iter()
        .filter(|endpoint| !endpoint.history.is_empty())
        .collect();
    // Connections tell more than listeners.
    endpoints.sort_by_key(|endpoint| endpoint.role == Role::Listener);
    let name = |endpoint: &Endpoint| legible(&escape(endpoint.name.as_str()));
    (!endpoints.is_empty()).then(|| {
        html! {
            form class="filters" hidden="" data-choose=(format!("{id}-diagrams")) {
                label for=(format!("{id}-endpoint")) { "Endpoint"
                    select id=(format!("{id}-endpoint")) {
                        @for (at, endpoint) in endpoints.iter().enumerate() {
                            option value=(at) { (name(endpoint)) }
                        }
                    }
                }
            }
            div id=(format!("{id}-diagrams")) class="diagrams" aria-live="polite" {
                @for (at, endpoint) in endpoints.iter().enumerate() {
                    figure {
                        figcaption {
                            b { (name(endpoint)) } ": " (path(endpoint))
                        }
                        p class="hint" hidden="" { "⟷ scrolls sideways" }
                        div class="wide" tabindex="0" data-middle="0.5" role="group"
                            aria-label=(format!("State diagram of {}, can be scrolled", name(endpoint))) {
                            (draw(run, endpoint, &format!("{id}-diagram-{at}")))
                        }
                    }
                    "\n"
                }
            }
        }
    })
}

/// `SYN_SENT → ESTABLISHED → FIN_WAIT1 (inferred)`
fn path(endpoint: &Endpoint) -> String {
    let states: Vec<String> = endpoint
        .history
        .iter()
        .map(|change| match change.evidence {
            Evidence::Seen => change.state.to_string(),
            other => format!("{} ({other})", change.state),
        })
        .collect();
    states.join(" → ")
}

fn draw(run: &Run, endpoint: &Endpoint, id: &str) -> Markup {
    let (visited, moves) = visits(run, endpoint);
    let (strange, usual): (Vec<&Move>, Vec<&Move>) =
        moves.iter().partition(|step| !step.strange.is_empty());
    let last = visited.last().copied();
    let [width, height] = SIZE;
    // Lit arrows are drawn over the others.
    let (lit, dark): (Vec<&Edge>, Vec<&Edge>) = EDGES
        .iter()
        .partition(|edge| usual.iter().any(|m| m.from == edge.from && m.to == edge.to));
    let title = format!(
        "TCP state diagram, path of {}",
        escape(endpoint.name.as_str())
    );
    html! {
        svg class="ladder diagram" role="img" width=(Px(width)) height=(Px(height))
            viewBox=(format!("0 0 {} {}", Px(width), Px(height)))
            aria-labelledby=(format!("{id}-title")) aria-describedby=(format!("{id}-story")) {
            title id=(format!("{id}-title")) { (legible(&title)) }
            desc id=(format!("{id}-story")) { (path(endpoint)) }
            rect class="paper" width=(Px(width)) height=(Px(height)) {}
            @for edge in dark { (arrow(edge, false)) }
            @for edge in lit { (arrow(edge, true)) }
            @for step in strange { (jump(step)) }
            @for (node, at) in &NODES {
                @let turns: Vec<String> = visited.iter().enumerate()
                    .filter(|(_, visit)| *visit == node)
                    .map(|(turn, _)| (turn + 1).to_string())
                    .collect();
                (state(*node, *at, &turns, last == Some(*node)))
            }
        }
    }
}

fn state(node: Node, [x, y]: [f64; 2], turns: &[String], last: bool) -> Markup {
    let [half_width, half_height] = HALF;
    let (name, tone) = match node {
        Node::Start | Node::End => (TcpState::Close, Tone::Faint),
        Node::In(state) => (state, Tone::of_state(state, last)),
    };
    let class = match (turns.is_empty(), tone) {
        (true, _) => "ghost",
        (_, Tone::Good) => "good",
        (_, Tone::Opening) => "opening",
        (_, Tone::Closing) => "closing",
        (_, Tone::Bad) => "bad",
        _ => "ended",
    };
    // At the right of both CLOSE arrows come in.
    let beside = match node {
        Node::Start | Node::End => -half_width - 5.0,
        Node::In(_) => half_width + 5.0,
    };
    html! {
        rect class=(format!("box {class}{}", if last { " last" } else { "" }))
            x=(Px(x - half_width)) y=(Px(y - half_height)) rx="4"
            width=(Px(2.0 * half_width)) height=(Px(2.0 * half_height)) {}
        text class=(class) x=(Px(x)) y=(Px(y + 4.2)) font-size="12" text-anchor="middle" { (name) }
        @if !turns.is_empty() {
            text class="faint halo" x=(Px(x + beside)) y=(Px(y - 7.0)) font-size="10"
                text-anchor=[(beside < 0.0).then_some("end")] {
                (turns.join(","))
            }
        }
    }
}

fn arrow(edge: &Edge, lit: bool) -> Markup {
    let class = if lit { "lit" } else { "ghost" };
    let anchor = match edge.beside {
        Beside::Left => Some("end"),
        Beside::Middle => Some("middle"),
        Beside::Right => None,
    };
    // The second line of a label in the middle stands on the other side of its arrow.
    let pitch = match edge.beside {
        Beside::Middle => 20.0,
        Beside::Left | Beside::Right => 13.0,
    };
    html! {
        (way(edge.way, class))
        @for (at, text) in edge.label.iter().enumerate() {
            text class=(format!("{class} halo")) x=(Px(edge.at[0]))
                y=(Px(edge.at[1] + pitch * at as f64)) font-size="10.5" text-anchor=[anchor] { (text) }
        }
    }
}

fn head(from: [f64; 2], to: [f64; 2], class: &str) -> Markup {
    let length = (to[0] - from[0]).hypot(to[1] - from[1]).max(1.0);
    let [along_x, along_y] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    let corner = |aside: f64| {
        format!(
            "{},{}",
            Px(to[0] - along_x * 9.0 - along_y * aside),
            Px(to[1] - along_y * 9.0 + along_x * aside)
        )
    };
    let points = format!(
        "{},{} {} {}",
        Px(to[0]),
        Px(to[1]),
        corner(4.0),
        corner(-4.0)
    );
    html! { polygon class=(format!("point {class}")) points=(points) {} }
}

/// A way with its head.
fn way(points: &[[f64; 2]], class: &str) -> Markup {
    let corners: Vec<String> = points
        .iter()
        .map(|[x, y]| format!("{} {}", Px(*x), Px(*y)))
        .collect();
    html! {
        path class=(format!("way {class}")) d=(format!("M{}", corners.join("L"))) {}
        @if let [.., from, to] = points { (head(*from, *to, class)) }
    }
}

/// A step that the diagram has no arrow for: an abort, or states between that nobody saw.
fn jump(step: &Move) -> Markup {
    let Some(route) = route(step.from, step.to) else {
        return html! {};
    };
    html! {
        (way(&route.way, "jump"))
        @for (at, text) in step.strange.iter().enumerate() {
            text class="jump halo" x=(Px(route.label[0])) y=(Px(route.label[1] + 13.0 * at as f64))
                font-size="10.5" text-anchor=[route.leftward.then_some("end")] { (text) }
        }
    }
}
