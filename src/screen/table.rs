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
use crate::report::text::cut;

/// From so many columns on there is room for how long, for who, and for the other end.
const ROOM: (u16, u16, u16) = (64, 48, 34);
/// A state, and how long.
const WIDE: (u16, u16) = (11, 7);
/// What who gets in any case, and before an end gets more than IPv4 needs.
const WHO: (u16, u16) = (12, 32);
/// Address and port of IPv4, at their longest.
const V4: u16 = 21;

/// How wide the columns are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Widths {
    local: u16,
    /// None of those which there is no room for.
    remote: Option<u16>,
    since: Option<u16>,
    who: Option<u16>,
}

impl Widths {
    /// In this room, of ends and holders that take so much.
    fn of(room: u16, local: u16, remote: u16, who: u16) -> Widths {
        let has = |least: u16| room >= least;
        let since = has(ROOM.0).then_some(WIDE.1);
        let since_taken = since.map_or(0, |since| since + 1);
        let left = room.saturating_sub(WIDE.0 + 1 + since_taken);
        let left = match has(ROOM.1) {
            true => {
                let least = left.saturating_sub(WHO.0 + 1);
                let fair = left.saturating_sub(who.clamp(WHO.0, WHO.1) + 1);
                fair.max(least.min(2 * V4 + 1))
            }
            false => left,
        };
        let (local, remote) = match has(ROOM.2) {
            true => {
                let left = left.saturating_sub(1);
                // Whoever needs less than a half leaves the rest to the other one.
                let first = local.min((left / 2).max(left.saturating_sub(remote)));
                (first, Some(remote.min(left - first)))
            }
            false => (left, None),
        };
        let ends = local + remote.map_or(0, |remote| remote + 1);
        let who = has(ROOM.1).then(|| room.saturating_sub(ends + WIDE.0 + since_taken + 2));
        Widths {
            local,
            remote,
            since,
            who,
        }
    }
}

/// An end in so many columns: of an address that is too long the middle is left out, never the
/// port.
fn fit(end: &str, columns: u16) -> String {
    let columns = usize::from(columns);
    let chars: Vec<char> = end.chars().collect();
    if chars.len() <= columns {
        return end.to_owned();
    }
    let port = chars.iter().rposition(|c| *c == ':').unwrap_or(chars.len());
    let (address, port) = chars.split_at(port);
    let Some(left) = columns.checked_sub(port.len() + 1) else {
        // The end of the port tells more than its beginning.
        return chars[chars.len() - columns..].iter().collect();
    };
    let before = left.div_ceil(2);
    let after = &address[address.len() - (left - before)..];
    let parts = address[..before].iter().chain(&['…']).chain(after);
    parts.chain(port).collect()
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, connections: &Connections) {
    let height = usize::from(area.height.saturating_sub(1));
    app.page = height.max(1);
    // The chosen line is in sight.
    app.top = app
        .top
        .clamp((app.chosen + 1).saturating_sub(app.page), app.chosen)
        .min(app.rows.len().saturating_sub(height));
    let shown = || app.rows.iter().enumerate().skip(app.top).take(height);
    let longest = |head: &str, of: fn(&Connection) -> String| {
        let known = shown().filter_map(|(_, id)| connections.get(*id));
        let lengths = known.map(|one| of(one).len());
        let longest = lengths.max().unwrap_or(0).max(head.len());
        u16::try_from(longest).unwrap_or(u16::MAX)
    };
    let wide = Widths::of(
        area.width,
        longest("LOCAL", local),
        longest("REMOTE", remote),
        longest("HELD BY", |one| who(one).1),
    );
    let columns = [
        Some(("LOCAL", wide.local)),
        wide.remote.map(|remote| ("REMOTE", remote)),
        Some(("STATE", WIDE.0)),
        wide.since.map(|since| ("FOR", since)),
        wide.who.map(|who| ("HELD BY", who)),
    ];
    let columns: Vec<(&str, u16)> = columns.into_iter().flatten().collect();
    let widths = columns.iter().map(|(_, wide)| Constraint::Length(*wide));
    let rows: Vec<Row<'static>> = shown()
        .filter_map(|(at, id)| {
            let one = connections.get(*id)?;
            let mut cells = vec![text(app, Tone::Plain, &fit(&local(one), wide.local))];
            if let Some(columns) = wide.remote {
                cells.push(text(app, Tone::Plain, &fit(&remote(one), columns)));
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
            if wide.since.is_some() {
                let since = one.since.map(|since| app.now.saturating_sub(since));
                let since = since.map(span).unwrap_or_default();
                cells.push(text(app, Tone::Faint, &since));
            }
            if let Some(columns) = wide.who {
                let (tone, who) = who(one);
                cells.push(text(app, tone, &cut(&who, usize::from(columns))));
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
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let heads = Row::new(heads).style(style(&app.look, Tone::Strong));
    frame.render_widget(Table::new(rows, widths).header(heads), area);
}

fn local(one: &Connection) -> String {
    end(one.tuple().local)
}

fn remote(one: &Connection) -> String {
    match one.role {
        Role::Listener => "*".to_owned(),
        _ => end(one.tuple().remote),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_never_left_out() {
        let end = "[2001:db8:1111:2222:3333:4444:5555:6666]:52345";
        for columns in 6..=60 {
            let fitted = fit(end, columns);
            assert!(fitted.ends_with(":52345"), "{columns}: {fitted}");
            assert!(fitted.chars().count() <= usize::from(columns), "{fitted}");
        }
        assert_eq!(fit(end, 20), "[2001:d…6666]:52345".replace("d…", "d…:"));
        assert_eq!(fit("127.0.0.1:52345", 15), "127.0.0.1:52345");
        assert_eq!(fit("127.0.0.1:52345", 3), "345");
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        // Two mapped addresses stand whole where there is room for them.
        let wide = Widths::of(120, 24, 24, 60);
        assert_eq!((wide.local, wide.remote), (24, Some(24)));
        // Whoever holds it is not left out for the middle of an address.
        let wide = Widths::of(100, 12, 47, 31);
        assert_eq!((wide.local, wide.who), (12, Some(31)));
        // IPv4 stands whole at 80 columns.
        let wide = Widths::of(80, 21, 21, 31);
        assert_eq!((wide.local, wide.remote), (21, Some(21)));
        for room in 0..300 {
            for (local, remote) in [(5, 6), (21, 21), (24, 24), (47, 47), (5, 47), (47, 6)] {
                let wide = Widths::of(room, local, remote, 31);
                let all = [
                    Some(wide.local),
                    wide.remote,
                    Some(WIDE.0),
                    wide.since,
                    wide.who,
                ];
                let taken: u16 = all.into_iter().flatten().map(|column| column + 1).sum();
                assert!(room < 34 || taken <= room + 1, "{room}: {wide:?}");
                assert!(
                    room < 34 || wide.remote >= Some(remote.min(9)),
                    "{room}: {wide:?}"
                );
            }
        }
    }
}
