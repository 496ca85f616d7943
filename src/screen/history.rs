//! What happened to one connection.

use ratatui::text::{Line, Span};

use super::app::App;
use super::draw::style;
use super::table::who;
use crate::live::watch::{Connection, Role};
use crate::report::Tone;
use crate::report::changes::line::end;
use crate::report::changes::span;
use crate::report::escape;

pub(super) fn lines(app: &App, one: Option<&Connection>) -> Vec<Line<'static>> {
    let Some(one) = one else {
        return vec![Line::raw(" It ended a while ago and is forgotten.")];
    };
    let paint =
        |tone: Tone, text: String| Span::styled(app.look.glyphs(&text), style(&app.look, tone));
    let role = match one.role {
        Role::Listener => "a listener",
        Role::Client => "the end that connected",
        Role::Server => "the end that accepted",
        Role::Unknown => "there at the start",
    };
    let tuple = one.tuple();
    let mut lines = vec![
        Line::from(paint(
            Tone::Strong,
            format!(" {} > {}", end(tuple.local), end(tuple.remote)),
        )),
        Line::from(paint(Tone::Faint, format!(" {role}"))),
        Line::from(paint(
            Tone::Plain,
            match who(one).1 {
                who if who.is_empty() => " nobody looked who holds it".to_owned(),
                who => format!(" held by {who}"),
            },
        )),
    ];
    let facts = &one.socket.facts;
    // Whatever was asked for has a cookie; events tell of no queue.
    let looked = match facts.cookie {
        0 => " nobody looked at it: its queues and its inode are not known".to_owned(),
        _ => format!(
            " at the last look: recv-q {}, send-q {}, inode {}",
            facts.recv_q, facts.send_q, facts.inode
        ),
    };
    lines.push(Line::from(paint(Tone::Faint, looked)));
    if one.retransmits > 0 {
        let text = format!(" retransmitted segments: {}", one.retransmits);
        lines.push(Line::from(paint(Tone::Closing, text)));
    }
    lines.push(Line::default());
    if one.history.is_empty() {
        let text = " nothing has changed since the start".to_owned();
        lines.push(Line::from(paint(Tone::Faint, text)));
    }
    if (one.changes as usize) > one.history.len() {
        let left_out = one.changes as usize - one.history.len();
        let text = format!(" ({left_out} earlier ones are forgotten)");
        lines.push(Line::from(paint(Tone::Faint, text)));
    }
    for change in &one.history {
        let new = change.new.map_or("gone".to_owned(), |new| new.to_string());
        let old = change.old.map_or("-".to_owned(), |old| old.to_string());
        let tone = change
            .new
            .map_or(Tone::Faint, |new| Tone::of_state(new, false));
        let lasted = change
            .lasted
            .map(|lasted| format!(" after {}", span(lasted)));
        let caller = change
            .caller
            .as_ref()
            .map(|caller| format!("  by {} {}", escape(&caller.name), caller.pid));
        let note = change.note.map(|note| format!("  {}", note.word()));
        lines.push(Line::from(vec![
            paint(Tone::Faint, format!(" {} ", app.clock.time(change.at))),
            paint(Tone::Plain, format!("{old:>11} ")),
            paint(
                Tone::Faint,
                if change.may_skip() { ">>" } else { "> " }.to_owned(),
            ),
            paint(tone, format!(" {new:<11}")),
            paint(Tone::Faint, lasted.unwrap_or_default()),
            paint(Tone::Bad, note.unwrap_or_default()),
            paint(Tone::Plain, caller.unwrap_or_default()),
            paint(Tone::Faint, format!("  {}", change.evidence)),
        ]));
    }
    lines
}
