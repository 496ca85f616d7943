//! The table of connections.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;
use ratatui::widgets::{Cell, Row, Table};

use super::app::App;
use super::draw::style;
use crate::live::socket::Owners;
use crate::live::watch::{Connection, Connections, Role};
use crate::report::Tone;
use crate::report::changes::line::{end, held};
use crate::report::changes::span;

/// From so many columns on there is room for how long, for who, and for the other end.
const ROOM: (u16, u16, u16) = (64, 48, 34);
/// Address and port of IPv4, and a state, at their longest.
const WIDE: (u16, u16) = (21, 11);

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, connections: &Connections) {
    let height = usize::from(area.height.saturating_sub(1));
    app.page = height.max(1);
    // The chosen line is in sight.
    app.top = app
        .top
        .clamp((app.chosen + 1).saturating_sub(app.page), app.chosen)
        .min(app.rows.len().saturating_sub(height));
    let has = |room: u16| area.width >= room;
    let mut widths = vec![Constraint::Length(WIDE.0)];
    let mut heads = vec!["LOCAL"];
    if has(ROOM.2) {
        widths.push(Constraint::Length(match has(ROOM.1) {
            true => WIDE.0,
            false => area.width - WIDE.1 - 2 - WIDE.0.min(area.width / 3),
        }));
        heads.push("REMOTE");
        if !has(ROOM.1) {
            widths[0] = Constraint::Length(WIDE.0.min(area.width / 3));
        }
    } else {
        widths[0] = Constraint::Fill(1);
    }
    widths.push(Constraint::Length(WIDE.1));
    heads.push("STATE");
    if has(ROOM.0) {
        widths.push(Constraint::Length(7));
        heads.push("FOR");
    }
    if has(ROOM.1) {
        widths.push(Constraint::Fill(1));
        heads.push("HELD BY");
    }
    let shown = app.rows.iter().enumerate().skip(app.top).take(height);
    let rows: Vec<Row<'static>> = shown
        .filter_map(|(at, id)| {
            let one = connections.get(*id)?;
            let mut cells = vec![text(app, Tone::Plain, &end(one.tuple().local))];
            if has(ROOM.2) {
                let remote = match one.role {
                    Role::Listener => "*".to_owned(),
                    _ => end(one.tuple().remote),
                };
                cells.push(text(app, Tone::Plain, &remote));
            }
            let over = one.ended.is_some();
            let state = match one.ended {
                Some(_) => "closed".to_owned(),
                None => one.state().to_string(),
            };
            let tone = match over {
                true => Tone::Faint,
                false => Tone::of_state(one.state(), false),
            };
            cells.push(text(app, tone, &state));
            if has(ROOM.0) {
                let since = one.since.map(|since| app.now.saturating_sub(since));
                let since = since.map(span).unwrap_or_default();
                cells.push(text(app, Tone::Faint, &since));
            }
            if has(ROOM.1) {
                let (tone, who) = who(one);
                cells.push(text(app, tone, &who));
            }
            let mut look = Style::new();
            if app.lit.contains_key(id) {
                look = look.add_modifier(Modifier::BOLD);
            }
            if over {
                look = look.add_modifier(Modifier::DIM);
            }
            if at == app.chosen {
                look = look.add_modifier(Modifier::REVERSED);
            }
            Some(Row::new(cells).style(look))
        })
        .collect();
    let heads = Row::new(heads).style(style(&app.look, Tone::Strong));
    frame.render_widget(Table::new(rows, widths).header(heads), area);
}

fn text(app: &App, tone: Tone, text: &str) -> Cell<'static> {
    Cell::from(Span::styled(app.look.glyphs(text), style(&app.look, tone)))
}

pub(super) fn who(one: &Connection) -> (Tone, String) {
    match &one.owners {
        Owners::Held { holders, .. } => (Tone::Plain, held(holders)),
        Owners::Nobody(why) => (Tone::Faint, format!("nobody: {}", why.word())),
        Owners::Unknown(why) => (Tone::Closing, why.word().to_owned()),
        Owners::NotAsked => (Tone::Faint, String::new()),
    }
}
