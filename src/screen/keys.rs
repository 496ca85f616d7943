//! [`Action`]: what a key means.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave.
    Quit,
    /// Stop the process, as Ctrl-Z does.
    Suspend,
    /// So many lines down, or up.
    Move(i32),
    /// So many pages down, or up.
    Page(i32),
    /// The first line.
    Top,
    /// The last line.
    Bottom,
    /// What happened to the chosen connection.
    Open,
    /// Back to the table; in the table, without filter and choice.
    Back,
    /// The next order.
    Sort,
    /// The other way round.
    Reverse,
    /// The processes as a tree, or the table again.
    Tree,
    /// What the keys mean.
    Help,
    /// No more changes are taken in, or they are again.
    Hold,
    /// Begin to type a filter.
    Filter,
    /// One more character.
    Type(char),
    /// One less.
    Erase,
    /// None any more.
    EraseAll,
    /// The filter is finished.
    Accept,
}

impl Action {
    /// What a key means; nothing for others. `typing`: while a filter is typed.
    pub fn of(key: KeyEvent, typing: bool) -> Option<Action> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Some(Action::Quit),
                KeyCode::Char('z') => Some(Action::Suspend),
                KeyCode::Char('u') if typing => Some(Action::EraseAll),
                KeyCode::Char('f' | 'd') => Some(Action::Page(1)),
                KeyCode::Char('b' | 'u') => Some(Action::Page(-1)),
                _ => None,
            };
        }
        if typing {
            return match key.code {
                KeyCode::Enter => Some(Action::Accept),
                KeyCode::Esc => Some(Action::Back),
                KeyCode::Backspace => Some(Action::Erase),
                KeyCode::Down => Some(Action::Move(1)),
                KeyCode::Up => Some(Action::Move(-1)),
                KeyCode::Char(c) => Some(Action::Type(c)),
                _ => None,
            };
        }
        Some(match key.code {
            KeyCode::Char('q') => Action::Quit,
            KeyCode::Down | KeyCode::Char('j') => Action::Move(1),
            KeyCode::Up | KeyCode::Char('k') => Action::Move(-1),
            KeyCode::PageDown => Action::Page(1),
            KeyCode::PageUp => Action::Page(-1),
            KeyCode::Home | KeyCode::Char('g') => Action::Top,
            KeyCode::End | KeyCode::Char('G') => Action::Bottom,
            KeyCode::Enter => Action::Open,
            KeyCode::Esc | KeyCode::Backspace => Action::Back,
            KeyCode::Char('s') => Action::Sort,
            KeyCode::Char('r') => Action::Reverse,
            KeyCode::Char('t') => Action::Tree,
            KeyCode::Char('?' | 'h') => Action::Help,
            KeyCode::Char(' ' | 'p') => Action::Hold,
            KeyCode::Char('/') => Action::Filter,
            _ => return None,
        })
    }
}
