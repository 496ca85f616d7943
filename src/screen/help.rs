//! What the keys mean.

use ratatui::text::Line;

const KEYS: [(&str, &str); 15] = [
    ("/", "filter as you type: :80, name:nginx, state:close-wait"),
    ("Enter", "what happened to the chosen connection"),
    (
        "s",
        "the next order: last change, local, remote, state, process",
    ),
    ("r", "the other way round"),
    ("t", "the processes as a tree, zombies too"),
    (
        "space",
        "hold the table still; what happens is taken in later",
    ),
    ("j k", "down and up, as the arrow keys"),
    ("PgDn PgUp", "a page"),
    ("g G", "the first line, the last line"),
    ("Esc", "back; in the table: no filter"),
    ("Ctrl-Z", "stop; fg goes on"),
    ("q", "leave, as Ctrl-C"),
    ("", ""),
    ("bold", "changed within the last two seconds"),
    (
        "> and >>",
        "one transition; states between may have been missed",
    ),
];

pub(super) fn lines() -> Vec<Line<'static>> {
    KEYS.iter()
        .map(|(key, meaning)| Line::raw(format!(" {key:<10} {meaning}")))
        .collect()
}
