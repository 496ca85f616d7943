//! [`App`]: what is shown. It knows nothing of the terminal.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::keys::Action;
use super::processes::Processes;
use crate::live::filter::{self, Filter};
use crate::live::watch::{Change, Connection, Connections};
use crate::model::TcpState;
use crate::report::Look;
use crate::report::changes::Clock;

/// For so long a change is lit, and a connection that ended is shown.
pub const LIT: Duration = Duration::from_secs(2);

/// What fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The table of connections.
    Table,
    /// What happened to one of them.
    History(u64),
    /// The processes that hold them.
    Tree,
    /// What the keys mean.
    Help,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What changed last comes first.
    Changed,
    /// By the local end.
    Local,
    /// By the remote end.
    Remote,
    /// By state.
    State,
    /// By process.
    Process,
}

impl Order {
    const ALL: [Order; 5] = [
        Order::Changed,
        Order::Local,
        Order::Remote,
        Order::State,
        Order::Process,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Order::Changed => "last change",
            Order::Local => "local",
            Order::Remote => "remote",
            Order::State => "state",
            Order::Process => "process",
        }
    }

    fn next(self) -> Order {
        let at = Order::ALL.iter().position(|order| *order == self);
        Order::ALL[at.map_or(0, |at| (at + 1) % Order::ALL.len())]
    }
}

/// A filter that is typed.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// What was typed so far.
    pub text: String,
    /// Whether the next key belongs to it.
    pub typing: bool,
    /// What is wrong with it.
    pub error: Option<String>,
    /// The last text that was right.
    pub filter: Option<Filter>,
}

/// What is shown.
#[derive(Debug)]
pub struct App {
    /// What fills the screen.
    pub view: View,
    /// The rows of the table, by connection.
    pub rows: Vec<u64>,
    /// The chosen line.
    pub chosen: usize,
    /// How many lines the last drawing had room for.
    pub page: usize,
    /// The first line that is shown, of whatever view.
    pub top: usize,
    /// The order of the table.
    pub order: Order,
    /// Whether it is the other way round.
    pub reversed: bool,
    /// The filter that is typed.
    pub typed: Typed,
    /// Whether changes are not taken in.
    pub held: bool,
    /// The processes, while they are shown.
    pub processes: Processes,
    /// Since when a change is lit, by connection.
    pub lit: HashMap<u64, Duration>,
    /// How many changes there were.
    pub changes: u64,
    /// How changes are known, in a few words.
    pub how: String,
    /// How many events were lost.
    pub lost: u64,
    /// What stands in the title: the filter of the call.
    pub title: String,
    /// The clocks.
    pub clock: Clock,
    /// Colours and characters.
    pub look: Look,
    /// Now, by the clock that stamps changes.
    pub now: Duration,
}

impl App {
    /// At the start.
    pub fn new(title: String, how: String, clock: Clock, look: Look) -> App {
        App {
            view: View::Table,
            rows: Vec::new(),
            chosen: 0,
            page: 1,
            top: 0,
            order: Order::Changed,
            reversed: false,
            typed: Typed::default(),
            held: false,
            processes: Processes::default(),
            lit: HashMap::new(),
            changes: 0,
            how,
            lost: 0,
            title,
            clock,
            look,
            now: clock.begun,
        }
    }

    /// Takes in what changed.
    pub fn take(&mut self, changes: &[Change]) {
        self.changes += changes.len() as u64;
        for change in changes {
            self.lit.insert(change.connection, self.now);
        }
    }

    /// Forgets what is not lit any more. Whether there was any.
    pub fn fade(&mut self) -> bool {
        let before = self.lit.len();
        let now = self.now;
        self.lit.retain(|_, since| now.saturating_sub(*since) < LIT);
        before != self.lit.len()
    }

    /// Arranges the rows anew. The chosen connection stays chosen.
    pub fn arrange(&mut self, connections: &Connections) {
        let chosen = self.rows.get(self.chosen).copied();
        let now = self.now;
        let lately = |one: &&Connection| {
            one.ended
                .is_some_and(|ended| now.saturating_sub(ended) < LIT)
        };
        let mut shown: Vec<&Connection> = connections
            .iter()
            .filter(|one| connections.is_meant(one.id))
            .chain(connections.ended().filter(lately))
            .filter(|one| {
                let filter = self.typed.filter.as_ref();
                filter.is_none_or(|filter| one.fits(filter) == Some(true))
            })
            .collect();
        let order = self.order;
        shown.sort_unstable_by(|a, b| compare(order, a, b).then(a.id.cmp(&b.id)));
        if self.reversed {
            shown.reverse();
        }
        self.rows = shown.iter().map(|one| one.id).collect();
        let again = chosen.and_then(|id| self.rows.iter().position(|row| *row == id));
        // At the top the newest line is chosen; elsewhere the same connection.
        if let Some(again) = again
            && (self.chosen > 0 || self.order != Order::Changed)
        {
            self.chosen = again;
        }
        self.chosen = self.chosen.min(self.rows.len().saturating_sub(1));
    }

