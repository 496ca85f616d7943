//! The live screen of `sockscope watch --tui`.
//!
//! | file | what it is for |
//! |---|---|
//! | [`terminal`] | the terminal taken over, and given back whatever happens |
//! | [`app`] | what is shown: which view, which rows, which line is chosen; no I/O |
//! | [`keys`] | what a key means |
//! | [`draw`] | from that to the screen's cells |
//! | `table`, `history`, `tree`, `help` | the views |
//! | [`processes`] | the processes that hold what is watched, with their children |
//! | [`session`] | the loop: changes, keys, signals |

pub mod app;
pub mod draw;
mod help;
mod history;
pub mod keys;
pub mod processes;
pub mod session;
mod table;
pub mod terminal;
mod tree;
