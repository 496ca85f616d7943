//! Sockets of the machine, as `sockscope ls` prints them.
//!
//! | file | what it prints |
//! |---|---|
//! | `table` | one row for each socket, with all its holders |
//! | `style` | as lsof, ss and netstat print it |
//! | `record` | JSON, JSON lines, CSV |
//! | `address` | addresses and ports, with names where they are asked for |
//! | [`notes`] | what could not be seen; zombies |
//!
//! A machine may have a hundred thousand sockets: records are written as they are made, and no cell of a
//! table has memory of its own.

mod address;
pub mod notes;
mod record;
mod style;
mod table;

use std::io;

use super::Look;
use crate::live::listing::Listing;
use crate::live::names::Names;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    Table,
    /// As `lsof -nP -i`.
    Lsof,
    /// As `ss -tuanp`.
    Ss,
    /// As `netstat -tuanp`.
    Netstat,
    /// One JSON object.
    Json,
    /// A JSON object for each socket, on a line of its own.
    JsonLines,
    /// Comma-separated values with a heading (RFC 4180).
    Csv,
}

/// Writes the sockets. `limit`: tables within the look's width; otherwise a socket is a line.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn io::Write,
    listing: &Listing,
    format: Format,
    names: &Names,
    look: &Look,
    limit: bool,
) -> io::Result<()> {
    let limit = limit.then(|| look.columns());
    match format {
        Format::Table => table::write(out, listing, names, look, limit),
        Format::Lsof => style::lsof(out, listing, names, look),
        Format::Ss => style::ss(out, listing, names, look),
        Format::Netstat => style::netstat(out, listing, names, look),
        Format::Json => record::json(out, listing, names),
        Format::JsonLines => record::json_lines(out, listing, names),
        Format::Csv => record::csv(out, listing, names),
    }
}
