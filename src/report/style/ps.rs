//! `ps -o pid,ppid,stat,args`: one row for each process that is not reaped. The parent of a
//! program's first process is the lab's, which is no part of the run: `?`. STAT is
//! the letter alone, without ps's marks for session leaders, threads and the like.

use super::{View, headings};
use crate::model::ProcState;
use crate::report::grid::{Cell, Column, Grid};
use crate::report::palette::Tone;
use crate::report::snapshot::ProcessAt;
use crate::report::text::escape;

pub(super) fn print(view: &View) -> Grid {
    // As wide as the machine's largest pid; five digits are the least.
    let digits = view.snapshot.processes.iter().map(|p| p.pid);
    let widest = digits
        .map(|pid| pid.to_string().len())
        .max()
        .unwrap_or(0)
        .max(5);
    let mut grid = Grid::new(vec![
        Column::of(widest).right(),
        Column::of(widest).right(),
        Column::of(4),
        Column::fitting(),
    ]);
    grid.push(headings(&["PID", "PPID", "STAT", "COMMAND"]));
    for process in &view.snapshot.processes {
        if view.shows(&process.host) {
            grid.push(row(process));
        }
    }
    grid
}

fn row(process: &ProcessAt) -> Vec<Cell> {
    let (command, tone) = match process.state {
        ProcState::Zombie => (format!("[{}] <defunct>", process.short_name()), Tone::Bad),
        _ => (process.command.join(" "), Tone::Plain),
    };
    vec![
        Cell::plain(process.pid.to_string()),
        Cell::plain(process.ppid.map_or("?".to_owned(), |pid| pid.to_string())),
        Cell::new(escape(&process.state.letter().to_string()), tone),
        Cell::new(escape(&command), tone),
    ]
}