    /// Does what is wanted within the screen. Whether the table has to be arranged anew.
    pub fn act(&mut self, action: Action, user_id: &dyn Fn(&str) -> Option<u32>) -> bool {
        match action {
            Action::Quit | Action::Suspend => false,
            Action::Move(by) => self.step(by.into()),
            Action::Page(by) => {
                let page = i64::try_from(self.page.max(1)).unwrap_or(1);
                self.step(i64::from(by) * page)
            }
            Action::Top => self.step(i64::MIN / 2),
            Action::Bottom => self.step(i64::MAX / 2),
            Action::Open => {
                if let (View::Table, Some(id)) = (self.view, self.rows.get(self.chosen)) {
                    self.show(View::History(*id));
                }
                false
            }
            Action::Back => self.back(),
            Action::Sort => {
                self.order = self.order.next();
                true
            }
            Action::Reverse => {
                self.reversed = !self.reversed;
                true
            }
            Action::Tree => self.toggle(View::Tree),
            Action::Help => self.toggle(View::Help),
            Action::Hold => {
                self.held = !self.held;
                false
            }
            Action::Filter => {
                self.show(View::Table);
                self.typed.typing = true;
                false
            }
            Action::Accept => {
                self.typed.typing = false;
                false
            }
            Action::Type(c) => {
                self.typed.text.push(c);
                self.read_filter(user_id)
            }
            Action::Erase => {
                self.typed.text.pop();
                self.read_filter(user_id)
            }
            Action::EraseAll => {
                self.typed.text.clear();
                self.read_filter(user_id)
            }
        }
    }

    fn read_filter(&mut self, user_id: &dyn Fn(&str) -> Option<u32>) -> bool {
        if self.typed.text.trim().is_empty() {
            self.typed.filter = None;
            self.typed.error = None;
            return true;
        }
        match filter::parse(&[self.typed.text.as_str()], user_id) {
            Ok(filter) => {
                self.typed.filter = Some(filter);
                self.typed.error = None;
                true
            }
            // It is not finished yet: the last right one holds.
            Err(error) => {
                self.typed.error = Some(error.to_string());
                false
            }
        }
    }

    fn back(&mut self) -> bool {
        if self.view != View::Table {
            self.show(View::Table);
            return false;
        }
        self.typed = Typed::default();
        true
    }

    fn toggle(&mut self, view: View) -> bool {
        let next = if self.view == view { View::Table } else { view };
        self.show(next);
        false
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.top = 0;
    }

    fn step(&mut self, by: i64) -> bool {
        let moved = |from: usize, last: usize| {
            let to = i64::try_from(from).unwrap_or(0).saturating_add(by).max(0);
            usize::try_from(to).unwrap_or(last).min(last)
        };
        match self.view {
            View::Table => self.chosen = moved(self.chosen, self.rows.len().saturating_sub(1)),
            // The drawing knows where the end is.
            _ => self.top = moved(self.top, usize::MAX / 4),
        }
        false
    }
}

fn compare(order: Order, a: &Connection, b: &Connection) -> Ordering {
    let end = |end: SocketAddr| (end.ip().to_canonical(), end.port());
    match order {
        Order::Changed => b.since.cmp(&a.since),
        Order::Local => end(a.tuple().local).cmp(&end(b.tuple().local)),
        Order::Remote => end(a.tuple().remote).cmp(&end(b.tuple().remote)),
        Order::State => rank(a.state()).cmp(&rank(b.state())),
        Order::Process => {
            let process = |one: &Connection| {
                let holder = one.owners.holders().first()?;
                Some((holder.process.name.clone(), holder.process.pid))
            };
            match (process(a), process(b)) {
                // Whoever has none comes last.
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (a, b) => a.cmp(&b),
            }
        }
    }
}

fn rank(state: TcpState) -> usize {
    TcpState::ALL
        .iter()
        .position(|known| *known == state)
        .unwrap_or(usize::MAX)
}
